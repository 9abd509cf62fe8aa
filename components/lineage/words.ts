import type { LineageNode } from "@/contracts/lineage";
import { words } from "@/lib/messages/lineage";

/** A node as people call it: a table of the lake by its name, another system's with its system. */
export function nodeTitle(node: Pick<LineageNode, "name" | "dataset">): string {
  return node.dataset ?? node.name;
}

/** Where a node that is no table of the lake stands; empty for the lake's own. */
export function nodePlace(node: Pick<LineageNode, "namespace" | "dataset">): string {
  if (node.dataset !== null) return "";
  const connection = /^lakehouse:\/\/[^/]+\/connections\/(.+)$/.exec(node.namespace)?.[1];
  return connection === undefined ? node.namespace.replace(/^lakehouse:\/\/.*$/, words.terms.lakeNotPublished) : words.terms.connection(connection);
}

/** How a column comes to be, as OpenLineage's subtypes say it. */
export const columnWords: Record<string, string> = words.terms.column;
