import type { QualityCheck } from "../../contracts/pipeline.ts";
import { canonicalJson } from "../../contracts/canonical.ts";
import { PermanentError } from "../core/errors.ts";
import type { PhaseHandler } from "../core/phase.ts";
import type { QueryResult } from "../engines/duckdb-job.ts";
import { runEngine } from "./engine.ts";
import { inputViews } from "./inputs.ts";
import { checkLabel, checkQuery } from "./quality-sql.ts";

/** One line of the quality report. */
export interface Verdict {
  label: string;
  dataset: string;
  check: QualityCheck["check"];
  severity: QualityCheck["severity"];
  verdict: "pass" | "warn" | "fail";
  /** Rows, or keys for `unique`, that break the rule. */
  wrong: number;
  seen: number;
}

/**
 * Runs the pipeline's quality checks on what is staged, before anything is published. All checks run and are reported
 * (artifact `<phase>.quality.json`); one that fails with severity `fail` ends the run with `quality_failed`.
 */
export const validate: PhaseHandler<"validate"> = async (context) => {
  const { config, spec } = context;
  const checks = spec.quality.filter((check) => config.datasets?.includes(check.dataset) ?? true);
  const required = checks.flatMap((check) => [check.dataset, ...(check.check === "referential_integrity" ? [check.references.dataset] : [])]);
  // A check's own SQL may name whatever the pipeline reads or makes.
  const optional = spec.phases.flatMap((phase) => ("inputs" in phase.config ? phase.config.inputs : []));
  const made = [...context.upstream.values()].flatMap(({ tables }) => tables.map((table) => table.name));
  const views = await inputViews(context, { required, optional: [...optional, ...made] });
  const outcome = await runEngine(context, {
    views,
    steps: checks.map((check) => ({ kind: "query", name: checkLabel(check), sql: checkQuery(check), max_rows: 1 })),
  });
  const verdicts = checks.map((check, index): Verdict => {
    const row = (outcome.results[index] as QueryResult).rows[0] ?? {};
    const wrong = Number(row["wrong"]);
    const label = checkLabel(check);
    const verdict = wrong === 0 ? "pass" : check.severity;
    return { label, dataset: check.dataset, check: check.check, severity: check.severity, verdict, wrong, seen: Number(row["seen"]) };
  });
  const report = { verdicts };
  const artifact = await context.addArtifact({
    name: `${context.phase.name}.quality.json`,
    kind: "report",
    content_type: "application/json",
    content: { text: canonicalJson(report) },
    metadata: { checks: verdicts.length },
  });
  const failed = verdicts.filter(({ verdict }) => verdict === "fail");
  const warned = verdicts.filter(({ verdict }) => verdict === "warn");
  const counts = { checks: verdicts.length, passed: verdicts.length - failed.length - warned.length, warned: warned.length, failed: failed.length };
  context.progress(`${counts.passed} of ${counts.checks} checks passed, ${counts.warned} warned, ${counts.failed} failed.`, { ...counts, warnings: warned.slice(0, 20).map(sentence) });
  if (failed.length > 0) {
    const shown = failed.slice(0, 5).map(sentence).join("; ");
    throw new PermanentError(
      "quality_failed",
      `${failed.length} of ${verdicts.length} checks failed: ${shown}${failed.length > 5 ? "; …" : ""}. Nothing was published. Correct the source or the SQL; ${artifact.name} holds every verdict.`,
      { failed: failed.slice(0, 50).map(({ label, wrong, seen }) => ({ label, wrong, seen })) },
    );
  }
  return { output: { tables: [], facts: { ...report, report_sha256: artifact.sha256 } }, metrics: { ...counts, peak_memory_bytes: outcome.peak_memory_bytes, cpu_seconds: outcome.cpu_seconds } };
};

function sentence({ label, check, wrong, seen }: Verdict): string {
  if (check === "row_count") return `${label}: ${seen} rows`;
  return `${label}: ${wrong} ${check === "unique" ? "repeated keys" : "wrong rows"} among ${seen}`;
}
