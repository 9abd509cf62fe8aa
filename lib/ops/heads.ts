import type { z } from "zod";
import type { runHead } from "@/contracts/log.ts";
import { required } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import { createTokenClient } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";

export type Head = z.output<typeof runHead>;
/** `quiet`: nothing new within the time; `unknown`: the heads could not be read, so look for yourself. */
export type News = Head | "quiet" | "unknown";

export interface Heads {
  /** Waits until the run's head is news, at most so long. */
  next(runId: string, isNews: (head: Head) => boolean, maxMs: number, signal: AbortSignal): Promise<News>;
}

/** PostgREST takes a long list in a body; more streams than this in one process share the list out over queries. */
const runsAtOnce = 1000;
/** An event is on the wire within about this time, plus two small reads. */
const pollMs = 200;

interface Waiting {
  isNews: (head: Head) => boolean;
  tell: (news: News) => void;
}

/** One small query an interval for all who wait, none while nobody does. */
export function createHeads(read: (runs: string[]) => Promise<Record<string, Head>>, intervalMs: number = pollMs): Heads {
  const waiting = new Map<string, Set<Waiting>>();
  let polling = false;

  async function poll(): Promise<void> {
    polling = true;
    while (waiting.size > 0) {
      const runs = [...waiting.keys()];
      for (let from = 0; from < runs.length; from += runsAtOnce) await look(runs.slice(from, from + runsAtOnce));
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
    polling = false;
  }
  async function look(runs: string[]): Promise<void> {
    try {
      const heads = await read(runs);
      for (const runId of runs) {
        const head = heads[runId];
        for (const each of waiting.get(runId) ?? []) if (head !== undefined && each.isNews(head)) each.tell(head);
      }
    } catch (error) {
      log.warn({ err: error }, "the heads of runs could not be read; streams look for themselves");
      for (const runId of runs) for (const each of waiting.get(runId) ?? []) each.tell("unknown");
    }
  }

  return {
    next: (runId, isNews, maxMs, signal) => new Promise((resolve) => {
      const here = waiting.get(runId) ?? new Set();
      const tell = (news: News): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
        here.delete(entry);
        if (here.size === 0 && waiting.get(runId) === here) waiting.delete(runId);
        resolve(news);
      };
      const leave = (): void => tell("quiet");
      const timer = setTimeout(leave, maxMs);
      const entry: Waiting = { isNews, tell };
      waiting.set(runId, here.add(entry));
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      else if (!polling) void poll();
    }),
  };
}

// On globalThis, because every route may be bundled with a copy of this module, and there is one poll a process.
const key = Symbol.for("control-room.run-heads");
const store = globalThis as typeof globalThis & { [key]?: Heads };

/** The process's own: reads as the service, numbers only. What a stream then shows, it reads by its caller's right. */
export function runHeads(): Heads {
  return (store[key] ??= createHeads((runs) => callRpc(createTokenClient(required("CRON_SECRET")), "read_heads", { runs })));
}
