import "server-only";
import type { TakenLineage } from "@/contracts/lineage-receiver.ts";
import { log } from "@/lib/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { toldOf } from "../openlineage-events.ts";
import { openReceiverKey } from "../receiver-key.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";
import { post } from "../webhook-post.ts";
import { refusalOf, Sending } from "./sending.ts";

/** Of this process; an environment has one sender at a time (take_lineage). */
const sending = new Sending(10);
/** A taking is for 60 s; the last event begins so long after it at the latest, and waits 10 s for its answer. */
const sendingMs = 40_000;
/** The receiver will never take such an event: the others go on. */
const refusals = new Set([400, 413, 422]);

/** Ends when nothing is under way. */
export const allTold = () => sending.settled();

/** Tells receivers of OpenLineage what runs have come to, each run's events in order, at least once. */
export const lineage: TickJob = {
  name: "lineage",
  run: (db, deadline) => sending.sendDue(deadline, (at_most) => callRpc(db, "take_lineage", { at_most }), (taken) => tell(db, taken)),
};

interface Outcome { told: { run_id: string; seq: number; ended: boolean }[]; delivered: number; refused: number; http_status: number | null; error: string | null }

/** Never throws: an outcome that cannot be recorded is told again. */
async function tell(db: Db, taken: TakenLineage): Promise<void> {
  const { environment_id, attempt } = taken;
  const outcome = await send(taken);
  log.info({ environment_id, attempt, delivered: outcome.delivered, refused: outcome.refused, http_status: outcome.http_status, error: outcome.error }, outcome.error === null ? "lineage was told" : "lineage was not told");
  try {
    await callRpc(db, "settle_lineage", { environment_id, attempt, ...outcome });
  } catch (err) {
    log.error({ err, environment_id, attempt }, "the outcome of telling lineage could not be recorded");
  }
}

async function send({ environment_id, url, sealed_key, runs }: TakenLineage): Promise<Outcome> {
  const outcome: Outcome = { told: [], delivered: 0, refused: 0, http_status: null, error: null };
  const until = performance.now() + sendingMs;
  let headers: Record<string, string>;
  try {
    headers = sealed_key === null ? {} : { authorization: `Bearer ${openReceiverKey(sealed_key, environment_id, url)}` };
  } catch {
    return { ...outcome, error: "Its key cannot be opened: set it again, since CONTROL_ROOM_SIGNING_KEY is another one now." };
  }
  for (const { run_id, after, ended, records } of runs) {
    const events = toldOf(records);
    let reached = after;
    for (const { seq } of records.moments.filter((moment) => moment.seq > after)) {
      for (const { event } of events.filter((each) => each.seq === seq)) {
        if (performance.now() < until) await sendOne(url, headers, event, outcome);
        if (outcome.error !== null || performance.now() >= until) {
          // Events of one moment go together: those that did arrive arrive again.
          if (reached > after) outcome.told.push({ run_id, seq: reached, ended: false });
          return outcome;
        }
      }
      reached = seq;
    }
    outcome.told.push({ run_id, seq: reached, ended });
  }
  return outcome;
}

async function sendOne(url: string, headers: Record<string, string>, event: unknown, outcome: Outcome): Promise<void> {
  try {
    outcome.http_status = await post(url, headers, JSON.stringify(event));
  } catch (cause) {
    [outcome.http_status, outcome.error] = [null, cause instanceof Error ? cause.message : "The connection failed."];
    return;
  }
  const refusal = refusalOf(outcome.http_status);
  if (refusal === null) outcome.delivered += 1;
  else if (refusals.has(outcome.http_status)) outcome.refused += 1;
  else outcome.error = refusal;
}
