import { CalendarClock } from "lucide-react";
import { Duration } from "@/components/common/duration";
import { Link } from "@/components/common/link";
import { StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { runTitle } from "@/components/runs/words";
import type { Run } from "@/contracts/run";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/overview";

const row = "relative flex min-h-row items-center gap-3 px-3 py-1 hover:bg-muted";
const link = "min-w-0 flex-1 truncate font-medium after:absolute after:inset-0 hover:text-link";
const none = "px-3 py-2.5 text-muted-foreground";

export function RunningNow({ runs, titles }: { runs: Run[]; titles: Readonly<Record<string, string>> }) {
  if (runs.length === 0) return <p className={none}>{words.nowAndNext.noRunIsUnderWay}</p>;
  return (
    <ul className="divide-y">
      {runs.map((run) => (
        <li key={run.run_id} className={row}>
          <StatusBadge status={run.status} variant="icon" />
          <Link href={`/runs/${run.run_id}`} className={link}>{runTitle(run, titles)}</Link>
          <Duration from={run.started_at ?? run.claimed_at} to={null} className="text-xs" />
        </li>
      ))}
    </ul>
  );
}

export function NextScheduled({ schedules, titles }: { schedules: Schedule[]; titles: Readonly<Record<string, string>> }) {
  if (schedules.length === 0) return <p className={none}>{words.nowAndNext.nothingIsScheduled}</p>;
  return (
    <ul className="divide-y">
      {schedules.map((schedule) => (
        <li key={schedule.schedule_id} className={row}>
          <CalendarClock className="size-3.5 shrink-0 text-muted-foreground" aria-hidden />
          <Link href={`/schedules/${schedule.schedule_id}`} className={link}>{titles[schedule.template_key] ?? schedule.template_key}</Link>
          <Time at={schedule.next_time} className="text-xs" />
        </li>
      ))}
    </ul>
  );
}
