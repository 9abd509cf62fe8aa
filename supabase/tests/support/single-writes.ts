import type { RunWrite } from "../../../contracts/report.ts";
import { call, request, type Caller, type Doors } from "../world.ts";

type Lease = { run_id: string; lease_token: string };

/** The function that does one write alone, with its arguments. */
function single(write: RunWrite): [string, Record<string, unknown>] {
  switch (write.type) {
    case "start": return ["start_run", {}];
    case "phase": return ["set_phase", { name: write.name, patch: write.patch }];
    case "events": return ["append_events", { events: write.events }];
    case "artifact": return ["register_artifact", { artifact: write.artifact }];
    case "inputs": return ["pin_inputs", { datasets: write.datasets, sources: write.sources }];
    case "logs": return ["append_logs", { chunks: write.chunks }];
    case "heartbeat": return ["heartbeat_run", { phase: write.phase }];
    case "complete": return ["complete_run", { output_manifest: write.output_manifest }];
    case "fail": return ["fail_run", { error_code: write.error_code, error_message: write.error_message, permanent: write.permanent, retry_after_seconds: write.retry_after_seconds }];
    case "release": return ["release_run", { reason: write.reason }];
  }
}

/** The model of a report: the same writes through the single functions, in one transaction, answered as a report is. */
export async function applySingly(doors: Doors, executor: Caller & { token: string }, lease: Lease, writes: RunWrite[]): Promise<unknown> {
  const { rows: [head] } = await doors.owner.query("select ended_lease_token = $2 as ended from ops_private.run_heads where run_id = $1", [lease.run_id, lease.lease_token]);
  const last = writes.at(-1) as RunWrite;
  // A report whose end is recorded is answered with it.
  if (head?.ended && ["complete", "fail", "release"].includes(last.type)) {
    const [name, args] = single(last);
    return { ...(await call(doors, executor, name as "complete_run", { ...lease, ...args } as never)), ok: true, answers: [] };
  }
  const values: unknown[] = [];
  const calls = writes.map((write) => {
    const [name, args] = single(write);
    const named = Object.entries({ ...lease, ...args }).filter(([, value]) => value !== undefined).map(([key, value]) => {
      values.push(value !== null && typeof value === "object" && key !== "datasets" ? JSON.stringify(value) : value);
      return `${key} => $${values.length}`;
    });
    return `ops.${name}(${named.join(", ")})`;
  });
  try {
    // A select list is evaluated in its order, in one transaction.
    const [row] = await request<Record<string, unknown>>(doors, executor, `select ${calls.map((text, nth) => `${text} as a${nth}`).join(", ")}`, values);
    const answers = writes.map((write, nth) => [write.type, row?.[`a${nth}`]] as const).filter(([type]) => ["artifact", "inputs", "heartbeat"].includes(type)).map(([, answer]) => answer);
    const { rows: [run] } = await doors.owner.query("select run_id, status, attempt, finished_at, error_code from ops.runs where run_id = $1", [lease.run_id]);
    return { ...run, ok: true, answers };
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint?: string };
    return { run_id: lease.run_id, ok: false, error: code.startsWith("PT") ? { code: message, detail: "", remedy: hint ?? "" } : { code: code === "23505" || code === "23503" ? "conflict" : "invalid_input", detail: "", remedy: "" } };
  }
}
