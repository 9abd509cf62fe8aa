/** One storm: demand, executors and faults for some seconds, then calm, then the invariants. */
import { aQueue, aTenant, type Tenant } from "../../executors/testing/live.ts";
import { sleep } from "../../executors/core/backoff.ts";
import { findBreaches } from "./breaches.ts";
import { makeDemand, sendTo, type Acknowledged, type Send } from "./demand.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { planFaults, type Fault, type FaultKind } from "./plan.ts";
import { seeded } from "./random.ts";
import type { ChaosStack } from "./stack.ts";

export interface StormOptions {
  seconds: number;
  seed: number;
  lease_seconds: number;
  faults: readonly FaultKind[];
  /** About one fault in so many milliseconds. */
  every_ms: number;
  light: number;
  workers: number;
  rate: number;
  tables_per_second: number;
  /** Shares of runs that wait for each other at a gate. */
  keyed?: number;
  capped?: number;
  /** After the storm every run must end within so many seconds. */
  calm_seconds: number;
  /** For planted defects: what stands between the creators and the control room. */
  spoil?: (send: Send) => Send;
  say?: (line: string) => void;
}
export interface Outcome {
  tenant: Tenant;
  /** Sentences that should not be true; none in a product that keeps its promises. */
  breaches: string[];
  known: Acknowledged;
  fleet: Pick<Fleet, "ledgers">;
  faults: Partial<Record<FaultKind, number>>;
  calm_after_seconds: number;
}

export async function storm(stack: ChaosStack, options: StormOptions): Promise<Outcome> {
  const say = options.say ?? (() => undefined);
  const tenant = await aTenant(stack.live);
  const queues = { light: aQueue(), worker: aQueue() };
  const fleet = await startFleet(stack, tenant, { ...options, queues });
  const ledgers = fleet.ledgers;
  try {
    const send = sendTo(tenant);
    const storming = new AbortController();
    const demand = makeDemand({
      tenant, queues, random: seeded(options.seed, "demand"), rate: options.rate, tables_per_second: options.tables_per_second, keyed: options.keyed ?? 0.3, capped: options.capped ?? 0.1, signal: storming.signal, send: options.spoil?.(send) ?? send,
    });
    const faults = await inflict(stack, fleet, planFaults({ ...options, kinds: options.faults }), options.seconds * 1000, say);
    storming.abort();
    stack.link.heal();
    for (const member of fleet.members) member.resume();
    say("calm: everything is healed; what was begun may end");
    const began = performance.now();
    const known = await demand;
    const stuck = await waitForQuiet(stack, tenant, options.calm_seconds, say);
    const calm_after_seconds = (performance.now() - began) / 1000;
    await fleet.end();
    const breaches = await findBreaches(stack, tenant, known, ledgers());
    return { tenant, breaches: [...breaches, ...stuck], known, fleet: { ledgers }, faults, calm_after_seconds };
  } finally {
    await fleet.end();
  }
}

async function inflict(stack: ChaosStack, fleet: Fleet, plan: Fault[], total_ms: number, say: (line: string) => void): Promise<Partial<Record<FaultKind, number>>> {
  const done: Partial<Record<FaultKind, number>> = {};
  const began = performance.now();
  const later: Promise<void>[] = [];
  for (const fault of plan) {
    await sleep(Math.max(0, fault.at_ms - (performance.now() - began)));
    const member = fleet.members[Math.floor(fault.target * fleet.members.length)];
    const undo = member === undefined ? null : strike(stack, member, fault);
    if (undo === null) continue; // what it would have hit is down already
    done[fault.kind] = (done[fault.kind] ?? 0) + 1;
    say(`${(fault.at_ms / 1000).toFixed(1).padStart(6)} s  ${fault.kind}${/executor|clock/.test(fault.kind) ? ` ${member?.name}` : ""}${fault.for_ms > 0 ? ` for ${(fault.for_ms / 1000).toFixed(1)} s` : ""}`);
    if (fault.for_ms > 0) later.push(sleep(fault.for_ms).then(undo));
  }
  await sleep(Math.max(0, total_ms - (performance.now() - began)));
  await Promise.all(later);
  return done;
}

/** Does it; answers how it is undone, or null where nothing could be done. */
function strike({ kill, link }: ChaosStack, member: Fleet["members"][number], fault: Fault): (() => void) | null {
  const nothing = (): void => {};
  switch (fault.kind) {
    case "kill_executor": return member.kill() ? nothing : null;
    case "pause_executor": return member.pause() ? () => void member.resume() : null;
    case "shift_clock": return member.shiftClock() ? nothing : null;
    // SIGQUIT is Postgres' own immediate stop, SIGKILL leaves its sessions behind: both lose what was not durable.
    case "kill_database": return kill("postgres", fault.target < 0.5 ? "SIGQUIT" : "SIGKILL") ? nothing : null;
    case "kill_web": return kill("web", "SIGKILL") ? nothing : null;
    case "kill_rest": return kill("postgrest", "SIGKILL") ? nothing : null;
    case "delay_link": link.delay(20 + fault.target * 200); return () => link.delay(0);
    case "cut_link": link.cut(); return () => link.heal();
    case "sever_link": link.sever(); return nothing;
  }
}

/** Waits until no run of the tenant is open; answers what still is. */
async function waitForQuiet({ live }: ChaosStack, tenant: Tenant, seconds: number, say: (line: string) => void): Promise<string[]> {
  let told = performance.now();
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const open = await live
      .sql<{ run_id: string; status: string; queue_reason: string | null }>("select run_id, status, queue_reason from ops.runs where environment_id = $1 and status in ('queued', 'claimed', 'running')", [tenant.environment_id])
      .catch(() => null); // the database is still coming back
    if (open?.length === 0) return [];
    if (performance.now() > told + 5000) {
      say(`          ${open?.length ?? "?"} runs are still open`);
      told = performance.now();
    }
    if (performance.now() > end) {
      return [`stuck: ${open === null ? "the database does not answer" : `${open.length} runs are open ${seconds} s after the storm, the first: ${JSON.stringify(open[0])}`}`];
    }
    await sleep(100);
  }
}
