import { expect, test } from "vitest";
import { createScheduleRequest, type Schedule, updateScheduleRequest } from "@/contracts/schedule.ts";
import { changesOf, scheduleRequest, scheduleValues } from "./schedule-values.ts";

const stored: Schedule = {
  schedule_id: "00000000-0000-4000-8000-000000000001", environment_id: "00000000-0000-4000-8000-000000000002", name: "nightly", template_key: "silver_to_gold", template_version: null, cron: "30 2 * * *", time_zone: "Europe/Brussels",
  parameters: { as_of: "${{ schedule.nominal_date }}" }, queue: "default", labels: ["gpu", "linux"], priority: 100, max_attempts: 3, jitter_seconds: 30, start_at: null, end_at: "2027-01-01T00:00:00+00:00", overlap: "buffer_one", catch_up: "all",
  catchup_window_seconds: 5400, pause_on_failure: 3, paused_at: null, paused_by: null, paused_note: null, next_time: null, created_by: null, created_at: "2026-01-01T00:00:00+00:00", updated_at: "2026-01-01T00:00:00+00:00",
};
const opened = () => scheduleValues(stored, stored);

test("a form that is opened and sent changes nothing", () => {
  expect(changesOf(stored, scheduleRequest(opened()).request!)).toEqual({});
});

test("only what was changed is sent, in the words of the contract", () => {
  const { request } = scheduleRequest({ ...opened(), cron: " 0  4 * * * ", pause_on_failure: "", catchup_hours: "2", end_at: null, labels: "" });
  const changes = changesOf(stored, request!);
  expect(changes).toEqual({ cron: "0 4 * * *", pause_on_failure: null, catchup_window_seconds: 7200, end_at: null, labels: [] });
  expect(updateScheduleRequest.safeParse(changes).success).toBe(true);
});

test("a fresh form needs only a name, and what is no number or no object is refused rather than guessed", () => {
  const fresh = { ...scheduleValues(null, { template_key: "silver_to_gold", time_zone: "UTC" }), name: "nightly" };
  expect(createScheduleRequest.safeParse(scheduleRequest(fresh).request).success).toBe(true);
  expect(createScheduleRequest.safeParse(scheduleRequest({ ...fresh, priority: "high" }).request).error?.issues.map(({ path }) => path)).toEqual([["priority"]]);
  expect(createScheduleRequest.safeParse(scheduleRequest({ ...fresh, max_attempts: "" }).request).error?.issues.map(({ path }) => path)).toEqual([["max_attempts"]]);
  expect(scheduleRequest({ ...fresh, parameters: "[1]" }).problem).toContain("JSON object");
  expect(scheduleRequest({ ...fresh, parameters: "{" }).problem).toContain("JSON object");
});
