import { numberOf } from "@/components/common/number-of";
import type { ErrorPlace } from "@/contracts/error";
import { momentIn, timesMistake } from "@/contracts/cron";
import type { reprocessPolicies } from "@/contracts/backfill";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/backfills";

/** What the form holds, as it is typed. `unit` empty: the times of the schedule. Days are of the zone. */
export interface BackfillValues {
  template_key: string;
  unit: string;
  time_zone: string;
  first: string;
  last: string;
  start_parameter: string;
  end_parameter: string;
  reprocess: (typeof reprocessPolicies)[number];
  direction: string;
  max_active: string;
  priority: string;
}

type Made = { request: Record<string, unknown>; errors: [] } | { request: null; errors: ErrorPlace[] };

/** As the contract has it: from the first moment of the first day to that of the day after the last. */
export function backfillRequest(values: BackfillValues, schedule: Schedule | null): Made {
  const errors: ErrorPlace[] = [];
  if (values.first === "") errors.push({ path: "/first", message: words.backfillValues.isNeeded });
  if (values.last === "") errors.push({ path: "/last", message: words.backfillValues.isNeeded });
  else if (values.first > values.last) errors.push({ path: "/last", message: words.backfillValues.isBeforeTheFirstDay });
  const zone = timesMistake({ cron: "0 0 * * *", time_zone: values.time_zone });
  if (zone !== null) errors.push({ path: "/time_zone", message: zone.message });
  if (errors.length > 0) return { request: null, errors };
  const { unit, time_zone, reprocess, direction, start_parameter, end_parameter } = values;
  return {
    errors: [],
    request: {
      ...(schedule === null ? { template_key: values.template_key } : { schedule_id: schedule.schedule_id }),
      ...(unit === "" ? {} : { unit }), ...(start_parameter === "" ? {} : { start_parameter }), ...(end_parameter === "" ? {} : { end_parameter }),
      time_zone, reprocess, direction, max_active: numberOf(values.max_active), priority: numberOf(values.priority),
      range_start: momentIn(time_zone, `${values.first}T00:00:00`).toISOString(), range_end: momentIn(time_zone, `${dayAfter(values.last)}T00:00:00`).toISOString(),
    },
  };
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
