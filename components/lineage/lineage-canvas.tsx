"use client";

import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";
import { LayerBadge } from "@/components/common/layer-badge";
import { GraphStage, type Mark } from "@/components/graph/graph-stage";
import type { Place } from "@/components/graph/layout";
import type { Layout } from "@/components/graph/use-layout";
import { isSeen, useView, type View } from "@/components/graph/use-view";
import { boxesPath } from "@/components/graph/zoom";
import type { Layer } from "@/contracts/dataset";
import type { LineageNode } from "@/contracts/lineage";
import { cn } from "@/lib/cn";
import { groupBy } from "@/lib/group-by";
import { words } from "@/lib/messages/graph";
import { words as lineageWords } from "@/lib/messages/lineage";
import { foldedGroup } from "./fold";
import { nodePlace, nodeTitle } from "./words";

// In pixels.
const size = { width: 220, height: 60 };
const gap = { x: 72, y: 16 };
const margin = 16;
const leftOf = ({ column }: Place) => margin + column * (size.width + gap.x);
const topOf = ({ row }: Place) => margin + row * (size.height + gap.y);
const boxOf = (place: Place) => ({ left: leftOf(place), top: topOf(place), ...size });

const mostDrawn = 300;
const layerLooks: Record<Layer, string> = { bronze: "text-bronze", silver: "text-silver", gold: "text-gold" };

type CanvasProps = { nodes: LineageNode[]; layout: Layout; focus: string | null; chosen: string | null; onChoose: (id: string) => void; onFocusNode: (id: string) => void };

/**
 * Datasets and what is made of what, left to right. Only what is in view stands in the page, however many there are. Arrow keys go along the
 * lines and up and down a column, Enter shows the details, f puts the dataset into the middle of the graph.
 */
export function LineageCanvas({ nodes, layout, focus, chosen, onChoose, onFocusNode }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useView(box);
  const { view, look, center, zoomTo, goTo } = canvas;
  const byId = useMemo(() => new Map(nodes.map((node) => [node.node_id, node])), [nodes]);
  const at = useMemo(() => new Map([...layout.places].map(([id, { column, row }]) => [`${column} ${row}`, id])), [layout]);
  const downstream = useMemo(() => downstreamOf(nodes), [nodes]);
  const marks = useMemo(() => nodes.flatMap((node): Mark[] => {
    const place = layout.places.get(node.node_id);
    return place === undefined ? [] : [{ ...boxOf(place), look: node.node_id === chosen ? "text-primary" : node.layer === null ? "text-muted-foreground" : layerLooks[node.layer] }];
  }), [nodes, layout, chosen]);
  const [pointed, setPointed] = useState<string | null>(null);
  const lit = useMemo(() => pathOf(pointed ?? chosen, byId, downstream), [pointed, chosen, byId, downstream]);

  // What is chosen by a click stays where it is; what the address named is brought into view once.
  const [opened] = useState(chosen);
  const middle = layout.places.get(focus ?? opened ?? "");
  useEffect(() => {
    if (middle !== undefined) center(boxOf(middle));
    else look();
  }, [middle, center, look]);

  const shown = nodes.filter(({ node_id }) => {
    const place = layout.places.get(node_id);
    return place !== undefined && (node_id === chosen || isSeen(boxOf(place), view));
  });
  const first = [chosen, focus].find((id) => id !== null && layout.places.has(id)) ?? shown[0]?.node_id;
  // So many can only be seen from so far that their names cannot be read.
  const coarse = shown.length > mostDrawn;
  const move = (event: KeyboardEvent) => {
    const id = event.target instanceof HTMLElement ? event.target.dataset.node : undefined;
    const place = id === undefined ? undefined : layout.places.get(id);
    if (id === undefined && first !== undefined && event.key.startsWith("Arrow") && !coarse) {
      // The graph itself has the focus: into it.
      event.preventDefault();
      goTo(boxOf(layout.places.get(first)!), `[data-node="${first}"]`);
    }
    if (id === undefined || place === undefined) return;
    if (event.key === "f") {
      event.preventDefault();
      event.stopPropagation();
      onFocusNode(id);
      return;
    }
    const next = {
      ArrowRight: downstream.get(id)?.find((each) => layout.places.has(each)),
      ArrowLeft: byId.get(id)?.upstream.find((source) => layout.places.has(source.node_id))?.node_id,
      ArrowDown: at.get(`${place.column} ${place.row + 1}`),
      ArrowUp: at.get(`${place.column} ${place.row - 1}`),
    }[event.key];
    const there = next === undefined ? undefined : layout.places.get(next);
    if (there === undefined) return;
    event.preventDefault();
    goTo(boxOf(there), `[data-node="${next}"]`);
  };

  const width = margin * 2 + layout.columns * (size.width + gap.x) - gap.x;
  const height = margin * 2 + layout.rows * (size.height + gap.y) - gap.y;
  return (
    <GraphStage canvas={canvas} label={lineageWords.lineageCanvas.lineageGraph} width={width} height={height} marks={marks} onKeyDown={move} className="h-[min(70vh,44rem)]">
      {coarse ? <Silhouettes nodes={nodes} layout={layout} marks={marks} width={width} height={height} onGo={(x, y) => zoomTo(1, { x, y })} /> : <Lines nodes={nodes} layout={layout} view={view} lit={lit} width={width} height={height} />}
      <ul aria-label={lineageWords.terms.datasets(nodes.length)}>
        {(coarse ? shown.filter(({ node_id }) => node_id === chosen) : shown).map((node) => {
          const place = layout.places.get(node.node_id)!;
          return (
            <li key={node.node_id} className="absolute" style={{ insetInlineStart: leftOf(place), top: topOf(place), ...size }}>
              <NodeButton
                node={node} focused={node.node_id === focus} chosen={node.node_id === chosen} dimmed={lit !== null && !lit.has(node.node_id)} tabIndex={node.node_id === first ? 0 : -1}
                onClick={() => onChoose(node.node_id)} onPoint={(on) => setPointed(on ? node.node_id : null)}
              />
            </li>
          );
        })}
      </ul>
    </GraphStage>
  );
}

function NodeButton({ node, focused, chosen, dimmed, tabIndex, onClick, onPoint }: { node: LineageNode; focused: boolean; chosen: boolean; dimmed: boolean; tabIndex: number; onClick: () => void; onPoint: (on: boolean) => void }) {
  const isGroup = foldedGroup(node.node_id) !== null;
  return (
    <button
      type="button" data-node={node.node_id} tabIndex={tabIndex} aria-pressed={isGroup ? undefined : chosen} aria-expanded={isGroup ? false : undefined} onClick={onClick} onMouseEnter={() => onPoint(true)} onMouseLeave={() => onPoint(false)}
      className={cn("grid size-full content-center gap-1 rounded-md border bg-card px-2.5 text-start hover:bg-accent", focused && "border-primary ring-1 ring-primary", chosen && "bg-accent", dimmed && "border-dashed", isGroup && "border-double border-4")}
    >
      <span className="truncate font-medium" title={isGroup ? node.name : `${node.namespace} ${node.name}`}>{nodeTitle(node)}{isGroup ? <span className="ms-1 font-normal text-muted-foreground">{words.folded}</span> : null}</span>
      <span className="flex min-w-0 items-center justify-between gap-2 text-xs text-muted-foreground">
        {node.layer === null ? <span className="truncate">{nodePlace(node)}</span> : <LayerBadge layer={node.layer} />}
        <span className="shrink-0 tabular-nums"><span className="sr-only">{lineageWords.lineageCanvas.madeOf} </span>{node.upstream_count}<span aria-hidden> → </span><span className="sr-only">{lineageWords.lineageCanvas.makes} </span>{node.downstream_count}</span>
      </span>
    </button>
  );
}

/** Very many datasets as shapes without names; a click comes closer. */
function Silhouettes({ nodes, layout, marks, width, height, onGo }: { nodes: LineageNode[]; layout: Layout; marks: readonly Mark[]; width: number; height: number; onGo: (x: number, y: number) => void }) {
  const lines = useMemo(() => nodes.flatMap((node) => {
    const to = layout.places.get(node.node_id);
    return to === undefined ? [] : node.upstream.flatMap((source) => {
      const from = layout.places.get(source.node_id);
      return from === undefined ? [] : [`M${leftOf(from) + size.width} ${topOf(from) + size.height / 2}L${leftOf(to)} ${topOf(to) + size.height / 2}`];
    });
  }).join(""), [nodes, layout]);
  const boxes = useMemo(() => [...groupBy(marks, ({ look }) => look)].map(([look, of]) => [look, boxesPath(of)] as const), [marks]);
  const go = (event: MouseEvent<SVGSVGElement>) => {
    const place = event.currentTarget.getBoundingClientRect();
    onGo(((event.clientX - place.left) / place.width) * width, ((event.clientY - place.top) / place.height) * height);
  };
  return (
    <svg width={width} height={height} className="absolute inset-0 cursor-zoom-in text-muted-foreground" aria-hidden onClick={go}>
      <path d={lines} fill="none" stroke="currentColor" strokeOpacity={0.25} />
      {boxes.map(([look, path]) => <path key={look} d={path} fill="currentColor" fillOpacity={0.7} className={look} />)}
    </svg>
  );
}

function Lines({ nodes, layout, view, lit, width, height }: { nodes: LineageNode[]; layout: Layout; view: View; lit: ReadonlySet<string> | null; width: number; height: number }) {
  const lines = nodes.flatMap((node) => {
    const to = layout.places.get(node.node_id);
    return to === undefined ? [] : node.upstream.flatMap((source) => {
      const from = layout.places.get(source.node_id);
      if (from === undefined) return [];
      const [x1, y1, x2, y2] = [leftOf(from) + size.width, topOf(from) + size.height / 2, leftOf(to) - 2, topOf(to) + size.height / 2];
      if (Math.max(x1, x2) < view.left || Math.min(x1, x2) > view.right || Math.max(y1, y2) < view.top || Math.min(y1, y2) > view.bottom) return [];
      const bend = Math.max(gap.x / 2, Math.abs(x2 - x1) / 2);
      return [{ key: `${source.node_id} ${node.node_id}`, path: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, on: lit !== null && lit.has(node.node_id) && lit.has(source.node_id) }];
    });
  });
  return (
    <svg width={width} height={height} className="pointer-events-none absolute inset-0 text-muted-foreground" aria-hidden>
      <defs>
        <marker id="lineage-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor" /></marker>
      </defs>
      {lines.map(({ key, path, on }) => <path key={key} d={path} fill="none" stroke="currentColor" strokeOpacity={on ? 1 : 0.35} strokeWidth={on ? 1.75 : 1} className={on ? "text-primary" : undefined} markerEnd="url(#lineage-arrow)" />)}
    </svg>
  );
}

function downstreamOf(nodes: LineageNode[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const node of nodes) for (const { node_id } of node.upstream) {
    const targets = found.get(node_id);
    if (targets === undefined) found.set(node_id, [node.node_id]);
    else targets.push(node.node_id);
  }
  return found;
}

/** Everything upstream and downstream of a node, itself too; null where none is meant. */
function pathOf(id: string | null, byId: ReadonlyMap<string, LineageNode>, downstream: ReadonlyMap<string, string[]>): ReadonlySet<string> | null {
  if (id === null || !byId.has(id)) return null;
  const walk = (next: (id: string) => readonly string[]): Set<string> => {
    const seen = new Set([id]);
    for (const each of seen) for (const other of next(each)) seen.add(other);
    return seen;
  };
  return new Set([...walk((each) => byId.get(each)?.upstream.map((source) => source.node_id) ?? []), ...walk((each) => downstream.get(each) ?? [])]);
}
