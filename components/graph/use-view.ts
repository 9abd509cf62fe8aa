"use client";

import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from "react";
import { type Box, fittingZoom } from "./zoom";

/** A part of a canvas, in its pixels. */
export interface View { left: number; top: number; right: number; bottom: number }

/** What is drawn beyond the edge of the view, so that a small scroll shows no hole; the view is read in steps of it. */
const beyond = 400;
/** Before the browser has taken its measure. */
const first: View = { left: 0, top: 0, right: 2000, bottom: 1200 };

/**
 * Which part of a scrolled and zoomed canvas is seen: only that stands in the page, however much there is. `look` is to be called when it
 * may have changed.
 */
export function useView(box: RefObject<HTMLDivElement | null>) {
  const [view, setView] = useState(first);
  const [zoom, setZoom] = useState(1);
  const drawn = useRef(1);
  /** The point that comes into the middle with the next zoom, in pixels of the canvas. */
  const middle = useRef<{ x: number; y: number } | null>(null);

  const look = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const by = drawn.current;
    const step = (value: number) => Math.floor(value / beyond) * beyond;
    const next = { left: (step(element.scrollLeft) - beyond) / by, top: (step(element.scrollTop) - beyond) / by, right: (step(element.scrollLeft + element.clientWidth) + 2 * beyond) / by, bottom: (step(element.scrollTop + element.clientHeight) + 2 * beyond) / by };
    setView((before) => (before.left === next.left && before.top === next.top && before.right === next.right && before.bottom === next.bottom ? before : next));
  }, [box]);
  /** Brings a place into the middle. */
  const center = useCallback(({ left, top, width, height }: Box) => {
    const element = box.current;
    if (element === null) return;
    element.scrollTo((left + width / 2) * drawn.current - element.clientWidth / 2, (top + height / 2) * drawn.current - element.clientHeight / 2);
    look();
  }, [box, look]);
  useLayoutEffect(() => {
    drawn.current = zoom;
    if (middle.current !== null) center({ left: middle.current.x, top: middle.current.y, width: 0, height: 0 });
    middle.current = null;
    look();
  }, [zoom, center, look]);

  /** What is in the middle stays there, or another point comes there. */
  const zoomTo = (next: number, point?: { x: number; y: number }) => {
    const element = box.current;
    if (element === null) return;
    middle.current = point ?? { x: (element.scrollLeft + element.clientWidth / 2) / zoom, y: (element.scrollTop + element.clientHeight / 2) / zoom };
    setZoom(next);
  };
  const fit = (canvas: { width: number; height: number }) => {
    if (box.current !== null) zoomTo(fittingZoom(canvas, { width: box.current.clientWidth, height: box.current.clientHeight }), { x: canvas.width / 2, y: canvas.height / 2 });
  };
  /** Scrolls there first, where it is out of sight: what is not in view is not in the page. Then the focus goes to the element of `selector`. */
  const goTo = (place: Box, selector: string) => {
    const element = box.current;
    if (element === null) return;
    const [left, top] = [element.scrollLeft / zoom, element.scrollTop / zoom];
    const seen = place.left >= left && place.left + place.width <= left + element.clientWidth / zoom && place.top >= top && place.top + place.height <= top + element.clientHeight / zoom;
    if (!seen) center(place);
    requestAnimationFrame(() => requestAnimationFrame(() => element.querySelector<HTMLElement>(selector)?.focus({ preventScroll: true })));
  };
  return { box, view, zoom, look, center, zoomTo, fit, goTo };
}
export type CanvasView = ReturnType<typeof useView>;

export function isSeen({ left, top, width, height }: Box, view: View): boolean {
  return left + width > view.left && left < view.right && top + height > view.top && top < view.bottom;
}
