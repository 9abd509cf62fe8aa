import { expect, test } from "vitest";
import { boxesPath, fittingZoom, leastZoom, zoomed } from "./zoom.ts";

test("all of a graph is seen at the fitting zoom, and none is enlarged for it", () => {
  expect(fittingZoom({ width: 4000, height: 500 }, { width: 1000, height: 500 })).toBe(0.25);
  expect(fittingZoom({ width: 300, height: 200 }, { width: 1000, height: 500 })).toBe(1);
  expect(fittingZoom({ width: 1_000_000, height: 200 }, { width: 1000, height: 500 })).toBe(leastZoom);
});

test("zooming in and out again ends where it began, within limits", () => {
  expect(zoomed(zoomed(1, 1), -1)).toBe(1);
  expect([zoomed(2, 1), zoomed(leastZoom, -1)]).toEqual([2, leastZoom]);
  expect(boxesPath([{ left: 1, top: 2, width: 3, height: 4 }])).toBe("M1 2h3v4h-3z");
});
