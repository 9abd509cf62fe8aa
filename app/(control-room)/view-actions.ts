"use server";

import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { saveViewRequest, viewLists, type View } from "@/contracts/view.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { deleteView, putPersonalSetting, saveView } from "@/lib/ops/views.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const choice = z.tuple([uuid, z.enum(viewLists), uuid.nullable()]);

export async function saveViewAction(request: unknown): Promise<Outcome<View>> {
  return attempt(async () => saveView(await createSessionClient(), saveViewRequest.parse(request)));
}

export async function deleteViewAction(viewId: string): Promise<Outcome<void>> {
  return attempt(async () => deleteView(await createSessionClient(), uuid.parse(viewId)));
}

/** The view that a list opens with for this person; null: none. */
export async function setDefaultViewAction(...args: [projectId: string, list: View["list"], viewId: string | null]): Promise<Outcome<void>> {
  return attempt(async () => {
    const [projectId, list, viewId] = choice.parse(args);
    await putPersonalSetting(await createSessionClient(), projectId, `default_view.${list}`, viewId);
  });
}
