import type { Call } from "../calls.ts";
import { isRecord, list } from "../calls.ts";
import type { Exchange } from "../proxy.ts";

/** What an executor did, read from the proxy's record: one entry for each call, in the order of asking. */
export interface Step extends Call {
  exchange: Exchange;
  /** Its place within the request. */
  nth: number;
}
export interface Held {
  run_id: string;
  lease_token: string;
  exchange: Exchange;
}

export function steps(record: readonly Exchange[], ...ops: string[]): Step[] {
  const all = record.flatMap((exchange) => exchange.calls.map((call, nth) => ({ ...call, exchange, nth })));
  return ops.length === 0 ? all : all.filter(({ op }) => ops.includes(op));
}
export function accepted(step: Step): boolean {
  const { status } = step.exchange;
  return status !== null && status >= 200 && status < 300 && refusalIn(step) === null;
}
/** The code with which a call was refused: by a problem of /api/v1, by PostgREST, or within a batch of reports. Null where it was not. */
export function refusal(step: Step): string | null {
  const { status, answer } = step.exchange;
  if (status === null || status < 400) return refusalIn(step);
  if (!isRecord(answer)) return String(status);
  const { code, message } = answer;
  return typeof code === "string" && !/^(PT|PGRST|\d)/.test(code) ? code : String(message);
}
function refusalIn({ exchange, report }: Step): string | null {
  if (report === null || !isRecord(exchange.answer)) return null;
  const item = list(exchange.answer["items"])[report];
  return isRecord(item?.["error"]) ? String(item["error"]["code"]) : null;
}
/** Whether one call was made before another: in an earlier request, or earlier in the same batch. */
export function isBefore(a: Step, b: Step): boolean {
  return a.exchange === b.exchange ? a.nth < b.nth : a.exchange.at < b.exchange.at;
}
/** Every lease that the executor was given. */
export function leasesGiven(record: readonly Exchange[]): Held[] {
  return steps(record, "claim_runs", "claim_run").filter(accepted).flatMap(({ exchange }) => claimsIn(exchange.answer).map((claim) => ({
    run_id: String(isRecord(claim["run"]) ? claim["run"]["run_id"] : ""), lease_token: String(claim["lease_token"]), exchange,
  })));
}
export function claimsIn(answer: unknown): Record<string, unknown>[] {
  if (!isRecord(answer)) return [];
  return "items" in answer ? list(answer["items"]) : "lease_token" in answer ? [answer] : [];
}
export function isClaim(exchange: Exchange): boolean {
  return exchange.calls.some(({ op }) => op === "claim_runs" || op === "claim_run");
}
export function isEnd({ op }: { op: string }): boolean {
  return op === "complete_run" || op === "fail_run" || op === "release_run";
}
/** The first thing that carries a phase's result: its upload, or the report that it succeeded. */
export function carriesResult(exchange: Exchange): boolean {
  return exchange.calls.some(({ op, body }) => op === "put_object" || op === "register_artifact" || (op === "set_phase" && body["status"] === "succeeded"));
}
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
/** Distances between moments that follow each other. */
export function gaps(moments: number[]): number[] {
  return moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment));
}
