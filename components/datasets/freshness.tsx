import { CircleCheck, CircleX, Clock, TriangleAlert, type LucideIcon } from "lucide-react";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { Badge } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Freshness, FreshnessSignal, FreshnessState } from "@/contracts/freshness.ts";
import { formatDuration } from "@/lib/format";
import { words } from "@/lib/messages/datasets";

const looks: Record<FreshnessState, { word: string; icon: LucideIcon; variant: "succeeded" | "warning" | "failed" }> = {
  ok: { word: words.freshness.fresh, icon: CircleCheck, variant: "succeeded" },
  late: { word: words.freshness.late, icon: Clock, variant: "warning" },
  breached: { word: words.freshness.breached, icon: CircleX, variant: "failed" },
};
const seconds = (of: number) => formatDuration(of * 1000);

/** Fresh, late or breached; and where a breach is to be expected, that too. */
export function FreshnessBadge({ state, forecast }: { state: FreshnessState; forecast: boolean }) {
  const look = looks[state];
  return (
    <span className="inline-flex items-center gap-1">
      <Badge variant={look.variant}><look.icon aria-hidden />{look.word}</Badge>
      {forecast ? <Badge variant="warning"><TriangleAlert aria-hidden />{words.freshness.breachExpected}</Badge> : null}
    </span>
  );
}

/** How old the data are, may be, and will be when the next version comes; then what the monitor recorded. */
export function FreshnessPanel({ freshness, signals }: { freshness: Freshness; signals: FreshnessSignal[] }) {
  const { state, forecast_breach_at, data_at, breach_at, max_age_seconds, late_after_seconds, cadence_seconds, expected_at } = freshness;
  return (
    <div className="grid gap-2">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted-foreground">
        <FreshnessBadge state={state} forecast={forecast_breach_at !== null} />
        <span className="inline-flex items-center gap-1">{words.freshness.dataOf(<Time at={data_at} className="text-foreground" />)}</span>
        <span>{words.freshness.lateAfterBreachedAfter(seconds(late_after_seconds), seconds(max_age_seconds))}</span>
        <span className="inline-flex items-center gap-1">{state === "breached" ? words.freshness.breachedInSentence : words.freshness.breaches} <Time at={breach_at} className="text-foreground" /></span>
        {cadence_seconds === null ? null : <span className="inline-flex items-center gap-1">{words.freshness.aVersionEachTheNextExpected(seconds(cadence_seconds), <Time at={expected_at} className="text-foreground" />)}</span>}
      </p>
      {signals.length === 0 ? null : (
        <Table label={words.freshness.changesOfFreshnessNewestFirst} dense>
          <TableHeader><TableRow><TableHead>{words.freshness.became}</TableHead><TableHead>{words.freshness.when}</TableHead><TableHead>{words.freshness.dataOfHeading}</TableHead><TableHead className="w-full">{words.freshness.versionOfRun}</TableHead></TableRow></TableHeader>
          <TableBody>
            {signals.map((signal) => (
              <TableRow key={signal.signal_id}>
                <TableCell><FreshnessBadge state={signal.state} forecast={signal.forecast} /></TableCell>
                <TableCell><Time at={signal.created_at} /></TableCell>
                <TableCell><Time at={signal.data_at} /></TableCell>
                <TableCell><Link href={`/runs/${signal.run_id}`} className="text-link underline-offset-4 hover:underline"><ShortId id={signal.run_id} what={words.freshness.runId} plain /></Link></TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
    </div>
  );
}
