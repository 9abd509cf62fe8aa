import type { ReactNode } from "react";
import { Duration } from "@/components/common/duration";
import { LayerBadge } from "@/components/common/layer-badge";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import type { Layer } from "@/contracts/dataset";
import type { Run } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { formatCount } from "@/lib/format";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/runs";
import type { RunColumn } from "./columns";
import { triggerWords } from "./words";

const absent = <span className="text-muted-foreground">{messages.time.unknown}</span>;
type Names = { layerOf: (run: Run) => Layer | null | undefined; executors: Readonly<Record<string, string>> };

/** What each column of the runs list draws of a run. */
export const runCells: Record<RunColumn, (run: Run, names: Names) => ReactNode> = {
  pipeline: (run, { layerOf }) => {
    const layer = layerOf(run);
    return (
      <span className="inline-flex items-center gap-2">
        {layer ? <LayerBadge layer={layer} /> : null}
        <code className="text-xs text-muted-foreground max-sm:hidden">{run.spec_slug}</code>
      </span>
    );
  },
  trigger: (run) => (
    <span className="inline-flex max-w-56 items-baseline gap-1.5">
      {triggerWords[run.trigger]}
      {run.triggered_by ? <span className="truncate text-muted-foreground" title={run.triggered_by}>{run.triggered_by}</span> : null}
    </span>
  ),
  started: (run) => <Time at={run.started_at} absent={run.finished_at ? messages.time.never : words.runCells.waiting} className="relative" />,
  duration: (run) => <Duration from={run.started_at} to={run.finished_at} />,
  attempt: (run) => <span className={cn("tabular-nums", run.attempt > 1 && "text-warning")}>{run.attempt}/{run.max_attempts}</span>,
  executor: (run, { executors }) => (run.executor_id === null ? absent : (executors[run.executor_id] ?? <ShortId id={run.executor_id} what={words.runCells.executorId} plain />)),
  kind: (run) => run.kind,
  created: (run) => <Time at={run.created_at} className="relative" />,
  finished: (run) => <Time at={run.finished_at} className="relative" />,
  queue: (run) => <code className="text-xs">{run.queue}</code>,
  priority: (run) => <span className="tabular-nums">{run.priority}</span>,
  score: (run) => (run.score === null ? absent : <span className="tabular-nums">{formatCount(Math.round(run.score))}</span>),
  checks: (run) => (run.failed_checks === 0 ? absent : <Link href={`/runs/${run.run_id}?tab=quality`} className="relative text-warning tabular-nums underline-offset-4 hover:underline">{formatCount(run.failed_checks)}</Link>),
  labels: (run) => (run.labels.length === 0 ? absent : <code className="text-xs">{run.labels.join(" ")}</code>),
  error: (run) => (run.error_code === null ? absent : <code className="text-xs" title={run.error_message ?? undefined}>{run.error_code}</code>),
  version: (run) => (run.template_version === null ? absent : <span className="tabular-nums">{run.template_version}</span>),
  git: (run) => (run.git_sha === null ? absent : <code className="text-xs" title={run.git_sha}>{run.git_sha.slice(0, 8)}</code>),
};
