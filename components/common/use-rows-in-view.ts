"use client";

import { type RefObject, useEffect, useState } from "react";

/** Rows are counted in steps of so many, so that scrolling draws anew a few times a screen and not at each pixel. */
const step = 20;
/** A list of up to so many rows is drawn as a whole. */
const wholeRows = 100;

/**
 * Which rows of a long table, scrolled with its page, are to be drawn: `[from, to)`, all of them where there are few. Rows are `rowPixels` high; `body`
 * is what holds them. The server draws the first ones.
 */
export function useRowsInView(body: RefObject<HTMLElement | null>, count: number, rowPixels: number): { from: number; to: number } {
  const long = count > wholeRows;
  const [seen, setSeen] = useState({ from: 0, to: wholeRows });
  useEffect(() => {
    if (!long) return;
    const look = () => {
      const above = -(body.current?.getBoundingClientRect().top ?? 0);
      const from = Math.max(0, Math.floor(above / rowPixels / step) * step - step);
      const to = Math.ceil((above + innerHeight) / rowPixels / step) * step + step;
      setSeen((before) => (before.from === from && before.to === to ? before : { from, to }));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look, { passive: true });
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [long, body, rowPixels]);
  return long ? { from: Math.min(seen.from, count), to: Math.min(seen.to, count) } : { from: 0, to: count };
}
