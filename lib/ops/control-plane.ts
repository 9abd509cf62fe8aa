import type { z } from "zod";
import { checkControlPlane } from "@/contracts/check-control-plane.ts";
import { controlPlaneArgumentOf, type applyControlPlaneRequest, type ControlPlane, type controlPlaneExport, type controlPlanePlan, type planControlPlaneRequest } from "@/contracts/control-plane.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveProject } from "./environments.ts";
import { callRpc } from "./rpc.ts";

/** What steers a project. Throws `not_found`, `forbidden`. */
export async function exportControlPlane(db: Db, project?: string): Promise<z.output<typeof controlPlaneExport>> {
  return callRpc(db, "export_control_plane", { project_id: (await resolveProject(db, { project }, "viewer")).project_id });
}

/** What an apply would change; changes nothing. Throws `invalid_input` with every place, `not_found`, `forbidden`, `conflict`. */
export async function planControlPlane(db: Db, project: string | undefined, { document, prune }: z.output<typeof planControlPlaneRequest>): Promise<z.output<typeof controlPlanePlan>> {
  const argument = controlPlaneArgumentOf(checked(document));
  return callRpc(db, "plan_control_plane", { project_id: (await resolveProject(db, { project }, "admin")).project_id, document: argument, prune });
}

/** All of what was planned, or nothing. Throws as `planControlPlane` does, and `conflict` where the state is another than planned. */
export async function applyControlPlane(db: Db, project: string | undefined, { document, ...planned }: z.output<typeof applyControlPlaneRequest>): Promise<z.output<typeof controlPlanePlan>> {
  const argument = controlPlaneArgumentOf(checked(document));
  return callRpc(db, "apply_control_plane", { project_id: (await resolveProject(db, { project }, "admin")).project_id, document: argument, ...planned });
}

function checked(document: ControlPlane): ControlPlane {
  const { document: found, errors } = checkControlPlane(document);
  if (found === null) throw new ControlRoomError("invalid_input", "The document is not right.", { errors: errors.map(({ path, ...rest }) => ({ path: `/document${path}`, ...rest })).slice(0, 100) });
  return found;
}
