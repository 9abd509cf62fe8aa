import "server-only";
import { createHash, randomBytes } from "node:crypto";
import type { z } from "zod";
import { apiToken, type ApiToken, type createApiTokenRequest, type listApiTokensQuery, type NewApiToken, type rotateApiTokenRequest } from "@/contracts/api-token.ts";
import { timestamp, uuid } from "@/contracts/common.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

/** Made here, so that the database never sees it: it gets the SHA-256. 256 random bits. */
function newSecret(expires_in_days: number) {
  const token = `lct_${randomBytes(32).toString("base64url")}`;
  // A minute less, because the database's clock decides what ten years are.
  return { token, stored: { token_sha256: createHash("sha256").update(token).digest("hex"), prefix: token.slice(0, 12), expires_at: new Date(Date.now() + expires_in_days * 86_400_000 - 60_000).toISOString() } };
}

/** Those that the caller administers, newest first, without their secret. */
export async function listApiTokens(db: Db, { project_id, limit, cursor }: z.output<typeof listApiTokensQuery>): Promise<{ items: ApiToken[]; next_cursor: string | null }> {
  const key = decodeCursor(cursor, [timestamp, uuid]);
  let query = db.from("api_tokens").select(columns(apiToken.shape)).eq("project_id", project_id);
  if (key !== null) query = query.or(beyond(["created_at", "api_token_id"], key, "lt"));
  const rows = await readRows(apiToken, query.order("created_at", { ascending: false }).order("api_token_id", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.created_at, row.api_token_id]);
}

/** Throws `not_found`, `forbidden`, `conflict`. */
export async function createApiToken(db: Db, { expires_in_days, ...body }: z.output<typeof createApiTokenRequest>): Promise<NewApiToken> {
  const { token, stored } = newSecret(expires_in_days);
  return { ...(await callRpc(db, "create_api_token", { ...body, ...stored })), token };
}

/** The same name, scope and role; the old one ends after the overlap. Throws `not_found`, `forbidden`, `conflict`. */
export async function rotateApiToken(db: Db, api_token_id: string, { expires_in_days, overlap_seconds }: z.output<typeof rotateApiTokenRequest>): Promise<NewApiToken> {
  const { token, stored } = newSecret(expires_in_days);
  return { ...(await callRpc(db, "rotate_api_token", { api_token_id, ...stored, overlap_seconds })), token };
}

/** Void from now on. Throws `not_found`. */
export async function revokeApiToken(db: Db, api_token_id: string): Promise<void> {
  await callRpc(db, "revoke_api_token", { api_token_id });
}
