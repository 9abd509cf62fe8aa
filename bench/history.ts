import type pg from "pg";
import { withoutIndexes } from "./without-indexes.ts";

const atOnce = 100_000;

/** Makes `count` runs like that one, which ended over the last year: one in fifty failed, one in fifty was canceled; of all triggers. */
export async function addHistory(owner: pg.Client, like: string, count: number): Promise<void> {
  for (let made = 0; made < count; made += atOnce) {
    await owner.query(`insert into ops.runs (project_id, environment_id, status, error_code, error_message, spec_slug, spec_sha256, trigger, lane_id, queue, created_at, started_at, finished_at, run_id)
      select r.project_id, r.environment_id, case n % 50 when 0 then 'failed' when 1 then 'canceled' else 'succeeded' end, case n % 50 when 0 then 'sql_error' end, case n % 50 when 0 then 'relation ' || n || ' does not exist' end,
        r.spec_slug, r.spec_sha256, (array['api', 'schedule', 'manual', 'backfill'])[n % 4 + 1], r.lane_id, r.queue, at, at, at + make_interval(secs => n % 900), ops_private.uuid_v7()
      from ops.runs as r, generate_series(1, $2::int) as n, lateral (select now() - make_interval(secs => 31536000.0 * ($2::int - n) / $2::int) as at) as moment where r.run_id = $1`, [like, Math.min(atOnce, count - made)]);
  }
}

/** As `addHistory`, for many: left as autovacuum leaves a history that nobody changes, whose pages need not be looked into. */
export async function addLongHistory(owner: pg.Client, like: string, count: number): Promise<void> {
  await owner.query("set statement_timeout = 0");
  await withoutIndexes(owner, () => addHistory(owner, like, count));
  await owner.query("vacuum (analyze) ops.runs");
}

/** The environment of a run. */
export async function environmentOf(owner: pg.Client, run_id: string): Promise<string> {
  const { rows: [run] } = await owner.query<{ environment_id: string }>("select environment_id from ops.runs where run_id = $1", [run_id]);
  return String(run?.environment_id);
}
