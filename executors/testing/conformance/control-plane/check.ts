import { randomBytes } from "node:crypto";
import { ControlRoomError } from "../../../../contracts/error.ts";
import type { Claim, ClaimRequest } from "../../../../contracts/claim.ts";
import type { RunEvent } from "../../../../contracts/event.ts";
import type { ReportsResponse, RunReport } from "../../../../contracts/report.ts";
import type { CreateRunRequest, Run, RunPhase } from "../../../../contracts/run.ts";
import { request, type Connection } from "../../../cli/connection.ts";
import type { ControlPlane, Lease } from "../../../core/control-plane.ts";
import { LeaseLost } from "../../../core/errors.ts";
import type { Rule } from "../report.ts";

/** A control plane under test, as its callers see it. */
export interface Subject {
  url: string;
  api: Connection;
  /** As an executor. */
  plane: ControlPlane;
  executor_token: string;
  /** A batch of reports, over the same transport. */
  report(reports: RunReport[]): Promise<ReportsResponse>;
  /** As another executor of the same environment; null where the kit has no second token. */
  other: ControlPlane | null;
  environment?: string;
  /** Paths of /api/v1 that it offers, by its own OpenAPI document. */
  offers: ReadonlySet<string>;
  /** Runs that the kit has made: what is left of them is cancelled at the end. */
  made: string[];
}
/** One rule and how it is tried: `test` answers what was seen, or throws. */
export interface Check extends Rule {
  test(subject: Subject): Promise<string>;
}
/** The control plane did what it must not do. */
export class Violation extends Error {}
/** The rule cannot be tried here. */
export class NotTried extends Error {}

export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Violation(otherwise);
}
/** The call must be refused with one of the codes. */
export async function refused(what: string, codes: string[], call: () => Promise<unknown>): Promise<void> {
  let answer: unknown;
  try {
    answer = await call();
  } catch (error) {
    const code = codeOf(error);
    must(code !== null && codes.includes(code), `${what} was refused with ${code ?? String(error)}, not ${codes.join(" or ")}`);
    return;
  }
  throw new Violation(`${what} was accepted: ${JSON.stringify(answer)?.slice(0, 200)}`);
}
function codeOf(error: unknown): string | null {
  if (error instanceof LeaseLost) return error.cause instanceof ControlRoomError ? error.cause.code : error.code;
  return error instanceof ControlRoomError ? error.code : null;
}

export function aQueue(): string {
  return `conformance_${randomBytes(6).toString("hex")}`;
}
/** Phases after one another; the kit is the executor, so their SQL is never executed. */
export function aSpec(...names: string[]): Record<string, unknown> {
  const phases = (names.length === 0 ? ["only"] : names).map((name, index, all) => ({ name, type: "query", depends_on: index === 0 ? [] : [all[index - 1]], config: { sql: "select 1 as n" } }));
  return { version: 1, name: "conformance", phases };
}
export async function createRun({ api, environment, made }: Subject, more: CreateRunRequest = {}, headers: Record<string, string> = {}): Promise<Run> {
  const run = await request(api, "create_run", { body: { spec: aSpec(), queue: aQueue(), ...(environment === undefined ? {} : { environment }), ...more }, headers });
  made.push(run.run_id);
  return run;
}
/** Asks again where only parked runs were in the way. */
export async function claim(plane: ControlPlane, asked: ClaimRequest): Promise<Claim[]> {
  for (let again = 0; ; again += 1) {
    const answer = await plane.claim({ lease_seconds: 120, ...asked });
    if (answer.items.length > 0 || !answer.again || again > 20) return answer.items;
  }
}
export function leaseOf(claimed: Claim): Lease {
  return { run_id: claimed.run.run_id, lease_token: claimed.lease_token };
}
/** A run of its own, claimed (and started) by the kit. */
export async function held(subject: Subject, more: CreateRunRequest = {}, options: { lease_seconds?: number; start?: boolean } = {}): Promise<{ run: Run; claimed: Claim; lease: Lease }> {
  const run = await createRun(subject, more);
  const [claimed] = await claim(subject.plane, { queues: [run.queue], lease_seconds: options.lease_seconds ?? 120 });
  must(claimed !== undefined && claimed.run.run_id === run.run_id, "a run that was queued could not be claimed");
  const lease = leaseOf(claimed);
  if (options.start !== false) await subject.plane.start(lease);
  return { run, claimed, lease };
}
/** Every phase from where it is to succeeded. */
export async function executePhases(plane: ControlPlane, lease: Lease, names: string[] = ["only"]): Promise<void> {
  for (const name of names) {
    await plane.setPhase(lease, name, { status: "running" });
    await plane.setPhase(lease, name, { status: "succeeded", output_sha256: "a".repeat(64) });
  }
}
export function runNow({ api }: Subject, run_id: string): Promise<Run> {
  return request(api, "get_run", { params: { run_id } });
}
export async function phasesNow({ api }: Subject, run_id: string): Promise<RunPhase[]> {
  return (await request(api, "list_phases", { params: { run_id } })).items;
}
export async function eventsNow({ api }: Subject, run_id: string): Promise<RunEvent[]> {
  return (await request(api, "list_events", { params: { run_id }, query: { limit: 1000 } })).items;
}
/** Asks until there is an answer. */
export async function until<T>(what: string, limitSeconds: number, ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + limitSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    must(performance.now() < end, `${what} did not happen within ${limitSeconds} s`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
