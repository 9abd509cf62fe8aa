"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Braces, CircleX, Info, Loader, TriangleAlert, Wrench } from "lucide-react";
import { parseAsInteger, parseAsString, parseAsStringLiteral, useQueryStates } from "nuqs";
import { CodeBlock } from "@/components/common/code-block";
import { EmptyState } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { fetchJson } from "@/components/common/fetch-json";
import { LiveChip } from "@/components/common/live-chip";
import { Time } from "@/components/common/time";
import { Button } from "@/components/ui/button";
import { Sheet, SheetBody, SheetContent, SheetDescription, SheetHeader, SheetTitle } from "@/components/ui/sheet";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { RunEvent } from "@/contracts/event";
import { eventLevels, stateEventTypes } from "@/contracts/words";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/run-panels";
import type { EventHistory } from "@/lib/ops/runs-page";
import { FilterChoice } from "./filter-choice";
import type { useFeed } from "./use-feed";

type Page = { items: RunEvent[]; next_cursor: string | null };
type EventsPanelProps = {
  runId: string;
  history: EventHistory;
  /** Those that came over the stream since the page was read, unfiltered. */
  live: RunEvent[];
  stream: ReturnType<typeof useFeed>;
};

const pageRows = 500;
const types = [...stateEventTypes, "PHASE_PROGRESS"].toSorted();
const levelLooks: Record<RunEvent["level"], { icon: typeof Info; color: string }> = {
  debug: { icon: Wrench, color: "text-muted-foreground" },
  info: { icon: Info, color: "text-running" },
  warn: { icon: TriangleAlert, color: "text-warning" },
  error: { icon: CircleX, color: "text-failed" },
};

/** Every event of the run: history from the server, filtered there, and what the stream brings, merged by `seq`. */
export function EventsPanel({ runId, history, live, stream }: EventsPanelProps) {
  const [{ type, level, event: open }, set] = useQueryStates({ type: parseAsString, level: parseAsStringLiteral(eventLevels), event: parseAsInteger }, { history: "replace" });
  const filtered = type !== null || level !== null;
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery({
    queryKey: ["events", runId, type, level],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ after: String(pageParam), limit: String(pageRows), ...(type ? { type } : {}), ...(level ? { level } : {}) });
      return fetchJson<Page>(`/api/v1/runs/${runId}/events?${query}`, signal);
    },
    initialPageParam: 0,
    getNextPageParam: (last) => (last.next_cursor === null ? undefined : Number(last.next_cursor)),
    initialData: filtered ? undefined : { pages: [{ items: history.items, next_cursor: history.more ? String(history.items.at(-1)?.seq ?? 0) : null }], pageParams: [0] },
    // Events never change, and the stream brings the new ones.
    staleTime: Number.POSITIVE_INFINITY,
  });
  const loaded = data?.pages.flatMap((page) => page.items) ?? [];
  const loadedTo = loaded.at(-1)?.seq ?? 0;
  const fresh = live.filter((event) => event.seq > loadedTo && (type === null || event.type === type) && (level === null || event.level === level));
  const shown = [...loaded, ...fresh];
  const detail = open === null ? undefined : shown.find((event) => event.seq === open);

  const rows = (events: RunEvent[]) => events.map((event) => <EventRow key={event.seq} event={event} onOpen={() => void set({ event: event.seq })} />);
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <FilterChoice label={words.eventsPanel.eventType} value={type} all={words.eventsPanel.allTypes} options={types} onChange={(next) => void set({ type: next, event: null })} />
        <FilterChoice label={words.eventsPanel.level} value={level} all={words.eventsPanel.allLevels} options={eventLevels} onChange={(next) => void set({ level: next as RunEvent["level"] | null, event: null })} />
        {filtered ? <Button variant="ghost" size="sm" onClick={() => void set({ type: null, level: null })}>{words.eventsPanel.clearFilters}</Button> : null}
        <span className="text-xs text-muted-foreground tabular-nums">{hasNextPage ? words.eventsPanel.eventsLoaded(shown.length) : words.eventsPanel.events(shown.length)}</span>
        {stream.state ? <LiveChip state={stream.state} onPause={stream.pause} onResume={stream.resume} className="ms-auto" /> : null}
      </div>
      {error && !data ? (
        <ErrorState message={error.message} onRetry={() => void refetch()} />
      ) : isPending ? (
        <p role="status" className="flex items-center gap-2 py-6 text-muted-foreground"><Loader className="size-4 animate-spin motion-reduce:animate-none" aria-hidden />{words.eventsPanel.loadingEvents}</p>
      ) : shown.length === 0 ? (
        filtered ? (
          <EmptyState title={words.eventsPanel.noEventMatchesTheseFilters} action={<Button variant="outline" onClick={() => void set({ type: null, level: null })}>{words.eventsPanel.clearFilters}</Button>} />
        ) : (
          <EmptyState title={words.eventsPanel.noEventYet} description={words.eventsPanel.noEventYetDescription} />
        )
      ) : (
        <Table label={words.eventsPanel.eventsOldestFirst} dense>
          <TableHeader>
            <TableRow>
              <TableHead numeric>#</TableHead>
              <TableHead>{words.eventsPanel.time}</TableHead>
              <TableHead>{words.eventsPanel.level}</TableHead>
              <TableHead>{words.eventsPanel.type}</TableHead>
              <TableHead>{words.eventsPanel.phase}</TableHead>
              <TableHead className="w-full">{words.eventsPanel.message}</TableHead>
              <TableHead><span className="sr-only">{words.eventsPanel.raw}</span></TableHead>
            </TableRow>
          </TableHeader>
          <TableBody>
            {rows(loaded)}
            {hasNextPage ? (
              <TableRow>
                <TableCell colSpan={7} className="py-1 text-center">
                  <Button variant="outline" size="sm" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                    {isFetchingNextPage ? words.eventsPanel.loading : fresh.length > 0 ? words.eventsPanel.loadTheEventsBetween : words.eventsPanel.loadMoreEvents}
                  </Button>
                </TableCell>
              </TableRow>
            ) : null}
            {rows(fresh)}
          </TableBody>
        </Table>
      )}
      <Sheet open={detail !== undefined} onOpenChange={(next) => !next && void set({ event: null })}>
        {detail ? (
          <SheetContent>
            <SheetHeader>
              <SheetTitle>{words.eventsPanel.eventNamed(detail.seq)}</SheetTitle>
              <SheetDescription>{detail.type}</SheetDescription>
            </SheetHeader>
            <SheetBody><CodeBlock label={words.eventsPanel.eventAsJson} text={JSON.stringify(detail, null, 2)} /></SheetBody>
          </SheetContent>
        ) : null}
      </Sheet>
    </div>
  );
}

function EventRow({ event, onOpen }: { event: RunEvent; onOpen: () => void }) {
  const look = levelLooks[event.level];
  return (
    <TableRow data-seq={event.seq}>
      <TableCell numeric className="text-xs text-muted-foreground tabular-nums">{event.seq}</TableCell>
      <TableCell className="text-xs"><Time at={event.created_at} format="absolute" /></TableCell>
      <TableCell><span className={cn("inline-flex items-center gap-1 text-xs", look.color)}><look.icon className="size-3.5" aria-hidden />{event.level}</span></TableCell>
      <TableCell><code className="text-xs">{event.type}</code></TableCell>
      <TableCell className="text-xs">{event.phase ?? <span className="text-muted-foreground">—</span>}</TableCell>
      <TableCell className="max-w-xl min-w-48 py-0.5 whitespace-normal break-words">{event.message}</TableCell>
      <TableCell>
        <Button variant="ghost" size="icon-xs" aria-label={words.eventsPanel.eventAsJsonLabel(event.seq)} className="text-muted-foreground" onClick={onOpen}><Braces aria-hidden /></Button>
      </TableCell>
    </TableRow>
  );
}
