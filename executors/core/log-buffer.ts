import { ControlRoomError } from "../../contracts/error.ts";
import type { LogStream, NewLogChunk } from "../../contracts/log.ts";
import { sleep } from "./backoff.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import { LeaseLost } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Redactor } from "./redactor.ts";
import { failureOf, tidyText } from "./outcome.ts";

const delayMs = 500;
/** A chunk is closed at this size; the contract allows four times as much. */
const chunkBytes = 65_536;
const batchChunks = 50;
const batchBytes = 1_000_000;
/** While the control room is away lines wait here; beyond this the oldest are given up, and one line tells how many. */
const mostWaitingBytes = 4_000_000;
const lineLimit = 16_384;
const closeMs = 5_000;

export interface LogBuffer {
  /** One line or more. Never waits, never throws. */
  add(phase: string | null, stream: LogStream, text: string): void;
  /** Resolves when everything added so far is written. Throws what the control plane throws. */
  flush(): Promise<void>;
  /** Writes what still waits, for a few seconds at most: lines are worth a moment, not the run's outcome. Never throws. */
  close(): Promise<void>;
}

interface Waiting {
  chunk: NewLogChunk;
  lines: string[];
  bytes: number;
  /** Was sent once, perhaps written: its lines no longer change. */
  closed?: true;
  /** How many lines were given up at this place. */
  dropped?: number;
}

/**
 * Gathers a run's lines for up to half a second, redacted, and writes them in order. Every chunk has its own id from the
 * moment it is closed, so one whose answer got lost is sent again and written once.
 */
export function logBuffer(controlPlane: Pick<ControlPlane, "appendLogs">, lease: Lease, options: { signal: AbortSignal; log: Log; onLost: (error: LeaseLost) => void; redact: Pick<Redactor, "text"> }): LogBuffer {
  const waiting: Waiting[] = [];
  let underWay = 0;
  let waitingBytes = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> = Promise.resolve();

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      underWay = takeCount();
      const batch = waiting.slice(0, underWay);
      for (const each of batch) each.closed = true;
      try {
        await controlPlane.appendLogs(lease, batch.map(({ chunk, lines }) => ({ ...chunk, text: lines.join("\n") })), { signal: options.signal });
      } catch (error) {
        underWay = 0;
        if (!(error instanceof ControlRoomError) || error.status >= 500 || error.status === 429) throw error;
        options.log("error", "lines were refused and are dropped", { code: error.code, detail: error.message, count: batch.length });
      }
      waiting.splice(0, batch.length);
      waitingBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
      underWay = 0;
    }
  }
  function takeCount(): number {
    let bytes = 0;
    const count = waiting.slice(0, batchChunks).findIndex((item, index) => {
      bytes += item.bytes;
      return index > 0 && bytes > batchBytes;
    });
    return count === -1 ? Math.min(batchChunks, waiting.length) : count;
  }
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const mine = sending.then(sendAll);
    // The next flush starts after this one, whatever became of it; its lines are still waiting.
    sending = mine.catch(() => undefined);
    return mine;
  }
  function flushLater(): void {
    timer ??= setTimeout(() => {
      flush().catch((error: unknown) => {
        if (error instanceof LeaseLost) options.onLost(error);
        else if (!options.signal.aborted) options.log("warn", "lines of the run's log could not be written yet", { error: failureOf(error).message });
      });
    }, delayMs);
  }
  function addLine(phase: string | null, stream: LogStream, line: string): void {
    const bytes = new TextEncoder().encode(line).length + 1;
    const last = waiting.at(-1);
    const open = last !== undefined && last.closed === undefined && last.dropped === undefined && last.chunk.phase === phase && last.chunk.stream === stream && last.bytes + bytes <= chunkBytes;
    if (open) {
      last.lines.push(line);
      last.bytes += bytes;
    } else waiting.push({ chunk: { chunk_id: crypto.randomUUID(), phase, stream, text: "" }, lines: [line], bytes });
    waitingBytes += bytes;
  }
  function giveUpOldest(): void {
    const at = waiting[underWay]?.dropped === undefined ? underWay : underWay + 1;
    const [oldest] = waiting.splice(at, 1);
    if (oldest === undefined) return;
    waitingBytes -= oldest.bytes;
    const dropped = (at === underWay ? 0 : (waiting[underWay]?.dropped ?? 0)) + oldest.lines.length;
    const note: Waiting = { chunk: { chunk_id: crypto.randomUUID(), phase: null, stream: "engine", text: "" }, bytes: 0, dropped, lines: [`${dropped} lines are missing here: the control room could not be reached.`] };
    waiting.splice(underWay, at - underWay, note);
  }

  return {
    flush,
    async close() {
      if (waiting.length === 0 || options.signal.aborted) return;
      const enough = new AbortController();
      // Of what goes wrong here the executor's log has heard already, or the next call of the run will hear.
      await Promise.race([flush(), sleep(closeMs, enough.signal)]).catch(() => undefined);
      enough.abort();
      clearTimeout(timer);
    },
    add(phase, stream, text) {
      if (options.signal.aborted) return;
      for (const line of options.redact.text(text.replace(/\n$/, "")).split("\n")) addLine(phase, stream, tidyText(line, lineLimit));
      while (waitingBytes > mostWaitingBytes && waiting.length > underWay + 1) giveUpOldest();
      flushLater();
    },
  };
}
