import { ArrowDown, ArrowUp } from "lucide-react";
import { Link } from "@/components/common/link";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/overview";
import type { Figure } from "./figures";

/** The figures of a range in one line; `query` names the range for the runs list. */
export function FigureStrip({ figures, query }: { figures: Figure[]; query: string }) {
  return (
    <dl className="grid grid-cols-2 overflow-hidden rounded-md border sm:grid-cols-3 xl:grid-cols-6">
      {figures.map((figure) => (
        <div key={figure.name} className="relative -ms-px -mt-px grid content-start gap-0.5 border-s border-t px-3 py-2.5 has-[a:hover]:bg-muted" title={figure.hint}>
          <dt className="text-xs text-muted-foreground">{figure.name}</dt>
          <dd className="grid gap-0.5">
            <span className={cn("text-xl font-semibold tracking-tight tabular-nums", figure.alarming && (figure.status ? "text-failed" : "text-warning"))}>
              {figure.status ? <Link href={`/runs?status=${figure.status}&${query}`} className="after:absolute after:inset-0 hover:underline">{figure.value}<span className="sr-only"> {words.figureStrip.runsShowThem}</span></Link> : figure.value}
            </span>
            <Change change={figure.change} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Change({ change }: { change: Figure["change"] }) {
  if (change === null || change === "same") return <span className="text-xs text-muted-foreground">{change === null ? words.figureStrip.nothingToCompare : words.figureStrip.asBefore}</span>;
  const Icon = change.up ? ArrowUp : ArrowDown;
  return (
    <span className={cn("inline-flex items-center gap-0.5 text-xs tabular-nums", change.good === null ? "text-muted-foreground" : change.good ? "text-succeeded" : "text-failed")}>
      <Icon className="size-3 shrink-0" aria-hidden />
      {change.text}
    </span>
  );
}
