"use client";

import { cn } from "@/lib/cn";
import { formatDuration, formatTicking, isoDuration } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useNow } from "./now";

type DurationProps = {
  /** ISO 8601; the span begins here. `null`: not begun, a dash. */
  from: string | null | undefined;
  /** ISO 8601; the span ended here. `null` with `from`: it ticks every second. */
  to: string | null | undefined;
  className?: string;
};

/** How long something took, or has taken so far. */
export function Duration({ from, to, className }: DurationProps) {
  const begin = from == null ? null : Date.parse(from);
  const end = to == null ? null : Date.parse(to);
  const now = useNow(begin !== null && end === null ? "second" : null);
  const classes = cn("whitespace-nowrap tabular-nums", className);
  if (begin === null) return <span className={cn(classes, "text-muted-foreground")}>{messages.time.unknown}</span>;

  const until = end ?? now;
  // The server has no clock to count by: the place is kept until the browser fills it.
  if (until === null) return <span className={classes}>…</span>;
  const span = Math.max(0, until - begin);
  return (
    <time dateTime={isoDuration(span)} className={classes}>
      {end === null ? formatTicking(span) : formatDuration(span)}
    </time>
  );
}
