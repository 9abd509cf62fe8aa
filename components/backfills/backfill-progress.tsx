import { Badge } from "@/components/ui/badge";
import type { Backfill } from "@/contracts/backfill";
import { cn } from "@/lib/cn";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/backfills";
import { settled, statusLooks } from "./words";

export function BackfillStatus({ status }: Pick<Backfill, "status">) {
  const { word, icon: Icon, variant } = statusLooks[status];
  return <Badge variant={variant}><Icon aria-hidden />{word}</Badge>;
}

const parts = [
  { name: "succeeded", fill: "bg-succeeded" },
  { name: "failed", fill: "bg-failed" },
  { name: "canceled", fill: "bg-canceled" },
  { name: "skipped", fill: "bg-reused" },
  { name: "running", fill: "bg-running" },
  { name: "queued", fill: "bg-queued" },
] as const satisfies readonly { name: keyof Backfill["progress"]; fill: string }[];

/** How far it is: a bar, and the same in words; what is pending is the empty rest. */
export function BackfillProgress({ backfill, explained = false, className }: { backfill: Pick<Backfill, "progress" | "total">; explained?: boolean; className?: string }) {
  const { progress, total } = backfill;
  const said = [...parts.map(({ name }) => name), "pending" as const].filter((name) => progress[name] > 0);
  return (
    <div className={cn("grid gap-1", className)}>
      <div className="flex items-center gap-2">
        <span className="flex h-1.5 min-w-16 flex-1 overflow-hidden rounded-sm bg-secondary" aria-hidden>
          {parts.map(({ name, fill }) => (progress[name] > 0 ? <span key={name} className={fill} style={{ flexGrow: progress[name] }} /> : null))}
          {progress.pending > 0 ? <span style={{ flexGrow: progress.pending }} /> : null}
        </span>
        <span className="text-xs tabular-nums">{words.backfillProgress.of(formatCount(settled(backfill)), formatCount(total))}</span>
      </div>
      {explained ? (
        <p className="flex flex-wrap gap-x-3 text-xs text-muted-foreground">
          {said.map((name) => <span key={name} className="inline-flex items-center gap-1"><span className={cn("size-2 rounded-sm", parts.find((part) => part.name === name)?.fill ?? "bg-secondary")} aria-hidden />{words.backfillProgress.counted(formatCount(progress[name]), words.backfillProgress.state[name])}</span>)}
        </p>
      ) : null}
    </div>
  );
}
