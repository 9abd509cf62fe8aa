import { expect, test } from "vitest";
import type { LineageNode } from "@/contracts/lineage.ts";
import { graphJson, graphSvg } from "./export-graph.ts";

const node = (id: string, name: string, upstream: string[] = []): LineageNode => ({ node_id: id, namespace: "pg://erp", name, dataset: null, layer: null, seen_at: "2026-11-28T00:00:00Z", distance: 0, upstream: upstream.map((node_id) => ({ node_id, job: "make" })), upstream_count: upstream.length, downstream_count: 0 });
const nodes = [node("a", `orders <&"'\u0001>`), node("b", "x".repeat(60), ["a", "not in the picture"])];

test("the JSON names datasets and what they are made of, and nothing that is not in the graph", () => {
  expect(JSON.parse(graphJson(nodes))).toEqual({
    datasets: nodes.map(({ namespace, name, seen_at }) => ({ namespace, name, last_told: seen_at })),
    edges: [{ from: { namespace: "pg://erp", name: nodes[0]?.name }, to: { namespace: "pg://erp", name: nodes[1]?.name }, job: "make" }],
  });
});

test("the SVG draws every dataset and line, whatever is in a name", () => {
  const { svg, width, height } = graphSvg(nodes, { places: new Map([["a", { column: 0, row: 0 }], ["b", { column: 1, row: 0 }]]), columns: 2, rows: 1 });
  expect(svg.match(/<path /g)).toHaveLength(1);
  expect(svg.match(/<text /g)).toHaveLength(4);
  expect(svg).toContain("orders &lt;&amp;&quot;&apos;&gt;");
  expect(svg).not.toContain("\u0001");
  expect(svg).toContain(`${"x".repeat(29)}…`);
  expect([width, height]).toEqual([560, 100]);
});
