import "server-only";
import { createHash } from "node:crypto";
import type { RpcReturns } from "@/contracts/rpc.ts";
import { required } from "@/lib/env.ts";
import { artifactStore, putObject, storageError } from "@/lib/storage.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { blockIndex, chunkText } from "../log-files.ts";
import { storageReceipt } from "../receipt.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

type Ended = RpcReturns<"take_logs">[number];
const runsAtOnce = 10;

/**
 * Turns the chunks of runs that have ended into one artifact per phase. Where it stops half way, by a crash or because
 * another caller was faster, the chunks are still there or already gone with the artifacts in their place.
 */
export const compactLogs: TickJob = {
  name: "compact_logs",
  async run(db, deadline) {
    let done = 0;
    while (done < runsAtOnce && performance.now() < deadline) {
      // One at a time: what was taken and not begun would wait for its minute.
      const [ended] = await callRpc(db, "take_logs", { at_most: 1 });
      if (ended === undefined) break;
      if (await compactRun(db, ended)) done += 1;
    }
    return done;
  },
};

export async function compactRun(db: Db, { run_id, environment_id, phases }: Ended): Promise<boolean> {
  const receiptKey = required("STORAGE_RECEIPT_KEY");
  const files = [];
  for (const phase of phases) {
    const { blocks, ...stored } = await storeLog(db, run_id, phase);
    const byte_size = String(stored.byte_size);
    files.push({ phase, blocks, sha256: stored.sha256, byte_size, line_count: stored.line_count, receipt: storageReceipt(receiptKey, { environment_id, sha256: stored.sha256, byte_size }) });
  }
  return callRpc(db, "compact_logs", { run_id, files });
}

/** Reads the chunks twice, for the hash and for the bytes: they no longer change, and so nothing is kept in between. */
async function storeLog(db: Db, runId: string, phase: string | null) {
  const hash = createHash("sha256");
  const { add, blocks } = blockIndex();
  let [byte_size, line_count] = [0, 0];
  for await (const { bytes, first_line, lines } of logBytes(db, runId, phase)) {
    hash.update(bytes);
    add(first_line, bytes.byteLength);
    byte_size += bytes.byteLength;
    line_count += lines;
  }
  const sha256 = hash.digest("hex");
  const body = (async function* () {
    for await (const { bytes } of logBytes(db, runId, phase)) yield bytes;
  })();
  await putObject(await artifactStore(), body, { sha256, byte_size }).catch((error: unknown) => {
    throw storageError(error);
  });
  return { sha256, byte_size, line_count, blocks };
}

async function* logBytes(db: Db, runId: string, phase: string | null): AsyncGenerator<{ bytes: Buffer; first_line: number; lines: number }> {
  for (let after = 0; ;) {
    const chunks = await callRpc(db, "read_log_chunks", { run_id: runId, phase, after });
    for (const chunk of chunks) {
      const text = chunkText(chunk);
      yield { bytes: Buffer.from(text), first_line: chunk.first_line, lines: chunk.text.split("\n").length };
    }
    const last = chunks.at(-1);
    if (last === undefined) return;
    after = last.first_line;
  }
}
