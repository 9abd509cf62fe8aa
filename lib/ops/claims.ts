import type { z } from "zod";
import type { claimRequest, ClaimsResponse } from "@/contracts/claim.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpcForBytes, type JsonBytes } from "./rpc.ts";
import type { Ticket, Waiter } from "./waiter.ts";

/** How often a claim that only parked runs is repeated at once; then it sleeps like any other. */
const repeatsAtOnce = 20;
/** An empty claim that answers less armed a lane only now: it looks again, soon at first, lest a creation under way wake nobody. */
const armedMs = 1_000;

/** An empty answer has always the same few fields: one that is longer (bytes) holds items, and is not read. */
const longestEmpty = 300;
type Empty = ClaimsResponse & { items: [] };

/**
 * Claims up to `max_runs`; where nothing is ready, waits up to `wait_seconds` without a connection or a transaction. What was
 * claimed is answered unread; an answer that was read holds no items, and means that the wait is over. Stops when the signal says that the caller has gone.
 */
export async function claimRuns(db: Db, body: z.output<typeof claimRequest>, waiter: Waiter, signal: AbortSignal): Promise<JsonBytes | Empty> {
  const { wait_seconds, ...args } = body;
  const claim = async (): Promise<JsonBytes | Empty> => {
    const answer = await callRpcForBytes(db, "claim_runs", args);
    if (answer.bytes.byteLength > longestEmpty) return answer;
    const read = answer.read() as ClaimsResponse;
    return read.items.length === 0 ? (read as Empty) : answer;
  };
  if (wait_seconds === 0) return claim();
  const ticket = waiter.join();
  try {
    return await claimOrWait(claim, ticket, performance.now() + wait_seconds * 1000, signal);
  } finally {
    ticket.leave();
  }
}

async function claimOrWait(claim: () => Promise<JsonBytes | Empty>, ticket: Ticket, deadline: number, signal: AbortSignal): Promise<JsonBytes | Empty> {
  let repeats = 0;
  let unarmed = 0;
  for (;;) {
    const answer = await claim().catch((error: unknown) => {
      // What this one was woken for is still there for another.
      ticket.tried(false);
      throw error;
    });
    const took = !("items" in answer);
    ticket.tried(took);
    if (took || signal.aborted) return answer;
    const left = deadline - performance.now();
    if (left <= 0) return answer;
    if (answer.again && repeats < repeatsAtOnce) {
      repeats += 1;
      continue;
    }
    repeats = 0;
    const armed = answer.retry_after_ms >= armedMs;
    unarmed = armed ? 0 : unarmed + 1;
    const woken = await ticket.sleep(armed ? left : Math.min(left, armedMs, answer.retry_after_ms * 2 ** (unarmed - 1)), signal);
    // Nobody would receive what is claimed now: its lease would have to run out first. Nor is there anything where nobody woke it.
    if (signal.aborted || (armed && !woken)) return answer;
  }
}
