import { expect, test } from "vitest";
import { openMeter } from "./meter.ts";

test("what phases use adds up over them, each by its latest figures, and says nothing before the first", () => {
  const meter = openMeter();
  meter.note("plan", { tables: 3, rows: "many", bytes: -1 });
  expect(meter.total()).toBeUndefined();
  meter.note("first", { rows: 10 });
  meter.note("second", { rows: 1, bytes: 5 });
  meter.note("first", { rows: 30, seconds: 2 });
  expect(meter.total()).toEqual({ rows: 31, bytes: 5 });
});
