import type { LineageNode } from "@/contracts/lineage";
import type { Place } from "@/components/graph/layout";
import { nodePlace, nodeTitle } from "./words";

// A graph as a file: what is drawn, not what the page shows of it.

const size = { width: 220, height: 52 };
const gap = { x: 72, y: 16 };
const margin = 24;
const letters = 30;
/** Of paper, whatever the page's theme. */
const inks = { bronze: "#9a5b2d", silver: "#5f6b78", gold: "#8a6a00", other: "#6b7280", line: "#9aa3ad", text: "#1b1f24", quiet: "#5b6470" } as const;

/** Datasets and what they are made of, as JSON for other programs. */
export function graphJson(nodes: readonly LineageNode[]): string {
  const names = new Map(nodes.map((node) => [node.node_id, node]));
  const identity = (node: LineageNode) => ({ namespace: node.namespace, name: node.name });
  return JSON.stringify({
    datasets: nodes.map((node) => ({ ...identity(node), ...(node.dataset === null ? {} : { dataset: node.dataset, layer: node.layer }), last_told: node.seen_at })),
    edges: nodes.flatMap((node) => node.upstream.flatMap(({ node_id, job }) => {
      const from = names.get(node_id);
      return from === undefined ? [] : [{ from: identity(from), to: identity(node), job }];
    })),
  }, null, 2);
}

/** The graph as an SVG of its own, in the places of its layout. */
export function graphSvg(nodes: readonly LineageNode[], layout: { places: ReadonlyMap<string, Place>; columns: number; rows: number }): { svg: string; width: number; height: number } {
  const left = ({ column }: Place) => margin + column * (size.width + gap.x);
  const top = ({ row }: Place) => margin + row * (size.height + gap.y);
  const width = 2 * margin + Math.max(1, layout.columns) * (size.width + gap.x) - gap.x;
  const height = 2 * margin + Math.max(1, layout.rows) * (size.height + gap.y) - gap.y;
  const lines = nodes.flatMap((node) => node.upstream.flatMap(({ node_id }) => {
    const [from, to] = [layout.places.get(node_id), layout.places.get(node.node_id)];
    if (from === undefined || to === undefined) return [];
    const [x1, y1, x2, y2] = [left(from) + size.width, top(from) + size.height / 2, left(to), top(to) + size.height / 2];
    const bend = Math.max(gap.x / 2, Math.abs(x2 - x1) / 2);
    return [`<path d="M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}"/>`];
  }));
  const boxes = nodes.flatMap((node) => {
    const place = layout.places.get(node.node_id);
    if (place === undefined) return [];
    const [x, y] = [left(place), top(place)];
    const ink = inks[node.layer ?? "other"];
    return [`<g><title>${escaped(`${node.namespace} ${node.name}`)}</title><rect x="${x}" y="${y}" width="${size.width}" height="${size.height}" rx="6" fill="#fff" stroke="${ink}"/><rect x="${x}" y="${y + 6}" width="3" height="${size.height - 12}" fill="${ink}"/><text x="${x + 12}" y="${y + 22}" font-size="13" fill="${inks.text}">${escaped(shortened(nodeTitle(node)))}</text><text x="${x + 12}" y="${y + 40}" font-size="11" fill="${inks.quiet}">${escaped(shortened(node.layer ?? nodePlace(node)))}</text></g>`];
  });
  return { width, height, svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="#fff"/><g fill="none" stroke="${inks.line}">${lines.join("")}</g>${boxes.join("")}</svg>` };
}

const shortened = (text: string): string => (Array.from(text).length <= letters ? text : `${Array.from(text).slice(0, letters - 1).join("")}…`);
const signs: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
/** For XML, which also has no place for control characters. */
// eslint-disable-next-line no-control-regex -- exactly those are meant
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => signs[sign] ?? "").replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
