import { artifact, type Artifact } from "@/contracts/artifact.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { columns, readRows } from "./rpc.ts";
import { getRun } from "./runs.ts";

const artifactColumns = columns(artifact.shape, { byte_size: "text" });
const rowsAtOnce = 1000;

/** Every artifact of a run, in the order they were registered. Throws `not_found`. */
export async function listArtifacts(db: Db, runId: string): Promise<{ items: Artifact[]; next_cursor: null }> {
  const items: Artifact[] = [];
  for (let after: string | undefined; ; ) {
    let query = db.from("run_artifacts").select(artifactColumns).eq("run_id", runId);
    if (after !== undefined) query = query.gt("artifact_id", after);
    const rows = await readRows(artifact, query.order("artifact_id").limit(rowsAtOnce));
    items.push(...rows);
    after = rows.at(-1)?.artifact_id;
    if (rows.length < rowsAtOnce) break;
  }
  if (items.length === 0) await getRun(db, runId);
  items.sort((a, b) => a.created_at.localeCompare(b.created_at) || a.name.localeCompare(b.name));
  return { items, next_cursor: null };
}

/** Throws `not_found`. */
export async function getArtifact(db: Db, artifactId: string): Promise<Artifact> {
  const [found] = await readRows(artifact, db.from("run_artifacts").select(artifactColumns).eq("artifact_id", artifactId).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such artifact, or you may not see it.");
  return found;
}
