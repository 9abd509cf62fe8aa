import { ControlRoomError } from "../contracts/error.ts";
import { largeMemoryLabel } from "../contracts/pipeline.ts";
import { batchReports } from "./core/batch-reports.ts";
import { NeedsLabels } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import { failureOf, OutOfTime } from "./core/outcome.ts";
import { rpcTransport } from "./core/rpc-transport.ts";
import { runAttempt, type AttemptEnd } from "./core/run-attempt.ts";
import type { Scratch } from "./core/scratch.ts";
import { readEdgeSettings, type EdgeSettings } from "./core/settings.ts";
import { askPostgres } from "./phases/connect-postgres.ts";
import { connectPhase } from "./phases/connect.ts";
import { queryPostgres } from "./phases/query-postgres.ts";
import { queryPhase } from "./phases/query.ts";

/** What runs without a file system and without child processes. */
const registry = { connect: connectPhase({ postgres: askPostgres, odoo: askPostgres }), query: queryPhase({ postgres: queryPostgres }) };
/** A claim that answers `again` is asked again at once, but not for ever. */
const mostClaims = 50;

/** The requests of a cron: POST with the secret runs one turn and answers how its runs ended. */
export function tickHandler(env: Record<string, string | undefined>): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== "POST") return answer(405, { code: "method_not_allowed" });
    let settings: EdgeSettings;
    try {
      settings = readEdgeSettings(env);
    } catch (error) {
      log("error", "the executor is not configured", { error: failureOf(error).message });
      return answer(503, { code: "not_configured" });
    }
    if (!(await isSame(request.headers.get("x-executor-secret") ?? "", settings.secret))) return answer(401, { code: "unauthenticated" });
    try {
      return answer(200, await runTick(settings));
    } catch (error) {
      const failure = failureOf(error);
      log("error", "the turn ended early", { code: failure.code, error: failure.message });
      const seconds = error instanceof ControlRoomError ? error.retryAfterSeconds : undefined;
      return answer(error instanceof ControlRoomError ? error.status : 503, { code: failure.code }, seconds === undefined ? {} : { "retry-after": String(Math.ceil(seconds)) });
    }
  };
}

/**
 * One turn: claims runs straight on PostgREST and executes the phases it can, until the queue is empty or half of its time
 * has gone. When its time ends, what is under way is given back with its progress; a run that a whole turn did not bring
 * on, or that needs another engine, goes to executors that offer what it lacks here.
 */
export async function runTick(settings: EdgeSettings): Promise<Record<AttemptEnd, number>> {
  const ends: Record<AttemptEnd, number> = { succeeded: 0, failed: 0, canceled: 0, released: 0, lease_lost: 0, unreported: 0 };
  const controlPlane = batchReports(rpcTransport(settings));
  const began = performance.now();
  const budgetMs = settings.seconds * 1000;
  const stop = new AbortController();
  // The rest is for cancelling what runs remotely, and for the release itself.
  const timer = setTimeout(() => stop.abort(new OutOfTime()), budgetMs - Math.min(10_000, budgetMs * 0.2));
  const { slots, lease_seconds, queues, labels } = settings;
  const parts = { controlPlane, registry, settings: { ...settings, lake: "file:/none", threads: 1 }, scratch: memoryScratch(settings.memory_mb * 1024 * 1024 * 0.25), readKeys: async () => settings.keys, log, stop: stop.signal };
  try {
    for (let asked = 0; asked < mostClaims && performance.now() - began < budgetMs / 2; asked += 1) {
      const { items, again } = await controlPlane.claim({ start: true, max_runs: slots, lease_seconds, queues, labels });
      for (const end of await Promise.all(items.map((claim) => runAttempt(claim, parts)))) ends[end] += 1;
      if (items.length === 0 && !again) break;
    }
    return ends;
  } finally {
    clearTimeout(timer);
  }
}

/** Files in memory. One that grows beyond the limit belongs to an executor with a disk. */
export function memoryScratch(limitBytes: number): Scratch {
  const noFile = (): never => {
    throw new Error("there are no files here");
  };
  return {
    open: async () => "memory", close: async () => undefined, hash: noFile, stream: noFile,
    async create(_folder, name) {
      const chunks: Uint8Array[] = [];
      let size = 0;
      return {
        async write(chunk) {
          size += chunk.byteLength;
          if (size > limitBytes) throw new NeedsLabels([largeMemoryLabel], `${name} has more than ${Math.floor(limitBytes)} bytes`);
          chunks.push(chunk);
        },
        async done() {
          const bytes = new Uint8Array(size);
          let at = 0;
          for (const chunk of chunks) {
            bytes.set(chunk, at);
            at += chunk.byteLength;
          }
          return { bytes };
        },
      };
    },
  };
}

/** Compares hashes, so that the time tells nothing about the secret. */
async function isSame(given: string, secret: string): Promise<boolean> {
  const [a, b] = await Promise.all([given, secret].map(async (text) => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))));
  return a!.reduce((difference, byte, index) => difference | (byte ^ b![index]!), 0) === 0;
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}

const log: Log = (level, message, facts = {}) => console.log(JSON.stringify({ level, time: new Date().toISOString(), msg: message, ...facts }));
