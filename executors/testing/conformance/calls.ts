import { operations, type Operation } from "../../../contracts/http.ts";

/** One operation of the contract, as it was asked for over /api/v1 or as an RPC on PostgREST. */
export interface Call {
  /** Name of the operation or the RPC (they are the same where both exist); "unknown" for anything else. */
  op: string;
  /** Whether the operation is fenced by a lease. */
  fenced: boolean;
  run_id: string | null;
  lease_token: string | null;
  /** Of a phase, where the operation names one. */
  phase: string | null;
  body: Record<string, unknown>;
  /** Which report of a batch it belongs to; null where it came alone. */
  report: number | null;
}

const patterns = Object.entries(operations as Record<string, Operation>).map(([op, operation]) => ({
  op, method: operation.method, fenced: operation.access === "lease",
  path: new RegExp(`^/api/v1${operation.path.replace(/[.]/g, "\\.").replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));
const fencedOps = new Set(patterns.filter(({ fenced }) => fenced).map(({ op }) => op));

/** What a request asks for. A batch of reports is as many calls as it has writes. */
export function callsOf(request: { method: string; path: string; headers: Record<string, string>; json: unknown }): Call[] {
  const body = isRecord(request.json) ? request.json : {};
  const path = request.path.split("?")[0] ?? request.path;
  if (/^\/api\/v1\/reports$|^\/rest\/v1\/rpc\/report_runs$/.test(path)) return reportCalls(body);
  const rpc = /^\/rest\/v1\/rpc\/(\w+)$/.exec(path)?.[1];
  if (rpc !== undefined) {
    const { run_id, lease_token, name, patch, artifact, ...rest } = body;
    const inner = isRecord(patch) ? patch : isRecord(artifact) ? artifact : rest;
    return [{ op: rpc, fenced: fencedOps.has(rpc), run_id: textOr(run_id), lease_token: textOr(lease_token), phase: textOr(name), body: inner, report: null }];
  }
  for (const { op, method, fenced, path: pattern } of patterns) {
    const found = method === request.method ? pattern.exec(path) : null;
    if (found === null) continue;
    return [{ op, fenced, run_id: found.groups?.["run_id"] ?? null, lease_token: request.headers["lease-token"] ?? null, phase: found.groups?.["name"] ?? null, body, report: null }];
  }
  return [{ op: "unknown", fenced: false, run_id: null, lease_token: null, phase: null, body, report: null }];
}

/** What the writes of a report are called when they come alone. */
const opOfWrite: Record<string, string> = {
  start: "start_run", phase: "set_phase", events: "append_events", artifact: "register_artifact", inputs: "pin_inputs", heartbeat: "heartbeat_run",
  complete: "complete_run", fail: "fail_run", release: "release_run",
};
/** Each write of a batch of reports is a call of its own. */
function reportCalls(body: Record<string, unknown>): Call[] {
  return list(body["reports"]).flatMap((report, index) => list(report["writes"]).map((write) => {
    const { type, name, patch, artifact, ...rest } = write;
    return {
      op: opOfWrite[String(type)] ?? String(type), fenced: true, run_id: textOr(report["run_id"]), lease_token: textOr(report["lease_token"]), phase: textOr(name),
      body: isRecord(patch) ? patch : isRecord(artifact) ? artifact : rest, report: index,
    };
  }));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
export function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
function textOr(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
