import { DeleteButton } from "@/components/common/delete-button";
import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import { Badge } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Cap } from "@/contracts/cap";
import { cn } from "@/lib/cn";
import { formatCount, formatShare } from "@/lib/format";
import { words } from "@/lib/messages/caps";
import type { Outcome } from "@/lib/ops/attempt";
import type { CapRow } from "@/lib/ops/caps-page";
import { CapForm } from "./cap-form";
import { amountWords, limitWords, scopeWords, stateLooks } from "./words";

export type CapActionSet = {
  change: (capId: string, change: Record<string, unknown>) => Promise<Outcome<Cap>>;
  remove: (capId: string) => Promise<Outcome<boolean>>;
};
const waitingNamed = 5;

/** Each cap with its limit, use, forecast, and the runs that wait because of it; the tightest first. */
export function CapTable({ rows, refused, actions }: { rows: CapRow[]; refused: string | null; actions: CapActionSet }) {
  return (
    <Table label={words.capTable.capsTheTightestFirst} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.capTable.cap}</TableHead>
          <TableHead>{words.capTable.state}</TableHead>
          <TableHead>{words.capTable.limit}</TableHead>
          <TableHead className="min-w-56">{words.capTable.use}</TableHead>
          <TableHead>{words.capTable.forecast}</TableHead>
          <TableHead>{words.capTable.resets}</TableHead>
          <TableHead>{words.capTable.waits}</TableHead>
          <TableHead><span className="sr-only">{words.capTable.change}</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {rows.map(({ cap, report, waiting }) => {
          const { word, icon: Icon, variant } = stateLooks[report.state];
          return (
            <TableRow key={cap.cap_id}>
              <TableCell><code className="text-xs">{cap.cap_key}</code><span className="block text-xs text-muted-foreground">{scopeWords[cap.scope].word}</span></TableCell>
              <TableCell><Badge variant={variant}><Icon aria-hidden />{word}</Badge></TableCell>
              <TableCell>{limitWords(cap)}</TableCell>
              <TableCell className="max-sm:w-full"><Use row={{ cap, report, waiting }} /></TableCell>
              <TableCell className="whitespace-normal">
                <Narrow>{words.capTable.forecastInSentence}</Narrow>{amountWords(cap.unit, report.forecast)}{report.forecast_share === null ? "" : `, ${formatShare(Math.round(report.forecast_share * 100) / 100)}`}
                {report.runs_out_at !== null && report.state === "will_run_out" ? <span className="block text-xs text-warning">{words.capTable.reached(<Time at={report.runs_out_at} />)}</span> : null}
              </TableCell>
              <TableCell><Narrow>{words.capTable.resetsInSentence}</Narrow><Time at={cap.resets_at} /></TableCell>
              <TableCell className="whitespace-normal">
                <Narrow>{words.capTable.waitsInSentence}</Narrow>
                {waiting.length === 0 ? <span className="text-muted-foreground">{words.capTable.nothing}</span> : (
                  <ul className="grid gap-0.5">
                    {waiting.slice(0, waitingNamed).map((run) => <li key={run.run_id}><Link href={`/runs/${run.run_id}`} className="inline-flex min-h-6 items-center text-link hover:underline">{run.template_key ?? run.spec_slug}</Link></li>)}
                    {waiting.length > waitingNamed ? <li className="text-xs text-muted-foreground">{words.capTable.andMore(formatCount(waiting.length - waitingNamed))}</li> : null}
                  </ul>
                )}
              </TableCell>
              <TableCell>
                <span className="flex items-center justify-end gap-1">
                  <CapForm cap={cap} refused={refused} saveAction={actions.change.bind(null, cap.cap_id)} />
                  <DeleteButton what={words.capTable.theCap(cap.cap_key)} description={words.capTable.itsUseIsForgotten} blocked={refused} remove={actions.remove.bind(null, cap.cap_id)} />
                </span>
              </TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}

/** What the column says, where a row has become a card without its header. */
function Narrow({ children }: { children: string }) {
  return <span className="me-1 text-xs text-muted-foreground sm:hidden">{children}</span>;
}

/** A bar with a mark at 80 %, and the same in words. Used is solid, reserved by runs that are active is lighter. */
function Use({ row: { cap, report } }: { row: CapRow }) {
  const limit = Number(cap.limit_amount);
  const width = (amount: string) => (limit === 0 ? 0 : Math.min(100, (Number(amount) / limit) * 100));
  const fill = report.state === "exhausted" ? "bg-failed" : (report.share ?? 0) >= 0.8 ? "bg-warning" : "bg-primary";
  return (
    <div className="grid gap-1 py-1">
      <div className="relative flex h-2 overflow-hidden rounded-sm bg-secondary" aria-hidden>
        <span className={fill} style={{ width: `${width(cap.used)}%` }} />
        <span className={cn(fill, "opacity-50")} style={{ width: `${width(cap.reserved)}%` }} />
        <span className="absolute inset-y-0 w-px bg-foreground" style={{ insetInlineStart: "80%" }} />
      </div>
      <p className="text-xs tabular-nums">{words.capTable.usedReserved(amountWords(cap.unit, cap.used), amountWords(cap.unit, cap.reserved))}{report.share === null ? "" : `: ${formatShare(Math.round(report.share * 1000) / 1000)}`}</p>
    </div>
  );
}
