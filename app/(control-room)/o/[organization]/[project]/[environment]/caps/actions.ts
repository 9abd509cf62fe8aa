"use server";

import { z } from "zod";
import { changeCapRequest, createCapRequest, type Cap } from "@/contracts/cap.ts";
import { slug, uuid } from "@/contracts/common.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { changeCap, createCap } from "@/lib/ops/caps.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const place = z.object({ organization: slug, project: slug, environment: slug });

/** `where` is bound by the page; the scope says which of the three is meant. */
export async function createCapAction(where: z.infer<typeof place>, request: Record<string, unknown>): Promise<Outcome<Cap>> {
  return attempt(async () => createCap(await createSessionClient(), parseOrRefuse(createCapRequest, { ...request, ...place.parse(where) }, "form", "")));
}

export async function changeCapAction(capId: string, change: Record<string, unknown>): Promise<Outcome<Cap>> {
  return attempt(async () => changeCap(await createSessionClient(), uuid.parse(capId), parseOrRefuse(changeCapRequest, change, "form", "")));
}

export async function deleteCapAction(capId: string): Promise<Outcome<boolean>> {
  return attempt(async () => callRpc(await createSessionClient(), "delete_cap", { cap_id: uuid.parse(capId) }));
}
