import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PhaseSpec } from "../../contracts/pipeline.ts";
import { decide, type PhaseState } from "./dag.ts";

type Step = Pick<PhaseSpec, "name" | "depends_on" | "run_if">;
const step = (name: string, depends_on: string[] = [], run_if: Step["run_if"] = "all_success"): Step => ({ name, depends_on, run_if });
const states = (all: Record<string, PhaseState>): Map<string, PhaseState> => new Map(Object.entries(all));

describe("what may be done now", () => {
  test("is every phase whose dependencies have ended, in the order of the spec", () => {
    const phases = [step("c", ["a"]), step("a"), step("b")];
    expect(decide(phases, states({ a: "pending", b: "pending", c: "pending" })).map(({ name }) => name)).toEqual(["a", "b"]);
    expect(decide(phases, states({ a: "running", b: "succeeded", c: "pending" }))).toEqual([]);
    expect(decide(phases, states({ a: "reused", b: "succeeded", c: "pending" }))).toEqual([{ name: "c", action: "run" }]);
  });

  test.each<[Step["run_if"], PhaseState, string]>([
    ["all_success", "succeeded", "run"], ["all_success", "failed", "skip_after_failure"],
    ["all_success", "skipped_after_failure", "skip_after_failure"], ["all_success", "skipped_by_condition", "skip_by_condition"],
    ["all_done", "failed", "run"], ["all_done", "skipped_by_condition", "run"], ["all_done", "succeeded", "run"],
    ["one_failed", "failed", "run"], ["one_failed", "skipped_after_failure", "run"],
    ["one_failed", "succeeded", "skip_by_condition"], ["one_failed", "skipped_by_condition", "skip_by_condition"],
  ])("run_if %s after a phase that %s: %s", (runIf, before, action) => {
    expect(decide([step("a"), step("b", ["a"], runIf)], states({ a: before, b: "pending" }))).toEqual([{ name: "b", action }]);
  });

  test("every graph without a cycle ends with each phase decided once, none before its dependencies", () => {
    const graph = fc.array(fc.record({
      before: fc.array(fc.nat(30), { maxLength: 4 }), run_if: fc.constantFrom<Step["run_if"]>("all_success", "all_done", "one_failed"), fails: fc.boolean(),
    }), { minLength: 1, maxLength: 15 });
    fc.assert(fc.property(graph, (nodes) => {
      const phases = nodes.map((node, index) => step(`p${index}`, [...new Set(node.before.filter((at) => at < index))].map((at) => `p${at}`), node.run_if));
      const now = new Map<string, PhaseState>(phases.map(({ name }) => [name, "pending"]));
      let steps = 0;
      for (let decisions = decide(phases, now); decisions.length > 0; decisions = decide(phases, now)) {
        for (const { name, action } of decisions) {
          expect(now.get(name)).toBe("pending");
          for (const before of phases.find((phase) => phase.name === name)?.depends_on ?? []) expect(now.get(before)).not.toBe("pending");
          steps += 1;
          const fails = nodes[Number(name.slice(1))]?.fails ?? false;
          now.set(name, action === "run" ? (fails ? "failed" : "succeeded") : action === "skip_after_failure" ? "skipped_after_failure" : "skipped_by_condition");
        }
      }
      expect(steps).toBe(phases.length);
    }));
  });
});
