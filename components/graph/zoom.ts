/** A place on a canvas, in its own pixels, whatever the zoom. */
export interface Box { left: number; top: number; width: number; height: number }
type Size = Pick<Box, "width" | "height">;

export const leastZoom = 0.1;
const mostZoom = 2;
const step = 1.25;

export function zoomed(zoom: number, by: 1 | -1): number {
  return Math.min(mostZoom, Math.max(leastZoom, by === 1 ? zoom * step : zoom / step));
}

/** The zoom with which all of a canvas is seen; never more than its own size. */
export function fittingZoom(canvas: Size, view: Size): number {
  return Math.min(1, Math.max(leastZoom, Math.min(view.width / canvas.width, view.height / canvas.height)));
}

/** Boxes as one path of an SVG: thousands cost one element. */
export function boxesPath(boxes: readonly Box[]): string {
  return boxes.map(({ left, top, width, height }) => `M${left} ${top}h${width}v${height}h${-width}z`).join("");
}
