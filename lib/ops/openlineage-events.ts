import { createHash } from "node:crypto";
import { z } from "zod";
import type { TableLineage } from "@/contracts/dataset.ts";
import type { LineageRecords } from "@/contracts/lineage-receiver.ts";
import { openLineageCore, openLineageProducer } from "@/contracts/lineage.ts";
import { lineageHome } from "@/contracts/words.ts";

type PublishedVersion = LineageRecords["published"][number];
type QualityResult = LineageRecords["quality"][number];
type Run = LineageRecords["run"];
type RunPhase = LineageRecords["phases"][number];
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

/** The run and its phases as events, in the order of what happened. Derived alone: equal records, equal events. */
export function eventsOf(records: LineageRecords): RunEvent[] {
  return toldOf(records).map(({ event }) => event);
}

type Subject = Pick<RunEvent, "run" | "job" | "inputs" | "outputs">;

/**
 * The same, each with the number of the run's event that it follows from: what happened up to there is all that it needs, so a run that is under way can be told as
 * far as it has come. START, then RUNNING where a phase ends or begins again, then the end; a phase's before its run's. A phase that failed may be tried
 * again: its FAIL is told when its run ends.
 */
export function toldOf(records: LineageRecords): { seq: number; event: RunEvent }[] {
  const { run, moments } = records;
  const phases = phaseSubjects(records);
  const pipeline = runSubject(records);
  const begun = new Set<string>();
  const completed = new Set<string>();
  const lastFailed = new Map<string, string>();
  return moments.flatMap(({ seq, type, phase: name, created_at: time }, index) => {
    const tell = (eventType: RunEvent["eventType"], subject: Subject, eventTime = time, error?: Failure): { seq: number; event: RunEvent } => ({ seq, event: eventAt(eventType, eventTime, subject, error) });
    const phase = name === null ? undefined : phases.get(name);
    switch (type) {
      case "RUN_STARTED": return [tell(moments.findIndex((each) => each.type === "RUN_STARTED") === index ? "START" : "RUNNING", pipeline)];
      case "PHASE_STARTED": {
        if (name === null || phase === undefined) return [];
        const again = begun.has(name);
        begun.add(name);
        return [tell(again ? "RUNNING" : "START", phase.subject)];
      }
      case "PHASE_SUCCEEDED": {
        if (name === null || phase === undefined || completed.has(name)) return [];
        completed.add(name);
        return [tell("COMPLETE", phase.subject), tell("RUNNING", pipeline)];
      }
      case "PHASE_FAILED": {
        if (name !== null) lastFailed.set(name, time);
        return [tell("RUNNING", pipeline)];
      }
      default: {
        const outcome = ({ RUN_SUCCEEDED: "COMPLETE", RUN_FAILED: "FAIL", RUN_CANCELED: "ABORT" } as const)[type];
        const open = [...phases].filter(([each]) => begun.has(each) && !completed.has(each));
        return [...open.map(([each, { subject, failure }]) => tell(lastFailed.has(each) ? "FAIL" : "ABORT", subject, lastFailed.get(each) ?? time, failure)), tell(outcome, pipeline, time, run)];
      }
    }
  });
}

type Failure = { error_code: string | null; error_message: string | null };

/** What is written is known at the end. */
function eventAt(eventType: RunEvent["eventType"], eventTime: string, subject: Subject, error?: Failure): RunEvent {
  const errors: Facets = error?.error_code == null ? {} : { errorMessage: facet("1-0-1", "ErrorMessageRunFacet", { message: `${error.error_code}: ${error.error_message ?? ""}`, programmingLanguage: "SQL" }) };
  const outputs = eventType === "START" ? [] : subject.outputs;
  return { eventType, eventTime, producer: openLineageProducer, schemaURL: `${openLineageCore}#/$defs/RunEvent`, ...subject, outputs, run: { ...subject.run, facets: { ...subject.run.facets, ...errors } } };
}

function readOf({ run }: LineageRecords): { home: string; name: string; read: (reference: string) => IoDataset; landed: (phase: string) => IoDataset[]; datasets: string[]; sources: string[] } {
  const home = lineageHome(run.environment_id);
  const { datasets, sources } = pinned.parse(run.input_manifest ?? {});
  return {
    home, name: run.template_key ?? run.spec_slug,
    read: (reference) => inputDataset(home, reference, datasets[reference]?.version, []),
    landed: (phase) => (sources[phase]?.tables ?? []).map((table) => ({ namespace: `${home}/connections/${sources[phase]?.connection ?? "unknown"}`, name: [sources[phase]?.schema, table.name.split(".")[1]].filter((part) => part !== undefined).join("."), facets: {} })),
    datasets: Object.keys(datasets).toSorted(), sources: Object.keys(sources).toSorted(),
  };
}

function runSubject(records: LineageRecords): Subject {
  const { run, published } = records;
  const { home, name, read, landed, datasets, sources } = readOf(records);
  return {
    run: { runId: run.run_id, facets: runFacets(run, home, name) }, job: { namespace: home, name, facets: jobFacets("PIPELINE", run) },
    inputs: [...datasets.map(read), ...sources.flatMap(landed)], outputs: published.map((version) => outputDataset(home, version)),
  };
}

function phaseSubjects(records: LineageRecords): Map<string, { subject: Subject; failure: Failure }> {
  const { run, phases, spec, published, quality } = records;
  const { home, name, read, landed } = readOf(records);
  const written = specPhases.safeParse(spec);
  const specOfPhase = new Map(written.success ? written.data.phases.map((phase) => [phase.name, phase]) : []);
  const parent = facet("1-2-0", "ParentRunFacet", { run: { runId: run.run_id }, job: { namespace: home, name }, root: { run: { runId: run.parent_run_id ?? run.run_id }, job: { namespace: home, name } } });
  return new Map(phases.map((phase) => {
    const its = specOfPhase.get(phase.name);
    const subject: Subject = {
      run: { runId: phaseRunId(run.run_id, phase.name), facets: { parent, ...engineFacet(phase) } },
      job: { namespace: home, name: `${name}.${phase.name}`, facets: { ...jobFacets(phase.type.toUpperCase(), run), ...sqlFacet(its) } },
      inputs: [...(its?.config.inputs ?? []).map(read), ...landed(phase.name), ...checkedBy(home, phase.name, quality, published)],
      outputs: published.filter((version) => version.phase === phase.name || (phase.type === "transform" && its?.config.tables?.some((table) => table.name === version.name))).map((version) => outputDataset(home, version)),
    };
    return [phase.name, { subject, failure: phase }];
  }));
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
  const engine = /^(\w+) (\S+)$/.exec(phase.engine ?? "");
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
