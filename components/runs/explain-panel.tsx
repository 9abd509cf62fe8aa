"use client";

import { Hourglass } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { describeError } from "@/components/common/describe-error";
import { ErrorState } from "@/components/common/error-state";
import { fetchJson } from "@/components/common/fetch-json";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Skeleton } from "@/components/ui/skeleton";
import type { Explanation, ExplainReason } from "@/contracts/explain";
import type { Run } from "@/contracts/run";
import { isTerminal } from "@/contracts/words";
import { words } from "@/lib/messages/run";
import { ruleWords } from "./words";

const againMs = 5_000;

/** Why it does not run, or does not end: every rule that holds it, with what to do. Nothing for a run that simply works or is over. */
export function ExplainPanel({ run }: { run: Run }) {
  const asked = !isTerminal(run.status) && (run.status === "queued" || run.cancel_requested_at !== null);
  const { data, error, refetch } = useQuery({
    queryKey: ["run", run.run_id, "explain"],
    queryFn: ({ signal }) => fetchJson<Explanation>(`/api/v1/runs/${run.run_id}/explain`, signal),
    enabled: asked,
    refetchInterval: againMs,
  });
  if (!asked) return null;
  const title = run.status === "queued" ? words.explainPanel.whyItWaits : words.explainPanel.whyItHasNotEnded;
  return (
    <section aria-label={title} className="grid gap-2 rounded-md border px-3 py-2.5">
      <h2 className="flex items-center gap-2 font-semibold"><Hourglass className="size-4 text-muted-foreground" aria-hidden />{title}</h2>
      {data ? (
        <ol className="grid gap-2">
          {data.reasons.map((reason) => <Reason key={`${reason.rule} ${reason.detail}`} reason={reason} />)}
        </ol>
      ) : error ? (
        <ErrorState {...describeError(error)} onRetry={() => void refetch()} className="py-2" />
      ) : (
        <Skeleton className="h-10 w-full max-w-xl" />
      )}
    </section>
  );
}

function Reason({ reason: { rule, detail, remedy, row } }: { reason: ExplainReason }) {
  const place = placeOf(row);
  return (
    <li className="grid gap-x-3 gap-y-0.5 sm:grid-cols-[10rem_minmax(0,1fr)]">
      <span className="text-xs leading-5 font-medium text-muted-foreground">{ruleWords[rule]}</span>
      <div className="grid gap-0.5">
        <p className="text-pretty">{detail}</p>
        <p className="text-xs text-pretty text-muted-foreground">{remedy}</p>
        <p className="flex flex-wrap gap-x-3 text-xs">
          {place === null ? null : <Link href={place.href} className="inline-flex min-h-6 items-center text-link hover:underline">{place.text}</Link>}
          {holders(row).map((id) => <Link key={id} href={`/runs/${id}`} className="inline-flex min-h-6 items-center text-link hover:underline">{words.explainPanel.heldBy(<ShortId id={id} what={words.explainPanel.runId} plain />)}</Link>)}
        </p>
      </div>
    </li>
  );
}

/** Where the row that blocks it is looked after. */
function placeOf(row: ExplainReason["row"]): { href: string; text: string } | null {
  if (row.kind === "cap") return { href: "/caps", text: words.explainPanel.caps };
  if (row.kind === "executors" || row.kind === "environment") return { href: "/executors", text: words.explainPanel.executors };
  if (typeof row.executor_id === "string") return { href: `/executors/${row.executor_id}`, text: words.explainPanel.itsExecutor };
  return null;
}

/** The runs that hold the gate; at most ten are told. */
function holders(row: ExplainReason["row"]): string[] {
  const held: unknown = row.held_by;
  return Array.isArray(held) ? held.flatMap((each: unknown) => (each !== null && typeof each === "object" && "run_id" in each && typeof each.run_id === "string" ? [each.run_id] : [])) : [];
}
