import { randomBytes } from "node:crypto";
import type { CreateRunRequest, Run, RunPhase } from "../../../../contracts/run.ts";
import type { RunEvent } from "../../../../contracts/event.ts";
import { request, type Connection } from "../../../cli/connection.ts";
import type { ControlPlane } from "../../../core/control-plane.ts";
import type { Rule } from "../report.ts";
import type { Intercept, Proxy } from "../proxy.ts";
import type { ExecutorProcess } from "./executor-process.ts";

/** What was observed of a rule: it holds where nothing is wrong, and is not judged where it could not be seen. */
export interface Seen {
  seen: string;
  wrong: string[];
  skipped?: true;
}
export function seen(what: string, ...wrong: (string | null | false | undefined)[]): Seen {
  return { seen: what, wrong: wrong.filter((each): each is string => typeof each === "string") };
}
/** It did not come to that, for a reason that another rule names. */
export function notSeen(why: string): Seen {
  return { seen: why, wrong: [], skipped: true };
}

/** An executor at work behind a proxy. */
export interface Scene {
  proxy: Proxy;
  executor: ExecutorProcess;
  /** Throws NotReached where the condition does not come to hold, or the executor ends before. */
  reach(what: string, holds: () => boolean, seconds?: number): Promise<void>;
}
/** What a scenario plays with: a queue of its own on a real control plane. */
export interface Stage {
  lease_seconds: number;
  /** Two heartbeats at a third of the lease, and two seconds for slow machines; in milliseconds. */
  two_beats_ms: number;
  queue: string;
  api: Connection;
  /** The control plane as an executor sees it, without the proxy. */
  plane: ControlPlane;
  createRun(spec: Record<string, unknown>, more?: Partial<CreateRunRequest>): Promise<Run>;
  start(intercept?: Intercept, settings?: Record<string, string>): Promise<Scene>;
}
/** One story that an executor is put through, and the rules that can be seen in it. */
export interface Scenario<Id extends string = string> {
  name: string;
  /** It is about the end of leases: played with short ones. All others have long leases, so that a slow machine changes nothing. */
  short_lease?: true;
  rules: Record<Id, Omit<Rule, "id">>;
  play(stage: Stage): Promise<Record<Id, Seen>>;
}
export function scenario<Id extends string>(made: Scenario<Id>): Scenario {
  return made as Scenario;
}
/** The executor did not get as far as the rules of the scenario can be seen. */
export class NotReached extends Error {
  constructor(what: string) {
    super(`not reached: ${what}`);
    this.name = "NotReached";
  }
}

/** Phases of portable SQL, written last one first, so that only their dependencies give the order. Nobody has computed them before. */
export function querySpec(depends: Record<string, string[]>, options: { sql?: string; salt?: string } = {}): Record<string, unknown> {
  const salt = options.salt ?? randomBytes(8).toString("hex");
  const phases = Object.entries(depends).map(([name, depends_on]) => ({
    name, type: "query", depends_on, config: { sql: options.sql ?? `select '${salt}' as salt, '${name}' as phase, 1 as n union all select '${salt}', '${name}', 2 order by n` },
  }));
  return { version: 1, name: "conformance", phases: phases.reverse() };
}

export function getRun(api: Connection, run_id: string): Promise<Run> {
  return request(api, "get_run", { params: { run_id } });
}
export async function getPhases(api: Connection, run_id: string): Promise<RunPhase[]> {
  return (await request(api, "list_phases", { params: { run_id } })).items;
}
export async function getEvents(api: Connection, run_id: string): Promise<RunEvent[]> {
  return (await request(api, "list_events", { params: { run_id }, query: { limit: 1000 } })).items;
}
