"use client";

import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import type { LiveState } from "@/components/common/live-chip";

/** What arrives within this time is handed on together: one render for a burst. */
const batchMs = 60;
/** Where the server refuses a stream (503, a restart), EventSource gives up by itself; we ask again. */
const retryMs = 2_000;

type FeedOptions<T> = {
  /** The stream's address without `after`; a change begins anew. Null: nothing is followed. */
  path: string | null;
  /** The name of its Server-Sent Events. */
  name: string;
  /** The number of an item; they come in order, and one that is not above the last is a repeat. */
  position: (item: T) => number;
  /** The last item that is known already. */
  after: number;
  onItems: (items: T[]) => void;
  /** The run is over and everything has been read. */
  onEnd: () => void;
};

/** Follows a stream of the API, resumed by Last-Event-ID. `state` is null where nothing is to follow. */
export function useFeed<T>({ path, name, position, after, onItems, onEnd }: FeedOptions<T>): { state: LiveState | null; pause: () => void; resume: () => void } {
  const [paused, setPaused] = useState(false);
  const [lostAt, setLostAt] = useState<number | null>(null);
  const last = useRef({ path, at: after });
  const hand = useEffectEvent(onItems);
  const end = useEffectEvent(onEnd);
  const at = useEffectEvent(position);
  const start = useEffectEvent(() => after);

  useEffect(() => {
    if (path === null || paused) return;
    if (last.current.path !== path) last.current = { path, at: start() };
    let source: EventSource;
    let batch: T[] = [];
    let flushing: ReturnType<typeof setTimeout> | undefined;
    let retrying: ReturnType<typeof setTimeout> | undefined;

    const flush = () => {
      flushing = undefined;
      const items = batch;
      batch = [];
      if (items.length > 0) hand(items);
    };
    const open = () => {
      source = new EventSource(`${path}${path.includes("?") ? "&" : "?"}after=${last.current.at}`);
      source.onopen = () => setLostAt(null);
      source.onerror = () => {
        setLostAt((since) => since ?? Date.now());
        if (source.readyState === EventSource.CLOSED) retrying = setTimeout(open, retryMs);
      };
      source.addEventListener(name, (message) => {
        const item = JSON.parse(String(message.data)) as T;
        if (at(item) <= last.current.at) return;
        last.current.at = at(item);
        batch.push(item);
        flushing ??= setTimeout(flush, batchMs);
      });
      source.addEventListener("end", () => {
        source.close();
        clearTimeout(flushing);
        flush();
        end();
      });
    };
    open();
    return () => {
      source.close();
      clearTimeout(retrying);
      clearTimeout(flushing);
      flush();
    };
  }, [path, name, paused]);

  const pause = useCallback(() => setPaused(true), []);
  const resume = useCallback(() => setPaused(false), []);
  const state: LiveState | null = path === null ? null : paused ? { kind: "paused" } : lostAt !== null ? { kind: "reconnecting", since: lostAt } : { kind: "live" };
  return { state, pause, resume };
}
