import { ControlRoomError } from "@/contracts/error.ts";
import { isTerminal } from "@/contracts/words.ts";
import { openStream } from "@/lib/api/open-streams.ts";
import { isHosted } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import { principalOf, type Db } from "@/lib/supabase/client.ts";
import { runHeads, type Head, type Heads } from "./heads.ts";
import { getRun } from "./runs.ts";

export interface StreamTimes {
  heartbeatMs: number;
  /** The stream closes after this long, and EventSource resumes by Last-Event-ID. */
  lifeMs: number;
  /** A busy database is asked again after so long. */
  retryMs: number;
}
export const streamTimes: StreamTimes = { heartbeatMs: 15_000, lifeMs: 3_600_000, retryMs: 400 };
/** A hosted function may run five minutes. */
export const hostedStreamTimes: StreamTimes = { ...streamTimes, lifeMs: 265_000 };

/** A page as the text of Server-Sent Events, the position after it, and whether there is more behind it already. */
export interface FeedPage {
  text: string;
  last: number;
  more: boolean;
}
export interface Feed {
  /** Reads by the caller's right. Equal `key`s read the same thing, so streams of one caller share a read under way. */
  key: string;
  read: (after: number) => Promise<FeedPage>;
  /** Where the run's head is, in the numbers of this feed. */
  position: (head: Head) => number;
}

/**
 * What a run does as Server-Sent Events: what stands after `after`, then each piece as it comes; `event: end` and a close
 * after the last of a run that is over. https://html.spec.whatwg.org/multipage/server-sent-events.html
 * Reads page by page, and only as fast as the reader takes: memory is constant. The caller's right is asked here, at every
 * read and at every heartbeat. Throws `not_found`, `unauthenticated`, `rate_limited` where the caller has too many open.
 */
export async function streamFeed(db: Db, runId: string, feed: Feed, after: number, signal: AbortSignal, times: StreamTimes, heads: Heads = runHeads()): Promise<ReadableStream<Uint8Array>> {
  await getRun(db, runId);
  const closed = openStream(principalOf(db));
  signal.addEventListener("abort", closed, { once: true });
  const encoder = new TextEncoder();
  const leaving = new AbortController();
  const texts = textOf(db, runId, feed, after, AbortSignal.any([signal, leaving.signal]), times, heads);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await texts.next().catch((error: unknown) => {
        closed();
        throw error;
      });
      if (!done) return controller.enqueue(encoder.encode(value));
      closed();
      controller.close();
    },
    cancel() {
      closed();
      leaving.abort();
    },
  }, { highWaterMark: 1 });
}

/** `streamFeed` as an answer of the API. `after` may come as the text of Last-Event-ID. */
export async function streamAnswer(db: Db, runId: string, feed: Feed, after: number | string, signal: AbortSignal): Promise<Response> {
  const stream = await streamFeed(db, runId, feed, Number(after), signal, isHosted() ? hostedStreamTimes : streamTimes);
  // no-transform and X-Accel-Buffering: a compressor or proxy that collects text would hold events back.
  return new Response(stream, { headers: { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no" } });
}

async function* textOf(db: Db, runId: string, feed: Feed, start: number, signal: AbortSignal, times: StreamTimes, heads: Heads): AsyncGenerator<string, void> {
  const born = performance.now();
  let after = start;
  let seen = start;
  let over = false;
  yield `retry: 1000\n: run ${runId}\n\n`;
  while (!signal.aborted && performance.now() - born < times.lifeMs) {
    const page = await attempt(() => sharedRead(db, `${runId} ${feed.key} ${after}`, () => feed.read(after)), runId);
    if (page === "closed") return;
    if (page === "later") {
      await pause(times.retryMs, signal);
      continue;
    }
    after = page.last;
    if (page.text !== "") yield page.text;
    if (page.more) continue;
    if (over) {
      // Read after the run was seen to be over: that was all.
      yield `event: end\ndata: {}\n\n`;
      return;
    }
    seen = Math.max(seen, after);
    const known = seen;
    const news = await heads.next(runId, (head) => head.over || feed.position(head) > known, times.heartbeatMs, signal);
    if (typeof news === "object") {
      seen = feed.position(news);
      over = news.over;
      continue;
    }
    const run = await attempt(() => getRun(db, runId), runId);
    if (run === "closed") return;
    over = run !== "later" && isTerminal(run.status);
    if (news === "quiet") yield ": still here\n\n";
    else await pause(times.retryMs, signal);
  }
}

/** Streams of one caller at the same place of the same run ask at the same moment: one read serves them all. */
const underWay = new WeakMap<Db, Map<string, Promise<FeedPage>>>();
function sharedRead(db: Db, key: string, read: () => Promise<FeedPage>): Promise<FeedPage> {
  const reads = underWay.get(db) ?? new Map<string, Promise<FeedPage>>();
  underWay.set(db, reads);
  const shared = reads.get(key) ?? read().finally(() => reads.delete(key));
  reads.set(key, shared);
  return shared;
}

/** A busy database is asked again later; a right that has ended closes the stream, and the reconnect is told why. */
async function attempt<T>(read: () => Promise<T>, runId: string): Promise<T | "later" | "closed"> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ControlRoomError && error.code === "database_unavailable") return "later";
    if (!(error instanceof ControlRoomError) || error.status >= 500) log.error({ err: error, run_id: runId }, "a stream failed");
    return "closed";
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
