import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { backfillStatuses, reprocessPolicies } from "../../contracts/backfill.ts";
import { partitionUnits } from "../../contracts/words.ts";
import { verifyAudit } from "./audit-commands.ts";
import { controlBackfill, createBackfill, listBackfills, replayTables, showBackfill, watchBackfill, type BackfillOptions, type ReplayOptions } from "./backfill-commands.ts";
import { findConnection, type Connection } from "./connection.ts";
import { reportCaps } from "./caps-report.ts";
import { applyConfig, exportConfig, planConfig, validateConfig, type ExportOptions, type PlanOptions } from "./config-commands.ts";
import { createKey, listKeys, resealSecrets, retireKey, type KeyFileOptions, type PlaceOptions } from "./key-commands.ts";
import { datasetHistory, maintainTables, type CarePlace } from "./lake-commands.ts";
import { exit, reportError, terminalOutput, type Output } from "./output.ts";
import { printProvenance, verifyProvenance, type VerifyProvenanceOptions } from "./provenance-commands.ts";
import type { OdooCheckOptions } from "./odoo-commands.ts";
import { runPipeline, validatePipelines, type RunOptions } from "./pipeline-commands.ts";
import { planPipeline, type PlanPipelineOptions } from "./plan-pipeline.ts";
import { cancelRun, listRuns, showRun, verifyRun, watchRun } from "./run-commands.ts";

interface GlobalOptions { json?: boolean; url?: string; token?: string }
type Action = (output: Output, connect: () => Connection) => number | Promise<number>;

const exitCodes = `
Exit codes: 0 all well; 1 the run failed, or the outputs differ; 2 wrong usage, file or parameters;
3 the control room cannot be reached; 4 not allowed, or there is no such thing.

The control room is named by --url and --token, else CONTROL_ROOM_URL and CONTROL_ROOM_TOKEN, else by the local
stack that \`npm start\` runs (stack.json in CONTROL_ROOM_DATA_DIR or ./.data).`;

/** Parses the arguments, does what they say and answers the exit code. Never rejects. */
export async function main(args: string[]): Promise<number> {
  let code: number = exit.ok;
  const program = new Command("control-room")
    .description("Check and run pipelines, follow runs, and prove that their outputs are reproducible.")
    .version("0.1.0")
    .option("--json", "machine-readable output, one JSON document a line")
    .option("--url <url>", "the control room")
    .option("--token <token>", "an API token (lct_…); better kept in CONTROL_ROOM_TOKEN")
    .addHelpText("after", exitCodes)
    .exitOverride()
    .showHelpAfterError("(--help shows the usage)");
  const perform = async (command: Command, action: Action): Promise<void> => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const output = terminalOutput(options.json ?? false);
    try {
      code = await action(output, () => findConnection(options));
    } catch (error) {
      code = reportError(output, error);
    }
  };

  const pipeline = program.command("pipeline").description("pipelines in files and templates");
  pipeline.command("validate").argument("<file...>").description("check pipeline files; names every mistake with its line and column")
    .action((files: string[], _options: unknown, command: Command) => perform(command, (output) => validatePipelines(output, files)));
  pipeline.command("plan").argument("<file>", "a pipeline file").description("show what a run of a file would do as things are, and what it changes of the stored pipeline; does nothing")
    .option("-p, --param <name=value>", "a parameter (repeatable)", gather, [])
    .option("-e, --environment <slug>").option("--project <slug>")
    .option("--offline", "ask no control room: only the file")
    .action((file: string, options: PlanPipelineOptions, command: Command) => perform(command, (output, connect) => planPipeline(connect, output, file, options)));
  pipeline.command("run").argument("<key-or-file>", "a template's key, or a pipeline file").description("queue a run")
    .option("-p, --param <name=value>", "a parameter (repeatable)", gather, [])
    .option("-w, --watch", "follow the run until it ends")
    .option("-e, --environment <slug>").option("--project <slug>").option("--queue <name>")
    .option("--priority <number>", "lower runs first", wholeNumber)
    .option("--label <label>", "needed label (repeatable)", gather, [])
    .option("--idempotency-key <key>", "the same key answers the same run")
    .action((keyOrFile: string, options: RunOptions, command: Command) => perform(command, (output, connect) => runPipeline(connect(), output, keyOrFile, options)));

  const run = program.command("run").description("runs");
  run.command("list").description("runs, newest first")
    .option("-s, --status <status>", "queued, claimed, running, succeeded, failed, canceled; several with commas")
    .option("--pipeline <key>").option("-e, --environment <slug>")
    .addOption(new Option("-n, --limit <number>").argParser(wholeNumber).default(20))
    .action((options: { status?: string; pipeline?: string; environment?: string; limit: number }, command: Command) => perform(command, (output, connect) => listRuns(connect(), output, options)));
  run.command("show").argument("<run>").description("a run with its phases and artifacts")
    .action((id: string, _options: unknown, command: Command) => perform(command, (output, connect) => showRun(connect(), output, id)));
  run.command("watch").argument("<run>").description("follow a run's events until it ends")
    .action((id: string, _options: unknown, command: Command) => perform(command, (output, connect) => watchRun(connect(), output, id)));
  run.command("cancel").argument("<run>").option("--reason <text>").description("cancel a run")
    .action((id: string, options: { reason?: string }, command: Command) => perform(command, (output, connect) => cancelRun(connect(), output, id, options.reason)));
  run.command("verify").argument("<run>").description("execute a run again in isolation; says equal, or which table, column and rows differ")
    .action((id: string, _options: unknown, command: Command) => perform(command, (output, connect) => verifyRun(connect(), output, id)));
  run.command("provenance").argument("<run>").description("print the signed statement of what a succeeded run consumed and produced (docs/proof.md)")
    .action((id: string, _options: unknown, command: Command) => perform(command, (output, connect) => printProvenance(connect(), output, id)));
  program.command("verify-provenance").argument("<file>", "what `run provenance` printed").description("check a signed statement, offline")
    .requiredOption("-k, --key <file>", "the control room's public key (PEM, or the answer of GET /webhook-key)")
    .option("--subject <file>", "a file that the run must have made (repeatable)", gather, [])
    .action((file: string, options: VerifyProvenanceOptions, command: Command) => perform(command, (output) => verifyProvenance(output, file, options)));

  const lake = program.command("lake").description("tables of the lake");
  const place = (command: Command): Command => command.option("-e, --environment <slug>").option("--project <slug>");
  place(lake.command("history").argument("<dataset>", "schema.table").description("registered versions of a dataset, newest first"))
    .addOption(new Option("-n, --limit <number>").argParser(wholeNumber).default(20))
    .action((dataset: string, options: PlaceOptions & { limit: number }, command: Command) => perform(command, (output, connect) => datasetHistory(connect(), output, dataset, options)));
  place(lake.command("compact").argument("<dataset...>", "schema.table").description("write the files of tables into one each, in a run"))
    .option("--queue <name>")
    .action((datasets: string[], options: CarePlace, command: Command) => perform(command, (output, connect) => maintainTables(connect(), output, { datasets, compact: true }, options)));
  place(lake.command("vacuum").argument("<dataset...>", "schema.table").description("remove files that only versions need which are older than the retention, in a run"))
    .option("--queue <name>")
    .addOption(new Option("--retain-hours <number>", "keep what readers followed within this time").argParser(wholeNumber).default(168))
    .action((datasets: string[], { retainHours, ...options }: CarePlace & { retainHours: number }, command: Command) =>
      perform(command, (output, connect) => maintainTables(connect(), output, { datasets, vacuum: { retain_hours: retainHours } }, options)));

  const backfill = program.command("backfill").description("runs for each partition of a range of time, and rows of a range read anew (docs/schedules.md#backfills)");
  place(backfill.command("create").argument("[pipeline]", "a template's key; else the schedule's").description("a run for each partition from --from on, before --to"))
    .requiredOption("--from <time>", "a date (its midnight in --time-zone), or RFC 3339").requiredOption("--to <time>", "the same, exclusive")
    .option("--schedule <id>", "its cron, zone, pipeline and parameters, where they are not given")
    .addOption(new Option("--unit <unit>", "how long a partition is").choices(partitionUnits)).option("--cron <cron>", "where partitions begin, instead of a unit").option("--time-zone <zone>", "an IANA time zone")
    .option("--start-parameter <name>", "the parameter that gets a partition's start").option("--end-parameter <name>", "the parameter that gets its end")
    .option("-p, --param <name=value>", "a parameter (repeatable)", gather, [])
    .addOption(new Option("--reprocess <policy>", "which partitions run beside those that never did").choices(reprocessPolicies))
    .option("--newest-first").option("--max-active <number>", "runs that may be open at once", wholeNumber).option("--queue <name>")
    .option("--preview", "only say how many there are, how many would run and why the others would not").option("-w, --watch", "follow it until it ends")
    .option("--idempotency-key <key>", "the same key answers the same backfill")
    .action((key: string | undefined, options: BackfillOptions, command: Command) => perform(command, (output, connect) => createBackfill(connect(), output, key, options)));
  place(backfill.command("replay").argument("<pipeline>", "a template's key").argument("<table...>", "tables that it lands from a database").description("read the rows of a range of tables anew and merge them by key, in one run"))
    .requiredOption("--column <name>", "of the tables; the range is of its values").option("--from <value>", "rows from this value on").option("--to <value>", "rows before this value")
    .option("-p, --param <name=value>", "a parameter (repeatable)", gather, []).option("--queue <name>").option("--preview", "print the pipeline that would run, and start nothing")
    .action((key: string, tables: string[], options: ReplayOptions, command: Command) => perform(command, (output, connect) => replayTables(connect(), output, key, tables, options)));
  backfill.command("list").description("backfills, newest first").addOption(new Option("-s, --status <status>").choices(backfillStatuses)).option("-e, --environment <slug>")
    .addOption(new Option("-n, --limit <number>").argParser(wholeNumber).default(20))
    .action((options: { status?: string; environment?: string; limit: number }, command: Command) => perform(command, (output, connect) => listBackfills(connect(), output, options)));
  backfill.command("show").argument("<backfill>").description("a backfill with its partitions")
    .action((id: string, _options: unknown, command: Command) => perform(command, (output, connect) => showBackfill(connect(), output, id)));
  backfill.command("watch").argument("<backfill>").description("follow a backfill until it ends; ends with 1 where a partition failed")
    .action((id: string, _options: unknown, command: Command) => perform(command, (output, connect) => watchBackfill(connect(), output, id)));
  for (const [verb, what] of [["pause", "make no more runs; those that were made go on"], ["resume", "go on"], ["cancel", "end it, and cancel its open runs"]] as const) {
    const control = backfill.command(verb).argument("<backfill>").description(what);
    if (verb !== "resume") control.option("--note <text>", "why, for others");
    control.action((id: string, { note }: { note?: string }, command: Command) => perform(command, (output, connect) => controlBackfill(connect(), output, verb, id, note)));
  }

  const odoo = program.command("odoo").description("contracts with Odoo databases (docs/odoo.md)");
  odoo.command("check").argument("<file>", "a contract").description("ask the live database for everything that the contract says; prints the checklist of the cutover, ends with 1 where a step failed")
    .option("--pipeline <file>", "the pipeline that must obey it").option("--secret-file <file>", "holds the password; else an environment variable")
    .action((file: string, options: OdooCheckOptions, command: Command) => perform(command, async (output) => {
      // Loaded only here: the other commands need no database driver.
      const { checkOdooFile } = await import("./odoo-commands.ts");
      return checkOdooFile(output, file, options, process.env, AbortSignal.timeout(600_000));
    }));
  odoo.command("pipeline").argument("<file>", "a contract").description("print the pipeline that lands what the contract says")
    .action((file: string, _options: unknown, command: Command) => perform(command, async (output) => {
      const { printOdooPipeline } = await import("./odoo-commands.ts");
      return printOdooPipeline(output, file);
    }));

  program.command("audit").description("the audit log").command("verify").option("--organization <slug>", "where several are visible")
    .description("compute the chain of the audit log again; names the first place that does not fit")
    .action((options: { organization?: string }, command: Command) => perform(command, (output, connect) => verifyAudit(connect(), output, options)));

  program.command("executor").description("claim and execute runs until SIGTERM (settings: environment variables)")
    .action((_options: unknown, command: Command) => perform(command, async () => {
      // Loaded only here: the other commands need no engine.
      const { runExecutor } = await import("./executor.ts");
      return runExecutor(process.env);
    }));

  const config = program.command("config").description("what steers a project, as a document: export, review, plan, apply (docs/gates.md)");
  config.command("export").description("print it as canonical JSON").option("--project <slug>").option("--routing", "the routing matrix alone, as config/routing_matrix.yml has it")
    .action((options: ExportOptions, command: Command) => perform(command, (output, connect) => exportConfig(connect(), output, options)));
  config.command("validate").argument("<file...>").description("check documents; names every mistake with its line and column")
    .action((files: string[], _options: unknown, command: Command) => perform(command, (output) => validateConfig(output, files)));
  config.command("plan").argument("<file>").description("show what applying a document would change; changes nothing").option("--project <slug>")
    .option("--prune", "delete what the document's sections do not name; templates are kept always").option("-o, --out <plan>", "keep the plan for `config apply`")
    .action((file: string, options: PlanOptions, command: Command) => perform(command, (output, connect) => planConfig(connect(), output, file, options)));
  config.command("apply").argument("<plan>", "a file that `config plan --out` wrote").description("apply a plan: all of it, or nothing; refused where the project has changed since").option("--project <slug>")
    .action((file: string, options: { project?: string }, command: Command) => perform(command, (output, connect) => applyConfig(connect(), output, file, options.project)));

  program.command("caps").description("limits").command("report").description("limits against use with a forecast, as Markdown; ends with 1 where one is exhausted or will be")
    .action((_options: unknown, command: Command) => perform(command, (output, connect) => reportCaps(connect(), output)));

  const keys = program.command("keys").description("key pairs to which an environment's secrets are sealed (docs/secrets.md)");
  place(keys.command("create").description("make a key pair: the private key goes into a file, the public one to the control room"))
    .addOption(new Option("-f, --file <file>", "the key file of the environment's executors").env("EXECUTOR_KEYS_FILE").makeOptionMandatory())
    .action((options: KeyFileOptions, command: Command) => perform(command, (output, connect) => createKey(connect(), output, options)));
  place(keys.command("list").description("public keys, newest first"))
    .action((options: PlaceOptions, command: Command) => perform(command, (output, connect) => listKeys(connect(), output, options)));
  place(keys.command("reseal").description("seal every secret to the newest key, in a run"))
    .action((options: PlaceOptions, command: Command) => perform(command, (output, connect) => resealSecrets(connect(), output, options)));
  place(keys.command("retire").argument("<kid>").description("retire a key that no secret is sealed to"))
    .action((kid: string, options: PlaceOptions, command: Command) => perform(command, (output, connect) => retireKey(connect(), output, kid, options)));

  const conformance = program.command("conformance").description("grade an executor or a control plane from outside");
  conformance.command("executor").argument("<command...>", "starts the executor; after --").description("grade an executor, in any language, against this control room")
    .option("--lease-seconds <number>", "of the checks that wait for leases to end (default 2)", wholeNumber)
    .option("--only <rules>", "only the stories with these rules, separated by commas").option("-e, --environment <slug>")
    .action((started: string[], options: { leaseSeconds?: number; only?: string; environment?: string }, command: Command) => perform(command, async (output, connect) => {
      // Loaded only here: the other commands need no proxy.
      const { conformanceOfExecutor } = await import("./conformance.ts");
      return conformanceOfExecutor(connect(), output, started, options);
    }));
  conformance.command("control-plane").description("grade this control room, over HTTP and over PostgREST")
    .option("--only <checks>", "only these, separated by commas").option("-e, --environment <slug>")
    .action((options: { only?: string; environment?: string }, command: Command) => perform(command, async (output, connect) => {
      const { conformanceOfControlPlane } = await import("./conformance.ts");
      return conformanceOfControlPlane(connect(), output, options);
    }));

  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(terminalOutput(false), error);
    return error.exitCode === 0 ? exit.ok : exit.invalid;
  }
  return code;
}

function gather(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}

function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("It is not a whole number.");
  return Number(value);
}
