"use server";

import { z } from "zod";
import { uuid, word } from "@/contracts/common.ts";
import { secretValue, type Secret } from "@/contracts/secret.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { putSecretIn } from "@/lib/ops/secrets.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const putInput = z.strictObject({ environment_id: uuid, name: word, value: secretValue });

/** The value is sealed here and goes no further; no answer holds it. */
export async function putSecretAction(input: unknown): Promise<Outcome<Secret>> {
  return attempt(async () => {
    const { environment_id, name, value } = parseOrRefuse(putInput, input, "body", "");
    return putSecretIn(await createSessionClient(), environment_id, name, { value });
  });
}

export async function deleteSecretAction(environment_id: string, name: string): Promise<Outcome<boolean>> {
  return attempt(async () => callRpc(await createSessionClient(), "delete_secret", { environment_id: uuid.parse(environment_id), name }));
}
