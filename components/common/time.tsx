"use client";

import { type ReactNode, useRef, useState } from "react";
import { useLoaded } from "@/components/ui/on-demand";
import { cn } from "@/lib/cn";
import { formatAbsolute, formatRelative, formatUtcMinute } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useNow } from "./now";
import { usePreferences } from "./preferences";

type TimeProps = {
  /** ISO 8601 with offset, as the API gives it; `null` prints a dash or `absent`. */
  at: string | null | undefined;
  absent?: string;
  /** relative: "3 m ago"; absolute: date, time and zone in the zone the reader chose. */
  format?: "relative" | "absolute";
  /** Without the card of zones it is plain text: for a place that is itself a button or link. */
  plain?: boolean;
  className?: string;
};

/** A moment. The server prints UTC; the browser then counts from its own clock and zone. */
export function Time({ at, absent = messages.time.unknown, format = "relative", plain = false, className }: TimeProps) {
  const moment = at == null ? Number.NaN : Date.parse(at);
  const now = useNow("half_minute");
  const { times } = usePreferences();
  if (Number.isNaN(moment)) return <span className={cn("text-muted-foreground", className)}>{absent}</span>;

  const zone = times === "utc" ? "UTC" : undefined;
  const text =
    now === null ? formatUtcMinute(moment)
    : format === "absolute" ? formatAbsolute(moment, zone)
    // The half-minute clock may stand before a moment that has just come in: that is "just now", not the future.
    : formatRelative(moment, moment > now && moment - now < 31_000 ? moment : now);
  const iso = new Date(moment).toISOString();
  const element = (
    <time dateTime={iso} title={plain ? iso : undefined} className={cn("whitespace-nowrap tabular-nums", plain && className)}>
      {text}
    </time>
  );
  if (plain) return element;
  return (
    <Moment moment={moment} iso={iso} label={messages.time.details(text)} className={className}>
      {element}
    </Moment>
  );
}

const load = () => import("./time-card").then((loaded) => loaded.TimeCard);
type MomentProps = { moment: number; iso: string; label: string; className?: string; children: ReactNode };

/** Opens on hover and focus to be read, and by click or Enter to be used: then focus moves into it. */
function Moment({ moment, iso, label, className, children }: MomentProps) {
  const [open, setOpen] = useState<"no" | "peek" | "pinned">("no");
  const [near, setNear] = useState(false);
  const TimeCard = useLoaded(load, near || open !== "no");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const trigger = useRef<HTMLButtonElement>(null);

  function soon(next: "no" | "peek", milliseconds: number) {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setOpen((now) => (now === "pinned" ? now : next)), milliseconds);
  }
  const peek = () => {
    setNear(true);
    soon("peek", 350);
  };

  return (
    <>
      <button
        ref={trigger}
        type="button"
        aria-label={label}
        aria-haspopup="dialog"
        aria-expanded={open !== "no"}
        className={cn("relative -mx-0.5 inline-flex min-h-6 items-center rounded-sm px-0.5 decoration-muted-foreground decoration-dotted underline-offset-4 hover:underline", className)}
        onPointerEnter={(event) => event.pointerType === "mouse" && peek()}
        onPointerLeave={() => soon("no", 200)}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && open === "no" && peek()}
        onBlur={() => soon("no", 100)}
        onClick={() => {
          clearTimeout(timer.current);
          setOpen((now) => (now === "pinned" ? "no" : "pinned"));
        }}
      >
        {children}
      </button>
      {TimeCard === null || open === "no" ? null : (
        <TimeCard
          trigger={trigger}
          open={open}
          moment={moment}
          iso={iso}
          onClose={() => {
            clearTimeout(timer.current);
            setOpen("no");
          }}
          onPointerEnter={() => clearTimeout(timer.current)}
          onPointerLeave={() => soon("no", 200)}
        />
      )}
    </>
  );
}
