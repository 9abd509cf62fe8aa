"use client";

import { useEffect, useMemo, useRef, useState } from "react";
import { words } from "@/lib/messages/lineage";
import { type LayoutJob, type LayoutResult, type Place, type Placeable, placesOf } from "./layout";

export interface Layout {
  places: ReadonlyMap<string, Place>;
  columns: number;
  rows: number;
}

/** So many are placed in a millisecond or two: sooner than a worker begins. */
const placedHere = 100;
const layoutOf = ({ places, columns, rows }: LayoutResult): Layout => ({ places: new Map(places), columns, rows });

/**
 * Places of the nodes: a few at once, also on the server; many in a worker, and where the browser lets none start, here. Null until the
 * first answer. What else the nodes say may change without a new layout.
 */
export function useLayout(nodes: readonly Placeable[]): Layout | null {
  const shape = useMemo(() => JSON.stringify(nodes.map(({ name, depends_on, position }) => ({ name, depends_on, position }))), [nodes]);
  const few = useMemo(() => (nodes.length <= placedHere ? layoutOf(placesOf({ id: 0, nodes: JSON.parse(shape) as Placeable[] })) : null), [nodes.length, shape]);
  const [far, setFar] = useState<Layout | null>(null);
  const worker = useRef<Worker | "none">(undefined);
  const asked = useRef(0);
  const needed = few === null;
  useEffect(() => {
    asked.current += 1;
    if (!needed) return;
    const question: LayoutJob = { id: asked.current, nodes: JSON.parse(shape) as Placeable[] };
    const show = (result: LayoutResult) => {
      if (result.id === asked.current) setFar(layoutOf(result));
    };
    // Where the browser lets no worker start: slower, and the same picture.
    const here = () => {
      worker.current = "none";
      show(placesOf(question));
    };
    if (worker.current === "none") return here();
    try {
      worker.current ??= new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module", name: words.useLayout.graphLayout });
    } catch {
      return here();
    }
    worker.current.onmessage = (event: MessageEvent<LayoutResult>) => show(event.data);
    worker.current.onerror = here;
    worker.current.postMessage(question);
  }, [needed, shape]);
  useEffect(() => () => {
    if (worker.current !== "none") worker.current?.terminate();
    worker.current = undefined;
  }, []);
  return few ?? far;
}
