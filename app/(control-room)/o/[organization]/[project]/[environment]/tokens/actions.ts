"use server";

import { z } from "zod";
import { createApiTokenRequest, rotateApiTokenRequest, type NewApiToken } from "@/contracts/api-token.ts";
import { uuid } from "@/contracts/common.ts";
import { createApiToken, revokeApiToken, rotateApiToken } from "@/lib/ops/api-tokens.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createExecutorToken, revokeExecutorToken } from "@/lib/ops/executor-registry.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
export async function createTokenAction(request: z.input<typeof createApiTokenRequest>): Promise<Outcome<NewApiToken>> {
  return attempt(async () => createApiToken(await createSessionClient(), createApiTokenRequest.parse(request)));
}

export async function rotateTokenAction(...args: [tokenId: string, request: z.input<typeof rotateApiTokenRequest>]): Promise<Outcome<NewApiToken>> {
  return attempt(async () => {
    const [id, request] = z.tuple([uuid, rotateApiTokenRequest]).parse(args);
    return rotateApiToken(await createSessionClient(), id, request);
  });
}

export async function revokeTokenAction(tokenId: string): Promise<Outcome<void>> {
  return attempt(async () => revokeApiToken(await createSessionClient(), uuid.parse(tokenId)));
}

/** A new token of an executor; those that it has end a day later. */
export async function rotateExecutorTokenAction(executorId: string): Promise<Outcome<{ token: string }>> {
  return attempt(async () => {
    const { token } = await createExecutorToken(await createSessionClient(), uuid.parse(executorId), { expires_in_days: 90, overlap_seconds: 86_400 });
    return { token };
  });
}

export async function revokeExecutorTokenAction(...args: [executorId: string, tokenId: string]): Promise<Outcome<void>> {
  return attempt(async () => {
    const [executor, token] = z.tuple([uuid, uuid]).parse(args);
    return revokeExecutorToken(await createSessionClient(), executor, token);
  });
}
