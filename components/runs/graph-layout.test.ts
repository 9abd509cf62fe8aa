import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunPhase } from "@/contracts/run.ts";
import { graphOf } from "./graph-layout.ts";

const aPhase = (name: string, depends_on: string[] = [], position = 0): RunPhase => ({ name, type: "query", status: "pending", position, attempt: 1, depends_on, started_at: null, finished_at: null, input_sha256: null, output_sha256: null, metrics: {}, checkpoint: null, error_code: null, error_message: null });
const places = (phases: RunPhase[]) => Object.fromEntries(graphOf(phases).nodes.map(({ phase, column, row }) => [phase.name, [column, row]]));

test("a phase stands after everything that it depends on", () => {
  expect(places([aPhase("land"), aPhase("check", ["land"]), aPhase("shape", ["land"], 1), aPhase("publish", ["check", "shape"])])).toEqual({ land: [0, 0], check: [1, 0], shape: [1, 1], publish: [2, 0] });
});

test("rows follow their neighbours, so that lines cross less", () => {
  const { nodes } = graphOf([aPhase("a"), aPhase("b", [], 1), aPhase("from_b", ["b"]), aPhase("from_a", ["a"], 1)]);
  const rowOf = (name: string) => nodes.find(({ phase }) => phase.name === name)?.row;
  expect([rowOf("from_a"), rowOf("from_b")]).toEqual([rowOf("a"), rowOf("b")]);
});

test("every phase has a place of its own and every edge goes forward, whatever depends on what", () => {
  const graphs = fc.nat({ max: 30 }).chain((count) => fc.array(fc.array(fc.nat({ max: 35 }), { maxLength: 4 }), { minLength: count, maxLength: count }));
  fc.assert(fc.property(graphs, (wanted) => {
    const phases = wanted.map((on, at) => aPhase(`p${at}`, on.map((other) => `p${other}`), at));
    const { nodes, edges } = graphOf(phases);
    expect(nodes.map(({ phase }) => phase.name).toSorted()).toEqual(phases.map(({ name }) => name).toSorted());
    expect(new Set(nodes.map(({ column, row }) => `${column} ${row}`)).size).toBe(phases.length);
    expect(edges.every(({ from, to }) => from.column < to.column)).toBe(true);
  }), { numRuns: 200 });
});

test("a chain of two thousand phases is placed", () => {
  const chain = Array.from({ length: 2000 }, (_, at) => aPhase(`p${at}`, at === 0 ? [] : [`p${at - 1}`], at)).toReversed();
  expect(graphOf(chain)).toMatchObject({ columns: 2000, rows: 1 });
});
