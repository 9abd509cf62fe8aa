import { runEvent, terminalEventTypes, type RunEvent } from "../../contracts/event.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { isTerminal } from "../../contracts/words.ts";
import { backoffMs, sleep } from "../core/backoff.ts";
import { errorOf, Unreachable } from "../core/remote-call.ts";
import { operationUrl, request, type Connection } from "./connection.ts";
import { parseEventStream } from "./event-stream.ts";

/** A stream that says nothing for so long, not even a comment, is dead. */
const silenceMs = 60_000;
const pollMs = 1000;
const mostFailures = 20;

/**
 * The events of a run in order, each once, until the one that ends it: by Server-Sent Events, resumed where a stream
 * breaks off, or by polling where the server does not stream. Throws ControlRoomError, or Unreachable after about two
 * minutes without an answer.
 */
export async function* followRun(connection: Connection, runId: string, options: { after?: number; signal?: AbortSignal } = {}): AsyncGenerator<RunEvent> {
  let after = options.after ?? 0;
  let streams = true;
  for (let failures = 0; ;) {
    let found = false;
    try {
      const source = streams ? streamEvents(connection, runId, after, options.signal) : pageEvents(connection, runId, after, options.signal);
      for await (const event of source) {
        if (event === "no_stream") {
          streams = false;
          break;
        }
        failures = 0;
        if (event.seq <= after) continue;
        after = event.seq;
        found = true;
        yield event;
        if ((terminalEventTypes as readonly string[]).includes(event.type)) return;
      }
      if (found) continue;
      // Nothing new: the run may have ended before `after`.
      const run = await request(connection, "get_run", { params: { run_id: runId }, signal: options.signal });
      const { items } = await request(connection, "list_events", { params: { run_id: runId }, query: { after, limit: 1 }, signal: options.signal });
      if (isTerminal(run.status) && items.length === 0) return;
      failures = 0;
      await sleep(pollMs, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      failures += 1;
      const passing = error instanceof Unreachable || (error instanceof ControlRoomError && (error.status >= 500 || error.status === 429));
      if (!passing || failures > mostFailures) throw error;
      await sleep(500 + backoffMs(failures, { base_ms: 500, cap_ms: 10_000 }), options.signal);
    }
  }
}

async function* pageEvents(connection: Connection, runId: string, after: number, signal?: AbortSignal): AsyncGenerator<RunEvent> {
  const page = await request(connection, "list_events", { params: { run_id: runId }, query: { after, limit: 500 }, signal });
  yield* page.items;
}

async function* streamEvents(connection: Connection, runId: string, after: number, signal?: AbortSignal): AsyncGenerator<RunEvent | "no_stream"> {
  const url = operationUrl(connection, "list_events", { params: { run_id: runId } });
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), silenceMs);
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${connection.token}`, accept: "text/event-stream", "last-event-id": String(after) },
      signal: signal === undefined ? silent.signal : AbortSignal.any([silent.signal, signal]),
    });
    if (!response.ok) throw await errorOf(response, url);
    if (response.body === null || response.headers.get("content-type")?.startsWith("text/event-stream") !== true) {
      await response.body?.cancel();
      yield "no_stream";
      return;
    }
    const body = response.body as unknown as AsyncIterable<Uint8Array>;
    const watched = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), silenceMs);
        yield chunk;
      }
    };
    for await (const { data } of parseEventStream(watched())) {
      const event = runEvent.safeParse(parseJson(data));
      // Other events of the stream (a ping, a farewell) are no events of the run.
      if (event.success) yield event.data;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ControlRoomError || error instanceof Unreachable) throw error;
    throw new Unreachable(url, silent.signal.aborted ? `sent nothing for ${silenceMs / 1000} s` : "broke off the stream", { cause: error });
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
