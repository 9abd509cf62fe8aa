import { createLoader, parseAsArrayOf, parseAsInteger, parseAsIsoDateTime, parseAsString, parseAsStringLiteral } from "nuqs/server";
import type { bulkFilter } from "@/contracts/bulk";
import { runKinds, runStatuses, runTriggers } from "@/contracts/words";
import type { z } from "zod";
import { defaultColumns, runColumns } from "./columns";
import { rangeMilliseconds, rangeWords, type RangeWord } from "./words";

const ranges = Object.keys(rangeWords) as RangeWord[];

/** The state of the runs list in the URL; one schema for the server and the browser. */
export const runListParsers = {
  status: parseAsArrayOf(parseAsStringLiteral(runStatuses)).withDefault([]),
  pipeline: parseAsString,
  trigger: parseAsStringLiteral(runTriggers),
  kind: parseAsStringLiteral(runKinds),
  executor: parseAsString,
  error: parseAsString,
  tag: parseAsString,
  label: parseAsString,
  checks: parseAsStringLiteral(["failed", "passed"]),
  /** How long they took, in seconds. */
  min: parseAsInteger,
  max: parseAsInteger,
  search: parseAsString.withDefault(""),
  range: parseAsStringLiteral(ranges),
  /** Two moments instead of a range: a bar of the overview. */
  from: parseAsIsoDateTime,
  to: parseAsIsoDateTime,
  /** The cursors of the pages that were turned, oldest page last: "Newer" takes the last one away. */
  page: parseAsArrayOf(parseAsString).withDefault([]),
  /** The columns that are shown, in their order. */
  columns: parseAsArrayOf(parseAsStringLiteral(runColumns)).withDefault(defaultColumns),
};
export const loadRunListState = createLoader(runListParsers);
export type RunListState = Awaited<ReturnType<typeof loadRunListState>>;

export const pageSize = 50;

/** The query of GET /api/v1/runs that shows this state; `now` in Unix milliseconds. */
export function runListQuery(state: RunListState, environmentId: string, now: number): Record<string, string> {
  const query: Record<string, string> = { environment_id: environmentId, limit: String(pageSize) };
  if (state.status.length > 0) query.status = state.status.join(",");
  if (state.pipeline) query.template_key = state.pipeline;
  if (state.trigger) query.trigger = state.trigger;
  if (state.kind) query.kind = state.kind;
  if (state.executor) query.executor_id = state.executor;
  if (state.error) query.error_code = state.error;
  if (state.tag) query.tag = state.tag;
  if (state.label) query.label = state.label;
  if (state.checks) query.checks = state.checks;
  if (state.min !== null) query.min_duration_seconds = String(state.min);
  if (state.max !== null) query.max_duration_seconds = String(state.max);
  if (state.search.trim()) query.search = state.search.trim().slice(0, 200);
  if (state.range) query.created_after = new Date(now - rangeMilliseconds[state.range]).toISOString();
  if (state.from) query.created_after = state.from.toISOString();
  if (state.to) query.created_before = state.to.toISOString();
  const cursor = state.page.at(-1);
  if (cursor) query.cursor = cursor;
  return query;
}

/** The filters of this state in the words of a bulk job; `now` in Unix milliseconds. */
export function bulkFilterOf(state: RunListState, environmentId: string, now: number): z.input<typeof bulkFilter> {
  const { limit: _limit, status: _status, ...words } = runListQuery({ ...state, page: [] }, environmentId, now);
  return { ...words, ...(state.status.length > 0 ? { status: state.status } : {}) } as z.input<typeof bulkFilter>;
}

/** The query of GET /api/v1/runs/counts for this state, whatever status or page it shows. */
export function runCountsQuery(state: RunListState, environmentId: string, now: number): Record<string, string> {
  const { limit: _limit, ...query } = runListQuery({ ...state, status: [], page: [] }, environmentId, now);
  return query;
}

/** What the list is cached under: the state without the clock, and without how it is drawn. */
export function runListKey({ columns: _columns, ...state }: RunListState, environmentId: string): readonly string[] {
  return ["runs", environmentId, JSON.stringify(state)];
}

/** The filters that stand behind "More filters", as they are when none is set. */
export const noMoreFilters = { tag: null, label: null, checks: null, min: null, max: null } as const;
/** The filters as they are when none is set. */
export const noRunFilters = { ...noMoreFilters, status: null, pipeline: null, trigger: null, kind: null, executor: null, error: null, search: null, range: null, from: null, to: null, page: null } as const;

/** How many of the filters behind "More filters" are set. */
export function moreFilters(state: RunListState): number {
  return (Object.keys(noMoreFilters) as (keyof typeof noMoreFilters)[]).filter((name) => state[name] !== null).length;
}

export function isFiltered(state: RunListState): boolean {
  return state.status.length > 0 || state.pipeline !== null || state.trigger !== null || state.kind !== null || state.executor !== null || state.error !== null || state.search.trim() !== "" || state.range !== null || state.from !== null || state.to !== null || moreFilters(state) > 0;
}
