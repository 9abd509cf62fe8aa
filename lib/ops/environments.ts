import { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import type { createEnvironmentRequest, createOrganizationRequest, createProjectRequest, Environment, Principal, Role } from "@/contracts/role.ts";
import { atLeast } from "@/contracts/words.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc, readRows } from "./rpc.ts";

/** The caller and the environments it sees. Throws `unauthenticated`, `token_invalid`. */
export function whoami(db: Db): Promise<Principal> {
  return callRpc(db, "whoami", {});
}

const projectRow = z.object({ weight: z.int() });
/** What is set for a project. Throws `not_found`. */
export async function readProject(db: Db, project_id: string): Promise<z.output<typeof projectRow>> {
  const [found] = await readRows(projectRow, db.from("projects").select("weight").eq("project_id", project_id).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such project, or you may not see it.");
  return found;
}

/** The one environment that is meant: by its id, as pages know it, or by slugs. Throws `not_found`, or `invalid_input` where several fit. */
export async function resolveEnvironment(db: Db, wanted: { environment_id?: string; environment?: string; project?: string }): Promise<Environment> {
  const { environments } = await whoami(db);
  const fitting = environments.filter((each) => (wanted.environment_id === undefined || each.environment_id === wanted.environment_id) && (wanted.environment === undefined || each.slug === wanted.environment) && (wanted.project === undefined || each.project_slug === wanted.project));
  const [only, another] = fitting;
  if (only === undefined) {
    throw new ControlRoomError("not_found", "There is no such environment, or you may not see it.", { errors: [{ path: wanted.environment === undefined ? "/project" : "/environment", message: "is not an environment that you see" }] });
  }
  if (another !== undefined) {
    const names = fitting.slice(0, 20).map((each) => `${each.project_slug}/${each.slug}`).join(", ");
    throw new ControlRoomError("invalid_input", `Several environments fit: ${names}. Name project and environment.`, { errors: [{ path: "/environment", message: "is needed, because several fit" }] });
  }
  return only;
}

/** The one project that is meant, among those where the caller has the role. Throws `not_found`, `forbidden`, `invalid_input`. */
export async function resolveProject(db: Db, wanted: { project?: string }, needed: Role): Promise<{ project_id: string; project_slug: string }> {
  const { environments } = await whoami(db);
  const seen = environments.filter((each) => wanted.project === undefined || each.project_slug === wanted.project);
  if (seen.length === 0) throw new ControlRoomError("not_found", "There is no such project, or you may not see it.", { errors: [{ path: "/project", message: "is not a project that you see" }] });
  const projects = new Map(seen.filter((each) => each.role !== null && atLeast(each.role, needed)).map((each) => [each.project_id, each]));
  const [only, another] = projects.values();
  if (only === undefined) throw new ControlRoomError("forbidden", `This needs the role ${needed}.`);
  if (another !== undefined) {
    throw new ControlRoomError("invalid_input", "Several projects fit. Name the project.", { errors: [{ path: "/project", message: "is needed, because several fit" }] });
  }
  return only;
}

/** With its first project and environment; the caller owns it. Throws `forbidden`, `conflict` for a slug that is taken. */
export function createOrganization(db: Db, body: z.output<typeof createOrganizationRequest>): Promise<Environment> {
  return callRpc(db, "create_organization", body);
}

/** With its first environment. Throws `not_found`, `forbidden`, `conflict`. */
export function createProject(db: Db, body: z.output<typeof createProjectRequest>): Promise<Environment> {
  return callRpc(db, "create_project", body);
}

/** Throws `not_found`, `forbidden`, `conflict`. */
export function createEnvironment(db: Db, body: z.output<typeof createEnvironmentRequest>): Promise<Environment> {
  return callRpc(db, "create_environment", body);
}
