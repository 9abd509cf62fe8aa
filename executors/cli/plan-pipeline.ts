import type { DatasetVersion } from "../../contracts/dataset.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { diffJson, type JsonDifference } from "../../contracts/json-diff.ts";
import { applyParameters, fillTemplate } from "../../contracts/parameters.ts";
import { engineLabel, engineOf, type PhaseSpec, type PipelineSpec } from "../../contracts/pipeline.ts";
import { datasetsWrittenBy, phasesBefore } from "../../contracts/spec-meaning.ts";
import { loadPipelineFile } from "../pipeline-file.ts";
import { request, type Connection } from "./connection.ts";
import { exit, plain, type ExitCode, type Output } from "./output.ts";
import { parseParameters } from "./pipeline-commands.ts";

export interface PlanPipelineOptions { param: string[]; environment?: string; project?: string; offline?: boolean }

interface PlannedInput {
  dataset: string;
  /** The phase of this run that makes it; null: a registered version is read. */
  made_by: string | null;
  /** The registered version of this moment; null where none is, or nobody was asked. */
  version: number | null;
  row_count: string | null;
}
interface PlannedPhase {
  name: string;
  type: PhaseSpec["type"];
  depends_on: string[];
  run_if: PhaseSpec["run_if"];
  /** Phases of one step may run at once; from 1. */
  step: number;
  labels: string[];
  connection: string | null;
  inputs: PlannedInput[];
  outputs: { dataset: string; mode: string; version: number | null }[];
  /** Child runs of a for_each phase. */
  children: number | null;
}
export interface PipelinePlan {
  file: string;
  name: string;
  spec_sha256: string;
  /** The stored pipeline of that name; null where there is none, or nobody was asked. */
  saved: { version: number; spec_sha256: string } | null;
  /** What the file changes of it. */
  changes: JsonDifference[];
  parameters: Record<string, unknown>;
  phases: PlannedPhase[];
  /** Why a run would fail as things are. */
  problems: string[];
}

/**
 * Says what a run of a file would do as things are, and does nothing: phases in order, versions that it reads and makes, what differs from
 * the stored pipeline. Ends with 1 where the run would fail, 2 where the file or the parameters are wrong.
 */
export async function planPipeline(connect: () => Connection, output: Output, file: string, options: PlanPipelineOptions): Promise<ExitCode> {
  const { spec, sha256 } = loadPipelineFile(file);
  const given = parseParameters(options.param, spec.parameters.properties);
  const { parameters, errors } = applyParameters(spec, given);
  if (parameters === null) throw new ControlRoomError("invalid_parameters", undefined, { errors });
  const present = options.offline === true ? null : await presentState(connect(), spec, options);
  const phases = plannedPhases(spec, parameters, present?.datasets ?? new Map());
  const plan: PipelinePlan = {
    file, name: spec.name, spec_sha256: sha256, saved: present?.saved ?? null,
    changes: present?.spec == null ? [] : diffJson(present.spec, JSON.parse(JSON.stringify(spec)), { volatile: [] }),
    parameters, phases, problems: [...(present === null ? [] : problemsOf(phases)), ...emptyLists(spec, parameters)],
  };
  if (output.json) output.value(plan);
  else show(output, plan, options.offline === true);
  return plan.problems.length === 0 ? exit.ok : exit.failed;
}

interface Present {
  datasets: Map<string, DatasetVersion>;
  saved: PipelinePlan["saved"];
  spec: unknown;
}

async function presentState(connection: Connection, spec: PipelineSpec, { environment, project }: PlanPipelineOptions): Promise<Present> {
  const { environments } = await request(connection, "whoami");
  const fitting = environments.filter((each) => (environment === undefined || each.slug === environment || each.environment_id === environment) && (project === undefined || each.project_slug === project));
  const [place, other] = fitting;
  if (place === undefined) throw new ControlRoomError("not_found", `There is no such environment, or you may not see it. You see ${environments.map((each) => each.slug).join(", ") || "none"}.`);
  if (other !== undefined) throw new ControlRoomError("invalid_input", `You see several environments: name one with --environment (${fitting.map((each) => each.slug).join(", ")}), and --project where that is not enough.`);
  const saved = await request(connection, "get_template", { params: { template_key: spec.name }, query: { project_id: place.project_id } }).catch((error: unknown) => {
    if (error instanceof ControlRoomError && error.code === "not_found") return null;
    throw error;
  });
  const wanted = new Set(spec.phases.flatMap((phase) => [...readBy(phase), ...datasetsWrittenBy(phase).map(({ name }) => name)]));
  const datasets = new Map<string, DatasetVersion>();
  for (let cursor: string | undefined, more = wanted.size > 0; more;) {
    const page = await request(connection, "list_datasets", { query: { environment_id: place.environment_id, limit: 200, cursor } });
    for (const dataset of page.items) if (wanted.has(dataset.name)) datasets.set(dataset.name, dataset);
    cursor = page.next_cursor ?? undefined;
    more = cursor !== undefined && datasets.size < wanted.size;
  }
  return { datasets, saved: saved === null ? null : { version: saved.current_version, spec_sha256: saved.spec_sha256 }, spec: saved?.spec ?? null };
}

/** Datasets that must be there when the phase begins. */
function readBy(phase: PhaseSpec): string[] {
  if (phase.type === "transform" || phase.type === "query") return [...phase.config.inputs, ...(phase.config.past ?? []).map(({ dataset }) => dataset)];
  return phase.type === "maintain" ? phase.config.datasets : [];
}

function plannedPhases(spec: PipelineSpec, parameters: Record<string, unknown>, datasets: ReadonlyMap<string, DatasetVersion>): PlannedPhase[] {
  const before = phasesBefore(spec);
  const writers = new Map(spec.phases.flatMap((phase) => datasetsWrittenBy(phase).map(({ name }) => [name, phase.name] as const)));
  const steps = new Map<string, number>();
  const stepOf = (phase: Pick<PhaseSpec, "name" | "depends_on">): number => {
    const known = steps.get(phase.name);
    if (known !== undefined) return known;
    const step = 1 + Math.max(0, ...phase.depends_on.map((name) => stepOf(spec.phases.find((other) => other.name === name)!)));
    steps.set(phase.name, step);
    return step;
  };
  return spec.phases.map((phase): PlannedPhase => {
    const engine = engineOf(phase);
    const connection = "connection" in phase.config ? phase.config.connection : undefined;
    const published = (name: string): number | null => datasets.get(name)?.version ?? null;
    return {
      name: phase.name, type: phase.type, depends_on: phase.depends_on, run_if: phase.run_if, step: stepOf(phase),
      labels: engine === null ? [] : [engineLabel(engine)],
      connection: connection === undefined ? null : fillTemplate(connection, parameters),
      inputs: [...new Set(readBy(phase))].map((dataset) => {
        const writer = writers.get(dataset);
        const made_by = writer !== undefined && before.get(phase.name)?.has(writer) === true ? writer : null;
        return { dataset, made_by, version: made_by === null ? published(dataset) : null, row_count: made_by === null ? (datasets.get(dataset)?.row_count ?? null) : null };
      }),
      outputs: datasetsWrittenBy(phase).map(({ name }) => ({ dataset: name, mode: modeOf(phase, name), version: published(name) })),
      children: phase.for_each === undefined ? null : itemsOf(phase, parameters).length,
    };
  }).toSorted((one, other) => one.step - other.step);
}

function modeOf(phase: PhaseSpec, dataset: string): string {
  if (phase.type === "transform") return phase.config.tables.find(({ name }) => name === dataset)?.mode ?? "overwrite";
  if (phase.type !== "ingest") return "overwrite";
  if ("mode" in phase.config) return phase.config.mode;
  const { target, tables } = phase.config;
  return tables.find(({ name }) => `${target}.${name}` === dataset)?.mode ?? "overwrite";
}

function itemsOf({ for_each: each }: PhaseSpec, parameters: Record<string, unknown>): unknown[] {
  const items = each?.items ?? parameters[each?.items_from ?? ""];
  return Array.isArray(items) ? (items as unknown[]) : [];
}

function emptyLists(spec: PipelineSpec, parameters: Record<string, unknown>): string[] {
  return spec.phases.filter((phase) => phase.for_each !== undefined && itemsOf(phase, parameters).length === 0)
    .map((phase) => `phase ${phase.name} has no items: the parameter ${phase.for_each?.items_from} holds none`);
}

function problemsOf(phases: PlannedPhase[]): string[] {
  return phases.flatMap(({ name, inputs }) => inputs.filter(({ made_by, version }) => made_by === null && version === null)
    .map(({ dataset }) => `phase ${name} reads ${dataset}, which no run has published here: run the pipeline that makes it first`));
}

function show(output: Output, plan: PipelinePlan, offline: boolean): void {
  const { saved, changes } = plan;
  const state = offline ? "" : saved === null ? ", not stored yet" : changes.length === 0 ? `, as stored (version ${saved.version})` : `, ${changes.length} changes to version ${saved.version}`;
  output.line(plain(`${plan.name} ${plan.spec_sha256.slice(0, 16)}${state}`));
  for (const { kind, path } of changes) output.line(plain(`  ${{ added: "+", changed: "~", removed: "-" }[kind]} ${path}`));
  const parameters = Object.entries(plan.parameters);
  if (parameters.length > 0) output.line(plain(`with ${parameters.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ")}`));
  const rows = (count: string | null): string => (count === null ? "" : ` (${count} rows)`);
  for (const phase of plan.phases) {
    const notes = [phase.children === null ? "" : `${phase.children} child runs`, phase.run_if === "all_success" ? "" : phase.run_if, phase.connection === null ? "" : `connection ${phase.connection}`].filter((note) => note !== "");
    output.line(plain(`${phase.step}. ${phase.name} ${phase.type}${notes.length > 0 ? ` (${notes.join(", ")})` : ""}`));
    for (const { dataset, made_by, version, row_count } of phase.inputs) {
      output.line(plain(`     reads ${dataset}${made_by !== null ? ` of ${made_by}` : version !== null ? ` version ${version}${rows(row_count)}` : offline ? "" : ", never published"}`));
    }
    for (const { dataset, mode, version } of phase.outputs) output.line(plain(`     makes ${dataset}, ${mode}${version === null ? (offline ? "" : ", new") : ` after version ${version}`}`));
  }
  for (const problem of plan.problems) output.note(`${output.paint("red", "would fail")}: ${plain(problem)}`);
}
