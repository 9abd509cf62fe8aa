import { canonicalJson } from "../../contracts/canonical.ts";
import type { RpcArgs } from "../../contracts/rpc.ts";
import { advanceBackfills } from "../../lib/ops/tick/backfills.ts";
import { fireSchedules } from "../../lib/ops/tick/schedules.ts";
import type { Db } from "../../lib/supabase/client.ts";
import { aTenant, call, cronSecret, type Doors, type Tenant } from "./world.ts";

/** The scheduler's database client: the jobs of the tick as they are, each call a transaction on a connection of its own. */
function schedulerDb(doors: Doors): Db {
  return {
    async rpc(name: never, args: never) {
      try {
        return { data: await call(doors, { token: cronSecret }, name, args), error: null, status: 200 };
      } catch (error) {
        return { data: null, error, status: 500 };
      }
    },
  } as unknown as Db;
}

/** One turn of the scheduler's job, with all the time it wants. */
export function fireAll(doors: Doors): Promise<number> {
  return fireSchedules.run(schedulerDb(doors), Infinity);
}
export function advanceAll(doors: Doors): Promise<number> {
  return advanceBackfills.run(schedulerDb(doors), Infinity);
}

export interface Scheduled extends Tenant {
  template_key: string;
}

/** A tenant with a template whose parameters are `day` (a date), `at` (a time) and `region` (default north). */
export async function aTenantWithTemplate(doors: Doors): Promise<Scheduled> {
  const tenant = await aTenant(doors);
  const properties = { day: { type: "string", format: "date" }, at: { type: "string", format: "date-time" }, region: { type: "string", default: "north" } };
  const spec_text = canonicalJson({ version: 1, name: "daily", parameters: { type: "object", properties }, phases: [{ name: "work", type: "query", depends_on: [], config: { sql: "select 1" } }] });
  await call(doors, tenant.api, "save_template", { project_id: tenant.project_id, spec_text });
  return { ...tenant, template_key: "daily" };
}

type NewSchedule = RpcArgs<"create_schedule">["schedule"];
let made = 0;
/** A schedule each minute whose times are settled up to so many seconds ago. */
export async function aSchedule(doors: Doors, tenant: Scheduled, fields: Partial<NewSchedule> = {}, settledSecondsAgo = 0): Promise<string> {
  const { schedule_id } = await call(doors, tenant.api, "create_schedule", {
    schedule: { environment_id: tenant.environment_id, name: `schedule ${++made}`, template_key: tenant.template_key, cron: "* * * * *", ...fields },
  });
  if (settledSecondsAgo > 0) await rewind(doors, schedule_id, settledSecondsAgo);
  return schedule_id;
}

/** As if the scheduler had last looked at it so many seconds ago. Ends on a half minute, so that no test begins on a whole one. */
export async function rewind(doors: Doors, schedule_id: string, seconds: number): Promise<void> {
  await doors.owner.query(
    `update ops.schedules set after_time = date_trunc('minute', clock_timestamp()) - make_interval(secs => $2 - 30), next_time = null, next_at = clock_timestamp() - make_interval(secs => $2),
       created_at = created_at - interval '1 year', failures_since = failures_since - interval '1 year' where schedule_id = $1`,
    [schedule_id, seconds],
  );
}

export interface Fire { nominal_time: Date; outcome: string; run_id: string | null; reason: string | null; status: string | null; parameters: Record<string, unknown> | null }
/** What became of its nominal times, oldest first. */
export async function firesOf(doors: Doors, schedule_id: string): Promise<Fire[]> {
  return (await doors.owner.query("select f.nominal_time, f.outcome, f.run_id, f.reason, r.status, r.parameters from ops.schedule_fires as f left join ops.runs as r using (run_id) where f.schedule_id = $1 order by f.nominal_time", [schedule_id])).rows;
}
export const outcomesOf = async (doors: Doors, schedule_id: string): Promise<string[]> => (await firesOf(doors, schedule_id)).map((fire) => fire.outcome);

/** One more minute of the schedule comes due. */
export async function nextMinute(doors: Doors, schedule_id: string): Promise<void> {
  await doors.owner.query("update ops.schedule_fires set nominal_time = nominal_time - interval '1 minute' where schedule_id = $1", [schedule_id]);
  await doors.owner.query("update ops.runs set scheduled_for = scheduled_for - interval '1 minute' where schedule_id = $1", [schedule_id]);
  await doors.owner.query("update ops.schedules set after_time = date_trunc('minute', clock_timestamp()) - interval '30 seconds', next_time = null, next_at = clock_timestamp() where schedule_id = $1", [schedule_id]);
}

/** Ends a run as an executor would, whatever its state. */
export async function endRun(doors: Doors, run_id: string | null | undefined, status: "succeeded" | "failed" = "succeeded"): Promise<void> {
  await doors.owner.query("update ops.runs set status = 'claimed', executor_id = (select executor_id from ops.executors limit 1) where run_id = $1 and status = 'queued'", [run_id]);
  await doors.owner.query("update ops.runs set status = 'running' where run_id = $1", [run_id]);
  await doors.owner.query("select ops_private.finalize_run($1, $2, case when $2 = 'failed' then 'phase_failed' end)", [run_id, status]);
}

/** As if the scheduler were killed, or cut off: of its transactions this share is rolled back, or committed with the answer lost. */
export function crashing(doors: Doors, share: number): Doors {
  const connect = async () => {
    const client = await doors.rest.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    return new Proxy(client, {
      get(target, key) {
        if (key !== "query") return typeof target[key as never] === "function" ? (target[key as never] as () => unknown).bind(target) : target[key as never];
        return async (...args: unknown[]) => {
          if (args[0] !== "commit" || Math.random() >= share) return query(...args);
          await query(Math.random() < 0.5 ? "rollback" : "commit");
          throw new Error("the connection broke");
        };
      },
    });
  };
  return { ...doors, rest: { connect } as unknown as Doors["rest"] };
}
