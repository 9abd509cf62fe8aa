import { expect, test } from "vitest";
import { createBackfillRequest } from "@/contracts/backfill.ts";
import { backfillRequest, type BackfillValues } from "./backfill-values.ts";

const values: BackfillValues = { template_key: "silver_to_gold", unit: "day", time_zone: "Europe/Brussels", first: "2026-03-28", last: "2026-03-29", start_parameter: "as_of", end_parameter: "", reprocess: "missing_only", direction: "oldest_first", max_active: "4", priority: "500" };

test("days are whole days of the zone, also where the clock changes", () => {
  const { request } = backfillRequest(values, null);
  expect(request).toMatchObject({ range_start: "2026-03-27T23:00:00.000Z", range_end: "2026-03-29T22:00:00.000Z", template_key: "silver_to_gold", unit: "day", start_parameter: "as_of" });
  expect(createBackfillRequest.safeParse(request).success).toBe(true);
});

test("what is missing or the wrong way round is said at its field", () => {
  const paths = (change: Partial<BackfillValues>) => backfillRequest({ ...values, ...change }, null).errors.map(({ path }) => path);
  expect(paths({ first: "", last: "" })).toEqual(["/first", "/last"]);
  expect(paths({ last: "2026-03-27" })).toEqual(["/last"]);
  expect(paths({ time_zone: "Mars/Base" })).toEqual(["/time_zone"]);
});
