import "server-only";
import { env, isHosted } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import type { RpcReturns } from "@/contracts/rpc.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";
import { post } from "../webhook-post.ts";
import { signedHeaders } from "../webhook-signature.ts";

type Taken = RpcReturns<"take_deliveries">[number];

/** Of this process; a project has at most four of them (take_deliveries). */
const atOnce = 20;
const sending = new Set<Promise<void>>();
/** A slow receiver costs a tick no more: leases are swept by the next one. */
const patienceMs = 500;

/** Ends when nothing is under way. */
export async function allSettled(): Promise<void> {
  await Promise.all(sending);
}

/**
 * Notes outages of executors, then sends what is due: signed, at least once, with the same id at every attempt. What a slow
 * receiver keeps under way goes on beside the tick, and its outcome is recorded when it comes.
 */
export const webhooks: TickJob = {
  name: "webhooks",
  async run(db, deadline) {
    let done = await callRpc(db, "watch_executors", {});
    if (env().CONTROL_ROOM_SIGNING_KEY === undefined) return done;
    // A hosted function is frozen with its answer: there nothing may be left under way.
    const until = isHosted() ? deadline : Math.min(deadline, performance.now() + patienceMs);
    while (performance.now() < until && sending.size < atOnce) {
      const taken = await callRpc(db, "take_deliveries", { at_most: atOnce - sending.size });
      if (taken.length === 0) break;
      done += taken.length;
      for (const delivery of taken) {
        const attempt = deliver(db, delivery).finally(() => sending.delete(attempt));
        sending.add(attempt);
      }
      await settledBefore(until);
    }
    if (isHosted()) await allSettled();
    return done;
  },
};

async function settledBefore(deadline: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
  });
  await Promise.race([late, Promise.all(sending)]);
  clearTimeout(timer);
}

/** One attempt and its outcome. Never throws: an outcome that cannot be recorded is an attempt that is made again. */
async function deliver(db: Db, { delivery_id, attempt, url, payload }: Taken): Promise<void> {
  const body = JSON.stringify(withLink(payload));
  const started = performance.now();
  let http_status: number | null = null;
  let error: string | null = null;
  try {
    http_status = await post(url, signedHeaders(delivery_id, body), body);
    if (http_status < 200 || http_status > 299) error = http_status >= 300 && http_status < 400 ? `HTTP ${http_status}: redirects are not followed.` : `HTTP ${http_status}.`;
  } catch (cause) {
    error = cause instanceof Error ? cause.message : "The connection failed.";
  }
  log.info({ delivery_id, attempt, http_status, error, duration_ms: Math.round(performance.now() - started) }, error === null ? "a webhook was delivered" : "a webhook was not delivered");
  try {
    await callRpc(db, "settle_delivery", { delivery_id, attempt, http_status, error });
  } catch (err) {
    log.error({ err, delivery_id, attempt }, "the outcome of a webhook could not be recorded");
  }
}

/** Where people open it: the database knows the path, this process its own address. */
function withLink(payload: Taken["payload"]): Taken["payload"] {
  const data = payload.data as Record<string, unknown> | undefined;
  const base = env().APP_URL;
  if (base === undefined || typeof data?.path !== "string") return payload;
  return { ...payload, data: { ...data, url: new URL(data.path, base).href } };
}
