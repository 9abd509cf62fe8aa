"use client";

import { useSyncExternalStore } from "react";

export type Overlay = "palette" | "shortcuts";

let shown: Overlay | null = null;
const readers = new Set<() => void>();

function subscribe(reader: () => void) {
  readers.add(reader);
  return () => readers.delete(reader);
}

/** Opens one of the shell's overlays from anywhere, or closes them with `null`. */
export function showOverlay(overlay: Overlay | null): void {
  shown = overlay;
  for (const reader of readers) reader();
}

export function useOverlay(): Overlay | null {
  return useSyncExternalStore(subscribe, () => shown, () => null);
}
