import type { Artifact } from "../../contracts/artifact.ts";
import { canonicalJson } from "../../contracts/canonical.ts";
import { diffJson } from "../../contracts/json-diff.ts";
import type { PhaseType } from "../../contracts/pipeline.ts";
import { verificationReportName, type TableDifference, type VerificationReport, type VerificationSummary } from "../../contracts/verification.ts";
import { addArtifact } from "./artifacts.ts";
import { failureOf } from "./outcome.ts";
import { lakeLocation, type Attempt } from "./phase-context.ts";
import { outputArtifactName, readOutput } from "./phase-output.ts";
import type { LakeLocation, PhaseOutput, StagedTable } from "./phase.ts";

/** A table that both runs staged, with another hash. */
export interface UnequalTable {
  phase: string;
  original: StagedTable;
  again: StagedTable;
  /** Whether the key names one row: the items of a for_each phase may share keys. */
  keyed: boolean;
  /** Columns whose values nobody sees: of whichever table the pipeline masks them, since a column keeps its name from table to table. */
  masked: string[];
}
export interface TableComparer {
  /** What differs in each, in order. */
  compare(tables: UnequalTable[], scope: CompareScope): Promise<TableDifference[]>;
  /** Removes what a verification wrote into its own prefix, and what abandoned ones wrote into theirs. */
  discard(lake: LakeLocation): Promise<void>;
}
export interface CompareScope {
  original_run_id: string;
  lake: LakeLocation;
  scratch: string;
  signal: AbortSignal;
  limits: { memory_mb: number; threads: number; child_user?: { uid: number; gid: number } | null };
}

const tablesCompared = 200;
const pathsShown = 50;

/**
 * Compares what a verification made with what the run that it repeats made: by the hashes of outputs, and where those differ row by row. Keeps the
 * report as an artifact. Null for runs that verify nothing. Throws what ends an attempt, and PermanentError `object_missing` where the original's outputs are gone.
 */
export async function verifyRun(attempt: Attempt, comparer: TableComparer | undefined): Promise<VerificationSummary | null> {
  const { claim, controlPlane, lease, work } = attempt;
  const original_run_id = claim.run.repairs_run_id;
  if (!claim.run.isolated || original_run_id === null) return null;
  const outputs = new Map([...attempt.outputs].map(([phase, { output }]) => [phase, output]));
  const compared = compareOutputs(attempt.spec, await originalOutputs(attempt, original_run_id), outputs);
  const differences = await lookAtRows(attempt, original_run_id, compared.unequal, comparer);
  const differs = compared.facts.length > 0 || compared.unequal.length > differences.length || differences.some(({ verdict }) => verdict !== "same_rows");
  const report: VerificationReport = {
    original_run_id, verdict: compared.equal ? "equal" : differs ? "differs" : "same_rows", phases: compared.phases, tables: compared.tables, differences, facts: compared.facts,
  };
  const artifact = await addArtifact(controlPlane, lease, claim.run.environment_id, {
    phase: null, name: verificationReportName, kind: "report", content_type: "application/json", content: { text: canonicalJson(report) }, metadata: { verdict: report.verdict },
  }, attempt.scratch, attempt.redact, { signal: work });
  attempt.log("info", "verification compared", { verdict: report.verdict, tables: report.tables, differing_tables: compared.unequal.length });
  return { original_run_id, verdict: report.verdict, phases: report.phases, tables: report.tables, differing_tables: compared.unequal.length, report_sha256: artifact.sha256 };
}

export interface ComparedOutputs {
  equal: boolean;
  phases: number;
  tables: number;
  unequal: UnequalTable[];
  facts: VerificationReport["facts"];
}

/** By hash alone. A table counts where a phase staged it; that a later phase passes it on unequal adds nothing. */
export function compareOutputs(spec: Attempt["spec"], original: ReadonlyMap<string, PhaseOutput>, again: ReadonlyMap<string, PhaseOutput>): ComparedOutputs {
  const found: ComparedOutputs = { equal: true, phases: 0, tables: 0, unequal: [], facts: [] };
  for (const phase of spec.phases) {
    const [left, right] = [original.get(phase.name), again.get(phase.name)];
    if (left === undefined && right === undefined) continue;
    found.phases += 1;
    if (left === undefined || right === undefined) {
      found.facts.push({ phase: phase.name, paths: [""] });
      continue;
    }
    found.tables += right.tables.length;
    if (canonicalJson(left) === canonicalJson(right)) continue;
    found.equal = false;
    const before = new Map(left.tables.map((table) => [table.name, table]));
    const paths = diffJson(left.facts, right.facts, { volatile: bytesOf(phase.type) }).map(({ path }) => `/facts${path}`);
    for (const table of right.tables) {
      const earlier = before.get(table.name);
      before.delete(table.name);
      if (earlier === undefined) paths.push(`/tables/${table.name}`);
      else if (earlier.content_sha256 !== table.content_sha256) {
        found.unequal.push({ phase: phase.name, original: earlier, again: table, keyed: phase.for_each === undefined && table.key.length > 0, masked: Object.values(spec.masked ?? {}).flat() });
      }
    }
    paths.push(...[...before.keys()].map((name) => `/tables/${name}`));
    if (paths.length > 0) found.facts.push({ phase: phase.name, paths: paths.slice(0, pathsShown) });
  }
  found.equal &&= found.facts.length === 0;
  return found;
}

/** Facts that say how bytes were written, not what they hold. Publish names the files of tables that are compared where they were made. */
function bytesOf(type: PhaseType): string[] {
  return type === "publish" ? ["engine", "content_sha256", "artifacts"] : ["engine"];
}

async function originalOutputs({ controlPlane, work }: Attempt, run_id: string): Promise<Map<string, PhaseOutput>> {
  const newest = new Map<string, Artifact>();
  // An attempt that died may have kept another output before the one that counts.
  for (const artifact of (await controlPlane.listArtifacts(run_id, { signal: work })).toSorted((a, b) => (a.created_at < b.created_at ? -1 : 1))) {
    if (artifact.phase !== null && artifact.name === outputArtifactName(artifact.phase)) newest.set(artifact.phase, artifact);
  }
  const outputs = new Map<string, PhaseOutput>();
  for (const [phase, artifact] of newest) outputs.set(phase, await readOutput(controlPlane, artifact, work));
  return outputs;
}

async function lookAtRows(attempt: Attempt, original_run_id: string, unequal: UnequalTable[], comparer: TableComparer | undefined): Promise<TableDifference[]> {
  const tables = unequal.slice(0, tablesCompared);
  if (tables.length === 0) return [];
  if (comparer === undefined) return tables.map((table) => notCompared(table, "This executor has no engine to compare rows with."));
  const { claim, settings, scratch, work, redact } = attempt;
  const folder = await scratch.open();
  try {
    return await comparer.compare(tables, {
      original_run_id, lake: lakeLocation(settings.lake, claim.run), scratch: folder, signal: work, limits: { memory_mb: settings.memory_mb, threads: settings.threads, child_user: settings.child_user },
    });
  } catch (error) {
    work.throwIfAborted();
    // That the hashes differ is proven; which rows do is told where it can be.
    return tables.map((table) => notCompared(table, failureOf(error, redact.text).message.slice(0, 500)));
  } finally {
    await scratch.close(folder);
  }
}

export function notCompared({ phase, original, again }: UnequalTable, reason: string): TableDifference {
  return {
    phase, dataset: again.name, verdict: "not_compared", reason, original_sha256: original.content_sha256, again_sha256: again.content_sha256,
    rows_removed: 0, rows_added: 0, rows_changed: 0, columns: [], sample: [],
  };
}
