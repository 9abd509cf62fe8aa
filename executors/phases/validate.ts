import type { QualityCheck } from "../../contracts/pipeline.ts";
import type { QualityVerdict } from "../../contracts/quality.ts";
import { canonicalJson } from "../../contracts/canonical.ts";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext, PhaseHandler, StagedTable } from "../core/phase.ts";
import type { QueryResult } from "../engines/duckdb-job.ts";
import { runEngine } from "./engine.ts";
import { inputViews } from "./inputs.ts";
import { type Sample, sampleOf, sampleStep } from "./quality-sample.ts";
import { checkLabel, checkQuery } from "./quality-sql.ts";
import { inOrderOfReference, quarantine } from "./quarantine.ts";
import { drift } from "./schema-drift.ts";

/** One line of the quality report. */
export interface Verdict {
  label: string;
  dataset: string;
  check: QualityCheck["check"];
  severity: QualityCheck["severity"];
  verdict: QualityVerdict;
  /** Rows, keys of `unique`, or columns of `schema_drift`, that break the rule. */
  wrong: number;
  seen: number;
  /** Figures of the check: which columns drifted. */
  facts?: Record<string, unknown>;
}
interface Found { verdict: Verdict; sample: Sample | null }

/**
 * Runs the pipeline's quality checks on what is staged, before anything is published. First those of severity
 * `quarantine` take wrong rows out, then the others see what is left. All checks run and are reported (artifact
 * `<phase>.quality.json`, with samples of wrong rows; the dataset's history, without); one that fails with severity
 * `fail` ends the run with `quality_failed`, and the control plane lets nobody publish its table in this run.
 */
export const validate: PhaseHandler<"validate"> = async (context) => {
  const { config, spec } = context;
  const checks = spec.quality.filter((check) => config.datasets?.includes(check.dataset) ?? true);
  const found = new Map<QualityCheck, Found>();
  const tables = new Map<string, StagedTable>();
  const seen = (): PhaseContext<"validate"> => ({ ...context, upstream: new Map([...context.upstream, [context.phase.name, { tables: [...tables.values()], facts: {} }]]) });
  const taking = checks.filter((check) => check.severity === "quarantine");
  for (const dataset of inOrderOfReference(taking)) {
    const mine = taking.filter((check) => check.dataset === dataset);
    const taken = await quarantine(seen(), dataset, mine, { required: referredTo(mine), optional: named(context) });
    for (const table of taken.tables) tables.set(table.name, table);
    mine.forEach((check, index) => {
      const { sample, ...counts } = taken.counts[index]!;
      found.set(check, { verdict: { ...lineOf(check), verdict: counts.wrong === 0 ? "pass" : "quarantine", ...counts }, sample });
    });
  }
  const others = checks.filter((check) => check.severity !== "quarantine");
  const used = await runChecks(seen(), others, found);
  return report(context, checks.map((check) => found.get(check)!), [...tables.values()], used);
};

function lineOf(check: QualityCheck): Pick<Verdict, "label" | "dataset" | "check" | "severity"> {
  return { label: checkLabel(check), dataset: check.dataset, check: check.check, severity: check.severity };
}

function referredTo(checks: QualityCheck[]): string[] {
  return checks.flatMap((check) => (check.check === "referential_integrity" ? [check.references.dataset] : []));
}

/** A check's own SQL may name whatever the pipeline reads or makes. */
function named(context: PhaseContext<"validate">): string[] {
  const read = context.spec.phases.flatMap((phase) => ("inputs" in phase.config ? phase.config.inputs : []));
  return [...read, ...[...context.upstream.values()].flatMap((output) => output.tables.map((table) => table.name))];
}

async function runChecks(context: PhaseContext<"validate">, checks: QualityCheck[], found: Map<QualityCheck, Found>): Promise<{ peak_memory_bytes: number; cpu_seconds: number }> {
  const views = await inputViews(context, { required: [...checks.map((check) => check.dataset), ...referredTo(checks)], optional: named(context) });
  const comparing = checks.filter((check) => check.check === "schema_drift" || (check.check === "row_count" && (check.min_of_previous ?? check.max_of_previous) !== undefined));
  const registered = await context.pinDatasets([...new Set(comparing.map((check) => check.dataset))]);
  const clock = checks.some((check) => check.check === "freshness") ? await context.pinSource(`${context.phase.name}.clock`, { at: context.run.created_at }) : {};
  const at = typeof clock["at"] === "string" ? clock["at"] : context.run.created_at;
  const outcome = await runEngine(context, {
    views,
    steps: checks.map((check) => ({ kind: "query", name: checkLabel(check), sql: checkQuery(check, { previous_rows: rowsOf(registered.get(check.dataset)?.row_count), at }), max_rows: 1 })),
  });
  checks.forEach((check, index) => {
    const row = (outcome.results[index] as QueryResult).rows[0] ?? {};
    const counts = { wrong: Number(row["wrong"]), seen: Number(row["seen"]) };
    const verdict = counts.wrong === 0 ? "pass" : check.severity;
    const drifted = check.check === "schema_drift" ? drift(check, registered.get(check.dataset), views.find((view) => view.name === check.dataset)) : {};
    found.set(check, { verdict: { ...lineOf(check), verdict, ...counts, ...drifted }, sample: null });
  });
  const wrong = checks.flatMap((check) => {
    const step = found.get(check)!.verdict.verdict === "pass" ? null : sampleStep(check);
    return step === null ? [] : [{ check, step }];
  });
  if (wrong.length > 0) {
    const { results } = await runEngine(context, { views, steps: wrong.map(({ step }) => step) });
    wrong.forEach(({ check }, index) => {
      found.get(check)!.sample = sampleOf(context.spec, check, views.find((view) => view.name === check.dataset), results[index] as QueryResult);
    });
  }
  return { peak_memory_bytes: outcome.peak_memory_bytes, cpu_seconds: outcome.cpu_seconds };
}

function rowsOf(count: string | undefined): number | null {
  return count === undefined ? null : Number(count);
}

async function report(context: PhaseContext<"validate">, found: Found[], tables: StagedTable[], used: { peak_memory_bytes: number; cpu_seconds: number }): ReturnType<PhaseHandler<"validate">> {
  const verdicts = found.map(({ verdict }) => verdict);
  const artifact = await context.addArtifact({
    name: `${context.phase.name}.quality.json`,
    kind: "report",
    content_type: "application/json",
    content: { text: canonicalJson({ verdicts: found.map(({ verdict, sample }) => (sample === null || sample.rows.length === 0 ? verdict : { ...verdict, sample })) }) },
    metadata: { checks: verdicts.length },
  });
  await context.recordQuality(verdicts);
  const count = (verdict: QualityVerdict): number => verdicts.filter((each) => each.verdict === verdict).length;
  const counts = { checks: verdicts.length, passed: count("pass"), warned: count("warn"), quarantined: count("quarantine"), failed: count("fail") };
  const warned = verdicts.filter(({ verdict }) => verdict === "warn" || verdict === "quarantine");
  context.progress(`${counts.passed} of ${counts.checks} checks passed, ${counts.warned} warned, ${counts.quarantined} quarantined, ${counts.failed} failed.`, { ...counts, warnings: warned.slice(0, 20).map(sentence) });
  const failed = verdicts.filter(({ verdict }) => verdict === "fail");
  if (failed.length > 0) {
    const shown = failed.slice(0, 5).map(sentence).join("; ");
    throw new PermanentError(
      "quality_failed",
      `${failed.length} of ${verdicts.length} checks failed: ${shown}${failed.length > 5 ? "; …" : ""}. Nothing was published. Correct the source or the SQL; ${artifact.name} holds every verdict.`,
      { failed: failed.slice(0, 50).map(({ label, wrong, seen }) => ({ label, wrong, seen })) },
    );
  }
  return { output: { tables, facts: { verdicts, report_sha256: artifact.sha256 } }, metrics: { ...counts, ...used } };
}

function sentence({ label, check, wrong, seen }: Verdict): string {
  if (check === "row_count") return `${label}: ${seen} rows`;
  if (check === "schema_drift") return `${label}: ${wrong} columns drifted`;
  if (check === "freshness") return `${label}: too old`;
  return `${label}: ${wrong} ${check === "unique" ? "repeated keys" : "wrong rows"} among ${seen}`;
}
