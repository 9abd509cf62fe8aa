"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { type MouseEvent, useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from "react";
import { usePreferences } from "@/components/common/preferences";
import { Button } from "@/components/ui/button";
import type { LogLevel, LogLine } from "@/contracts/log";
import { cn } from "@/lib/cn";
import { formatCount, formatDuration } from "@/lib/format";
import { locale } from "@/lib/messages/language";
import { words } from "@/lib/messages/run-log";
import type { LineRange } from "./line-range";
import type { LogStamp } from "./log-state";
import { LogText } from "./log-text";
import type { LogSource } from "./use-log-lines";

const rowPixels = 24;
const levelLooks: Record<LogLevel, string> = { debug: "text-muted-foreground", info: "", warn: "text-warning", error: "text-failed" };
const streamMarks: Record<LogLine["stream"], string> = { stdout: "out", stderr: "err", engine: "engine" };

type LogViewProps = {
  source: LogSource;
  label: string;
  wrap: boolean;
  times: LogStamp;
  /** Unix milliseconds from which `since` counts. */
  startedAt: number | null;
  finder: Parameters<typeof LogText>[0]["finder"];
  range: LineRange | null;
  onPick: (range: LineRange) => void;
  /** More lines come, so the end can be followed. */
  tail: boolean;
  /** Where the list opens: a line, its end or its beginning; undefined while that is still being found out. */
  opensAt: number | "end" | "top" | undefined;
};

/** Rows of one height (unless wrapped), only those drawn that are on the screen; the line number is the line's address. */
export function LogView({ source, label, wrap, times, startedAt, finder, range, onPick, tail, opensAt }: LogViewProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { count } = source;
  // eslint-disable-next-line react/incompatible-library -- no compiler is at work here, and nothing of the list is handed on
  const list = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => rowPixels, overscan: 12 });
  const rows = list.getVirtualItems();
  const [follows, setFollows] = useState(false);
  // The list ends where the window ends, so that its last line is seen without scrolling the page.
  const [above, setAbove] = useState(320);
  useLayoutEffect(() => {
    if (scroller.current) setAbove(Math.round(scroller.current.getBoundingClientRect().top + scrollY));
  }, []);
  const [read, setRead] = useState(0);

  const [first, last] = [rows[0]?.index ?? 0, rows.at(-1)?.index ?? 0];
  const onShown = useEffectEvent(source.onShown);
  useEffect(() => {
    if (count > 0) onShown(first, last);
  }, [first, last, count]);

  const toLine = (line: number) => {
    const row = source.rowOf(line);
    if (row !== null) list.scrollToIndex(row, { align: "center" });
    return row !== null;
  };
  const toEnd = () => {
    setFollows(true);
    list.scrollToIndex(count - 1, { align: "end" });
  };
  const opened = useRef(false);
  const open = useEffectEvent((at: number | "end" | "top") => {
    if (at === "end") toEnd();
    else if (at !== "top") toLine(at);
    // Below a long header the list may begin under the fold; whoever comes for a line wants to see it.
    if (at !== "top") scroller.current?.scrollIntoView({ block: "nearest" });
    opened.current = true;
  });
  const filled = count > 0;
  useEffect(() => {
    if (!filled || opensAt === undefined || opened.current) return;
    // In the next frame: the list has then taken the measure of its place.
    const frame = requestAnimationFrame(() => open(opensAt));
    return () => cancelAnimationFrame(frame);
  }, [filled, opensAt]);
  useEffect(() => {
    if (follows && tail && count > 0) list.scrollToIndex(count - 1, { align: "end" });
  }, [follows, tail, count, list]);

  // A line that is named from elsewhere (a link, "Go to line") is brought into view; one that was clicked is there already.
  const reveal = useEffectEvent((line: number) => {
    const row = source.rowOf(line);
    const { startIndex = 0, endIndex = -1 } = list.range ?? {};
    if (opened.current && row !== null && (row < startIndex || row > endIndex)) {
      setFollows(false);
      toLine(line);
    }
  });
  const from = range?.from;
  useEffect(() => {
    if (from !== undefined) reveal(from);
  }, [from]);

  const wrapped = useRef(wrap);
  const rewrap = useEffectEvent(() => {
    const row = list.range?.startIndex ?? 0;
    list.measure();
    list.scrollToIndex(row, { align: "start" });
  });
  useEffect(() => {
    if (wrapped.current === wrap) return;
    wrapped.current = wrap;
    rewrap();
  }, [wrap]);

  const seen = useRef({ top: 0, height: 0 });
  const onScroll = () => {
    const place = scroller.current;
    if (place === null) return;
    const { scrollTop: top, clientHeight: height } = place;
    // Growing lines never take the place upwards, a reader does: that alone stops the following. Where the list itself has
    // become higher, it was the browser.
    if (place.scrollHeight - top - height < rowPixels) setFollows(true);
    else if (top < seen.current.top - 1 && height === seen.current.height) {
      if (follows) setRead(count);
      setFollows(false);
    }
    seen.current = { top, height };
  };

  const pick = (event: MouseEvent, line: number) => {
    if (event.metaKey || event.ctrlKey || event.button !== 0) return;
    event.preventDefault();
    const anchor = range === null ? line : line < range.from ? range.to : range.from;
    onPick(event.shiftKey && range !== null ? { from: Math.min(anchor, line), to: Math.max(anchor, line) } : { from: line, to: line });
  };
  const stampOf = useStamp(times, startedAt);
  const digits = String(source.numberAt(Math.max(0, count - 1))).length;
  const news = count - read;
  return (
    <div className="relative">
      <div
        ref={scroller}
        role="region"
        aria-label={label}
        tabIndex={0}
        onScroll={onScroll}
        style={{ maxHeight: `max(16rem, calc(100dvh - ${above}px - 2rem))` }}
        className="overflow-auto rounded-md border bg-background font-mono text-xs focus-visible:-outline-offset-2"
      >
        <div role="table" aria-label={label} aria-rowcount={count} className="relative w-full min-w-max" style={{ height: list.getTotalSize() }}>
          {rows.map((row) => {
            const line = source.lineAt(row.index);
            const number = source.numberAt(row.index);
            const picked = range !== null && number >= range.from && number <= range.to;
            return (
              <div
                key={row.key}
                ref={wrap ? list.measureElement : undefined}
                data-index={row.index}
                data-line={line?.line}
                data-picked={picked || undefined}
                role="row"
                aria-rowindex={row.index + 1}
                className={cn("absolute start-0 top-0 flex min-w-full items-start leading-6", wrap ? "w-full" : "h-6 whitespace-pre", picked ? "bg-accent" : "hover:bg-muted")}
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <span role="rowheader" className={cn("sticky start-0 shrink-0 border-e pe-2 ps-2 text-end select-none", picked ? "bg-accent" : "bg-background")} style={{ minWidth: `calc(${digits}ch + 1rem)` }}>
                  <a href={`#L${number}`} tabIndex={-1} onClick={(event) => pick(event, number)} className="block text-muted-foreground hover:text-link">{number}</a>
                </span>
                {line ? (
                  <>
                    {times === "off" ? null : <span role="cell" className="shrink-0 ps-2 whitespace-pre text-muted-foreground select-none max-sm:hidden">{stampOf(line)}</span>}
                    <span role="cell" className={cn("w-[7ch] shrink-0 ps-2 select-none max-sm:hidden", line.stream === "stderr" ? "text-warning" : "text-muted-foreground")}>{streamMarks[line.stream]}</span>
                    <span role="cell" className={cn("px-2", line.level !== null && levelLooks[line.level], wrap && "min-w-0 break-words whitespace-pre-wrap")}><LogText text={line.text} finder={finder} /></span>
                  </>
                ) : (
                  <span role="cell" className="sr-only">{words.logView.isBeingLoaded}</span>
                )}
              </div>
            );
          })}
        </div>
      </div>
      {tail && !follows ? (
        <div className="absolute inset-x-0 bottom-3 flex justify-center">
          <Button size="sm" className="rounded-full shadow-md" onClick={toEnd}>
            <ArrowDown aria-hidden />
            {read > 0 && news > 0 ? words.logView.jumpToLatestNew(formatCount(news)) : words.logView.jumpToLatest}
          </Button>
        </div>
      ) : null}
    </div>
  );
}

function useStamp(times: LogStamp, startedAt: number | null): (line: LogLine) => string {
  const zone = usePreferences().times === "utc" ? "UTC" : undefined;
  const format = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, timeZone: zone });
  return ({ created_at }) => {
    const at = Date.parse(created_at);
    return times === "since" && startedAt !== null ? `+${formatDuration(at - startedAt)}`.padStart(12) : format.format(at);
  };
}
