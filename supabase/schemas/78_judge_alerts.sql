-- What alert rules say: their conditions, what meets one now, and what met it in the past.

-- The condition in its one form: the fields of its kind alone, none of them null. Raises invalid_input. The same as contracts/alert.ts says.
create function ops_private.alert_condition(condition jsonb) returns jsonb language plpgsql stable set search_path = '' as $$
declare
  word constant text := '^[a-z][a-z0-9_]{0,62}$';
  needed text[];
  allowed text[];
  wrong text;
begin
  condition := jsonb_strip_nulls(case jsonb_typeof(condition) when 'object' then condition else '{}' end);
  needed := case condition ->> 'kind' when 'run_failed' then '{in_a_row}' when 'run_slow' then '{seconds}' when 'run_waiting' then '{seconds}' when 'run_signal' then '{signal,at_least}'
    when 'run_warned' then '{warning}' when 'dataset_stale' then '{state}' when 'executor_offline' then '{}' when 'cap_used' then '{percent}' end;
  if needed is null then
    perform ops_private.fail('invalid_input', 'condition names its kind: run_failed, run_slow, run_waiting, run_signal, run_warned, dataset_stale, executor_offline or cap_used.');
  end if;
  allowed := needed || case condition ->> 'kind' when 'dataset_stale' then '{dataset,table_group}' when 'executor_offline' then '{executor}' when 'cap_used' then '{cap_key}' else '{pipeline}' end::text[];
  select string_agg(n, ', ') into wrong from unnest(needed) as n where not condition ? n;
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('A condition %s needs %s.', condition ->> 'kind', wrong));
  end if;
  select string_agg(f.key, ', ') into wrong from jsonb_each(condition - 'kind') as f cross join lateral (select f.value #>> '{}' as text, jsonb_typeof(f.value) as type) as v
  where not f.key = any (allowed) or not coalesce(case
    when f.key in ('pipeline', 'table_group', 'signal', 'warning') then v.type = 'string' and v.text ~ word
    when f.key = 'dataset' then v.type = 'string' and v.text ~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'
    when f.key = 'cap_key' then v.type = 'string' and v.text ~ '^[a-z][a-z0-9_.:-]{0,126}$'
    when f.key = 'executor' then v.type = 'string' and char_length(v.text) between 1 and 200
    when f.key = 'state' then v.text in ('late', 'breached')
    when v.type <> 'number' then false
    when f.key = 'at_least' then abs(v.text::numeric) <= 1e300
    else v.text::numeric % 1 = 0 and v.text::numeric between 1 and case f.key when 'in_a_row' then 100 when 'percent' then 1000 else 31622400 end end, false);
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('A condition %s does not take %s so.', condition ->> 'kind', wrong));
  end if;
  return (select jsonb_object_agg(f.key, case jsonb_typeof(f.value) when 'number' then to_jsonb(trim_scale((f.value #>> '{}')::numeric)) else f.value end) from jsonb_each(condition) as f);
end
$$;

create function ops_private.span_words(seconds bigint) returns text language sql immutable set search_path = '' as $$
  select case when seconds % 3600 = 0 then seconds / 3600 || ' h' when seconds % 60 = 0 then seconds / 60 || ' min' else seconds || ' s' end
$$;

-- How these runs, which have ended, leave their pipelines: in the order of ends, whatever the order in which they are noted. Locks the pipelines' rows by name.
create function ops_private.note_ends(ended uuid[]) returns void language sql security definer set search_path = '' as $$
  with runs as materialized (
    select r.run_id, r.environment_id, r.spec_slug, r.status, r.finished_at,
      greatest(p.succeeded_at, max(r.finished_at) filter (where r.status = 'succeeded') over (partition by r.environment_id, r.spec_slug)) as succeeded_at
    from ops.runs as r left join ops_private.pipeline_ends as p on p.environment_id = r.environment_id and p.pipeline = r.spec_slug
    where r.run_id = any (ended) and r.status in ('succeeded', 'failed') and not r.isolated and r.parent_run_id is null),
  ends as materialized (
    select e.environment_id, e.spec_slug, (array_agg(e.run_id order by e.finished_at desc, e.run_id desc))[1] as last_run, max(e.finished_at) as finished_at, max(e.succeeded_at) as succeeded_at,
      count(*) filter (where e.status = 'failed' and e.finished_at > coalesce(e.succeeded_at, '-infinity')) as failures
    from runs as e group by e.environment_id, e.spec_slug)
  insert into ops_private.pipeline_ends as p (environment_id, pipeline, last_run, last_finished_at, succeeded_at, failures, warnings)
  select e.environment_id, e.spec_slug, e.last_run, e.finished_at, e.succeeded_at, e.failures, array(
    select distinct v.data ->> 'warning' from ops.run_events as v where v.run_id = e.last_run and length(v.data ->> 'warning') <= 63 limit 50)
  from ends as e order by e.environment_id, e.spec_slug
  on conflict (environment_id, pipeline) do update set
    failures = excluded.failures + case when excluded.succeeded_at > p.last_finished_at then 0 else p.failures end,
    succeeded_at = greatest(p.succeeded_at, excluded.succeeded_at), last_finished_at = greatest(p.last_finished_at, excluded.last_finished_at),
    last_run = case when excluded.last_finished_at >= p.last_finished_at then excluded.last_run else p.last_run end,
    warnings = case when excluded.last_finished_at >= p.last_finished_at then excluded.warnings else p.warnings end
$$;

-- What meets a condition now, the first 200 by name: the subject, what to read about it, and the run that shows it. What it costs depends on how many pipelines, datasets,
-- executors and caps there are, and on what runs, never on the history; of the runs that wait it looks at the oldest 5,000.
create function ops_private.alert_subjects(environment uuid, condition jsonb) returns table (subject text, run_id uuid, title text, path text, layer text)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  wanted text := condition ->> 'kind';
  project uuid := (select e.project_id from ops.environments as e where e.environment_id = environment);
  organization uuid := ops_private.organization_of(project);
  one text := condition ->> 'pipeline';
  span interval := make_interval(secs => (condition ->> 'seconds')::int);
  moment timestamptz := clock_timestamp();
begin
  if wanted in ('run_failed', 'run_signal', 'run_warned') then
    return query select p.pipeline, p.last_run, x.title, '/runs/' || p.last_run, t.layer
    from ops_private.pipeline_ends as p left join ops.job_templates as t on t.project_id = project and t.template_key = p.pipeline
    cross join lateral (
      select format('%s failed%s: %s', p.pipeline, case when p.failures > 1 then format(' %s times in a row', p.failures) else '' end, r.error_code) as title
        from ops.runs as r where wanted = 'run_failed' and p.failures >= (condition ->> 'in_a_row')::int and r.run_id = p.last_run
      union all select format('%s ended with %s = %s', p.pipeline, s.signal, trim_scale(round(s.value::numeric, 3))) from ops.run_scores as c
        cross join lateral jsonb_to_recordset(c.breakdown) as s (signal text, value double precision)
        where wanted = 'run_signal' and c.run_id = p.last_run and s.signal = condition ->> 'signal' and s.value >= (condition ->> 'at_least')::double precision
      union all select format('%s warned of %s', p.pipeline, condition ->> 'warning') where wanted = 'run_warned' and condition ->> 'warning' = any (p.warnings)) as x
    where p.environment_id = environment and (one is null or p.pipeline = one) order by p.pipeline limit 200;
  elsif wanted in ('run_slow', 'run_waiting') then
    return query select s.spec_slug, s.first_run, format('%s: %s longer than %s', s.spec_slug, case when wanted = 'run_slow' then case s.runs when 1 then 'a run takes' else s.runs || ' runs take' end
        else case s.runs when 1 then 'a run waits' else s.runs || ' runs wait' end end, ops_private.span_words((condition ->> 'seconds')::bigint)), '/runs/' || s.first_run, t.layer
    from (
      select a.spec_slug, (array_agg(a.run_id order by a.since, a.run_id))[1] as first_run, count(*) as runs from (
        (select r.spec_slug, r.run_id, r.started_at as since, r.isolated, r.parent_run_id from ops.runs as r where wanted = 'run_slow' and r.environment_id = environment and r.status = 'running' order by r.run_id limit 5000)
        union all
        (select r.spec_slug, r.run_id, greatest(r.created_at, r.run_after, r.not_before), r.isolated, r.parent_run_id from ops.runs as r where wanted = 'run_waiting' and r.environment_id = environment and r.status = 'queued'
          and r.run_id < ops_private.uuid_at(moment - span) order by r.run_id limit 5000)) as a
      where a.since <= moment - span and not a.isolated and a.parent_run_id is null and (one is null or a.spec_slug = one) group by a.spec_slug) as s
    left join ops.job_templates as t on t.project_id = project and t.template_key = s.spec_slug order by s.spec_slug limit 200;
  elsif wanted = 'dataset_stale' then
    return query select d.name, null::uuid, format('%s %s', d.name, case s.state when 'late' then 'is late' else 'is older than promised' end), '/datasets/' || d.name, d.layer
    from (select distinct f.dataset from ops.freshness_targets as f where f.project_id = project and (not condition ? 'table_group' or f.table_group = condition ->> 'table_group')
      and (not condition ? 'dataset' or f.dataset = condition ->> 'dataset')) as w
    join ops.datasets as d on d.environment_id = environment and d.name = w.dataset
    cross join lateral (select f.state from ops.freshness_signals as f where f.dataset_id = d.dataset_id order by f.signal_id desc limit 1) as s
    where s.state = 'breached' or s.state = condition ->> 'state' order by d.name limit 200;
  elsif wanted = 'executor_offline' then
    return query select x.name, null::uuid, format('The executor %s gives no sign of life', x.name), '/executors/' || x.executor_id, null::text
    from ops.executor_environments as e join ops.executors as x on x.executor_id = e.executor_id
    where e.environment_id = environment and x.deleted_at is null and x.offline_since is not null and x.draining_since is null and (not condition ? 'executor' or x.name = condition ->> 'executor') order by x.name limit 200;
  elsif wanted = 'cap_used' then
    return query select u.subject, null::uuid, format('The cap %s is used to %s %% or more', u.subject, condition ->> 'percent'), '/caps', null::text
    from (select format('%s (%s a %s, %s)', c.cap_key, c.unit, c.period, case when c.environment_id is not null then 'environment' when c.project_id is not null then 'project' else 'organization' end) as subject, c.limit_amount,
        ops_private.cap_settled(c.cap_id, w.starts_at) + ops_private.cap_reserved(c.cap_id, w.starts_at) as used
      from ops.caps as c cross join lateral ops_private.window_of(c.period, c.time_zone, moment) as w
      where c.organization_id = organization and c.enabled and coalesce(c.environment_id, environment) = environment and coalesce(c.project_id, project) = project
        and (not condition ? 'cap_key' or c.cap_key = condition ->> 'cap_key')) as u
    where u.used * 100 >= u.limit_amount * (condition ->> 'percent')::numeric order by u.subject limit 200;
  end if;
end
$$;

-- When a condition held since that moment, as far as the history tells it: of the newest 5,000 runs, the same of the monitor's signals, the windows of caps. Without end where it goes on.
create function ops_private.alert_episodes(environment uuid, condition jsonb, since timestamptz) returns table (subject text, started timestamptz, ended timestamptz)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  wanted text := condition ->> 'kind';
  project uuid := (select e.project_id from ops.environments as e where e.environment_id = environment);
  one text := condition ->> 'pipeline';
  span interval := make_interval(secs => (condition ->> 'seconds')::int);
begin
  if wanted in ('run_failed', 'run_signal', 'run_warned') then
    return query with judged as (
      select r.spec_slug, r.run_id, r.finished_at, case wanted when 'run_failed' then r.status = 'failed'
        when 'run_signal' then exists (select from ops.run_scores as c cross join lateral jsonb_to_recordset(c.breakdown) as s (signal text, value double precision)
          where c.run_id = r.run_id and s.signal = condition ->> 'signal' and s.value >= (condition ->> 'at_least')::double precision)
        else exists (select from ops.run_events as v where v.run_id = r.run_id and v.data ->> 'warning' = condition ->> 'warning') end as bad
      from (select * from ops.runs as n where n.environment_id = environment and n.run_id >= ops_private.uuid_at(since) and (one is null or n.template_key = one)
        order by n.run_id desc limit case wanted when 'run_warned' then 500 else 5000 end) as r
      where r.status in ('succeeded', 'failed') and not r.isolated and r.parent_run_id is null),
    streaks as (
      select j.*, count(*) filter (where not j.bad) over (partition by j.spec_slug order by j.finished_at, j.run_id rows unbounded preceding) as streak from judged as j)
    select s.spec_slug, (array_agg(s.finished_at order by s.finished_at, s.run_id))[coalesce((condition ->> 'in_a_row')::int, 1)],
      (select min(j.finished_at) from judged as j where j.spec_slug = s.spec_slug and not j.bad and j.finished_at > max(s.finished_at))
    from streaks as s where s.bad group by s.spec_slug, s.streak having count(*) >= coalesce((condition ->> 'in_a_row')::int, 1);
  elsif wanted in ('run_slow', 'run_waiting') then
    return query select a.spec_slug, a.began + span, a.ended from (
      select r.spec_slug, case wanted when 'run_slow' then r.started_at else greatest(r.created_at, r.run_after) end as began,
        case wanted when 'run_slow' then r.finished_at else coalesce(r.claimed_at, r.finished_at) end as ended
      from ops.runs as r where r.environment_id = environment and r.run_id >= ops_private.uuid_at(since) and (one is null or r.template_key = one) and not r.isolated and r.parent_run_id is null
      order by r.run_id desc limit 5000) as a
    where coalesce(a.ended, clock_timestamp()) - a.began >= span;
  elsif wanted = 'dataset_stale' then
    return query with turns as (
      select f.dataset, f.created_at, f.state = 'breached' or f.state = condition ->> 'state' as bad from ops.freshness_signals as f
      where f.environment_id = environment and f.created_at >= since and (not condition ? 'dataset' or f.dataset = condition ->> 'dataset')
        and (not condition ? 'table_group' or exists (select from ops.freshness_targets as t where t.project_id = project and t.dataset = f.dataset and t.table_group = condition ->> 'table_group'))
      order by f.signal_id desc limit 5000),
    marked as (select t.*, coalesce(lag(t.bad) over (partition by t.dataset order by t.created_at), false) as before from turns as t)
    select m.dataset, m.created_at, (select min(t.created_at) from turns as t where t.dataset = m.dataset and not t.bad and t.created_at > m.created_at) from marked as m where m.bad and not m.before;
  elsif wanted = 'cap_used' then
    return query select c.cap_key || ' ' || c.unit || ' ' || c.period, u.period_start, null::timestamptz from ops.caps as c join ops.cap_usage as u on u.cap_id = c.cap_id
    where c.organization_id = ops_private.organization_of(project) and coalesce(c.environment_id, environment) = environment and coalesce(c.project_id, project) = project and u.period_start >= since
      and (not condition ? 'cap_key' or c.cap_key = condition ->> 'cap_key') and u.settled_amount * 100 >= c.limit_amount * (condition ->> 'percent')::numeric;
  end if;
end
$$;

-- preview_alert_rule: viewers. What a rule would find now, and how often it would have fired in the last seven days: null where no history tells that (executors).
create function ops_private.preview_alert_rule(environment uuid, condition jsonb, for_minutes int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  wanted jsonb := ops_private.alert_condition(condition);
  moment timestamptz := clock_timestamp();
begin
  perform ops_private.require(environment, 'viewer', 'preview an alert rule');
  return jsonb_build_object('days', 7,
    'fired', case when wanted ->> 'kind' <> 'executor_offline' then (select count(*) from ops_private.alert_episodes(environment, wanted, moment - interval '7 days') as e
      where coalesce(e.ended, moment) - e.started >= make_interval(mins => coalesce(for_minutes, 0))) end)
    || (select jsonb_build_object('holds', count(*), 'first', coalesce(jsonb_agg(jsonb_build_object('subject', s.subject, 'title', s.title, 'path', s.path) order by s.subject) filter (where s.turn <= 20), '[]'))
      from (select f.*, row_number() over (order by f.subject) as turn from ops_private.alert_subjects(environment, wanted) as f) as s);
end
$$;
create function ops.preview_alert_rule(environment_id uuid, condition jsonb, for_minutes int default 0) returns jsonb language sql stable set search_path = '' as 'select ops_private.preview_alert_rule($1, $2, $3)';
grant execute on function ops_private.preview_alert_rule(uuid, jsonb, int), ops.preview_alert_rule(uuid, jsonb, int) to authenticated, ops_token;
