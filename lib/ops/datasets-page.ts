import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { datasetVersion, type DatasetVersion } from "@/contracts/dataset.ts";
import type { Artifact } from "@/contracts/artifact.ts";
import { template } from "@/contracts/template.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { listArtifacts } from "./artifacts.ts";
import { columns, readRows } from "./rpc.ts";

/** The registered version of one dataset that readers follow. Throws `not_found`. */
export async function getDataset(db: Db, environmentId: string, name: string): Promise<DatasetVersion> {
  const [found] = await readRows(datasetVersion, db.from("dataset_list").select(columns(datasetVersion.shape)).eq("environment_id", environmentId).eq("name", name).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such dataset, or you may not see it.");
  return found;
}

/** Who owns the pipeline that made a version, and its tags; null where the run was of no stored pipeline. */
export async function producerOf(db: Db, dataset: Pick<DatasetVersion, "run_id">): Promise<Producer | null> {
  const [run] = await readRows(producingRun, db.from("runs").select("project_id,template_key").eq("run_id", dataset.run_id));
  if (run === undefined || run.template_key === null) return null;
  const [found] = await readRows(producer, db.from("template_list").select(columns(producer.shape)).eq("project_id", run.project_id).eq("template_key", run.template_key));
  return found ?? null;
}
const producingRun = z.object({ project_id: uuid, template_key: z.string().nullable() });
const producer = template.pick({ template_key: true, title: true, owner: true, tags: true });
export type Producer = z.infer<typeof producer>;

/** The file that the producing run exported of a dataset; null where it exported none. */
export async function exportedArtifact(db: Db, dataset: Pick<DatasetVersion, "run_id" | "name">): Promise<Artifact | null> {
  const { items } = await listArtifacts(db, dataset.run_id);
  const files = items.filter((each) => each.kind === "dataset");
  return files.find((each) => each.metadata.dataset === dataset.name) ?? files.find((each) => each.name.startsWith(`${dataset.name}.`)) ?? null;
}
