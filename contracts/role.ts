import { z } from "zod";
import { slug, text, timestamp, uuid } from "./common.ts";
import { roles } from "./words.ts";

export const role = z.enum(roles);
export type Role = z.infer<typeof role>;

export const environment = z.object({
  environment_id: uuid,
  slug,
  name: z.string(),
  project_id: uuid,
  project_slug: slug,
  project_name: z.string(),
  organization_id: uuid,
  organization_slug: slug,
  organization_name: z.string(),
  role: role.nullable().describe("the caller's role here; null for an executor"),
}).meta({ id: "Environment" });
export type Environment = z.infer<typeof environment>;

/** Who asks, as the database sees it. */
export const principal = z.object({
  type: z.enum(["user", "token", "executor", "service"]),
  id: uuid.nullable(),
  name: z.string(),
  expires_at: timestamp.nullable().optional(),
  environments: z.array(environment),
}).meta({ id: "Principal" });
export type Principal = z.infer<typeof principal>;

const displayName = text.trim().min(1).max(100);
const firstEnvironment = { environment_slug: slug.default("dev"), environment_name: displayName.default("Development") };
export const createOrganizationRequest = z.strictObject({ slug, name: displayName, project_slug: slug, project_name: displayName, ...firstEnvironment }).meta({ id: "CreateOrganizationRequest" });
export const createProjectRequest = z.strictObject({ organization_id: uuid, slug, name: displayName, ...firstEnvironment }).meta({ id: "CreateProjectRequest" });
export const createEnvironmentRequest = z.strictObject({ project_id: uuid, slug, name: displayName }).meta({ id: "CreateEnvironmentRequest" });
