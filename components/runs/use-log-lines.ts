"use client";

import { useInfiniteQuery, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { fetchJson } from "@/components/common/fetch-json";
import type { LogLine, LogPage } from "@/contracts/log";
import { type LogFilter, logQueryOf } from "./log-state";
import { useFeed } from "./use-feed";

/** Rows for a virtual list, whichever of them are loaded. */
export interface LogSource {
  /** How many rows there are. */
  count: number;
  /** Undefined: its line is on its way. */
  lineAt: (row: number) => LogLine | undefined;
  /** The number of the row's line, which is known before the line is. */
  numberAt: (row: number) => number;
  /** The row of a line of the run; null where it is none of these rows. */
  rowOf: (line: number) => number | null;
  /** The rows that are on the screen, so that their lines are loaded. */
  onShown: (first: number, last: number) => void;
}
export interface LogRead {
  source: LogSource;
  /** Lines of the whole run. */
  total: number;
  /** With a search: how many of all lines hold it. */
  matching: number | null;
  /** There are more rows than `source` has yet. */
  more: boolean;
  dropped: string;
  pending: boolean;
  error: Error | null;
  retry: () => void;
  stream: ReturnType<typeof useFeed>;
}

const pageLines = 500;
/** Lines that came over the stream are kept up to this many; older ones are read again when somebody scrolls there. */
const liveKept = 5_000;
/** Browsers give up on an element that is taller than about 17 million px: so many rows of 24 px are one list. */
export const listRows = 650_000;
const forGood = Number.POSITIVE_INFINITY;
/** How far the log is, is read anew when it is opened again; not at once, or a page that React mounts twice would never have it. */
const forgottenMs = 1_000;

const logPath = (runId: string, query: URLSearchParams | Record<string, string>) => `/api/v1/runs/${runId}/logs?${new URLSearchParams(query)}`;

/** Lines `from` to `to`. An answer ends at 1 MB of text, so long lines take several. Throws ApiError. */
export async function readLines(runId: string, from: number, to: number, signal?: AbortSignal): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for (let after: number | null = from - 1; after !== null;) {
    const page: LogPage = await fetchJson<LogPage>(logPath(runId, { after: String(after), before: String(to + 1), limit: "1000" }), signal);
    lines.push(...page.items);
    after = page.next_cursor === null ? null : Number(page.next_cursor);
  }
  return lines;
}

/** All lines of a run, numbered without gaps: any row is read by its number when it is looked at. `first` is the line of row 0. */
export function useWholeLog(runId: string, active: boolean, first: number): LogRead {
  const client = useQueryClient();
  const [live, setLive] = useState<LogLine[]>([]);
  const [over, setOver] = useState(!active);
  // Read anew whenever the log is opened: the stream goes on from here.
  const head = useQuery({ queryKey: ["logs", runId, "head"], queryFn: ({ signal }) => fetchJson<LogPage>(logPath(runId, { order: "desc", limit: "1" }), signal), staleTime: forGood, gcTime: forgottenMs });
  const known = head.data?.total_lines;
  const total = live.at(-1)?.line ?? known ?? 0;
  const stream = useFeed<LogLine>({
    path: over || known === undefined ? null : `/api/v1/runs/${runId}/logs`,
    name: "log_line",
    position: (line) => line.line,
    after: known ?? 0,
    onItems: (lines) => {
      if (live.length + lines.length > liveKept) {
        // A page that was read while it was not full misses what is given up now.
        void client.invalidateQueries({ queryKey: ["logs", runId, "page"], predicate: ({ state }) => ((state.data as LogLine[] | undefined)?.length ?? 0) < pageLines });
      }
      setLive((before) => [...before, ...lines].slice(-liveKept));
    },
    onEnd: () => setOver(true),
  });

  const [shown, setShown] = useState({ first: 0, last: 0 });
  const wanted = total === 0 ? [] : Array.from({ length: shown.last - shown.first + 1 }, (_, nth) => shown.first + nth);
  const pages = useQueries({
    queries: wanted.map((page) => ({
      queryKey: ["logs", runId, "page", page],
      queryFn: ({ signal }: { signal: AbortSignal }) => readLines(runId, page * pageLines + 1, (page + 1) * pageLines, signal),
      staleTime: forGood,
      gcTime: 60_000,
    })),
    combine: (results) => ({ lines: new Map(results.map((result, nth) => [wanted[nth], result.data])), error: results.find((result) => result.error)?.error ?? null }),
  });
  const liveFrom = live[0]?.line ?? forGood;
  return {
    source: {
      count: Math.min(Math.max(0, total - first + 1), listRows),
      lineAt: (row) => {
        const number = first + row;
        return number >= liveFrom ? live[number - liveFrom] : pages.lines.get(Math.floor((number - 1) / pageLines))?.[(number - 1) % pageLines];
      },
      numberAt: (row) => first + row,
      rowOf: (line) => (line >= first && line <= total && line < first + listRows ? line - first : null),
      onShown: (from, to) => {
        const next = { first: Math.floor((first + from - 1) / pageLines), last: Math.floor((first + to - 1) / pageLines) };
        setShown((now) => (now.first === next.first && now.last === next.last ? now : next));
      },
    },
    total,
    matching: null,
    more: false,
    dropped: head.data?.dropped_lines ?? "0",
    pending: head.isPending,
    error: head.error ?? pages.error,
    retry: () => void client.refetchQueries({ queryKey: ["logs", runId], type: "active" }),
    stream,
  };
}

/** The lines that fit a filter, from the first one on: the server searches all of them, the rest comes while one scrolls. */
export function useFilteredLog(runId: string, active: boolean, filter: LogFilter): LogRead {
  const [live, setLive] = useState<LogLine[]>([]);
  const [came, setCame] = useState(0);
  const [over, setOver] = useState(!active);
  const query = logQueryOf(filter);
  const { data, error, isPending, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ["logs", runId, "filtered", query.toString()],
    queryFn: ({ pageParam, signal }) => fetchJson<LogPage>(logPath(runId, new URLSearchParams([...query, ["after", String(pageParam)], ["limit", String(pageLines)]])), signal),
    initialPageParam: 0,
    getNextPageParam: (last) => (last.next_cursor === null ? undefined : Number(last.next_cursor)),
    staleTime: forGood,
    gcTime: forgottenMs,
  });
  const head = data?.pages[0];
  const stream = useFeed<LogLine>({
    path: over || head === undefined ? null : `/api/v1/runs/${runId}/logs${query.size > 0 ? `?${query}` : ""}`,
    name: "log_line",
    position: (line) => line.line,
    after: head?.total_lines ?? 0,
    onItems: (lines) => {
      setCame((before) => before + lines.length);
      setLive((before) => [...before, ...lines].slice(-liveKept));
    },
    onEnd: () => setOver(true),
  });
  const loaded = data?.pages.flatMap((page) => page.items) ?? [];
  const loadedTo = loaded.at(-1)?.line ?? 0;
  // Until everything before them is loaded, new lines wait: a row must not move because one above it came later.
  const rows = hasNextPage ? loaded : [...loaded, ...live.filter((line) => line.line > loadedTo)];
  return {
    source: {
      count: rows.length,
      lineAt: (row) => rows[row],
      numberAt: (row) => rows[row]?.line ?? 0,
      rowOf: (line) => {
        const row = rows.findIndex((each) => each.line === line);
        return row === -1 ? null : row;
      },
      onShown: (_, last) => {
        if (last > rows.length - 100 && hasNextPage && !isFetching) void fetchNextPage();
      },
    },
    total: Math.max(data?.pages.at(-1)?.total_lines ?? 0, live.at(-1)?.line ?? 0),
    matching: head?.matching_lines == null ? null : head.matching_lines + came,
    more: hasNextPage,
    dropped: head?.dropped_lines ?? "0",
    pending: isPending,
    error,
    retry: () => void refetch(),
    stream,
  };
}
