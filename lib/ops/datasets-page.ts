import { ControlRoomError } from "@/contracts/error.ts";
import { datasetVersion, type DatasetVersion } from "@/contracts/dataset.ts";
import type { Artifact } from "@/contracts/artifact.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { listArtifacts } from "./artifacts.ts";
import { columns, readRows } from "./rpc.ts";

/** The registered version of one dataset that readers follow. Throws `not_found`. */
export async function getDataset(db: Db, environmentId: string, name: string): Promise<DatasetVersion> {
  const [found] = await readRows(datasetVersion, db.from("dataset_list").select(columns(datasetVersion.shape)).eq("environment_id", environmentId).eq("name", name).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such dataset, or you may not see it.");
  return found;
}

/** The newest `count` versions of a dataset, newest first. */
export async function listDatasetVersions(db: Db, datasetId: string, count: number): Promise<DatasetVersion[]> {
  return readRows(datasetVersion, db.from("dataset_version_list").select(columns(datasetVersion.shape)).eq("dataset_id", datasetId).order("version", { ascending: false }).limit(count));
}

/** The file that the producing run exported of a dataset; null where it exported none. */
export async function exportedArtifact(db: Db, dataset: Pick<DatasetVersion, "run_id" | "name">): Promise<Artifact | null> {
  const { items } = await listArtifacts(db, dataset.run_id);
  const files = items.filter((each) => each.kind === "dataset");
  return files.find((each) => each.metadata.dataset === dataset.name) ?? files.find((each) => each.name.startsWith(`${dataset.name}.`)) ?? null;
}
