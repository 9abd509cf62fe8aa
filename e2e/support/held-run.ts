import { randomUUID } from "node:crypto";
import { api, type Stack } from "./stack.ts";

export interface HeldRun {
  run_id: string;
  /** Appends lines as an executor does: whole lines of one phase and one stream. */
  print: (lines: string[], place?: { phase?: string | null; stream?: "stdout" | "stderr" | "engine" }) => Promise<void>;
  setPhase: (name: string, patch: Record<string, unknown>) => Promise<void>;
  fail: (error_code: string, error_message: string) => Promise<void>;
}

const chunkLines = 2_000;
const chunksACall = 50;

/** A run that an executor of this very test has claimed and started: what it prints and how it ends, the test decides. */
export async function holdRun(stack: Stack, phases: string[] = ["load"], name = "held_by_a_test"): Promise<HeldRun> {
  const queue = `held_${randomUUID().slice(0, 8)}`;
  const [{ executor_id }, run] = await Promise.all([
    api<{ executor_id: string }>(stack, "POST", "/executors", { name: queue, environments: ["dev"], allowed_queues: [queue] }),
    api<{ run_id: string }>(stack, "POST", "/runs", {
      spec: { version: 1, name, phases: phases.map((phase) => ({ name: phase, type: "query", config: { inputs: [], sql: "select 1" } })) },
      queue,
      max_attempts: 1,
    }),
  ]);
  const { token } = await api<{ token: string }>(stack, "POST", `/executors/${executor_id}/tokens`, { expires_in_days: 1 });
  const executor = { ...stack, api_token: token };
  const { items } = await api<{ items: { lease_token: string; run: { labels?: string[] } }[] }>(executor, "POST", "/claims", { queues: [queue], lease_seconds: 600, labels: ["engine:duckdb"], start: true });
  const lease = items[0]?.lease_token;
  if (lease === undefined) throw new Error("The run was not claimed: another executor took it, or it asks for a label.");
  const call = <T>(method: "POST" | "PUT", path: string, body: unknown) => api<T>(executor, method, `/runs/${run.run_id}${path}`, body, { "Lease-Token": lease });
  return {
    run_id: run.run_id,
    async print(lines, { phase = phases[0] ?? null, stream = "stdout" } = {}) {
      const chunks = Array.from({ length: Math.ceil(lines.length / chunkLines) }, (_, nth) => ({ chunk_id: randomUUID(), phase, stream, text: lines.slice(nth * chunkLines, (nth + 1) * chunkLines).join("\n") }));
      for (let at = 0; at < chunks.length; at += chunksACall) await call("POST", "/logs", { chunks: chunks.slice(at, at + chunksACall) });
    },
    setPhase: (name, patch) => call("PUT", `/phases/${name}`, patch),
    fail: (error_code, error_message) => call("POST", "/fail", { error_code, error_message, permanent: true }),
  };
}
