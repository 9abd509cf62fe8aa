"use client";

import { useSyncExternalStore } from "react";

/** Lines `from` to `to`, both included, counted from 1. */
export type LineRange = { from: number; to: number };

/** `#L120`, `#L120-L140`, and as people type it: `120`, `120-140`. Null for anything else. */
export function parseLineRange(text: string): LineRange | null {
  const match = /^#?L?(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(text.trim());
  if (match === null) return null;
  const ends = [Number(match[1]), Number(match[2] ?? match[1])];
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  return from < 1 ? null : { from, to };
}

export function lineHash({ from, to }: LineRange): string {
  return from === to ? `#L${from}` : `#L${from}-L${to}`;
}

const readers = new Set<() => void>();
function subscribe(reader: () => void) {
  readers.add(reader);
  addEventListener("hashchange", reader);
  return () => {
    readers.delete(reader);
    removeEventListener("hashchange", reader);
  };
}

/** The lines that the address names. */
export function useLineRange(): LineRange | null {
  const hash = useSyncExternalStore(subscribe, () => location.hash, () => "");
  return hash.startsWith("#L") ? parseLineRange(hash) : null;
}

/** Puts lines into the address without a step in the history: a click on a line is no page. */
export function setLineRange(range: LineRange | null): void {
  history.replaceState(history.state, "", location.pathname + location.search + (range === null ? "" : lineHash(range)));
  for (const reader of readers) reader();
}
