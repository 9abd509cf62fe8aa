import type { LineageNode } from "@/contracts/lineage";

/** A node as people call it: a table of the lake by its name, another system's with its system. */
export function nodeTitle(node: Pick<LineageNode, "name" | "dataset">): string {
  return node.dataset ?? node.name;
}

/** Where a node that is no table of the lake stands; empty for the lake's own. */
export function nodePlace(node: Pick<LineageNode, "namespace" | "dataset">): string {
  if (node.dataset !== null) return "";
  const connection = /^lakehouse:\/\/[^/]+\/connections\/(.+)$/.exec(node.namespace)?.[1];
  return connection === undefined ? node.namespace.replace(/^lakehouse:\/\/.*$/, "lake, not published") : `connection ${connection}`;
}

export function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** How a column comes to be, as OpenLineage's subtypes say it. */
export const columnWords: Record<string, string> = {
  IDENTITY: "as it is", TRANSFORMATION: "computed", AGGREGATION: "aggregated", FILTER: "filters rows", JOIN: "joins rows", GROUP_BY: "groups rows", SORT: "sorts rows", WINDOW: "over a window", CONDITIONAL: "by a condition", DIRECT: "from", INDIRECT: "decides rows",
};
