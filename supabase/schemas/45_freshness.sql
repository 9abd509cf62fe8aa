-- How old the data of a dataset may be: what the current version of each pipeline promises (its `freshness`). Written by save_template.
create table ops.freshness_targets (
  template_id uuid not null references ops.job_templates,
  dataset text not null constraint dataset_name_is_schema_and_table check (dataset ~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'),
  project_id uuid not null references ops.projects,
  table_group text constraint table_group_is_a_word check (table_group ~ '^[a-z][a-z0-9_]{0,62}$'),
  max_age_seconds int not null,
  late_after_seconds int not null,
  primary key (template_id, dataset),
  constraint late_comes_before_breached check (late_after_seconds between 1 and max_age_seconds)
);
create index freshness_targets_of_a_project on ops.freshness_targets (project_id, dataset);
alter table ops.freshness_targets enable row level security;
alter table ops.freshness_targets force row level security;
create policy members_see_their_projects on ops.freshness_targets for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
grant select on ops.freshness_targets to authenticated, ops_token, ops_sql;

-- The tables that the ingest phases of a pipeline land, as datasets.
create function ops_private.landed_tables(spec jsonb) returns table (dataset text, value jsonb) language sql immutable set search_path = '' as $$
  select coalesce(p.value -> 'config' ->> 'target', 'bronze') || '.' || (t.value ->> 'name'), t.value
  from jsonb_array_elements(spec -> 'phases') as p cross join lateral jsonb_array_elements(p.value -> 'config' -> 'tables') as t
  where p.value ->> 'type' = 'ingest'
$$;

-- A promise for a table group is one for each of its tables that the pipeline lands; one for a dataset by name goes before it.
create function ops_private.set_freshness_targets(template ops.job_templates, spec jsonb) returns void language sql security definer set search_path = '' as $$
  delete from ops.freshness_targets as t where t.template_id = template.template_id;
  insert into ops.freshness_targets (template_id, dataset, project_id, table_group, max_age_seconds, late_after_seconds)
  select distinct on (d.dataset) template.template_id, d.dataset, template.project_id, coalesce(f.value ->> 'group', d.table_group), (f.value ->> 'max_age_seconds')::int,
    coalesce((f.value ->> 'late_after_seconds')::int, greatest(1, ((f.value ->> 'max_age_seconds')::bigint * 4 / 5)::int))
  from jsonb_array_elements(coalesce(spec -> 'freshness', '[]')) as f
  cross join lateral (
    select f.value ->> 'dataset' as dataset, (select t.value ->> 'group' from ops_private.landed_tables(spec) as t where t.dataset = f.value ->> 'dataset') as table_group where f.value ? 'dataset'
    union all select t.dataset, f.value ->> 'group' from ops_private.landed_tables(spec) as t where not f.value ? 'dataset' and t.value ->> 'group' = f.value ->> 'group') as d
  order by d.dataset, f.value ? 'dataset' desc
$$;

-- Of when the data of the tables are that a run writes: the oldest of what it read. What it read outside the lake is as old as the claim under which it was
-- read; a table of the lake, as old as that version says; a run that read nothing, as old as its start. Tables that the run writes itself
-- (it merges into them), and earlier versions that were asked for by number or moment, make nothing old.
create function ops_private.data_time(run ops.runs, writes uuid[]) returns timestamptz language sql stable security definer set search_path = '' as $$
  -- What the items of a for_each phase read stands in the manifests of their runs.
  with manifests as (select run.input_manifest as manifest union all select c.input_manifest from ops.runs as c where c.parent_run_id = run.run_id)
  select coalesce(least(
    (select min(v.data_at) from manifests as m cross join lateral jsonb_each(m.manifest -> 'datasets') as i
      join ops.datasets as d on d.environment_id = run.environment_id and d.name = i.key
      join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = (i.value ->> 'version')::int
    where i.key not like '%@%' and not d.dataset_id = any (writes)
      and not exists (select from ops.dataset_versions as o where o.dataset_id = d.dataset_id and o.run_id = run.run_id)),
    (select min((s.value ->> 'read_at')::timestamptz) from manifests as m cross join lateral jsonb_each(m.manifest -> 'sources') as s where jsonb_typeof(s.value) = 'object')), run.started_at, clock_timestamp())
$$;

-- Datasets with a target, as they are at this moment. Of several pipelines that promise, the strictest counts. `cadence_seconds` is the median time between the
-- last ten versions, from three on; the next one is expected a whole number of cadences after the last, so one that was missed is expected at the next beat.
-- A breach is forecast where that comes too late.
create view ops.freshness_list with (security_invoker = true) as
  select d.dataset_id, d.environment_id, d.name, d.layer, d.current_version as version, v.run_id, v.data_at, v.created_at as published_at,
    t.table_group, t.late_after_seconds, t.max_age_seconds, x.late_at, x.breach_at,
    case when n.now >= x.breach_at then 'breached' when n.now >= x.late_at then 'late' else 'ok' end as state,
    c.seconds as cadence_seconds, x.expected_at, case when n.now < x.breach_at and x.expected_at > x.breach_at then x.breach_at end as forecast_breach_at
  from ops.datasets as d
  join ops.environments as e on e.environment_id = d.environment_id
  join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = d.current_version
  cross join lateral (select min(f.max_age_seconds) as max_age_seconds, min(f.late_after_seconds) as late_after_seconds,
      (array_agg(f.table_group order by f.max_age_seconds) filter (where f.table_group is not null))[1] as table_group from ops.freshness_targets as f where f.project_id = e.project_id and f.dataset = d.name) as t
  cross join lateral (select now() as now) as n
  left join lateral (
    select percentile_cont(0.5) within group (order by g.gap) as seconds from (
      select extract(epoch from w.created_at - lag(w.created_at) over (order by w.version))::double precision as gap
      from ops.dataset_versions as w where w.dataset_id = d.dataset_id and w.version > d.current_version - 10) as g
    having count(g.gap) >= 2) as c on true
  cross join lateral (select v.data_at + make_interval(secs => t.late_after_seconds) as late_at, v.data_at + make_interval(secs => t.max_age_seconds) as breach_at,
    case when c.seconds > 0 then v.created_at + make_interval(secs => c.seconds * greatest(1, ceil(extract(epoch from n.now - v.created_at)::double precision / c.seconds))) end as expected_at) as x
  where t.max_age_seconds is not null;
grant select on ops.freshness_list to authenticated, ops_token, ops_sql;

-- What the monitor has seen: a row for each change of a dataset's state. What alert rules read; the last row of a dataset is what was said of it last.
create table ops.freshness_signals (
  signal_id bigint generated always as identity primary key,
  environment_id uuid not null references ops.environments,
  dataset_id uuid not null references ops.datasets,
  dataset text not null,
  state text not null constraint state_is_known check (state in ('ok', 'late', 'breached')),
  forecast boolean not null,
  data_at timestamptz not null,
  breach_at timestamptz not null,
  run_id uuid not null,
  created_at timestamptz not null default clock_timestamp()
);
create index freshness_signals_of_a_dataset on ops.freshness_signals (dataset_id, signal_id desc);
create index freshness_signals_of_an_environment on ops.freshness_signals (environment_id, signal_id desc);
alter table ops.freshness_signals enable row level security;
alter table ops.freshness_signals force row level security;
create policy members_see_their_environments on ops.freshness_signals for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.freshness_signals to authenticated, ops_token, ops_sql;

-- When the monitor last looked: a row of its own, since the tick holds the scheduler's while gates wait.
create table ops_private.freshness_monitor (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  looked_at timestamptz not null default '-infinity'
);
alter table ops_private.freshness_monitor enable row level security;
alter table ops_private.freshness_monitor force row level security;
insert into ops_private.freshness_monitor default values;

-- check_freshness: the scheduler. Records every change since it last looked, at most every twenty seconds, one caller at a time. A dataset that was
-- always fresh says nothing. Answers how many signals it recorded. What has just broken its promise is told to the project's webhook: one message for a table
-- group (or a dataset of none), naming those that broke it, and none while others of the group had broken it before: who was told knows.
create function ops_private.check_freshness() returns int language plpgsql security definer set search_path = '' as $$
declare
  recorded int;
begin
  perform ops_private.require_service('watch the freshness of datasets');
  perform from ops_private.freshness_monitor as m where m.only_row and m.looked_at <= clock_timestamp() - interval '20 seconds' for update skip locked;
  if not found then
    return 0;
  end if;
  update ops_private.freshness_monitor as m set looked_at = clock_timestamp() where m.only_row;
  with watched as materialized (
    select l.*, l.forecast_breach_at is not null as forecast, e.project_id, e.slug as environment, coalesce(before.state, 'ok') as state_before, coalesce(before.forecast, false) as forecast_before
    from ops.freshness_list as l join ops.environments as e on e.environment_id = l.environment_id and e.deleted_at is null
    left join lateral (select s.state, s.forecast from ops.freshness_signals as s where s.dataset_id = l.dataset_id order by s.signal_id desc limit 1) as before on true),
  turned as (
    insert into ops.freshness_signals (environment_id, dataset_id, dataset, state, forecast, data_at, breach_at, run_id)
    select w.environment_id, w.dataset_id, w.name, w.state, w.forecast, w.data_at, w.breach_at, w.run_id
    from watched as w where (w.state, w.forecast) is distinct from (w.state_before, w.forecast_before)
    returning signal_id),
  breaches as (
    select b.project_id, b.environment, b.table_group, max(b.layer) as layer, count(*) as datasets, min(b.breach_at) as breach_at,
      jsonb_agg(jsonb_build_object('dataset', b.name, 'data_at', b.data_at, 'breach_at', b.breach_at, 'max_age_seconds', b.max_age_seconds, 'run_id', b.run_id) order by b.breach_at, b.name) as each
    from watched as b where b.state = 'breached' group by b.project_id, b.environment_id, b.environment, b.table_group, case when b.table_group is null then b.dataset_id end
    having bool_and(b.state_before <> 'breached')),
  told as (
    insert into ops.webhook_deliveries (project_id, type, payload)
    select b.project_id, 'dataset.breached', jsonb_build_object('type', 'dataset.breached', 'timestamp', clock_timestamp(), 'data', jsonb_build_object(
      'project', p.slug, 'environment', b.environment, 'table_group', b.table_group, 'breach_at', b.breach_at, 'datasets', b.datasets,
      'first', jsonb_path_query_array(b.each, '$[0 to 19]'), 'path', case when b.datasets = 1 then '/datasets/' || (b.each -> 0 ->> 'dataset') else '/datasets' end,
      'route', ops_private.route(b.project_id, 'dataset.breached', b.layer, b.environment)))
    from breaches as b join ops.webhooks as w on w.project_id = b.project_id and w.enabled and 'dataset.breached' = any (w.events) join ops.projects as p on p.project_id = b.project_id)
  select count(*) into recorded from turned;
  return recorded;
end
$$;
create function ops.check_freshness() returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.check_freshness())';
grant execute on function ops_private.check_freshness(), ops.check_freshness() to ops_token;
