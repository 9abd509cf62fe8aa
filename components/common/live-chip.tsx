"use client";

import { Pause, Play } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import { useNow } from "./now";

export type LiveState = { kind: "live" } | { kind: "paused" } | { kind: "reconnecting"; since: number };

type LiveChipProps = {
  /** `since`: Unix milliseconds at which the stream was lost. */
  state: LiveState;
  onPause: () => void;
  onResume: () => void;
  className?: string;
};

/** Says whether what is shown follows the server, and stops or resumes it (WCAG 2.2.2). */
export function LiveChip({ state, onPause, onResume, className }: LiveChipProps) {
  const now = useNow(state.kind === "reconnecting" ? "second" : null);
  const paused = state.kind === "paused";
  const word =
    state.kind === "live" ? messages.live.live
    : state.kind === "paused" ? messages.live.paused
    : messages.live.reconnecting(Math.max(0, Math.round(((now ?? state.since) - state.since) / 1000)));
  const hint = paused ? messages.live.resume : messages.live.pause;

  return (
    <span className={cn("inline-flex h-7 items-center gap-1.5 rounded-md border ps-2 pe-0.5 text-xs font-medium text-muted-foreground", className)} data-print="hide">
      <span className="relative flex size-2" aria-hidden>
        {state.kind === "live" ? <span className="absolute inset-0 animate-ping rounded-full bg-succeeded opacity-60 [animation-duration:2s] motion-reduce:hidden" /> : null}
        <span
          className={cn(
            "relative size-2 rounded-full",
            state.kind === "live" ? "bg-succeeded" : state.kind === "reconnecting" ? "bg-warning" : "border border-muted-foreground",
          )}
        />
      </span>
      <span className="tabular-nums" aria-hidden>
        {word}
      </span>
      {/* Read out when the state changes, not at each second of waiting. */}
      <span className="sr-only" role="status">
        {state.kind === "reconnecting" ? messages.live.lost : word}
      </span>
      <Tooltip content={hint}>
        <Button variant="ghost" size="icon-xs" aria-label={hint} onClick={paused ? onResume : onPause}>
          {paused ? <Play aria-hidden /> : <Pause aria-hidden />}
        </Button>
      </Tooltip>
    </span>
  );
}
