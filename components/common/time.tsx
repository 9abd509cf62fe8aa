"use client";

import { type ReactNode, useRef, useState } from "react";
import { Popover, PopoverAnchor, PopoverContent } from "@/components/ui/popover";
import { cn } from "@/lib/cn";
import { formatAbsolute, formatRelative, formatUtcMinute } from "@/lib/format";
import { messages } from "@/lib/messages";
import { CopyButton } from "./copy-button";
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
    <TimeCard moment={moment} iso={iso} label={messages.time.details(text)} className={className}>
      {element}
    </TimeCard>
  );
}

type TimeCardProps = { moment: number; iso: string; label: string; className?: string; children: ReactNode };

/** Opens on hover and focus to be read, and by click or Enter to be used: then focus moves into it. */
function TimeCard({ moment, iso, label, className, children }: TimeCardProps) {
  const [open, setOpen] = useState<"no" | "peek" | "pinned">("no");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const trigger = useRef<HTMLButtonElement>(null);

  function soon(next: "no" | "peek", milliseconds: number) {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setOpen((now) => (now === "pinned" ? now : next)), milliseconds);
  }

  return (
    <Popover
      open={open !== "no"}
      onOpenChange={(next) => {
        clearTimeout(timer.current);
        if (!next) setOpen("no");
      }}
    >
      <PopoverAnchor asChild>
        <button
          ref={trigger}
          type="button"
          aria-label={label}
          aria-haspopup="dialog"
          aria-expanded={open !== "no"}
          className={cn("relative -mx-0.5 inline-flex min-h-6 items-center rounded-sm px-0.5 decoration-muted-foreground decoration-dotted underline-offset-4 hover:underline", className)}
          onPointerEnter={(event) => event.pointerType === "mouse" && soon("peek", 350)}
          onPointerLeave={() => soon("no", 200)}
          onFocus={(event) => event.currentTarget.matches(":focus-visible") && open === "no" && soon("peek", 350)}
          onBlur={() => soon("no", 100)}
          onClick={() => {
            clearTimeout(timer.current);
            setOpen((now) => (now === "pinned" ? "no" : "pinned"));
          }}
        >
          {children}
        </button>
      </PopoverAnchor>
      {open === "no" ? null : (
        <PopoverContent
          // Remounting when it is pinned lets Radix move the focus into it.
          key={open}
          className="w-auto p-2"
          aria-label={messages.time.card}
          onOpenAutoFocus={(event) => open === "peek" && event.preventDefault()}
          onCloseAutoFocus={(event) => event.preventDefault()}
          onEscapeKeyDown={() => open === "pinned" && trigger.current?.focus()}
          onPointerEnter={() => clearTimeout(timer.current)}
          onPointerLeave={() => soon("no", 200)}
        >
          <TimeLines moment={moment} iso={iso} />
        </PopoverContent>
      )}
    </Popover>
  );
}

function TimeLines({ moment, iso }: { moment: number; iso: string }) {
  const lines = [
    [messages.time.local, formatAbsolute(moment)],
    [messages.time.utc, iso],
    [messages.time.unix, String(Math.floor(moment / 1000))],
  ] as const;
  return (
    <dl className="grid grid-cols-[auto_1fr_auto] items-center gap-x-3 text-xs">
      {lines.map(([name, value]) => (
        <div key={name} className="col-span-3 grid grid-cols-subgrid items-center">
          <dt className="text-muted-foreground">{name}</dt>
          <dd className={name === messages.time.local ? undefined : "font-mono"}>{value}</dd>
          <dd>
            <CopyButton value={value} what={messages.time.inZone(name)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
