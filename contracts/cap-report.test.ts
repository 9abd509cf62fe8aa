import fc from "fast-check";
import { expect, test } from "vitest";
import type { Cap } from "./cap.ts";
import { capReport, capReportMarkdown } from "./cap-report.ts";

const id = "00000000-0000-4000-8000-000000000000";
function aCap(more: Partial<Cap> = {}): Cap {
  return {
    cap_id: id, scope: "environment", organization_id: id, project_id: id, environment_id: id, cap_key: "odoo", unit: "rows", period: "day", time_zone: "UTC", limit_amount: "100", enabled: true, used: "0", reserved: "0",
    window_starts_at: "2026-01-01T00:00:00Z", resets_at: "2026-01-02T00:00:00Z", created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z", ...more,
  };
}
const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));

test("the forecast is what the window ends with at the rate so far", () => {
  expect(capReport([aCap({ used: "40" })], at(12))).toMatchObject([{ share: 0.4, forecast: 80, forecast_share: 0.8, runs_out_at: null, state: "ok" }]);
  expect(capReport([aCap({ used: "60" })], at(12))).toMatchObject([{ forecast: 120, state: "will_run_out", runs_out_at: "2026-01-01T20:00:00.000Z" }]);
  expect(capReport([aCap({ used: "60", reserved: "40" })], at(12))).toMatchObject([{ state: "exhausted", runs_out_at: at(12).toISOString() }]);
  expect(capReport([aCap({ used: "60", enabled: false })], at(12))).toMatchObject([{ state: "off", runs_out_at: null }]);
});

test("at the beginning of a window nothing is foretold, and a limit of nothing is exhausted", () => {
  expect(capReport([aCap({ used: "5" })], at(1))).toMatchObject([{ forecast: 5, state: "ok" }]);
  expect(capReport([aCap({ limit_amount: "0" })], at(12))).toMatchObject([{ share: null, forecast_share: null, state: "exhausted" }]);
});

test("the tightest comes first, what is off last", () => {
  const caps = [aCap({ cap_key: "wide", used: "1" }), aCap({ cap_key: "off", used: "99", enabled: false }), aCap({ cap_key: "tight", used: "90" })];
  expect(capReport(caps, at(20)).map((row) => row.cap_key)).toEqual(["tight", "wide", "off"]);
});

test("a forecast is never below what is taken already, and no figure is without a value", () => {
  const amount = fc.nat({ max: 1_000_000 }).map(String);
  fc.assert(fc.property(amount, amount, amount, fc.integer({ min: -5, max: 30 }), (limit_amount, used, reserved, hour) => {
    const [row] = capReport([aCap({ limit_amount, used, reserved })], at(hour));
    expect(row!.forecast).toBeGreaterThanOrEqual(Number(used) + Number(reserved));
    expect(Number.isFinite(row!.forecast)).toBe(true);
  }), { numRuns: 200 });
});

test("the Markdown has a row for each", () => {
  expect(capReportMarkdown(capReport([aCap({ used: "60" })], at(12)), () => "dev")).toContain("| odoo | dev | 100 rows a day | 60 | 0 | 60 % | 120 % | will run out | 2026-01-01T20:00:00.000Z |");
  expect(capReportMarkdown([], () => "")).toContain("There are none.");
});
