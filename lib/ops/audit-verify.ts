import "server-only";
import { z } from "zod";
import type { AuditHead, AuditVerification, verifyAuditQuery } from "@/contracts/audit.ts";
import { bigintText } from "@/contracts/common.ts";
import { env } from "@/lib/env.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { isOurs, lastHeadNumber, openHeads, readHead } from "./audit-heads.ts";
import { resolveOrganization } from "./audit.ts";
import { callRpc, readRows } from "./rpc.ts";

const budgetMs = 5000;
const headsChecked = 200;
const headsAtOnce = 20;

/**
 * Walks the chain of an organization for at most 5 s; where `complete` is false, go on with `after_seq` = `last_seq`. At the end the heads
 * that were stored outside are held against it. Throws `not_found`, `forbidden`, `storage_unavailable`.
 */
export async function verifyAudit(db: Db, { organization, after_seq }: z.output<typeof verifyAuditQuery>): Promise<AuditVerification> {
  const { organization_id } = await resolveOrganization(db, organization);
  const deadline = performance.now() + budgetMs;
  let checked = 0;
  let walk = await callRpc(db, "verify_audit", { organization_id, after_seq });
  checked += walk.checked;
  while (!walk.complete && performance.now() < deadline) {
    walk = await callRpc(db, "verify_audit", { organization_id, after_seq: walk.last_seq });
    checked += walk.checked;
  }
  const heads = walk.complete && env().CONTROL_ROOM_SIGNING_KEY !== undefined ? await checkHeads(db, organization_id) : null;
  return { ...walk, checked, heads };
}

/** The newest heads, oldest of them first, each against the chain's link of its place. */
async function checkHeads(db: Db, organization_id: string): Promise<AuditVerification["heads"]> {
  const store = await openHeads();
  const stored = await lastHeadNumber(store, organization_id);
  const numbers = Array.from({ length: Math.min(stored, headsChecked) }, (_, back) => stored - back).toReversed();
  const heads: { number: number; head: AuditHead | null }[] = [];
  for (let at = 0; at < numbers.length; at += headsAtOnce) {
    heads.push(...(await Promise.all(numbers.slice(at, at + headsAtOnce).map(async (number) => ({ number, head: await readHead(store, organization_id, number) })))));
  }
  const links = await linksAt(db, organization_id, heads.flatMap(({ head }) => (head === null ? [] : [head.seq])));
  const broken = heads.map(({ number, head }) => ({ number, seq: head?.seq ?? null, reason: reasonOf(organization_id, number, head, links) })).find(({ reason }) => reason !== null);
  const newest = heads.at(-1)?.head ?? null;
  return {
    stored, checked: heads.length,
    newest: newest === null ? null : { number: newest.number, seq: newest.seq, signed_at: newest.signed_at },
    broken: broken === undefined || broken.reason === null ? null : { ...broken, reason: broken.reason },
  };
}

function reasonOf(organization_id: string, number: number, head: AuditHead | null, links: Map<string, string>) {
  if (head === null || head.organization_id !== organization_id || head.number !== number || !isOurs(head)) return "signature_invalid" as const;
  const link = links.get(head.seq);
  if (link === undefined) return "chain_cut" as const;
  return link === head.hash ? null : ("chain_differs" as const);
}

/** A bytea comes as \x and hex digits. */
const chainRow = z.object({ seq: bigintText, hash: z.string() });

/** The chain's links at these places. */
async function linksAt(db: Db, organization_id: string, places: string[]): Promise<Map<string, string>> {
  if (places.length === 0) return new Map();
  const rows = await readRows(chainRow, db.from("audit_chain").select("seq::text,hash").eq("organization_id", organization_id).in("seq", places));
  return new Map(rows.map((row) => [row.seq, row.hash.slice(2)]));
}
