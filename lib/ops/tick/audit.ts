import "server-only";
import { env } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { lastHeadNumber, openHeads, storeHead } from "../audit-heads.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

const sealedAtOnce = 5000;

/** Seals what was audited since, then stores the tips of the chains that grew where no database owner reaches. */
export const sealAudit: TickJob = {
  name: "seal_audit",
  async run(db, deadline) {
    let done = 0;
    while (performance.now() < deadline) {
      const sealed = await callRpc(db, "seal_audit", { at_most: sealedAtOnce });
      done += sealed;
      if (sealed < sealedAtOnce) break;
    }
    // Without a key to sign with there are no heads; the verifier says so.
    if (env().CONTROL_ROOM_SIGNING_KEY !== undefined) await storeHeads(db, deadline);
    return done;
  },
};

/** Exported for tests. */
export async function storeHeads(db: Db, deadline: number): Promise<void> {
  const tips = await callRpc(db, "take_audit_heads", {});
  if (tips.length === 0) return;
  const store = await openHeads();
  for (const tip of tips) {
    if (performance.now() > deadline) return;
    const head = await storeHead(store, tip);
    if (head.seq === tip.seq && head.hash === tip.hash) {
      await callRpc(db, "note_audit_head", { organization_id: tip.organization_id, number: tip.number, seq: tip.seq });
      continue;
    }
    // Another caller stored it a moment ago, or the database was set back behind what it once signed: `audit verify` tells which.
    log.warn({ organization_id: tip.organization_id, number: tip.number, stored_seq: head.seq, seq: tip.seq }, "a head of the audit log was there already");
    await callRpc(db, "note_audit_head", { organization_id: tip.organization_id, number: await lastHeadNumber(store, tip.organization_id), seq: "0" });
  }
}
