"use server";

import { z } from "zod";
import { slug, uuid } from "@/contracts/common.ts";
import { createScheduleRequest, pauseRequest, updateScheduleRequest, type Schedule } from "@/contracts/schedule.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createSchedule, deleteSchedule, pauseSchedule, resumeSchedule, runSchedule, updateSchedule } from "@/lib/ops/schedules.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const place = z.object({ environment: slug, project: slug });
const keyText = z.string().min(1).max(200);

/** `where` is bound by the page. */
export async function createScheduleAction(where: { environment: string; project: string }, request: Record<string, unknown>): Promise<Outcome<Schedule>> {
  return attempt(async () => createSchedule(await createSessionClient(), parseOrRefuse(createScheduleRequest, { ...request, ...place.parse(where) }, "form", "")));
}

export async function changeScheduleAction(scheduleId: string, patch: Record<string, unknown>): Promise<Outcome<Schedule>> {
  return attempt(async () => updateSchedule(await createSessionClient(), uuid.parse(scheduleId), parseOrRefuse(updateScheduleRequest, patch, "form", "")));
}

export async function pauseScheduleAction(scheduleId: string, note: string): Promise<Outcome<Schedule>> {
  return attempt(async () => pauseSchedule(await createSessionClient(), uuid.parse(scheduleId), pauseRequest.shape.note.parse(note.trim() || undefined)));
}

export async function resumeScheduleAction(scheduleId: string): Promise<Outcome<Schedule>> {
  return attempt(async () => resumeSchedule(await createSessionClient(), uuid.parse(scheduleId)));
}

/** Answers the run that was made; the same key gives the same run. */
export async function runScheduleAction(scheduleId: string, key: string): Promise<Outcome<{ run_id: string }>> {
  return attempt(async () => {
    const { run } = await runSchedule(await createSessionClient(), uuid.parse(scheduleId), keyText.parse(key));
    return { run_id: run.run_id };
  });
}

export async function deleteScheduleAction(scheduleId: string): Promise<Outcome<void>> {
  return attempt(async () => deleteSchedule(await createSessionClient(), uuid.parse(scheduleId)));
}
