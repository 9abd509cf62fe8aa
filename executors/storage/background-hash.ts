import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Worker } from "node:worker_threads";

/** Bytes that go to the thread at once. What fits into one batch is hashed where it is. */
const BATCH_BYTES = 1 << 20;
/** Batches of one stream, filled and under way together: all the memory that it takes. */
const MOST_BATCHES = 4;

/** SHA-256 of a stream, computed beside the thread that reads it. */
export interface BackgroundHash {
  /** Takes a copy of the bytes; resolves when there is room for more. */
  update(chunk: Uint8Array): Promise<void>;
  /** 64 lower-case hex digits. */
  digest(): Promise<string>;
  /** Gives up what was not digested; silent after `digest`. */
  close(): void;
}

interface Message {
  id: number;
  /** Comes back with the answer, to be filled again. */
  batch: ArrayBuffer;
  bytes: number;
  last: boolean;
}
interface Answer {
  id: number;
  batch: ArrayBuffer;
  digest: string | null;
}
interface Listener {
  answered(answer: Answer): void;
  failed(error: Error): void;
}

// A text and no file: it is the same in every bundle. One thread keeps the hashes of all streams apart by their numbers.
const script = `
  const { createHash } = require("node:crypto");
  const { parentPort } = require("node:worker_threads");
  const hashes = new Map();
  parentPort.on("message", ({ id, batch, bytes, last, closed }) => {
    if (closed) return void hashes.delete(id);
    const hash = hashes.get(id) ?? createHash("sha256");
    hash.update(new Uint8Array(batch, 0, bytes));
    if (last) hashes.delete(id);
    else hashes.set(id, hash);
    parentPort.postMessage({ id, batch, digest: last ? hash.digest("hex") : null }, [batch]);
  });`;

interface HashThread {
  worker: Worker;
  listeners: Map<number, Listener>;
}
let shared: HashThread | null = null;
let lastId = 0;

function hashThread(): HashThread {
  if (shared !== null) return shared;
  const worker = new Worker(script, { eval: true, execArgv: [], name: "sha256" });
  const thread: HashThread = { worker, listeners: new Map() };
  const end = (error: Error): void => {
    if (shared === thread) shared = null;
    for (const listener of thread.listeners.values()) listener.failed(error);
    thread.listeners.clear();
  };
  worker.unref();
  worker.on("message", (answer: Answer) => thread.listeners.get(answer.id)?.answered(answer));
  worker.on("error", end);
  worker.on("exit", (code) => end(new Error(`the thread that hashes ended with ${code}`)));
  shared = thread;
  return thread;
}

/** A process may end while the thread is idle, not while somebody waits for a digest. */
function listen(thread: HashThread, id: number, listener: Listener): void {
  thread.listeners.set(id, listener);
  thread.worker.ref();
}

function forget(thread: HashThread, id: number): void {
  if (thread.listeners.delete(id) && thread.listeners.size === 0) thread.worker.unref();
}

/** Begins a hash. The thread starts with the first stream that is longer than a batch. */
export function backgroundHash(): BackgroundHash {
  const id = ++lastId;
  let thread: HashThread | null = null;
  let batch = new Uint8Array(BATCH_BYTES);
  let filled = 0;
  let batches = 1;
  let failure: Error | null = null;
  const free: ArrayBuffer[] = [];
  let wake: (() => void) | null = null;
  let result: string | null = null;

  const woken = (): void => {
    wake?.();
    wake = null;
  };
  const listener: Listener = {
    answered(answer) {
      free.push(answer.batch);
      result = answer.digest;
      woken();
    },
    failed(error) {
      failure = error;
      woken();
    },
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      if (failure !== null) throw failure;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const send = (last: boolean): void => {
    if (thread === null) listen((thread = hashThread()), id, listener);
    const message: Message = { id, batch: batch.buffer, bytes: filled, last };
    thread.worker.postMessage(message, [batch.buffer]);
    filled = 0;
  };
  const emptyBatch = async (): Promise<Uint8Array<ArrayBuffer>> => {
    if (free.length === 0 && batches < MOST_BATCHES) {
      batches += 1;
      return new Uint8Array(BATCH_BYTES);
    }
    await until(() => free.length > 0);
    return new Uint8Array(free.pop()!);
  };

  return {
    async update(chunk) {
      for (let rest = chunk; rest.byteLength > 0; ) {
        if (filled === BATCH_BYTES) {
          send(false);
          batch = await emptyBatch();
        }
        const piece = rest.subarray(0, BATCH_BYTES - filled);
        batch.set(piece, filled);
        filled += piece.byteLength;
        rest = rest.subarray(piece.byteLength);
      }
    },
    async digest() {
      if (thread === null) return createHash("sha256").update(batch.subarray(0, filled)).digest("hex");
      send(true);
      try {
        await until(() => result !== null);
        return result!;
      } finally {
        forget(thread, id);
      }
    },
    close() {
      if (thread === null || !thread.listeners.has(id)) return;
      forget(thread, id);
      thread.worker.postMessage({ id, closed: true });
    },
  };
}

/** SHA-256 and size in bytes of a stream, in one pass with constant memory, beside this thread. */
export async function hashStream(body: AsyncIterable<Uint8Array>): Promise<{ sha256: string; byte_size: number }> {
  const hash = backgroundHash();
  let byte_size = 0;
  try {
    for await (const chunk of body) {
      await hash.update(chunk);
      byte_size += chunk.byteLength;
    }
    return { sha256: await hash.digest(), byte_size };
  } finally {
    hash.close();
  }
}

/** SHA-256 and size of a local file. */
export function hashFile(file: string): Promise<{ sha256: string; byte_size: number }> {
  return hashStream(createReadStream(file, { highWaterMark: 1 << 20 }));
}
