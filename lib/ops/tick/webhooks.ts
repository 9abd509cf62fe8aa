import "server-only";
import { env } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import type { RpcReturns } from "@/contracts/rpc.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";
import { post } from "../webhook-post.ts";
import { signedHeaders } from "../webhook-signature.ts";
import { refusalOf, Sending } from "./sending.ts";

type Taken = RpcReturns<"take_deliveries">[number];

/** Of this process; a project has at most four of them (take_deliveries). */
const sending = new Sending(20);

/** Ends when nothing is under way. */
export const allSettled = () => sending.settled();

/**
 * Notes outages of executors, then sends what is due: signed, at least once, with the same id at every attempt.
 */
export const webhooks: TickJob = {
  name: "webhooks",
  async run(db, deadline) {
    const noted = await callRpc(db, "watch_executors", {});
    if (env().CONTROL_ROOM_SIGNING_KEY === undefined) return noted;
    return noted + (await sending.sendDue(deadline, (at_most) => callRpc(db, "take_deliveries", { at_most }), (delivery) => deliver(db, delivery)));
  },
};

/** One attempt and its outcome. Never throws: an outcome that cannot be recorded is an attempt that is made again. */
async function deliver(db: Db, { delivery_id, attempt, url, payload }: Taken): Promise<void> {
  const body = JSON.stringify(withLink(payload));
  const started = performance.now();
  let http_status: number | null = null;
  let error: string | null = null;
  try {
    http_status = await post(url, signedHeaders(delivery_id, body), body);
    error = refusalOf(http_status);
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
