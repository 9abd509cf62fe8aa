-- OpenLineage events of others: dbt, Spark, Trino, anything that has a client.

-- A dataset that an event names: normalised to how the graph knows it.
create type ops_private.lineage_mention as (event int, direction text, namespace text, name text, columns jsonb, column_lineage jsonb, at timestamptz);

-- The node that { namespace, name, facets } means: a table of this environment's lake if its name or one of its symlinks is that table's path.
create function ops_private.lineage_name(environment uuid, dataset jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select coalesce(
    (select jsonb_build_object('namespace', ops_private.lineage_home(environment), 'name', own.name)
      from (select 0 as at, dataset as said union all select l.ordinality, l.value from jsonb_array_elements(case jsonb_typeof(dataset #> '{facets,symlinks,identifiers}') when 'array' then dataset #> '{facets,symlinks,identifiers}' else '[]' end) with ordinality as l) as s
      cross join lateral (select ops_private.own_table(environment, s.said ->> 'namespace', s.said ->> 'name') as name) as own where own.name is not null order by s.at limit 1),
    jsonb_build_object('namespace', ops_private.lineage_namespace(dataset ->> 'namespace'), 'name', coalesce(nullif(rtrim(dataset ->> 'name', '/'), ''), '/')))
$$;

-- Why an event cannot be stored; null where it can. The web app checks the whole of OpenLineage's core before (contracts/lineage.ts); this holds
-- for who calls the function itself.
create function ops_private.lineage_mistake(event jsonb) returns text language plpgsql immutable set search_path = '' as $$
declare
  datasets jsonb := case jsonb_typeof(event -> 'inputs') when 'array' then event -> 'inputs' else '[]' end || case jsonb_typeof(event -> 'outputs') when 'array' then event -> 'outputs' else '[]' end
    || case when event ? 'dataset' and not event ? 'job' then jsonb_build_array(event -> 'dataset') else '[]' end;
begin
  return case
    when jsonb_typeof(event) is distinct from 'object' then 'An event is an object.'
    when coalesce(event ->> 'eventTime', '') !~ '^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$' then 'eventTime is a moment of RFC 3339.'
    when not event ?| array['job', 'dataset'] then 'An event names a job or a dataset.'
    when event ? 'job' and (jsonb_typeof(event -> 'job' -> 'namespace') is distinct from 'string' or jsonb_typeof(event -> 'job' -> 'name') is distinct from 'string') then 'job has namespace and name.'
    when event ? 'run' and coalesce(event -> 'run' ->> 'runId', '') !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'run.runId is a UUID.'
    when event ? 'eventType' and not coalesce(event ->> 'eventType', '') = any ('{START,RUNNING,COMPLETE,ABORT,FAIL,OTHER}') then 'eventType is START, RUNNING, COMPLETE, ABORT, FAIL or OTHER.'
    when event ? 'inputs' and jsonb_typeof(event -> 'inputs') <> 'array' or event ? 'outputs' and jsonb_typeof(event -> 'outputs') <> 'array' then 'inputs and outputs are lists.'
    when jsonb_array_length(datasets) > 500 then 'An event names at most 500 datasets.'
    when jsonb_array_length(case jsonb_typeof(event -> 'inputs') when 'array' then event -> 'inputs' else '[]' end)
      * jsonb_array_length(case jsonb_typeof(event -> 'outputs') when 'array' then event -> 'outputs' else '[]' end) > 10000 then 'inputs times outputs are at most 10,000.'
    when exists (select from jsonb_array_elements(datasets) as d where jsonb_typeof(d -> 'namespace') is distinct from 'string' or jsonb_typeof(d -> 'name') is distinct from 'string'
      or octet_length(d ->> 'namespace') not between 1 and 512 or octet_length(d ->> 'name') not between 1 and 1024) then 'A dataset has a namespace of 1 to 512 bytes and a name of 1 to 1,024.'
    when octet_length(event -> 'job' ->> 'namespace') not between 1 and 512 or octet_length(event -> 'job' ->> 'name') not between 1 and 1024 then 'A job has a namespace of 1 to 512 bytes and a name of 1 to 1,024.'
  end;
end
$$;

-- The input columns of a columnLineage facet, one row each; target_column '' where they decide which rows there are. What is not of its form is left out.
create function ops_private.column_sources(facet jsonb) returns table (target_column text, dataset jsonb, source_column text, kind text, direct boolean) language sql immutable set search_path = '' as $$
  select f.target, i.value, i.value ->> 'field', left(coalesce(nullif(t.value ->> 'subtype', ''), nullif(t.value ->> 'type', ''), case f.target when '' then 'INDIRECT' else 'DIRECT' end), 60),
    coalesce(t.value ->> 'type', case f.target when '' then 'INDIRECT' else 'DIRECT' end) <> 'INDIRECT'
  from (
    select x.key as target, x.value -> 'inputFields' as inputs from jsonb_each(case jsonb_typeof(facet -> 'fields') when 'object' then facet -> 'fields' else '{}' end) as x where x.key <> '' and octet_length(x.key) <= 512
    union all select '', facet -> 'dataset') as f
  cross join lateral jsonb_array_elements(case jsonb_typeof(f.inputs) when 'array' then f.inputs else '[]' end) as i
  left join lateral jsonb_array_elements(case when jsonb_typeof(i.value -> 'transformations') = 'array' then i.value -> 'transformations' else '[]' end) as t on true
  where octet_length(i.value ->> 'namespace') between 1 and 512 and octet_length(i.value ->> 'name') between 1 and 1024 and octet_length(i.value ->> 'field') between 1 and 512
$$;

-- record_lineage(environment_id, events): operators, and executors of the environment. All or none; the same event again, or an older one later, changes nothing that a newer one said.
-- Jobs of an environment that nobody told of for half a year are forgotten, a few at a call. Locks nodes, jobs, edges, each in one order.
create function ops_private.record_lineage(environment uuid, events jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  mistake record;
  mentions ops_private.lineage_mention[];
  moment timestamptz := clock_timestamp();
  forgotten uuid[];
begin
  perform ops_private.require(environment, case (ops_private.me()).type when 'executor' then null else 'operator' end, 'record lineage');
  if jsonb_typeof(events) is distinct from 'array' or jsonb_array_length(events) not between 1 and 1000 then
    perform ops_private.fail('invalid_input', 'events is a list of 1 to 1,000.');
  elsif octet_length(events::text) > 8 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'events has at most 8 MB.', 'Send fewer at once.');
  end if;
  select e.ordinality - 1 as at, ops_private.lineage_mistake(e.value) as what into mistake from jsonb_array_elements(events) with ordinality as e
  where ops_private.lineage_mistake(e.value) is not null order by e.ordinality limit 1;
  if found then
    perform ops_private.fail('invalid_input', format('/events/%s: %s', mistake.at, mistake.what), 'See https://openlineage.io/spec.');
  end if;
  -- A clock that goes ahead does not make an event the newest for ever.
  with told as materialized (
    select e.ordinality::int as event, e.value, least((e.value ->> 'eventTime')::timestamptz, moment) as at from jsonb_array_elements(events) with ordinality as e),
  said as materialized (
    select t.event, t.at, x.direction, x.dataset, ops_private.lineage_name(environment, x.dataset) as node from told as t cross join lateral (
      select 'input' as direction, i.value as dataset from jsonb_array_elements(coalesce(t.value -> 'inputs', '[]')) as i
      union all select 'output', o.value from jsonb_array_elements(coalesce(t.value -> 'outputs', '[]')) as o
      union all select 'alone', t.value -> 'dataset' where not t.value ? 'job') as x)
  select array_agg(row(m.event, m.direction, m.namespace, m.name, m.columns, m.column_lineage, m.at)::ops_private.lineage_mention) into mentions from (
    select s.event, s.direction, s.node ->> 'namespace' as namespace, s.node ->> 'name' as name, s.at,
      case when jsonb_typeof(s.dataset #> '{facets,schema,fields}') = 'array' then (
        select jsonb_agg(jsonb_build_object('name', left(f.value ->> 'name', 512), 'type', left(coalesce(f.value ->> 'type', ''), 200)) order by f.ordinality)
        from jsonb_array_elements(s.dataset #> '{facets,schema,fields}') with ordinality as f where f.ordinality <= 5000 and f.value ->> 'name' <> '') end as columns,
      case when s.direction = 'output' then s.dataset #> '{facets,columnLineage}' end as column_lineage
    from said as s
    -- A column's source is an input, whether the event lists it or not.
    union all select s.event, 'input', n.node ->> 'namespace', n.node ->> 'name', s.at, null, null
    from said as s cross join lateral (select distinct ops_private.lineage_name(environment, c.dataset - 'field' - 'transformations') as node from ops_private.column_sources(s.dataset #> '{facets,columnLineage}') as c) as n
    where s.direction = 'output') as m;

  insert into ops.lineage_datasets as d (environment_id, namespace, name, columns, columns_at, seen_at)
  select distinct on (m.namespace, m.name) environment, m.namespace, m.name, m.columns, case when m.columns is null then '-infinity' else m.at end, max(m.at) over (partition by m.namespace, m.name)
  from unnest(mentions) as m order by m.namespace, m.name, m.columns is null, m.at desc
  on conflict on constraint one_node_per_name do update set seen_at = greatest(d.seen_at, excluded.seen_at),
    columns = case when excluded.columns_at > d.columns_at then excluded.columns else d.columns end, columns_at = greatest(d.columns_at, excluded.columns_at);

  insert into ops.lineage_jobs as j (environment_id, namespace, name, last_run_id, state, producer, seen_at)
  select distinct on (1, 2, 3) environment, ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace'), e.value -> 'job' ->> 'name', (e.value -> 'run' ->> 'runId')::uuid, e.value ->> 'eventType', left(e.value ->> 'producer', 500), least((e.value ->> 'eventTime')::timestamptz, moment)
  from jsonb_array_elements(events) with ordinality as e where e.value ? 'job'
  order by 1, 2, 3, 7 desc, (e.value ->> 'eventType' in ('COMPLETE', 'FAIL', 'ABORT')) desc nulls last, e.ordinality desc
  on conflict on constraint one_job_per_name do update set last_run_id = coalesce(excluded.last_run_id, j.last_run_id), state = coalesce(excluded.state, j.state), producer = coalesce(excluded.producer, j.producer), seen_at = excluded.seen_at
  where excluded.seen_at > j.seen_at or excluded.seen_at = j.seen_at and coalesce(j.state, '') not in ('COMPLETE', 'FAIL', 'ABORT');

  with named as materialized (
    select m.*, n.node_id, j.lineage_job_id from unnest(mentions) as m
    join jsonb_array_elements(events) with ordinality as e on e.ordinality = m.event and e.value ? 'job'
    join ops.lineage_datasets as n on n.environment_id = environment and n.namespace = m.namespace and n.name = m.name
    join ops.lineage_jobs as j on j.environment_id = environment and j.namespace = ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace') and j.name = e.value -> 'job' ->> 'name')
  insert into ops.lineage_io as i (environment_id, lineage_job_id, node_id, direction, seen_at)
  select environment, d.lineage_job_id, d.node_id, d.direction, max(d.at) from named as d group by d.lineage_job_id, d.node_id, d.direction order by d.lineage_job_id, d.direction, d.node_id
  on conflict (lineage_job_id, direction, node_id) do update set seen_at = greatest(i.seen_at, excluded.seen_at);

  perform ops_private.join_lineage(environment, events, mentions);
  forgotten := array(select j.lineage_job_id from ops.lineage_jobs as j where j.environment_id = environment and j.seen_at < moment - interval '180 days' order by j.seen_at limit 10 for update skip locked);
  delete from ops.lineage_jobs as j where j.lineage_job_id = any (forgotten);
  delete from ops.lineage_datasets as d where d.node_id = any (array(
    select o.node_id from ops.lineage_datasets as o where o.environment_id = environment and o.seen_at < moment - interval '180 days'
      and not exists (select from ops.lineage_io as i where i.node_id = o.node_id) order by o.seen_at limit 10 for update skip locked));
  return jsonb_build_object('recorded', jsonb_array_length(events));
end
$$;

-- The edges that follow from events whose nodes, jobs and io are stored: every input of a job with every output of it, and the columns as the
-- newest event of the job says them, which replaces what it said before of that dataset.
create function ops_private.join_lineage(environment uuid, events jsonb, mentions ops_private.lineage_mention[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  with jobs as materialized (
    select e.ordinality::int as event, j.lineage_job_id from jsonb_array_elements(events) with ordinality as e join ops.lineage_jobs as j
      on j.environment_id = environment and j.namespace = ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace') and j.name = e.value -> 'job' ->> 'name' where e.value ? 'job'),
  touched as (
    select distinct j.lineage_job_id, n.node_id, m.direction from unnest(mentions) as m join jobs as j using (event)
    join ops.lineage_datasets as n on n.environment_id = environment and n.namespace = m.namespace and n.name = m.name where m.direction in ('input', 'output')),
  pairs as (
    select i.node_id as source_id, o.node_id as target_id, i.lineage_job_id, least(i.seen_at, o.seen_at) as seen_at
    from ops.lineage_io as i join ops.lineage_io as o using (lineage_job_id)
    where i.direction = 'input' and o.direction = 'output' and i.node_id <> o.node_id and i.lineage_job_id in (select t.lineage_job_id from touched as t)
      and (exists (select from touched as t where t.lineage_job_id = i.lineage_job_id and t.direction = 'input' and t.node_id = i.node_id)
        or exists (select from touched as t where t.lineage_job_id = o.lineage_job_id and t.direction = 'output' and t.node_id = o.node_id)))
  insert into ops.lineage_edges as e (environment_id, source_id, target_id, lineage_job_id, seen_at)
  select environment, p.source_id, p.target_id, p.lineage_job_id, p.seen_at from pairs as p order by p.source_id, p.target_id, p.lineage_job_id limit 100000
  on conflict (source_id, target_id, lineage_job_id) do update set seen_at = excluded.seen_at where excluded.seen_at > e.seen_at;

  with jobs as materialized (
    select e.ordinality::int as event, j.lineage_job_id from jsonb_array_elements(events) with ordinality as e join ops.lineage_jobs as j
      on j.environment_id = environment and j.namespace = ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace') and j.name = e.value -> 'job' ->> 'name' where e.value ? 'job'),
  newest as materialized (
    select distinct on (n.node_id, j.lineage_job_id) n.node_id, j.lineage_job_id, m.column_lineage, m.at from unnest(mentions) as m join jobs as j using (event)
    join ops.lineage_datasets as n on n.environment_id = environment and n.namespace = m.namespace and n.name = m.name
    where jsonb_typeof(m.column_lineage) = 'object' order by n.node_id, j.lineage_job_id, m.at desc, m.event desc),
  current as materialized (
    select w.* from newest as w where not exists (select from ops.lineage_columns as c where c.target_id = w.node_id and c.lineage_job_id = w.lineage_job_id and c.seen_at > w.at)),
  told as materialized (
    select distinct s.node_id as source_id, c.source_column, w.node_id as target_id, c.target_column, c.kind, c.direct, w.lineage_job_id, w.at
    from current as w cross join lateral ops_private.column_sources(w.column_lineage) as c
    cross join lateral (select ops_private.lineage_name(environment, c.dataset - 'field' - 'transformations') as name) as o
    join ops.lineage_datasets as s on s.environment_id = environment and s.namespace = o.name ->> 'namespace' and s.name = o.name ->> 'name'),
  gone as (
    delete from ops.lineage_columns as c using current as w where c.target_id = w.node_id and c.lineage_job_id = w.lineage_job_id
      and not exists (select from told as t where t.target_id = c.target_id and t.lineage_job_id = c.lineage_job_id and t.source_id = c.source_id and t.source_column = c.source_column and t.target_column = c.target_column and t.kind = c.kind))
  insert into ops.lineage_columns as c (environment_id, source_id, source_column, target_id, target_column, kind, direct, lineage_job_id, seen_at)
  select environment, t.source_id, t.source_column, t.target_id, t.target_column, t.kind, bool_or(t.direct), t.lineage_job_id, max(t.at) from told as t group by 2, 3, 4, 5, 6, 8 order by 4, 5, 2, 3
  on conflict (target_id, target_column, source_id, source_column, lineage_job_id, kind) do update set seen_at = excluded.seen_at, direct = excluded.direct where excluded.seen_at > c.seen_at;
end
$$;

create function ops.record_lineage(environment_id uuid, events jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.record_lineage($1, $2)';
grant execute on function ops_private.record_lineage(uuid, jsonb), ops.record_lineage(uuid, jsonb) to authenticated, ops_token;
