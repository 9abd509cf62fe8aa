"use client";

import { useSyncExternalStore } from "react";

type Pace = "second" | "half_minute";

/** One timer for all readers of a pace, however many times and durations a page shows; none in a hidden tab. */
function clock(milliseconds: number) {
  const readers = new Set<() => void>();
  let now = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  const tick = () => {
    now = Date.now();
    for (const reader of readers) reader();
  };
  const settle = () => {
    clearInterval(timer);
    timer = undefined;
    if (readers.size === 0 || document.hidden) return;
    tick();
    timer = setInterval(tick, milliseconds);
  };

  return {
    subscribe(reader: () => void) {
      readers.add(reader);
      if (readers.size === 1) {
        document.addEventListener("visibilitychange", settle);
        settle();
      }
      return () => {
        readers.delete(reader);
        if (readers.size > 0) return;
        document.removeEventListener("visibilitychange", settle);
        settle();
      };
    },
    read() {
      if (now === 0) now = Date.now();
      return now;
    },
  };
}

const clocks: Record<Pace, ReturnType<typeof clock>> = { second: clock(1000), half_minute: clock(30_000) };
const still = () => () => {};

/** Unix milliseconds, renewed at the given pace; `null` on the server and while hydrating. `null` pace stands still. */
export function useNow(pace: Pace | null): number | null {
  return useSyncExternalStore(
    pace === null ? still : clocks[pace].subscribe,
    clocks[pace ?? "half_minute"].read,
    () => null,
  );
}
