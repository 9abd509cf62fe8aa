import { createHash } from "node:crypto";
import { z } from "zod";
import { datasetVersion, tableLineage, type TableLineage } from "@/contracts/dataset.ts";
import { lineageHome, openLineageCore, openLineageProducer } from "@/contracts/lineage.ts";
import type { QualityResult } from "@/contracts/quality.ts";
import type { Run, RunPhase } from "@/contracts/run.ts";

export const publishedVersion = datasetVersion.pick({ name: true, version: true, row_count: true, byte_size: true, columns: true }).extend({ phase: z.string(), lineage: tableLineage.nullable() });
export type PublishedVersion = z.infer<typeof publishedVersion>;
const pinned = z.object({ datasets: z.record(z.string(), z.object({ version: z.int() })).default({}), sources: z.record(z.string(), z.looseObject({ connection: z.string().optional(), schema: z.string().optional(), tables: z.array(z.looseObject({ name: z.string() })).optional() })).default({}) });
const specPhases = z.looseObject({ phases: z.array(z.looseObject({ name: z.string(), type: z.string(), config: z.looseObject({
  inputs: z.array(z.string()).optional(), sql: z.string().optional(), tables: z.array(z.looseObject({ name: z.string(), sql: z.string().optional() })).optional(),
}).default({}) })) });
type SpecPhase = z.infer<typeof specPhases>["phases"][number];

type Facets = Record<string, Record<string, unknown>>;
interface IoDataset { namespace: string; name: string; facets: Facets; inputFacets?: Facets; outputFacets?: Facets }
export interface RunEvent extends Record<string, unknown> {
  eventType: "START" | "RUNNING" | "COMPLETE" | "ABORT" | "FAIL";
  eventTime: string;
  run: { runId: string; facets: Facets };
  job: { namespace: string; name: string; facets: Facets };
  inputs: IoDataset[];
  outputs: IoDataset[];
}

/** A facet, with the address of its schema among OpenLineage's own. */
function facet(version: string, name: string, content: Record<string, unknown>): Record<string, unknown> {
  return { _producer: openLineageProducer, _schemaURL: `https://openlineage.io/spec/facets/${version}/${name}.json#/$defs/${name}`, ...content };
}

/** A phase has no id of its own: the UUID that its run and name give, always the same (RFC 9562, version 8). */
export function phaseRunId(runId: string, phase: string): string {
  const hex = createHash("sha256").update(`${runId}/${phase}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export interface Records { run: Run; phases: RunPhase[]; spec: Record<string, unknown> | null; published: PublishedVersion[]; quality: QualityResult[] }

/** START and the end of the run and of each phase that began, oldest first. Derived alone: equal records, equal events. */
export function eventsOf({ run, phases, spec, published, quality }: Records): RunEvent[] {
  const home = lineageHome(run.environment_id);
  const name = run.template_key ?? run.spec_slug;
  const { datasets, sources } = pinned.parse(run.input_manifest ?? {});
  const written = specPhases.safeParse(spec);
  const specOfPhase = new Map(written.success ? written.data.phases.map((phase) => [phase.name, phase]) : []);
  const read = (reference: string, checks: QualityResult[] = []): IoDataset => inputDataset(home, reference, datasets[reference]?.version, checks);
  const landed = (phase: string): IoDataset[] => (sources[phase]?.tables ?? []).map((table) => ({ namespace: `${home}/connections/${sources[phase]?.connection ?? "unknown"}`, name: [sources[phase]?.schema, table.name.split(".")[1]].filter((part) => part !== undefined).join("."), facets: {} }));
  const ownFacets = runFacets(run, home, name);
  const everything = { inputs: [...Object.keys(datasets).toSorted().map((reference) => read(reference)), ...Object.keys(sources).toSorted().flatMap(landed)], outputs: published.map((version) => outputDataset(home, version)) };
  const events = spanOf(run.started_at, run.finished_at, outcomeOf(run.status), { run: { runId: run.run_id, facets: ownFacets }, job: { namespace: home, name, facets: jobFacets("PIPELINE", run) }, ...everything }, run);
  for (const phase of phases) {
    const its = specOfPhase.get(phase.name);
    const ended = outcomeOf(phase.status);
    if (phase.status === "reused" || phase.started_at === null) continue;
    const parent = facet("1-2-0", "ParentRunFacet", { run: { runId: run.run_id }, job: { namespace: home, name }, root: { run: { runId: run.parent_run_id ?? run.run_id }, job: { namespace: home, name } } });
    events.push(...spanOf(phase.started_at, phase.finished_at, ended, {
      run: { runId: phaseRunId(run.run_id, phase.name), facets: { parent, ...engineFacet(phase) } },
      job: { namespace: home, name: `${name}.${phase.name}`, facets: { ...jobFacets(phase.type.toUpperCase(), run), ...sqlFacet(its) } },
      inputs: [...(its?.config.inputs ?? []).map((reference) => read(reference)), ...landed(phase.name), ...checkedBy(home, phase.name, quality, published)],
      outputs: published.filter((version) => version.phase === phase.name || (phase.type === "transform" && its?.config.tables?.some((table) => table.name === version.name))).map((version) => outputDataset(home, version)),
    }, phase));
  }
  return events.toSorted((a, b) => (a.eventTime < b.eventTime ? -1 : a.eventTime > b.eventTime ? 1 : 0));
}

type Failure = { error_code: string | null; error_message: string | null };

function outcomeOf(status: string): RunEvent["eventType"] | null {
  return ({ succeeded: "COMPLETE", failed: "FAIL", canceled: "ABORT", running: "RUNNING", claimed: "RUNNING" } as const)[status] ?? null;
}

function spanOf(started: string | null, finished: string | null, outcome: RunEvent["eventType"] | null, event: Pick<RunEvent, "run" | "job" | "inputs" | "outputs">, { error_code, error_message }: Failure): RunEvent[] {
  const at = (eventType: RunEvent["eventType"], eventTime: string, more: Partial<RunEvent> = {}): RunEvent => ({ eventType, eventTime, producer: openLineageProducer, schemaURL: `${openLineageCore}#/$defs/RunEvent`, ...event, ...more });
  // What is written is known at the end; what does not run any more and never began has only an end.
  const start = started === null ? [] : [at("START", started, { outputs: [] })];
  if (outcome === null || outcome === "RUNNING") return start;
  const errors: Facets = error_code === null ? {} : { errorMessage: facet("1-0-1", "ErrorMessageRunFacet", { message: `${error_code}: ${error_message ?? ""}`, programmingLanguage: "SQL" }) };
  return finished === null ? start : [...start, at(outcome, finished, { run: { ...event.run, facets: { ...event.run.facets, ...errors } } })];
}

function runFacets(run: Run, home: string, name: string): Facets {
  return {
    ...(run.parent_run_id === null ? {} : { parent: facet("1-2-0", "ParentRunFacet", { run: { runId: run.parent_run_id }, job: { namespace: home, name: `${name}.${run.parent_phase ?? "children"}` } }) }),
    ...(run.scheduled_for === null ? {} : { nominalTime: facet("1-0-1", "NominalTimeRunFacet", { nominalStartTime: run.scheduled_for }) }),
  };
}

function jobFacets(jobType: string, run: Run): Facets {
  return {
    jobType: facet("2-0-4", "JobTypeJobFacet", { processingType: "BATCH", integration: "LAKEHOUSE_CONTROL_ROOM", jobType }),
    ...(run.git_sha === null ? {} : { sourceCodeLocation: facet("1-1-0", "SourceCodeLocationJobFacet", { type: "git", url: `urn:git:${run.git_sha}`, version: run.git_sha }) }),
  };
}

/** The engine's version stands in a phase's figures where the phase has one. */
function engineFacet(phase: RunPhase): Facets {
  const engine = typeof phase.metrics.engine === "string" ? /^(\w+) (\S+)$/.exec(phase.metrics.engine) : null;
  return engine === null ? {} : { processing_engine: facet("1-1-1", "ProcessingEngineRunFacet", { name: engine[1], version: engine[2] }) };
}

function sqlFacet(phase: SpecPhase | undefined): Facets {
  const texts = [phase?.config.sql, ...(phase?.config.tables ?? []).map((table) => table.sql)].filter((sql) => sql !== undefined);
  return texts.length === 0 ? {} : { sql: facet("1-1-0", "SQLJobFacet", { query: texts.join(";\n\n"), dialect: "duckdb" }) };
}

function inputDataset(home: string, reference: string, version: number | undefined, checks: QualityResult[]): IoDataset {
  return {
    namespace: home, name: reference.split("@")[0]!,
    facets: version === undefined ? {} : { version: facet("1-0-1", "DatasetVersionDatasetFacet", { datasetVersion: String(version) }) },
    ...(checks.length === 0 ? {} : { inputFacets: { dataQualityAssertions: facet("1-1-0", "DataQualityAssertionsDatasetFacet", { assertions: checks.map(assertion) }) } }),
  };
}

function assertion(result: QualityResult): Record<string, unknown> {
  const column = /\(([^,)]+)\)$/.exec(result.label)?.[1];
  return { assertion: result.check, success: result.verdict === "pass", severity: result.severity === "warn" ? "warn" : "error", name: result.label, expected: "0 wrong", actual: `${result.wrong} of ${result.seen} wrong`, ...(column === undefined ? {} : { column }) };
}

/** A validate phase reads what it checks. */
function checkedBy(home: string, phase: string, quality: QualityResult[], published: PublishedVersion[]): IoDataset[] {
  const its = quality.filter((result) => result.phase === phase).toSorted((a, b) => a.position - b.position);
  const byDataset = new Map(its.map(({ dataset }) => [dataset, its.filter((result) => result.dataset === dataset)]));
  return [...byDataset].map(([name, checks]) => inputDataset(home, name, published.find((version) => version.name === name)?.version, checks));
}

function outputDataset(home: string, version: PublishedVersion): IoDataset {
  return {
    namespace: home, name: version.name,
    facets: {
      schema: facet("1-2-0", "SchemaDatasetFacet", { fields: version.columns }),
      version: facet("1-0-1", "DatasetVersionDatasetFacet", { datasetVersion: String(version.version) }),
      dataSource: facet("1-0-1", "DatasourceDatasetFacet", { name: home, uri: home }),
      ...(version.lineage?.columns ? { columnLineage: facet("1-2-0", "ColumnLineageDatasetFacet", columnLineage(home, version.lineage, version.lineage.columns)) } : {}),
    },
    outputFacets: { outputStatistics: facet("1-0-2", "OutputStatisticsOutputDatasetFacet", { rowCount: Number(version.row_count), size: Number(version.byte_size) }) },
  };
}

function columnLineage(home: string, lineage: TableLineage, byColumn: NonNullable<TableLineage["columns"]>): Record<string, unknown> {
  const field = (type: "DIRECT" | "INDIRECT") => ({ dataset, column, kind }: { dataset: string; column: string; kind: string }) => ({ namespace: home, name: dataset, field: column, transformations: [{ type, subtype: kind, description: "", masking: false }] });
  return { fields: Object.fromEntries(Object.entries(byColumn).map(([column, from]) => [column, { inputFields: from.map(field("DIRECT")) }])), dataset: lineage.rows.map(field("INDIRECT")) };
}
