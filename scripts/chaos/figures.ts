/** What a storm measured, in lines for people. */
import { percentile } from "../../bench/figures.ts";
import { faultKinds } from "./plan.ts";
import type { Outcome, StormOptions } from "./storm.ts";
import type { ChaosStack } from "./stack.ts";

export async function figures({ live }: ChaosStack, outcome: Outcome, options: StormOptions): Promise<string[]> {
  const { known, faults, tenant } = outcome;
  const ends = await live.sql<{ status: string; count: number }>("select status, count(*)::int from ops.runs where environment_id = $1 group by 1 order by 1", [tenant.environment_id]);
  const [starts] = await live.sql<{ executed: number; phases: number; events: number }>(
    "select count(*) filter (where type = 'PHASE_STARTED')::int as executed, count(distinct (run_id, phase)) filter (where type = 'PHASE_STARTED')::int as phases, count(*)::int as events from ops.run_events where environment_id = $1", [tenant.environment_id]);
  // From the moment at which a lease had run out to the run's next claim, by the database's clock.
  const reclaims = await live.sql<{ seconds: number }>(
    `select extract(epoch from (select min(c.created_at) from ops.run_events as c where c.run_id = e.run_id and c.seq > e.seq and c.type = 'RUN_CLAIMED') - (e.data ->> 'expired_at')::timestamptz)::float8 as seconds
     from ops.run_events as e where e.environment_id = $1 and e.type = 'LEASE_EXPIRED'`, [tenant.environment_id]);
  const seconds = reclaims.map((row) => row.seconds).filter((value) => value !== null);
  const shown = (share: number): string => percentile(seconds, share).toFixed(2);
  return [
    `faults      ${faultKinds.map((kind) => `${kind} ${faults[kind] ?? 0}`).join(", ")}`,
    `requests    ${known.requests} by creators, of which ${known.repeated} repeated; ${known.runs.size} runs acknowledged, ${known.canceled.size} cancels`,
    `runs        ${ends.map(({ status, count }) => `${count} ${status}`).join(", ")}; ${starts?.events ?? 0} events`,
    `executed    ${starts?.executed ?? 0} times ${starts?.phases ?? 0} phases: at least once, factor ${((starts?.executed ?? 0) / Math.max(1, starts?.phases ?? 0)).toFixed(3)}`,
    seconds.length === 0 ? "reclaimed   no lease ran out" : `reclaimed   ${seconds.length} leases of ${options.lease_seconds} s that had run out; claimed again after p50 ${shown(0.5)} s, p95 ${shown(0.95)} s, at most ${shown(1)} s`,
    `calm        every run had ended ${outcome.calm_after_seconds.toFixed(1)} s after the storm`,
  ];
}
