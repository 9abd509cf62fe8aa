"use server";

import { z } from "zod";
import { type Backfill, type backfillPreview, createBackfillRequest } from "@/contracts/backfill.ts";
import { slug, uuid } from "@/contracts/common.ts";
import { pauseRequest } from "@/contracts/schedule.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { cancelBackfill, createBackfill, pauseBackfill, previewBackfill, resumeBackfill } from "@/lib/ops/backfills.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
type Where = { environment: string; project: string };
const place = z.object({ environment: slug, project: slug });
const keyText = z.string().min(1).max(200);
const requestOf = (where: Where, request: Record<string, unknown>) => parseOrRefuse(createBackfillRequest, { ...request, ...place.parse(where) }, "form", "");
const noteOf = (note: string) => pauseRequest.shape.note.parse(note.trim() || undefined);

/** `where` is bound by the page; of both. */
export async function previewBackfillAction(where: Where, request: Record<string, unknown>): Promise<Outcome<z.output<typeof backfillPreview>>> {
  return attempt(async () => previewBackfill(await createSessionClient(), requestOf(where, request)));
}

export async function createBackfillAction(where: Where, request: Record<string, unknown>, key: string): Promise<Outcome<Backfill>> {
  return attempt(async () => (await createBackfill(await createSessionClient(), requestOf(where, request), keyText.parse(key))).backfill);
}

export async function pauseBackfillAction(backfillId: string, note: string): Promise<Outcome<Backfill>> {
  return attempt(async () => pauseBackfill(await createSessionClient(), uuid.parse(backfillId), noteOf(note)));
}

export async function resumeBackfillAction(backfillId: string): Promise<Outcome<Backfill>> {
  return attempt(async () => resumeBackfill(await createSessionClient(), uuid.parse(backfillId)));
}

export async function cancelBackfillAction(backfillId: string, note: string): Promise<Outcome<Backfill>> {
  return attempt(async () => cancelBackfill(await createSessionClient(), uuid.parse(backfillId), noteOf(note)));
}
