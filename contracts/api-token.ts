import { z } from "zod";
import { page, pageQuery, text, timestamp, uuid } from "./common.ts";
import { role } from "./role.ts";

export const apiToken = z.object({
  api_token_id: uuid,
  project_id: uuid,
  environment_id: uuid.nullable().describe("null: every environment of the project"),
  name: z.string(),
  role,
  prefix: z.string().describe("the first characters, to tell tokens apart"),
  created_by: uuid.nullable(),
  created_at: timestamp,
  expires_at: timestamp,
  revoked_at: timestamp.nullable(),
  last_used_at: timestamp.nullable().describe("noted once a minute, not for reads"),
}).meta({ id: "ApiToken" });
export type ApiToken = z.infer<typeof apiToken>;
export const apiTokenPage = page(apiToken).meta({ id: "ApiTokenPage" });
export const listApiTokensQuery = pageQuery.extend({ project_id: uuid });

const expiresInDays = z.int().min(1).max(3650).default(90);
export const createApiTokenRequest = z.strictObject({
  project_id: uuid,
  environment_id: uuid.nullable().default(null).describe("null: every environment of the project"),
  name: text.trim().min(1).max(100),
  role,
  expires_in_days: expiresInDays,
}).meta({ id: "CreateApiTokenRequest" });
export const rotateApiTokenRequest = z.strictObject({
  expires_in_days: expiresInDays,
  overlap_seconds: z.int().min(0).max(2_592_000).default(86_400).describe("the old token ends so much later"),
}).meta({ id: "RotateApiTokenRequest" });
export const newApiToken = apiToken.extend({ token: z.string().describe("shown this once; only its SHA-256 is kept") }).meta({ id: "NewApiToken" });
export type NewApiToken = z.infer<typeof newApiToken>;
