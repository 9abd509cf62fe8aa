"use client";

import { useEffect, useMemo, useRef, useState } from "react";
import type { LineageNode } from "@/contracts/lineage";
import { type LayoutJob, type LayoutResult, type Place, placesOf } from "./lineage-layout";

export interface Layout {
  places: ReadonlyMap<string, Place>;
  columns: number;
  rows: number;
}

/** Places of the nodes, computed in a worker; where the browser lets none start, here. Null until the first answer. */
export function useLayout(nodes: LineageNode[]): Layout | null {
  const [layout, setLayout] = useState<Layout | null>(null);
  const worker = useRef<Worker | "none">(undefined);
  const asked = useRef(0);
  const job = useMemo(() => nodes.map((node, position) => ({ name: node.node_id, depends_on: node.upstream.map((source) => source.node_id), position })), [nodes]);
  useEffect(() => {
    if (job.length === 0) return;
    asked.current += 1;
    const question: LayoutJob = { id: asked.current, nodes: job };
    const show = (result: LayoutResult) => {
      if (result.id === asked.current) setLayout({ places: new Map(result.places), columns: result.columns, rows: result.rows });
    };
    // Where the browser lets no worker start: slower, and the same picture.
    const here = () => {
      worker.current = "none";
      show(placesOf(question));
    };
    if (worker.current === "none") return here();
    try {
      worker.current ??= new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module", name: "lineage layout" });
    } catch {
      return here();
    }
    worker.current.onmessage = (event: MessageEvent<LayoutResult>) => show(event.data);
    worker.current.onerror = here;
    worker.current.postMessage(question);
  }, [job]);
  useEffect(() => () => {
    if (worker.current !== "none") worker.current?.terminate();
    worker.current = undefined;
  }, []);
  return layout;
}
