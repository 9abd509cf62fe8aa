import { expect, test } from "vitest";
import { attentionOf } from "@/components/overview/attention";
import type { Freshness } from "@/contracts/freshness.ts";
import { groupsOf, groupWords } from "./table-group";

function dataset(name: string, table_group: string | null, state: Freshness["state"], minute: number): Freshness {
  const at = new Date(Date.UTC(2026, 10, 28, 8, minute)).toISOString();
  const id = "00000000-0000-7000-8000-000000000000";
  return { dataset_id: id, environment_id: id, name, layer: null, table_group, version: 1, run_id: id, state, data_at: at, published_at: at, late_after_seconds: 60, max_age_seconds: 3600, late_at: at, breach_at: at, cadence_seconds: null, expected_at: null, forecast_breach_at: null };
}

test("a group is as fresh as its worst table, and breaches when its first table does", () => {
  const groups = groupsOf([dataset("gold.a", "finance", "ok", 30), dataset("bronze.b", "finance", "late", 10), dataset("bronze.c", "master_data", "ok", 20), dataset("gold.d", null, "breached", 1)]);
  expect(groups.map(({ group, state, tables, fresh, breach_at }) => [group, state, tables, fresh, breach_at])).toEqual([["finance", "late", 2, 1, "2026-11-28T08:10:00.000Z"], ["master_data", "ok", 1, 1, "2026-11-28T08:20:00.000Z"]]);
  expect(groupWords("master_data")).toBe("Master data");
});

test("in the overview a group that broke its promise is one line, and a dataset of no group is its own", () => {
  const stale = [dataset("gold.a", "finance", "breached", 30), dataset("bronze.b", "finance", "breached", 10), dataset("gold.d", null, "breached", 1)];
  const lines = attentionOf({ failing: [], leases: [], stale, caps: [], executors: [], schedules: [], titles: {} });
  expect(lines.map(({ title, href, at }) => [title, href, at])).toEqual([
    ["Finance: 2 tables are older than promised", "/datasets", "2026-11-28T08:10:00.000Z"],
    ["gold.d is older than promised", "/datasets/gold.d", "2026-11-28T08:01:00.000Z"],
  ]);
});
