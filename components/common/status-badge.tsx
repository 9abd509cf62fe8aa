import type { PhaseStatus, RunStatus } from "@/contracts/run.ts";
import { Tooltip } from "@/components/ui/tooltip";
import { cn } from "@/lib/cn";
import { type DerivedStatus, derivedStatusLooks, phaseStatusLooks, runStatusLooks, type StatusLook } from "./status-looks";

type BadgeOptions = {
  /** badge: soft ground; text: icon and word; icon: icon only, the word for screen readers. */
  variant?: "badge" | "text" | "icon";
  /** Reachable by keyboard so that the description can be read: for headers, not for every row of a list. */
  focusable?: boolean;
  className?: string;
};

function StatusMark({ look, variant = "badge", focusable = false, className }: BadgeOptions & { look: StatusLook }) {
  const Icon = look.icon;
  return (
    <Tooltip content={look.description}>
      <span
        data-slot="status"
        tabIndex={focusable ? 0 : undefined}
        className={cn(
          "relative inline-flex w-fit shrink-0 items-center gap-1.5 rounded-sm text-xs font-medium whitespace-nowrap",
          variant === "badge" ? cn("h-5.5 px-1.5", look.badge) : look.text,
          className,
        )}
      >
        <Icon className={cn("size-3.5 shrink-0", look.spins && "animate-spin [animation-duration:2s] motion-reduce:animate-none")} aria-hidden />
        <span className={variant === "icon" ? "sr-only" : undefined}>{look.word}</span>
      </span>
    </Tooltip>
  );
}

export function StatusBadge({ status, ...options }: BadgeOptions & { status: RunStatus }) {
  return <StatusMark look={runStatusLooks[status]} {...options} />;
}

export function PhaseStatusBadge({ status, ...options }: BadgeOptions & { status: PhaseStatus }) {
  return <StatusMark look={phaseStatusLooks[status]} {...options} />;
}

/** What is derived from clocks and limits: stale lease, retrying, blocked by cap. */
export function DerivedStatusBadge({ status, ...options }: BadgeOptions & { status: DerivedStatus }) {
  return <StatusMark look={derivedStatusLooks[status]} {...options} />;
}
