import { Fragment, type ReactNode } from "react";
import { Time } from "@/components/common/time";
import type { Schedule } from "@/contracts/schedule";
import { formatCount } from "@/lib/format";
import { catchUpChoices, overlapChoices } from "./words";

const hour = 3600;

/** The policies of a schedule, each with what it means. */
export function ScheduleFacts({ schedule }: { schedule: Schedule }) {
  const overlap = overlapChoices.find(({ value }) => value === schedule.overlap);
  const catchUp = catchUpChoices.find(({ value }) => value === schedule.catch_up);
  const facts: [string, ReactNode][] = [
    ["Cron", <code key="cron" className="text-xs">{schedule.cron}</code>],
    ["If a run is open", <>{overlap?.label}. <span className="text-muted-foreground">{overlap?.description}</span></>],
    ["Times found late", <>{catchUp?.label}. <span className="text-muted-foreground">{catchUp?.description} The window is {formatCount(Math.round(schedule.catchup_window_seconds / hour))} h.</span></>],
    ["Pause", schedule.pause_on_failure === null ? "never by itself" : `after ${formatCount(schedule.pause_on_failure)} failed runs in a row`],
    ["Version", schedule.template_version === null ? "the current one each time" : String(schedule.template_version)],
    ["Run", `queue ${schedule.queue}, priority ${schedule.priority}, at most ${schedule.max_attempts} attempts${schedule.labels.length > 0 ? `, labels ${schedule.labels.join(", ")}` : ""}`],
    ["Jitter", schedule.jitter_seconds === 0 ? "none" : `less than ${formatCount(schedule.jitter_seconds)} s`],
    ["From, until", <Fragment key="range"><Time at={schedule.start_at} absent="the beginning" format="absolute" /> to <Time at={schedule.end_at} absent="no end" format="absolute" /></Fragment>],
    ["Made", <Fragment key="made"><Time at={schedule.created_at} />{schedule.created_by ? ` by ${schedule.created_by}` : ""}</Fragment>],
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
