import type { Freshness, FreshnessState } from "@/contracts/freshness.ts";
import { freshnessStates } from "@/contracts/words.ts";
import { groupBy } from "@/lib/group-by";

/** A table group as it is: its worst table's state, and when the first of its promises is or was broken. */
export interface TableGroup {
  group: string;
  state: FreshnessState;
  forecast: boolean;
  tables: number;
  /** Tables whose state is ok. */
  fresh: number;
  breach_at: string;
}

/** The groups of those datasets that have one, by name. */
export function groupsOf(freshness: readonly Freshness[]): TableGroup[] {
  return [...groupBy(freshness.filter((each) => each.table_group !== null), (each) => each.table_group!)].map(([group, tables]) => ({
    group,
    state: freshnessStates[Math.max(...tables.map(({ state }) => freshnessStates.indexOf(state)))]!,
    forecast: tables.some(({ forecast_breach_at }) => forecast_breach_at !== null),
    tables: tables.length,
    fresh: tables.filter(({ state }) => state === "ok").length,
    breach_at: tables.map(({ breach_at }) => breach_at).toSorted((a, b) => Date.parse(a) - Date.parse(b))[0]!,
  })).toSorted((a, b) => (a.group < b.group ? -1 : 1));
}

/** `master_data` → `Master data`. */
export function groupWords(group: string): string {
  return group[0]!.toUpperCase() + group.slice(1).replaceAll("_", " ");
}
