import { z } from "zod";
import { clockChanges } from "./cron.ts";
import { jsonObject, page, pageQuery, slug, text, timestamp, uuid, word } from "./common.ts";
import { labelPattern } from "./words.ts";

export const overlapPolicies = ["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"] as const;
export const catchUps = ["none", "latest", "all"] as const;
export const fireOutcomes = ["started", "buffered", "skipped_overlap", "superseded", "missed", "dropped"] as const;

/** What a run of the clock may put into its parameters: `${{ schedule.nominal_time }}` (RFC 3339, UTC) and the local date. */
export const scheduleWords = ["nominal_time", "nominal_date"] as const;
export type ScheduleWords = Record<(typeof scheduleWords)[number], string>;
/** As SQL does it when the run is made; here for checking parameters before. */
export function fillScheduleWords(parameters: Record<string, unknown>, words: ScheduleWords): Record<string, unknown> {
  const filled = scheduleWords.reduce((all, name) => all.replaceAll(new RegExp(`\\$\\{\\{\\s*schedule\\.${name}\\s*\\}\\}`, "g"), words[name]), JSON.stringify(parameters));
  return JSON.parse(filled) as Record<string, unknown>;
}

const cron = text.min(9).max(200).describe("five fields: minute, hour, day of month, month, day of week");
const timeZone = z.string().min(1).max(100).describe("an IANA time zone");
const times = { cron, time_zone: timeZone.default("UTC"), start_at: timestamp.nullable().optional(), end_at: timestamp.nullable().optional() };
export const label = z.string().regex(labelPattern);

const fields = {
  name: text.min(1).max(200),
  template_key: word,
  template_version: z.int().min(1).nullable().describe("null: the current one at each fire"),
  cron,
  time_zone: timeZone,
  parameters: jsonObject.describe("values may hold ${{ schedule.nominal_time }} and ${{ schedule.nominal_date }}"),
  queue: word,
  labels: z.array(label).max(20),
  priority: z.int().min(0).max(1000),
  max_attempts: z.int().min(1).max(100),
  jitter_seconds: z.int().min(0).max(86_400).describe("each start is delayed by less than this, always the same for the same nominal time"),
  start_at: timestamp.nullable(),
  end_at: timestamp.nullable(),
  overlap: z.enum(overlapPolicies).describe("what happens at a nominal time while the run before goes on"),
  catch_up: z.enum(catchUps).describe("which nominal times run that are found more than 5 minutes late"),
  catchup_window_seconds: z.int().min(0).max(31_622_400).describe("later than this is missed"),
  pause_on_failure: z.int().min(1).max(1000).nullable().describe("pauses after so many failed runs in a row; null: never"),
};

export const schedule = z.object({
  schedule_id: uuid,
  environment_id: uuid,
  ...fields,
  paused_at: timestamp.nullable(),
  paused_by: z.string().nullable(),
  paused_note: z.string().nullable(),
  next_time: timestamp.nullable().describe("the next nominal time; null while paused, or where none is to come"),
  created_by: z.string().nullable(),
  created_at: timestamp,
  updated_at: timestamp,
}).meta({ id: "Schedule" });
export type Schedule = z.infer<typeof schedule>;
export const schedulePage = page(schedule).meta({ id: "SchedulePage" });
export const listSchedulesQuery = pageQuery.extend({ environment_id: uuid.optional(), template_key: word.optional() });

export const createScheduleRequest = z.strictObject({
  ...fields,
  time_zone: fields.time_zone.default("UTC"),
  template_version: fields.template_version.optional(),
  parameters: fields.parameters.default({}),
  queue: fields.queue.default("default"),
  labels: fields.labels.default([]),
  priority: fields.priority.default(100),
  max_attempts: fields.max_attempts.default(3),
  jitter_seconds: fields.jitter_seconds.default(0),
  start_at: fields.start_at.optional(),
  end_at: fields.end_at.optional(),
  overlap: fields.overlap.default("skip"),
  catch_up: fields.catch_up.default("latest"),
  catchup_window_seconds: fields.catchup_window_seconds.default(86_400),
  pause_on_failure: fields.pause_on_failure.optional(),
  environment: slug.optional().describe("may be left out where the caller sees one environment"),
  project: slug.optional(),
}).meta({ id: "CreateScheduleRequest" });
export type CreateScheduleRequest = z.input<typeof createScheduleRequest>;
export const updateScheduleRequest = z.strictObject(fields).partial().meta({ id: "UpdateScheduleRequest" });
export type UpdateScheduleRequest = z.input<typeof updateScheduleRequest>;
/** The arguments of the RPCs: what the request says, checked. */
export const newSchedule = createScheduleRequest.omit({ environment: true, project: true }).extend({ environment_id: uuid });

export const pauseRequest = z.strictObject({ note: text.max(500).optional() }).meta({ id: "PauseRequest" });

export const scheduleTimes = z.object({
  items: z.array(z.object({ nominal_time: timestamp, local_time: timestamp, clock_change: z.enum(clockChanges).nullable().describe("gap: cron's own time does not exist on that day; fold: this local time comes twice") })),
}).meta({ id: "ScheduleTimes" });
const count = z.coerce.number().int().min(1).max(200).default(10);
export const previewScheduleQuery = z.object({ count, after: timestamp.optional() });
export const previewScheduleRequest = z.strictObject({ ...times, count: z.int().min(1).max(200).default(10), after: timestamp.optional() }).meta({ id: "PreviewScheduleRequest", examples: [{ cron: "30 2 * * 1-5", time_zone: "Europe/Berlin", count: 5 }] });

export const scheduleFire = z.object({
  schedule_id: uuid,
  nominal_time: timestamp,
  outcome: z.enum(fireOutcomes),
  manual: z.boolean().describe("run now"),
  reason: z.string().nullable(),
  run_id: uuid.nullable(),
  fired_at: timestamp,
  settled_at: timestamp.nullable(),
}).meta({ id: "ScheduleFire" });
export type ScheduleFire = z.infer<typeof scheduleFire>;
export const scheduleFirePage = page(scheduleFire).meta({ id: "ScheduleFirePage" });
export const listFiresQuery = pageQuery.extend({ outcome: z.enum(fireOutcomes).optional() });

/** For the scheduler. */
export const dueSchedules = z.object({
  now: timestamp,
  items: z.array(z.object({ schedule_id: uuid, cron: z.string(), time_zone: z.string(), start_at: timestamp.nullable(), end_at: timestamp.nullable(), after_time: timestamp })),
});
export const firedSchedule = z.object({ moved: z.boolean(), settled: z.int(), started: z.int() });
