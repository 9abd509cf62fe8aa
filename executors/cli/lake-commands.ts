import { ControlRoomError } from "../../contracts/error.ts";
import type { PhaseConfig } from "../../contracts/pipeline.ts";
import type { PlaceOptions } from "./key-commands.ts";
import { request, type Connection } from "./connection.ts";
import { exit, tableLines, type ExitCode, type Output } from "./output.ts";
import { environmentId, watchRun } from "./run-commands.ts";

export interface CarePlace extends PlaceOptions { queue?: string }

/** Registered versions of a dataset, newest first, with the run that made each. */
export async function datasetHistory(connection: Connection, output: Output, name: string, options: PlaceOptions & { limit: number }): Promise<ExitCode> {
  const environment_id = options.environment === undefined ? undefined : await environmentId(connection, options.environment);
  const { items } = await request(connection, "list_datasets", { query: { name, environment_id } });
  const [dataset, other] = items;
  if (dataset === undefined) throw new ControlRoomError("not_found", `There is no dataset ${name}, or you may not see it.`);
  if (other !== undefined) throw new ControlRoomError("invalid_input", `Several environments have a dataset ${name}: name one with --environment.`);
  const history = await request(connection, "list_dataset_versions", { params: { dataset_id: dataset.dataset_id }, query: { limit: options.limit } });
  if (output.json) {
    output.value(history);
    return exit.ok;
  }
  const rows = history.items.map((version) => [String(version.version), version.created_at, version.row_count, version.byte_size, version.run_id, version.content_sha256.slice(0, 16), version.readable ? "" : "given up"]);
  for (const line of tableLines(output, ["VERSION", "REGISTERED", "ROWS", "BYTES", "RUN", "CONTENT", ""], rows)) output.line(line);
  return exit.ok;
}

/** Queues a run that takes care of tables, and follows it. */
export async function maintainTables(connection: Connection, output: Output, config: Partial<PhaseConfig<"maintain">>, place: CarePlace): Promise<ExitCode> {
  const spec = { version: 1, name: "lake_maintenance", phases: [{ name: "maintain", type: "maintain", config }] };
  const run = await request(connection, "create_run", { body: { ...place, spec }, headers: { "idempotency-key": crypto.randomUUID() } });
  if (!output.json) output.note(`Run ${run.run_id}`);
  return watchRun(connection, output, run.run_id);
}
