import fc from "fast-check";
import { expect, test } from "vitest";
import type { LineageNode } from "@/contracts/lineage.ts";
import { foldedGroup, foldNodes, groupOf, groupsOf } from "./fold.ts";

const layers = ["bronze", "silver", "gold", null] as const;
const aNode = (at: number, layer: (typeof layers)[number], upstream: number[]): LineageNode => ({
  node_id: `n${at}`, namespace: layer === null ? "postgres://erp" : "lakehouse://e", name: `t${at}`, dataset: layer === null ? null : `${layer}.t${at}`, layer, seen_at: `2026-11-28T00:00:0${at % 10}Z`, distance: at,
  upstream: upstream.map((source) => ({ node_id: `n${source}`, job: "j" })), upstream_count: upstream.length, downstream_count: 0,
});

test("a folded group is one node that is made of what its datasets are made of", () => {
  const nodes = [aNode(0, null, []), aNode(1, "bronze", [0]), aNode(2, "bronze", [0, 1]), aNode(3, "gold", [1, 2])];
  expect(groupsOf(nodes)).toEqual([{ name: "bronze", word: "Bronze", count: 2 }]);
  const folded = foldNodes(nodes, new Set(["bronze"]));
  expect(folded.map(({ node_id, upstream }) => [node_id, upstream.map((source) => source.node_id)])).toEqual([["n0", []], ["group bronze", ["n0"]], ["n3", ["group bronze"]]]);
  expect(folded[1]).toMatchObject({ upstream_count: 1, downstream_count: 1, layer: "bronze", seen_at: "2026-11-28T00:00:02Z" });
});

test("folding loses no dataset and no line but those within a group, whatever is folded", () => {
  const graphs = fc.array(fc.tuple(fc.constantFrom(...layers), fc.array(fc.nat({ max: 12 }), { maxLength: 4 })), { maxLength: 12 });
  fc.assert(fc.property(graphs, fc.subarray(["bronze", "silver", "gold", "postgres://erp"]), (wanted, groups) => {
    const nodes = wanted.map(([layer, upstream], at) => aNode(at, layer, [...new Set(upstream)].filter((source) => source < wanted.length && source !== at)));
    const chosen = new Set(groups);
    const idOf = (node: LineageNode) => (chosen.has(groupOf(node)) ? `group ${groupOf(node)}` : node.node_id);
    const byId = new Map(nodes.map((node) => [node.node_id, node]));
    const folded = foldNodes(nodes, chosen);
    expect(new Set(folded.map(({ node_id }) => node_id))).toEqual(new Set(nodes.map(idOf)));
    const told = (list: LineageNode[]) => list.flatMap((node) => node.upstream.map((source) => [source.node_id, node.node_id] as const));
    const named = told(nodes).map(([from, to]) => [idOf(byId.get(from)!), idOf(byId.get(to)!)] as const).filter(([from, to]) => from !== to);
    expect(new Set(told(folded).map(String))).toEqual(new Set(named.map(String)));
    expect(folded.every(({ node_id }) => foldedGroup(node_id) === null || chosen.has(foldedGroup(node_id)!))).toBe(true);
  }), { numRuns: 100 });
});
