"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { fetchJson } from "@/components/common/fetch-json";
import type { Artifact } from "@/contracts/artifact";
import type { RunEvent } from "@/contracts/event";
import { isTerminal, stateEventTypes } from "@/contracts/words";
import type { Run, RunComparison, RunPhase } from "@/contracts/run";
import type { EventHistory } from "@/lib/ops/runs-page";
import { useFeed } from "./use-feed";

/** What the server read of a run. */
export interface RunView {
  run: Run;
  phases: RunPhase[];
  artifacts: Artifact[];
  events: EventHistory;
  /** The run that this one is held against. */
  baseline: { run_id: string; changed: string[] } | null;
  comparison: RunComparison | null;
  /** The newest runs that repeat this one. */
  repeats: Pick<Run, "run_id" | "status">[];
  read_at: number;
}

/** A burst of events is one reading; a reading that takes longer than this is not begun anew by each of them. */
const readAgainMs = 400;
const stateTypes: ReadonlySet<string> = new Set(stateEventTypes);
const slowMs = 10_000;
const withoutStreamMs = 3_000;
/** A reader that stays for hours keeps the newest ones; the rest is read again from the server. */
const liveEventsKept = 5_000;

type List<T> = { items: T[] };

/** A run, its phases, artifacts and live events, kept fresh while it is active. */
export function useRun(view: RunView) {
  const client = useQueryClient();
  const router = useRouter();
  const runId = view.run.run_id;
  const path = `/api/v1/runs/${runId}`;
  const [live, setLive] = useState<RunEvent[]>([]);

  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const readAgainSoon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: ["run", runId] });
    }, readAgainMs);
  };
  const pace = (loaded: Run | undefined) => (loaded && isTerminal(loaded.status) ? false : stream.state?.kind === "live" ? slowMs : withoutStreamMs);
  // Until the stream itself says so: the run's state may be read as ended before its last events have come.
  const [ended, setEnded] = useState(isTerminal(view.run.status));
  const stream = useFeed<RunEvent>({
    path: ended ? null : `${path}/events`,
    name: "run_event",
    position: (event) => event.seq,
    after: view.events.last_seq,
    onItems: (events) => {
      setLive((before) => [...before, ...events].slice(-liveEventsKept));
      // What a state event tells is read again, not worked out: there is no second state machine here.
      if (events.some((event) => stateTypes.has(event.type))) readAgainSoon();
    },
    onEnd: () => {
      setEnded(true);
      void client.invalidateQueries({ queryKey: ["run", runId] });
      // The verdict and the produced datasets are the server's to read.
      router.refresh();
    },
  });

  const shared = { initialDataUpdatedAt: view.read_at } as const;
  const { data: run } = useQuery({ queryKey: ["run", runId], queryFn: ({ signal }) => fetchJson<Run>(path, signal), initialData: view.run, refetchInterval: (query) => pace(query.state.data), ...shared });
  const active = !isTerminal(run.status);
  const { data: phases } = useQuery({ queryKey: ["run", runId, "phases"], queryFn: ({ signal }) => fetchJson<List<RunPhase>>(`${path}/phases`, signal), initialData: { items: view.phases }, refetchInterval: active ? pace(run) : false, ...shared });
  const { data: artifacts } = useQuery({ queryKey: ["run", runId, "artifacts"], queryFn: ({ signal }) => fetchJson<List<Artifact>>(`${path}/artifacts`, signal), initialData: { items: view.artifacts }, ...shared });
  const { data: comparison } = useQuery({
    queryKey: ["run", runId, "comparison", view.baseline?.run_id],
    queryFn: ({ signal }) => fetchJson<RunComparison>(`/api/v1/runs/${view.baseline?.run_id ?? ""}/compare/${runId}`, signal),
    enabled: view.baseline !== null && run.status === "succeeded",
    initialData: view.comparison ?? undefined,
    ...shared,
  });
  return { run, phases: phases.items, artifacts: artifacts.items, comparison: run.status === "succeeded" ? (comparison ?? null) : null, live, stream };
}
