"use client";

import { useQuery } from "@tanstack/react-query";
import { Copy, Link2, Loader, TriangleAlert, X } from "lucide-react";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { toast } from "@/components/ui/toast";
import { EmptyState } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { ApiError, fetchJson } from "@/components/common/fetch-json";
import { LiveChip } from "@/components/common/live-chip";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import type { LogPage } from "@/contracts/log";
import { isTerminal, logLevels, logStreams } from "@/contracts/words";
import type { Run, RunPhase } from "@/contracts/run";
import { formatCount } from "@/lib/format";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/run-log";
import { withoutAnsi } from "./ansi";
import { FilterChoice } from "./filter-choice";
import { type LineRange, setLineRange, useLineRange } from "./line-range";
import { finderOf, isLogFiltered, levelWords, type LogFilter, logParsers, logQueryOf, noLogFilter, streamWords } from "./log-state";
import { DownloadMenu, GoToLine, LogSearch, SearchManner, TimesChoice, WrapToggle } from "./log-toolbar";
import { LogView } from "./log-view";
import { listRows, type LogRead, readLines, useFilteredLog, useWholeLog } from "./use-log-lines";

const copyLines = 10_000;

/** What the run printed: all of it by number, or what fits a search or a filter, searched by the server. */
export function LogsPanel({ run, phases }: { run: Run; phases: RunPhase[] }) {
  const [state, set] = useQueryStates(logParsers, { history: "replace" });
  const filter: LogFilter = { search: state.find.trim(), phase: state.phase, attempt: state.attempt, stream: state.stream, level: state.level, regex: state.regex, matchCase: state.case };
  const range = useLineRange();
  const filtered = isLogFiltered(filter);
  const clear = () => void set(noLogFilter);
  const attempts = Array.from({ length: run.attempt }, (_, nth) => String(nth + 1));
  const tools = { run, phases, filter, range, wrap: state.wrap, times: state.times, onClear: clear };
  return (
    <div className="grid gap-3">
      <search aria-label={words.logsPanel.filterTheLog} className="flex flex-wrap items-center gap-2">
        <LogSearch value={state.find} onChange={(find) => void set({ find: find || null })} />
        <SearchManner regex={state.regex} matchCase={state.case} onChange={(next) => void set(next)} />
        <FilterChoice label={words.logsPanel.level} className="w-36" value={state.level} all={words.logsPanel.allLevels} options={logLevels.toReversed()} words={levelWords} onChange={(level) => void set({ level: level as LogFilter["level"] })} />
        <FilterChoice label={words.logsPanel.phase} className="w-36" value={state.phase} all={words.logsPanel.allPhases} options={phases.map((phase) => phase.name)} onChange={(phase) => void set({ phase })} />
        <FilterChoice label={words.logsPanel.output} className="w-44" value={state.stream} all={words.logsPanel.allOutput} options={logStreams} words={streamWords} onChange={(stream) => void set({ stream: stream as LogFilter["stream"] })} />
        {attempts.length > 1 ? <FilterChoice label={words.logsPanel.attempt} className="w-32" value={state.attempt === null ? null : String(state.attempt)} all={words.logsPanel.allAttempts} options={attempts} onChange={(attempt) => void set({ attempt: attempt === null ? null : Number(attempt) })} /> : null}
        {filtered ? <Button variant="ghost" size="sm" onClick={clear}><X aria-hidden />{messages.action.clearFilters}</Button> : null}
        <span className="flex flex-wrap items-center gap-2 sm:ms-auto">
          <GoToLine onGo={(next) => { clear(); setLineRange(next); }} />
          <TimesChoice value={state.times} onChange={(times) => void set({ times })} />
          <WrapToggle on={state.wrap} onChange={(wrap) => void set({ wrap })} />
          <DownloadMenu runId={run.run_id} filter={filter} />
        </span>
      </search>
      {filtered ? <FilteredLog key={logQueryOf(filter).toString()} {...tools} /> : <WholeLog {...tools} />}
    </div>
  );
}

type LogProps = Omit<Parameters<typeof Lines>[0], "read" | "opensAt">;

function WholeLog(props: LogProps) {
  const { run, phases, range } = props;
  const active = !isTerminal(run.status);
  // A list of very many lines is shown in parts, each as long as a browser can scroll.
  const part = Math.floor(((range?.from ?? 1) - 1) / listRows);
  const read = useWholeLog(run.run_id, active, part * listRows + 1);
  const error = useFirstError(run, phases, range === null);
  const opensAt = range !== null ? range.from : active ? "end" : run.status === "failed" ? error : "top";
  return <Lines {...props} read={read} opensAt={opensAt} />;
}

function FilteredLog(props: LogProps) {
  const read = useFilteredLog(props.run.run_id, !isTerminal(props.run.status), props.filter);
  return <Lines {...props} read={read} opensAt={props.range?.from ?? "top"} />;
}

/** Where a failed run's log is read first: its failed phase's first error, else the end. Undefined until it is known. */
function useFirstError(run: Run, phases: RunPhase[], wanted: boolean): number | "end" | undefined {
  const phase = phases.find((each) => each.status === "failed")?.name;
  const { data, isError } = useQuery({
    queryKey: ["logs", run.run_id, "first-error", run.attempt, phase],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ level: "error", attempt: String(run.attempt), limit: "1", ...(phase ? { phase } : {}) });
      return (await fetchJson<LogPage>(`/api/v1/runs/${run.run_id}/logs?${query}`, signal)).items[0]?.line ?? "end";
    },
    enabled: wanted && run.status === "failed",
    staleTime: Number.POSITIVE_INFINITY,
  });
  // The log is shown all the same: only its first place is unknown.
  return isError ? "end" : data;
}

type LinesProps = { run: Run; phases: RunPhase[]; filter: LogFilter; range: LineRange | null; wrap: boolean; times: Parameters<typeof LogView>[0]["times"]; onClear: () => void; read: LogRead; opensAt: number | "end" | "top" | undefined };

function Lines({ run, filter, range, wrap, times, onClear, read, opensAt }: LinesProps) {
  const { source, total, matching, more, stream } = read;
  const active = !isTerminal(run.status);
  const filtered = isLogFiltered(filter);
  const { search, regex, matchCase } = filter;
  const finder = useMemo(() => finderOf({ search, regex, matchCase }), [search, regex, matchCase]);
  if (read.error instanceof ApiError && read.error.code === "invalid_pattern") {
    return <Alert variant="warning"><TriangleAlert aria-hidden /><AlertDescription>{read.error.message}</AlertDescription></Alert>;
  }
  if (read.error !== null && source.count === 0) {
    const { code, requestId } = read.error instanceof ApiError ? read.error : {};
    return <ErrorState message={read.error.message} code={code} requestId={requestId} onRetry={read.retry} />;
  }
  if (read.pending) return <p role="status" className="flex items-center gap-2 py-6 text-muted-foreground"><Loader className="size-4 animate-spin motion-reduce:animate-none" aria-hidden />{filtered ? words.logsPanel.searchingAllLines : words.logsPanel.loadingTheLog}</p>;
  return (
    <>
      <div className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted-foreground">
        <span role="status" className="tabular-nums">{countWords({ filtered, rows: source.count, total, matching, more })}</span>
        {range ? <RangeActions runId={run.run_id} range={range} inContext={filtered ? onClear : null} /> : null}
        {stream.state ? <LiveChip state={stream.state} onPause={stream.pause} onResume={stream.resume} className="ms-auto" /> : null}
      </div>
      {read.dropped === "0" ? null : (
        <Alert variant="warning"><TriangleAlert aria-hidden /><AlertDescription>{words.logsPanel.linesCameAfterTheLog(formatCount(read.dropped))}</AlertDescription></Alert>
      )}
      {total > listRows && !filtered ? <PartChoice total={total} range={range} /> : null}
      {source.count === 0 ? (
        filtered ? (
          <EmptyState title={words.logsPanel.noLineFits} description={words.logsPanel.noLineFitsDescription(formatCount(total))} action={<Button variant="outline" onClick={onClear}>{messages.action.clearFilters}</Button>} />
        ) : (
          <EmptyState title={active ? words.logsPanel.noLineYet : words.logsPanel.thisRunPrintedNothing} description={active ? words.logsPanel.whatItsPhasesPrintAppears : words.logsPanel.eventsAndPhasesTellWhat} />
        )
      ) : (
        <LogView source={source} label={filtered ? words.logsPanel.linesOfTheLogThatFit : words.logsPanel.linesOfTheLog} wrap={wrap} times={times} startedAt={run.started_at === null ? null : Date.parse(run.started_at)} finder={finder} range={range} onPick={setLineRange} tail={active && !filtered} opensAt={opensAt} />
      )}
    </>
  );
}

function countWords({ filtered, rows, total, matching, more }: { filtered: boolean; rows: number; total: number; matching: number | null; more: boolean }): string {
  const all = words.logsPanel.lines(total, formatCount(total));
  if (!filtered) return all;
  if (matching !== null) return words.logsPanel.ofFound(formatCount(matching), all);
  return more ? words.logsPanel.theFirstThatFit(formatCount(rows), all) : words.logsPanel.ofFit(formatCount(rows), all);
}

function RangeActions({ runId, range, inContext }: { runId: string; range: LineRange; inContext: (() => void) | null }) {
  const lines = range.to - range.from + 1;
  const copy = async (what: string, read: () => Promise<string>) => {
    try {
      await navigator.clipboard.writeText(await read());
      toast.success(words.logsPanel.copied(what));
    } catch (error) {
      toast.error(error instanceof ApiError ? error.message : messages.action.copyFailed);
    }
  };
  const text = async () => (await readLines(runId, range.from, range.to)).map((line) => withoutAnsi(line.text)).join("\n");
  return (
    <span role="group" aria-label={words.logsPanel.selectedLines} className="flex flex-wrap items-center gap-1">
      <span className="tabular-nums">{lines === 1 ? words.logsPanel.chosenLine(range.from) : words.logsPanel.chosenLines(range.from, range.to)}</span>
      <Button variant="ghost" size="xs" disabled={lines > copyLines} onClick={() => void copy(lines === 1 ? words.logsPanel.theLine : words.logsPanel.theLines(formatCount(lines)), text)}><Copy aria-hidden />{words.logsPanel.copy}</Button>
      <Button variant="ghost" size="xs" onClick={() => void copy(words.logsPanel.theLink, async () => location.href)}><Link2 aria-hidden />{words.logsPanel.copyLink}</Button>
      {inContext ? <Button variant="ghost" size="xs" onClick={inContext}>{words.logsPanel.showInContext}</Button> : null}
      <Button variant="ghost" size="icon-xs" aria-label={words.logsPanel.selectNoLine} onClick={() => setLineRange(null)}><X aria-hidden /></Button>
    </span>
  );
}

function PartChoice({ total, range }: { total: number; range: LineRange | null }) {
  const part = Math.floor(((range?.from ?? 1) - 1) / listRows);
  const to = (next: number) => setLineRange({ from: next * listRows + 1, to: next * listRows + 1 });
  return (
    <nav aria-label={words.logsPanel.partsOfTheLog} className="flex flex-wrap items-center gap-2 text-xs text-muted-foreground">
      <Button variant="outline" size="sm" disabled={part === 0} onClick={() => to(part - 1)}>{words.logsPanel.earlierLines}</Button>
      <Button variant="outline" size="sm" disabled={(part + 1) * listRows >= total} onClick={() => to(part + 1)}>{words.logsPanel.laterLines}</Button>
      <span className="tabular-nums">{words.logsPanel.linesTo(formatCount(part * listRows + 1), formatCount(Math.min(total, (part + 1) * listRows)))}</span>
    </nav>
  );
}
