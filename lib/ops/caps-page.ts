import { z } from "zod";
import { capReport, type CapReportRow } from "@/contracts/cap-report.ts";
import type { Cap } from "@/contracts/cap.ts";
import { timestamp, uuid } from "@/contracts/common.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { listCaps } from "./caps.ts";
import { columns, readRows } from "./rpc.ts";

const gateRow = z.object({ cap_id: uuid, gate_id: z.int() });
const waitingRun = z.object({ run_id: uuid, blocked_gate: z.int(), template_key: z.string().nullable(), spec_slug: z.string(), created_at: timestamp });
export type WaitingRun = z.infer<typeof waitingRun>;

export interface CapRow {
  cap: Cap;
  report: CapReportRow;
  /** Queued runs of the environment that wait at the cap's key, the first to go first; caps of one key and scope share them. */
  waiting: WaitingRun[];
}
const pageSize = 200;
const waitingRead = 200;

/** The caps that hold in an environment, the tightest first, with what waits because of them. `now` is for the forecast alone. Throws `not_found`. */
export async function capRows(db: Db, environmentId: string, now: Date): Promise<CapRow[]> {
  const caps: Cap[] = [];
  let cursor: string | undefined;
  do {
    const page = await listCaps(db, { environment_id: environmentId, limit: pageSize, cursor });
    caps.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  if (caps.length === 0) return [];
  const gates = new Map((await readRows(gateRow, db.from("caps").select(columns(gateRow.shape)).in("cap_id", caps.map(({ cap_id }) => cap_id)))).map(({ cap_id, gate_id }) => [cap_id, gate_id]));
  const waiting = await readRows(waitingRun, db.from("runs").select(columns(waitingRun.shape)).eq("environment_id", environmentId).eq("status", "queued").in("blocked_gate", [...new Set(gates.values())]).order("priority").order("run_id").limit(waitingRead));
  const byId = new Map(caps.map((cap) => [cap.cap_id, cap]));
  return capReport(caps, now).flatMap((report) => {
    const cap = byId.get(report.cap_id);
    return cap === undefined ? [] : [{ cap, report, waiting: waiting.filter((run) => run.blocked_gate === gates.get(cap.cap_id)) }];
  });
}
