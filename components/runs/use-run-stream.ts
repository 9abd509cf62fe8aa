"use client";

import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import type { LiveState } from "@/components/common/live-chip";
import type { RunEvent } from "@/contracts/event";

/** Events that arrive within this time are handed on together: one render for a burst. */
const batchMs = 60;
/** Where the server refuses a stream (503, a restart), EventSource gives up by itself; we ask again. */
const retryMs = 2_000;

type StreamOptions = {
  runId: string;
  /** False for a run that is over: nothing will come. */
  active: boolean;
  /** The last event that is known already. */
  after: number;
  onEvents: (events: RunEvent[]) => void;
  /** The run is over and everything has been read. */
  onEnd: () => void;
};

/** Follows the events of a run over Server-Sent Events, resumed by Last-Event-ID. `state` is null where nothing is to follow. */
export function useRunStream({ runId, active, after, onEvents, onEnd }: StreamOptions): { state: LiveState | null; pause: () => void; resume: () => void } {
  const [paused, setPaused] = useState(false);
  const [lostAt, setLostAt] = useState<number | null>(null);
  const last = useRef(after);
  const hand = useEffectEvent(onEvents);
  const end = useEffectEvent(onEnd);

  useEffect(() => {
    if (!active || paused) return;
    let source: EventSource;
    let batch: RunEvent[] = [];
    let flushing: ReturnType<typeof setTimeout> | undefined;
    let retrying: ReturnType<typeof setTimeout> | undefined;

    const flush = () => {
      flushing = undefined;
      const events = batch;
      batch = [];
      if (events.length > 0) hand(events);
    };
    const open = () => {
      source = new EventSource(`/api/v1/runs/${runId}/events?after=${last.current}`);
      source.onopen = () => setLostAt(null);
      source.onerror = () => {
        setLostAt((since) => since ?? Date.now());
        if (source.readyState === EventSource.CLOSED) retrying = setTimeout(open, retryMs);
      };
      source.addEventListener("run_event", (message) => {
        const event = JSON.parse(String(message.data)) as RunEvent;
        if (event.seq <= last.current) return;
        last.current = event.seq;
        batch.push(event);
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
  }, [runId, active, paused]);

  const pause = useCallback(() => setPaused(true), []);
  const resume = useCallback(() => setPaused(false), []);
  const state: LiveState | null = !active ? null : paused ? { kind: "paused" } : lostAt !== null ? { kind: "reconnecting", since: lostAt } : { kind: "live" };
  return { state, pause, resume };
}
