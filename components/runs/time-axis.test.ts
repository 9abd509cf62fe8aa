import fc from "fast-check";
import { expect, test } from "vitest";
import { axisOf, idleGaps, moveWindow, wholeWindow, zoomWindow } from "./time-axis.ts";
import type { TimelineRow } from "./timeline-model.ts";

const aRow = (...spans: [number, number][]): TimelineRow => ({ phase: {} as TimelineRow["phase"], critical: false, segments: spans.map(([from, to]) => ({ kind: "current", from, to })) });

test("what ran has the room: an hour of waiting between two minutes of work is drawn short", () => {
  const rows = [aRow([0, 60]), aRow([3660, 3720])];
  expect(idleGaps(rows, 0, 3720)).toEqual([{ from: 60, to: 3660 }]);
  const axis = axisOf(rows, 0, 3720, true);
  expect(axis.squeezed).toEqual([{ from: 60, to: 3660 }]);
  expect(axis.place(60)).toBeGreaterThan(0.45);
  expect(axis.place(3660) - axis.place(60)).toBeLessThan(0.05);
  expect(axisOf(rows, 0, 3720, false).place(60)).toBeCloseTo(60 / 3720);
});

test("time goes forward on every axis, its ends are its ends, and a place and its moment are each other's", () => {
  const spans = fc.array(fc.tuple(fc.nat({ max: 10_000 }), fc.nat({ max: 500 })), { maxLength: 8 });
  fc.assert(fc.property(spans, fc.boolean(), fc.array(fc.integer({ min: -100, max: 11_000 }), { minLength: 2, maxLength: 10 }), (wanted, squeeze, moments) => {
    const rows = wanted.map(([from, took]) => aRow([from, from + took]));
    const axis = axisOf(rows, 0, 10_500, squeeze);
    const places = moments.toSorted((a, b) => a - b).map(axis.place);
    expect(places.every((place, nth) => place >= 0 && place <= 1 && (nth === 0 || place >= places[nth - 1]! - 1e-9))).toBe(true);
    expect([axis.place(0), axis.place(10_500)]).toEqual([0, expect.closeTo(1)]);
    for (const at of moments.filter((moment) => moment >= 0 && moment <= 10_500)) expect(axis.timeAt(axis.place(at))).toBeCloseTo(at, 3);
  }), { numRuns: 200 });
});

test("zooming and moving stay within the run", () => {
  const steps = fc.array(fc.constantFrom("in", "out", "back", "on"), { maxLength: 30 });
  fc.assert(fc.property(steps, (taken) => {
    const end = taken.reduce((window, step) => (step === "in" || step === "out" ? zoomWindow(window, step) : moveWindow(window, step === "on" ? 1 : -1)), wholeWindow);
    expect(end.from).toBeGreaterThanOrEqual(0);
    expect(end.to).toBeLessThanOrEqual(1 + 1e-9);
    expect(end.to - end.from).toBeGreaterThan(0.003);
  }));
  expect(zoomWindow(zoomWindow(wholeWindow, "in"), "out")).toEqual(wholeWindow);
});
