import type { LineageNode } from "@/contracts/lineage";
import { groupBy } from "@/lib/group-by";
import { messages } from "@/lib/messages";
import { nodePlace } from "./words";

/** What a dataset is grouped by: its layer, else the system that it is of. */
export function groupOf(node: Pick<LineageNode, "layer" | "namespace" | "dataset">): string {
  return node.layer ?? nodePlace(node);
}

export interface Group { name: string; word: string; count: number }

/** The groups of a graph with more than one dataset, the largest first. */
export function groupsOf(nodes: readonly LineageNode[]): Group[] {
  return [...groupBy(nodes, groupOf)]
    .flatMap(([name, members]) => (members.length < 2 ? [] : [{ name, count: members.length, word: members[0]?.layer ? messages.layer[members[0].layer].word : name }]))
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

const prefix = "group ";
/** The group that a node of a folded graph stands for; null where it is a dataset. */
export function foldedGroup(nodeId: string): string | null {
  return nodeId.startsWith(prefix) ? nodeId.slice(prefix.length) : null;
}

/** The graph with all datasets of each of these groups as one node, which is made of what they are made of, and no line within it. */
export function foldNodes(nodes: readonly LineageNode[], folded: ReadonlySet<string>): LineageNode[] {
  if (folded.size === 0) return [...nodes];
  const idOf = new Map(nodes.map((node) => [node.node_id, folded.has(groupOf(node)) ? prefix + groupOf(node) : node.node_id]));
  const upstreamOf = (members: readonly LineageNode[], own: string) => [
    ...new Map(members.flatMap(({ upstream }) => upstream.map((source) => [idOf.get(source.node_id) ?? source.node_id, source.job] as const)).filter(([id]) => id !== own)),
  ].map(([node_id, job]) => ({ node_id, job }));
  const merged = [...groupBy(nodes, ({ node_id }) => idOf.get(node_id) ?? node_id)].map(([id, members]): LineageNode => {
    const [first] = members as [LineageNode, ...LineageNode[]];
    const upstream = upstreamOf(members, id);
    if (foldedGroup(id) === null) return { ...first, upstream };
    return { ...first, node_id: id, name: `${groupOf(first)} (${members.length})`, dataset: null, upstream, upstream_count: upstream.length, downstream_count: 0, distance: Math.min(...members.map(({ distance }) => distance)), seen_at: members.reduce((last, { seen_at }) => (seen_at > last ? seen_at : last), first.seen_at) };
  });
  const makes = new Map<string, number>();
  for (const { upstream } of merged) for (const { node_id } of upstream) makes.set(node_id, (makes.get(node_id) ?? 0) + 1);
  return merged.map((node) => (foldedGroup(node.node_id) === null ? node : { ...node, downstream_count: makes.get(node.node_id) ?? 0 }));
}
