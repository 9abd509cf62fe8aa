-- read_overview: whoever sees the environment. What its runs did between two moments, and in as long a time before them. Counts are
-- walks of the index runs_by_status, one for each status and step, and exact; times are of the newest 1,000 runs that succeeded.

-- The runs made in [from_at, to_at), by status: { status: count } without those of which there is none.
create function ops_private.runs_by_status(environment uuid, from_at timestamptz, to_at timestamptz) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.status, c.runs), '{}') from (
    select s.status, (select count(*) from ops.runs as r where r.environment_id = environment and r.status = s.status and r.run_id >= ops_private.uuid_at(from_at) and r.run_id < ops_private.uuid_at(to_at)) as runs
    from unnest(array['queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled']) as s (status)) as c where c.runs > 0
$$;

-- How long they took and, of first attempts, how long they waited, in seconds; null where no run tells it.
create function ops_private.run_times(environment uuid, from_at timestamptz, to_at timestamptz) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('runs', count(*), 'p50', percentile_cont(0.5) within group (order by t.took), 'p95', percentile_cont(0.95) within group (order by t.took), 'wait_p50', percentile_cont(0.5) within group (order by t.waited))
  from (select extract(epoch from r.finished_at - r.started_at) as took, case when r.attempt = 1 then greatest(extract(epoch from r.started_at - greatest(r.created_at, r.run_after)), 0) end as waited
    from ops.runs as r where r.environment_id = environment and r.status = 'succeeded' and r.run_id >= ops_private.uuid_at(from_at) and r.run_id < ops_private.uuid_at(to_at) order by r.run_id desc limit 1000) as t
$$;

-- What failed, has not succeeded since and nobody has marked, newest first, one for each name: no later run of its template succeeded, or, of
-- an inline spec, none that repeats it; `failures` of its runs failed in the range. Looks at the newest 500 failed runs.
create function ops_private.failing(environment uuid, from_at timestamptz, to_at timestamptz) returns jsonb language sql stable security definer set search_path = '' as $$
  with failed as (
    select r.run_id, r.spec_slug, r.template_key, r.error_code, r.error_message, r.finished_at from ops.runs as r
    where r.environment_id = environment and r.status = 'failed' and r.parent_run_id is null and not exists (select from ops.failure_marks as m where m.run_id = r.run_id) and r.run_id >= ops_private.uuid_at(from_at) and r.run_id < ops_private.uuid_at(to_at) order by r.run_id desc limit 500
  ), newest as (
    select distinct on (f.spec_slug) f.*, count(*) over (partition by f.spec_slug) as failures from failed as f order by f.spec_slug, f.run_id desc
  )
  select coalesce(jsonb_agg(to_jsonb(x) order by x.run_id desc), '[]') from (
    select n.* from newest as n
    where case when n.template_key is not null
        then coalesce(ops_private.last_success(environment, n.template_key) < n.run_id, true)
        else not exists (select from ops.runs as r where r.repairs_run_id = n.run_id and r.status = 'succeeded') end
    order by n.run_id desc limit 20) as x
$$;

create function ops_private.read_overview(environment uuid, from_at timestamptz, to_at timestamptz, step_seconds int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  step interval := make_interval(secs => step_seconds);
  earlier timestamptz := from_at - (to_at - from_at);
begin
  if not environment = any (ops_private.visible_environments()) then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  end if;
  if step_seconds < 1 or to_at <= from_at or (to_at - from_at) > step * 100 then
    perform ops_private.fail('invalid_input', 'The range holds no step, or more than 100.', 'Choose a later end, or a longer step.');
  end if;
  return jsonb_build_object(
    'steps', (select jsonb_agg(jsonb_build_object('starts_at', s.at, 'runs', ops_private.runs_by_status(environment, s.at, least(s.at + step, to_at))) order by s.at) from generate_series(from_at, to_at - interval '1 microsecond', step) as s (at)),
    'before', ops_private.runs_by_status(environment, earlier, from_at),
    'times', ops_private.run_times(environment, from_at, to_at),
    'times_before', ops_private.run_times(environment, earlier, from_at),
    'failing', ops_private.failing(environment, from_at, to_at));
end
$$;
create function ops.read_overview(environment_id uuid, from_at timestamptz, to_at timestamptz, step_seconds int) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_overview($1, $2, $3, $4)';
grant execute on function ops_private.read_overview(uuid, timestamptz, timestamptz, int), ops.read_overview(uuid, timestamptz, timestamptz, int) to authenticated, ops_token;
