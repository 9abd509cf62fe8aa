import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/schedules";
import { describeCron } from "./cron-words";
import { ScheduleStatus } from "./schedule-status";
import { overlapChoices } from "./words";

export function ScheduleTable({ schedules, titles }: { schedules: Schedule[]; titles: Readonly<Record<string, string>> }) {
  return (
    <Table label={words.scheduleTable.schedulesByName} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.scheduleTable.schedule}</TableHead>
          <TableHead>{words.scheduleTable.status}</TableHead>
          <TableHead>{words.scheduleTable.pipeline}</TableHead>
          <TableHead>{words.scheduleTable.when}</TableHead>
          <TableHead>{words.scheduleTable.zone}</TableHead>
          <TableHead>{words.scheduleTable.next}</TableHead>
          <TableHead>{words.scheduleTable.ifOneIsOpen}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {schedules.map((schedule) => (
          <TableRow key={schedule.schedule_id}>
            <TableCell><Link href={`/schedules/${schedule.schedule_id}`} className={rowLinkClasses}>{schedule.name}</Link></TableCell>
            <TableCell><ScheduleStatus schedule={schedule} /></TableCell>
            <TableCell><Link href={`/pipelines/${schedule.template_key}`} className="relative inline-flex min-h-6 items-center hover:text-link hover:underline">{titles[schedule.template_key] ?? schedule.template_key}</Link></TableCell>
            <TableCell className="whitespace-normal"><CronWords cron={schedule.cron} /></TableCell>
            <TableCell className="text-xs text-muted-foreground">{schedule.time_zone}</TableCell>
            <TableCell><Time at={schedule.next_time} absent={schedule.paused_at === null ? words.scheduleTable.noneToCome : words.scheduleTable.noneWhilePaused} className="relative" /></TableCell>
            <TableCell narrow={false} className="text-muted-foreground">{overlapChoices.find(({ value }) => value === schedule.overlap)?.label}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

/** The sentence with its cron behind it, or the cron alone. */
export function CronWords({ cron }: { cron: string }) {
  const said = describeCron(cron);
  return said === null ? <code className="text-xs">{cron}</code> : <span title={cron}>{said}</span>;
}
