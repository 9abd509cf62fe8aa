import type { DatasetVersion } from "../../contracts/dataset.ts";
import type { QualityCheck } from "../../contracts/pipeline.ts";
import type { EngineView } from "../engines/duckdb-job.ts";
import { duckdbType } from "../lake/delta-types.ts";

type DriftCheck = Extract<QualityCheck, { check: "schema_drift" }>;

/** How the columns differ from those of the registered version; a dataset without one, or read as registered, has not drifted. */
export function drift(check: DriftCheck, registered: DatasetVersion | undefined, view: EngineView | undefined): { verdict: "pass" | "warn" | "fail"; wrong: number; facts: Record<string, unknown> } {
  if (registered === undefined || view?.columns === undefined) return { verdict: "pass", wrong: 0, facts: {} };
  const before = new Map(registered.columns.map(({ name, type }) => [name, duckdbType(`${check.dataset}.${name}`, type)]));
  const now = new Map(view.columns.map(({ name, type }) => [name, type]));
  const kinds = {
    added: [...now.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !now.has(name)),
    retyped: [...now].filter(([name, type]) => before.has(name) && before.get(name) !== type).map(([name, type]) => `${name}: ${before.get(name)} → ${type}`),
  };
  const without = check.severity === "fail" ? "fail" : "warn";
  const policies = { added: check.added, removed: check.removed ?? without, retyped: check.retyped ?? without };
  const broken = (["added", "removed", "retyped"] as const).filter((kind) => kinds[kind].length > 0 && policies[kind] !== "allow");
  const verdict = broken.length === 0 ? "pass" : broken.some((kind) => policies[kind] === "fail") ? "fail" : "warn";
  const wrong = broken.reduce((sum, kind) => sum + kinds[kind].length, 0);
  return { verdict, wrong, facts: Object.fromEntries(Object.entries(kinds).filter(([, names]) => names.length > 0)) };
}
