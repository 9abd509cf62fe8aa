import { CalendarOff, CircleCheck, CircleX, Clock, Cpu, type LucideIcon, ShieldAlert, TriangleAlert } from "lucide-react";
import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/overview";
import type { Attention } from "./attention";

const looks: Record<Attention["kind"], { icon: LucideIcon; word: string; tone: string }> = {
  failed: { icon: CircleX, word: words.attentionList.failed, tone: "text-failed" },
  stale: { icon: Clock, word: words.attentionList.breached, tone: "text-failed" },
  lease: { icon: TriangleAlert, word: words.attentionList.staleLease, tone: "text-warning" },
  cap: { icon: ShieldAlert, word: words.attentionList.cap, tone: "text-warning" },
  executor: { icon: Cpu, word: words.attentionList.offline, tone: "text-warning" },
  schedule: { icon: CalendarOff, word: words.attentionList.paused, tone: "text-warning" },
};

export function AttentionList({ items }: { items: Attention[] }) {
  if (items.length === 0) return <p className="flex items-center gap-2 rounded-md border px-3 py-2.5"><CircleCheck className="size-4 shrink-0 text-succeeded" aria-hidden />{words.attentionList.nothingNeedsAttentionWhatFailed}</p>;
  return (
    <ul className="divide-y rounded-md border">
      {items.map((item) => {
        const { icon: Icon, word, tone } = looks[item.kind];
        return (
          <li key={item.key} className="relative flex items-center gap-3 px-3 py-2 hover:bg-muted">
            <span className={cn("inline-flex w-24 shrink-0 items-center gap-1.5 text-xs font-medium max-sm:w-auto", tone)}><Icon className="size-3.5 shrink-0" aria-hidden /><span className="max-sm:sr-only">{word}</span></span>
            <span className="grid min-w-0 flex-1">
              <Link href={item.href} className="truncate font-medium after:absolute after:inset-0 hover:text-link">{item.title}</Link>
              <span className="truncate text-xs text-muted-foreground" title={item.detail}>{item.detail}</span>
            </span>
            {item.at === null ? null : <Time at={item.at} className="shrink-0 text-xs text-muted-foreground" />}
          </li>
        );
      })}
    </ul>
  );
}
