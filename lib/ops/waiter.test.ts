import { expect, test } from "vitest";
import { claimRuns } from "./claims.ts";
import { createWaiter, type Ticket } from "./waiter.ts";
import type { Db } from "@/lib/supabase/client.ts";

const never = new AbortController().signal;
const listening = { isListening: () => true };

/** A claimer that sleeps until it is woken, and writes its name down. */
function sleeper(ticket: Ticket, name: string, woken: string[]): Promise<void> {
  return ticket.sleep(60_000, never).then(() => void woken.push(name));
}

test("a notification wakes one claimer, which passes it on only when it found nothing", async () => {
  const waiter = createWaiter(listening);
  const [a, b, c] = [waiter.join(), waiter.join(), waiter.join()];
  const woken: string[] = [];
  const all = [sleeper(a, "a", woken), sleeper(b, "b", woken), sleeper(c, "c", woken)];
  waiter.notify();
  await all[0];
  expect(woken).toEqual(["a"]);
  a.tried(false);
  await all[1];
  expect(woken).toEqual(["a", "b"]);
  b.tried(true);
  await all[2];
  expect(woken).toEqual(["a", "b", "c"]);
  for (const ticket of [a, b, c]) ticket.leave();
  expect(waiter.size()).toBe(0);
});

test("a wake-up between a claim and the sleep after it is not lost", async () => {
  const waiter = createWaiter(listening);
  const ticket = waiter.join();
  waiter.notify();
  expect(await ticket.sleep(60_000, never)).toBe(true);
  ticket.leave();
});

test("a claimer that leaves hands its wake-up to another", async () => {
  const waiter = createWaiter(listening);
  const leaving = new AbortController();
  const [first, second] = [waiter.join(), waiter.join()];
  const gone = first.sleep(60_000, leaving.signal);
  const other = second.sleep(60_000, never);
  waiter.notify();
  leaving.abort();
  await gone;
  first.leave();
  expect(await other).toBe(true);
  second.leave();
});

test("without notifications a timer wakes claimers, quickly at first", async () => {
  const waiter = createWaiter({ isListening: () => false });
  const ticket = waiter.join();
  const started = performance.now();
  expect(await ticket.sleep(5_000, never)).toBe(true);
  expect(performance.now() - started).toBeLessThan(1_000);
  ticket.leave();
});

test("every claimer of a crowd gets its turn by passing on, each once a notification", async () => {
  const waiter = createWaiter(listening);
  const order: number[] = [];
  const tickets = Array.from({ length: 50 }, () => waiter.join());
  const turns = tickets.map((ticket, index) => ticket.sleep(60_000, never).then(() => {
    order.push(index);
    ticket.tried(false);
  }));
  waiter.notify();
  await Promise.all(turns);
  expect(order.toSorted((a, b) => a - b)).toEqual(tickets.map((_, index) => index));
  for (const ticket of tickets) ticket.leave();
});

test("a claim that fails leaves no claimer behind and passes its wake-up on", async () => {
  const waiter = createWaiter(listening);
  // A port that nobody listens on, through the real client.
  process.env.SUPABASE_URL ??= "http://127.0.0.1:9";
  process.env.SUPABASE_PUBLISHABLE_KEY ??= "sb_publishable_test";
  const { createTokenClient } = await import("@/lib/supabase/client.ts");
  const db: Db = createTokenClient(`lcx_${"a".repeat(43)}`);
  const other = waiter.join();
  const asleep = other.sleep(60_000, never);
  waiter.notify(); // Goes to the sleeper, which tries nothing yet.
  await asleep;
  const body = { max_runs: 1, wait_seconds: 5, lease_seconds: 30, queues: ["default"], labels: [], start: false, share_specs: false };
  await expect(claimRuns(db, body, waiter, never)).rejects.toMatchObject({ code: "database_unavailable" });
  other.leave();
  expect(waiter.size()).toBe(0);
});
