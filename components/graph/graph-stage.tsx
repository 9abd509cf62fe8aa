"use client";

import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useEffectEvent, useId, useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { groupBy } from "@/lib/group-by";
import { words } from "@/lib/messages/graph";
import type { CanvasView } from "./use-view";
import { type Box, boxesPath, zoomed } from "./zoom";

/** A node as the small map shows it; `look` is a class that sets the text colour. */
export interface Mark extends Box { look: string }
type GraphStageProps = {
  canvas: CanvasView;
  label: string;
  /** Of the whole graph, in its own pixels. */
  width: number;
  height: number;
  marks: readonly Mark[];
  onKeyDown: (event: KeyboardEvent) => void;
  className?: string;
  children: ReactNode;
};

/** A graph that is scrolled and zoomed: + and - zoom, 0 shows all of it, a small map says where one is. */
export function GraphStage({ canvas, label, width, height, marks, onKeyDown, className, children }: GraphStageProps) {
  const { box, zoom, look, zoomTo, fit } = canvas;
  const keys = useId();
  const wheel = useEffectEvent((event: WheelEvent) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomTo(zoomed(zoom, event.deltaY < 0 ? 1 : -1));
  });
  useEffect(() => {
    const element = box.current;
    const listen = (event: Event) => wheel(event as WheelEvent);
    // React's own listener is passive and could not keep the browser from zooming the page.
    element?.addEventListener("wheel", listen, { passive: false });
    return () => element?.removeEventListener("wheel", listen);
  }, [box]);

  const all = () => fit({ width, height });
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const closer = () => zoomTo(zoomed(zoom, 1));
    const act = { "+": closer, "=": closer, "-": () => zoomTo(zoomed(zoom, -1)), "0": all }[event.key];
    if (act === undefined) return onKeyDown(event);
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  return (
    <div className="relative min-w-0">
      <div ref={box} role="region" aria-label={label} aria-describedby={keys} tabIndex={0} onScroll={look} onKeyDown={press} className={cn("overflow-auto rounded-md border focus-visible:-outline-offset-2", className)}>
        <div className="relative overflow-hidden" style={{ width: width * zoom, height: height * zoom }}>
          <div className="absolute start-0 top-0" style={{ width, height, transform: zoom === 1 ? undefined : `scale(${zoom})`, transformOrigin: "0 0" }}>{children}</div>
        </div>
      </div>
      <p id={keys} className="sr-only">{words.keys}</p>
      <div className="pointer-events-none absolute end-4 bottom-4 grid justify-items-end gap-2">
        <SmallMap canvas={canvas} marks={marks} width={width} height={height} />
        <div role="group" aria-label={words.zoom} className="pointer-events-auto flex items-center gap-1 rounded-md border bg-background p-0.5">
          <Button variant="ghost" size="icon-xs" aria-label={words.zoomOut} title={words.withKey(words.zoomOut, "-")} onClick={() => zoomTo(zoomed(zoom, -1))}><ZoomOut aria-hidden /></Button>
          <span role="status" className="min-w-10 text-center text-xs text-muted-foreground tabular-nums">{words.percent(zoom)}</span>
          <Button variant="ghost" size="icon-xs" aria-label={words.zoomIn} title={words.withKey(words.zoomIn, "+")} onClick={() => zoomTo(zoomed(zoom, 1))}><ZoomIn aria-hidden /></Button>
          <Button variant="ghost" size="icon-xs" aria-label={words.showAll} title={words.withKey(words.showAll, "0")} onClick={all}><Maximize aria-hidden /></Button>
        </div>
      </div>
    </div>
  );
}

const map = { width: 160, height: 96 };

/** For the mouse only, since scrolling, zooming and the arrow keys reach the same places. It alone is drawn anew with every scroll. */
function SmallMap({ canvas: { box, zoom, center }, marks, width, height }: { canvas: CanvasView; marks: readonly Mark[]; width: number; height: number }) {
  const [seen, setSeen] = useState<Box | null>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = () => setSeen({ left: element.scrollLeft / zoom, top: element.scrollTop / zoom, width: element.clientWidth / zoom, height: element.clientHeight / zoom });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      watcher.disconnect();
    };
  }, [box, zoom, width, height]);
  const paths = useMemo(() => [...groupBy(marks, ({ look }) => look)].map(([look, boxes]) => [look, boxesPath(boxes)] as const), [marks]);
  if (seen === null || (seen.width >= width - 1 && seen.height >= height - 1)) return null;
  const scale = Math.min(map.width / width, map.height / height);
  const go = (event: MouseEvent<SVGSVGElement>) => {
    const place = event.currentTarget.getBoundingClientRect();
    center({ left: (event.clientX - place.left) / scale, top: (event.clientY - place.top) / scale, width: 0, height: 0 });
  };
  return (
    <svg data-map width={width * scale} height={height * scale} viewBox={`0 0 ${width} ${height}`} className="pointer-events-auto cursor-pointer rounded-sm border bg-background max-sm:hidden" aria-hidden onClick={go}>
      {paths.map(([look, path]) => <path key={look} d={path} fill="currentColor" className={look} />)}
      <rect x={seen.left} y={seen.top} width={Math.min(seen.width, width)} height={Math.min(seen.height, height)} fill="none" stroke="currentColor" strokeWidth={1.5 / scale} className="text-primary" />
    </svg>
  );
}
