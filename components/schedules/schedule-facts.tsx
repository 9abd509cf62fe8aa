import { Fragment, type ReactNode } from "react";
import { Time } from "@/components/common/time";
import type { Schedule } from "@/contracts/schedule";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/schedules";
import { catchUpChoices, overlapChoices } from "./words";

const hour = 3600;

/** The policies of a schedule, each with what it means. */
export function ScheduleFacts({ schedule }: { schedule: Schedule }) {
  const overlap = overlapChoices.find(({ value }) => value === schedule.overlap);
  const catchUp = catchUpChoices.find(({ value }) => value === schedule.catch_up);
  const facts: [string, ReactNode][] = [
    [words.scheduleFacts.cron, <code key="cron" className="text-xs">{schedule.cron}</code>],
    [words.scheduleFacts.ifARunIsOpen, <>{overlap?.label}. <span className="text-muted-foreground">{overlap?.description}</span></>],
    [words.scheduleFacts.timesFoundLate, <>{catchUp?.label}. <span className="text-muted-foreground">{words.scheduleFacts.theWindowIs(catchUp?.description, formatCount(Math.round(schedule.catchup_window_seconds / hour)))}</span></>],
    [words.scheduleFacts.pause, schedule.pause_on_failure === null ? words.scheduleFacts.neverByItself : words.scheduleFacts.afterFailedRunsInARow(formatCount(schedule.pause_on_failure))],
    [words.scheduleFacts.version, schedule.template_version === null ? words.scheduleFacts.theCurrentOneEachTime : String(schedule.template_version)],
    [words.scheduleFacts.run, schedule.labels.length > 0 ? words.scheduleFacts.queuePriorityAttemptsLabels(schedule.queue, schedule.priority, schedule.max_attempts, schedule.labels.join(", ")) : words.scheduleFacts.queuePriorityAttempts(schedule.queue, schedule.priority, schedule.max_attempts)],
    [words.scheduleFacts.jitter, schedule.jitter_seconds === 0 ? words.scheduleFacts.none : words.scheduleFacts.lessThanSeconds(formatCount(schedule.jitter_seconds))],
    [words.scheduleFacts.fromUntil, <Fragment key="range">{words.scheduleFacts.fromTo(<Time at={schedule.start_at} absent={words.scheduleFacts.theBeginning} format="absolute" />, <Time at={schedule.end_at} absent={words.scheduleFacts.noEnd} format="absolute" />)}</Fragment>],
    [words.scheduleFacts.made, schedule.created_by ? words.scheduleFacts.madeBy(<Time at={schedule.created_at} />, schedule.created_by) : <Time key="made" at={schedule.created_at} />],
  ];
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5">
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt className="text-muted-foreground">{name}</dt>
          <dd className="break-words">{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
