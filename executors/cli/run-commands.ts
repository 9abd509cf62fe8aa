import { ControlRoomError } from "../../contracts/error.ts";
import type { RunEvent } from "../../contracts/event.ts";
import type { Run, RunComparison } from "../../contracts/run.ts";
import type { Verification } from "../../contracts/verification.ts";
import { differenceWords } from "../../contracts/difference-words.ts";
import { request, type Connection } from "./connection.ts";
import { followRun } from "./follow-run.ts";
import { duration, exit, paintStatus, plain, tableLines, type ExitCode, type Output } from "./output.ts";

export async function listRuns(connection: Connection, output: Output, filter: { status?: string; pipeline?: string; environment?: string; limit: number }): Promise<ExitCode> {
  const environment_id = filter.environment === undefined ? undefined : await environmentId(connection, filter.environment);
  const page = await request(connection, "list_runs", { query: { status: filter.status, template_key: filter.pipeline, environment_id, limit: filter.limit } });
  if (output.json) {
    output.value(page);
    return exit.ok;
  }
  if (page.items.length === 0) output.note("There are no such runs.");
  else {
    const rows = page.items.map((run) => [run.run_id, run.status, run.spec_slug, run.trigger, run.created_at, duration(run.started_at, run.finished_at), run.error_code ?? ""]);
    for (const line of tableLines(output, ["RUN", "STATUS", "PIPELINE", "TRIGGER", "CREATED", "TOOK", "ERROR"], rows, 1)) output.line(line);
  }
  return exit.ok;
}

export async function environmentId(connection: Connection, slug: string): Promise<string> {
  const { environments } = await request(connection, "whoami");
  const found = environments.find((environment) => environment.slug === slug || environment.environment_id === slug);
  if (found === undefined) throw new ControlRoomError("not_found", `There is no environment "${slug}", or you may not see it. You see ${environments.map((each) => each.slug).join(", ") || "none"}.`);
  return found.environment_id;
}

export async function showRun(connection: Connection, output: Output, runId: string): Promise<ExitCode> {
  const params = { run_id: runId };
  const [run, phases, artifacts] = await Promise.all([
    request(connection, "get_run", { params }), request(connection, "list_phases", { params }), request(connection, "list_artifacts", { params }),
  ]);
  if (output.json) {
    output.value({ run, phases: phases.items, artifacts: artifacts.items });
    return exit.ok;
  }
  printRun(output, run);
  output.line("");
  const rows = phases.items.map((phase) => [phase.name, phase.status, phase.type, duration(phase.started_at, phase.finished_at), phase.output_sha256?.slice(0, 16) ?? "", phase.error_code ?? ""]);
  for (const line of tableLines(output, ["PHASE", "STATUS", "TYPE", "TOOK", "OUTPUT", "ERROR"], rows, 1)) output.line(line);
  if (artifacts.items.length === 0) return exit.ok;
  output.line("");
  const files = artifacts.items.map((artifact) => [artifact.name, artifact.kind, artifact.byte_size, artifact.sha256.slice(0, 16), artifact.url]);
  for (const line of tableLines(output, ["ARTIFACT", "KIND", "BYTES", "SHA-256", "URL"], files)) output.line(line);
  return exit.ok;
}

function printRun(output: Output, run: Run): void {
  output.line(`${output.paint("bold", run.spec_slug)}  ${run.run_id}  ${paintStatus(output, run.status)}`);
  const facts = [["attempt", `${run.attempt} of ${run.max_attempts}`], ["trigger", run.triggered_by === null ? run.trigger : `${run.trigger} by ${run.triggered_by}`], ["created", run.created_at], ["took", duration(run.started_at, run.finished_at)], ["spec", run.spec_sha256], ["parameters", JSON.stringify(run.parameters)], ["waits for", run.queue_reason ?? ""], ["error", run.error_code === null ? "" : `${run.error_code}: ${run.error_message ?? ""}`]];
  for (const [name, value] of facts) if (value !== undefined && value !== "") output.line(`  ${output.paint("dim", (name ?? "").padEnd(10))} ${plain(value)}`);
}

/** Prints the events until the run has ended; answers by how it did. */
export async function watchRun(connection: Connection, output: Output, runId: string): Promise<ExitCode> {
  for await (const event of followRun(connection, runId)) printEvent(output, event);
  const run = await request(connection, "get_run", { params: { run_id: runId } });
  if (output.json) output.value({ run });
  else output.line(`${paintStatus(output, run.status)} ${run.run_id}${run.error_code === null ? "" : ` ${run.error_code}: ${plain(run.error_message ?? "")}`}`);
  return run.status === "succeeded" ? exit.ok : exit.failed;
}

function printEvent(output: Output, event: RunEvent): void {
  if (output.json) return output.value(event);
  const style = event.level === "error" ? "red" : event.level === "warn" ? "yellow" : event.type.endsWith("_SUCCEEDED") ? "green" : "cyan";
  const phase = event.phase === null ? "" : ` ${event.phase}`;
  output.line(`${output.paint("dim", event.created_at.slice(11, 23))} ${output.paint(style, event.type)}${phase} ${plain(event.message)}`.trimEnd());
}

export async function cancelRun(connection: Connection, output: Output, runId: string, reason?: string): Promise<ExitCode> {
  const run = await request(connection, "cancel_run", { params: { run_id: runId }, body: reason === undefined ? {} : { reason } });
  if (output.json) output.value({ run });
  else output.line(run.status === "canceled" ? `${run.run_id} is canceled.` : `${run.run_id} is asked to stop; its executor learns of it with its next heartbeat.`);
  return exit.ok;
}

/** Executes the run again in isolation and compares every output. */
export async function verifyRun(connection: Connection, output: Output, runId: string): Promise<ExitCode> {
  const again = await request(connection, "retry_run", { params: { run_id: runId }, body: { mode: "verify" }, headers: { "idempotency-key": crypto.randomUUID() } });
  if (!output.json) output.note(`Verifying ${runId} by run ${again.run_id}`);
  const ended = await watchRun(connection, output, again.run_id);
  if (ended !== exit.ok) {
    output.note("The verification itself did not succeed, so nothing is proven.");
    return exit.failed;
  }
  const [comparison, verification] = await Promise.all([
    request(connection, "compare_runs", { params: { run_id: runId, other_run_id: again.run_id } }), request(connection, "get_verification", { params: { run_id: again.run_id } }),
  ]);
  if (output.json) output.value({ comparison, verification });
  else {
    printComparison(output, comparison);
    printDifferences(output, verification);
  }
  return comparison.verdict === "equal" || verification.verdict === "same_rows" ? exit.ok : exit.failed;
}

function printDifferences(output: Output, { verdict, report }: Verification): void {
  if (report === null || verdict === "equal") return;
  if (verdict === "same_rows") output.line("The bytes differ, the rows are the same.");
  for (const table of report.differences) {
    output.line(`${table.phase} ${table.dataset}: ${differenceWords(table)}`);
    for (const { kind, key, values } of table.sample) {
      const changes = Object.entries(values).map(([column, { original, again }]) => `${column} ${original ?? "null"} -> ${again ?? "null"}`);
      output.line(plain(`  ${kind} ${Object.entries(key).map(([name, value]) => `${name}=${value ?? "null"}`).join(" ")}${changes.length === 0 ? "" : `: ${changes.join(", ")}`}`));
    }
  }
  for (const { phase, paths } of report.facts) output.line(`${phase}: ${paths[0] === "" ? "has an output on one side only" : paths.join(", ")}`);
}

function printComparison(output: Output, comparison: RunComparison): void {
  const parts = [...comparison.phases.map((phase) => ({ ...phase, what: `phase ${phase.name}` })), ...comparison.artifacts.map((artifact) => ({ ...artifact, what: `artifact ${artifact.phase === null ? "" : `${artifact.phase}/`}${artifact.name}` }))];
  const unequal = parts.filter((part) => part.verdict !== "equal");
  output.line(`${paintStatus(output, comparison.verdict)}: ${parts.length - unequal.length} of ${parts.length} hashes are equal`);
  if (unequal.length === 0) return;
  const rows = unequal.map((part) => [part.what, part.verdict, part.a_sha256 ?? "-", part.b_sha256 ?? "-"]);
  for (const line of tableLines(output, ["WHAT", "VERDICT", "ORIGINAL", "AGAIN"], rows, 1)) output.line(line);
}
