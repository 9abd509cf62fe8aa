import "server-only";
import { Client } from "pg";
import { env } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import { createWaiter, type Waiter } from "./waiter.ts";

const channel = "ops_lane";
const reconnectMs = 1_000;

interface Shared {
  waiter: Waiter;
  listening: boolean;
  connecting: boolean;
  close: (() => Promise<void>) | null;
}
// On globalThis, because every route may be bundled with a copy of this module, and there is one waiter a process.
const key = Symbol.for("control-room.claim-waiter");
const store = globalThis as typeof globalThis & { [key]?: Shared };

/** The process's waiter, listening on `CONTROL_ROOM_LISTEN_URL` where that is set, else polling. */
export function claimWaiter(): Waiter {
  let shared = store[key];
  if (shared === undefined) {
    const made: Shared = { waiter: createWaiter({ isListening: () => made.listening }), listening: false, connecting: false, close: null };
    shared = store[key] = made;
  }
  const url = env().CONTROL_ROOM_LISTEN_URL;
  if (url !== undefined && !shared.listening && !shared.connecting) void listen(shared, url);
  return shared.waiter;
}

/** Gives the connection back; the next `claimWaiter()` starts anew. */
export async function closeClaimWaiter(): Promise<void> {
  const shared = store[key];
  delete store[key];
  await shared?.close?.();
}

/** Keeps one direct connection of a login without grants; where it breaks, the waiter polls until it is back. */
async function listen(shared: Shared, url: string): Promise<void> {
  shared.connecting = true;
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, keepAlive: true, application_name: "control-room waiter" });
  const lost = (err?: Error): void => {
    if (client.listenerCount("notification") === 0) return;
    client.removeAllListeners("notification");
    shared.listening = false;
    shared.connecting = true;
    log.warn({ err }, "the connection that waits for runs was lost; polling until it is back");
    client.end().catch(() => {}); // It is gone already; there is nothing to close.
    setTimeout(() => void listen(shared, url), reconnectMs).unref();
  };
  shared.close = async () => {
    client.removeAllListeners("notification");
    await client.end();
  };
  client.on("error", lost);
  client.on("end", () => lost());
  client.on("notification", () => shared.waiter.notify());
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
    shared.listening = true;
    shared.connecting = false;
    // What was notified while nobody listened.
    shared.waiter.notify();
  } catch (error) {
    lost(error instanceof Error ? error : new Error(String(error)));
  }
}
