-- What a run of this product publishes joins the graph in the transaction that registers it. The truth is dataset_versions.lineage and
-- the input manifest; the graph is what follows from them.

-- What an executor says of a version's SQL, as contracts/dataset.ts has it (tableLineage); null is nothing said.
create function ops_private.check_table_lineage(lineage jsonb) returns void language plpgsql immutable set search_path = '' as $$
declare
  inputs jsonb := case jsonb_typeof(lineage -> 'inputs') when 'array' then lineage -> 'inputs' end;
  said jsonb := coalesce(lineage -> 'rows', '[]');
begin
  if lineage is null or lineage = 'null' then
    return;
  elsif pg_column_size(lineage) > 1048576 then
    perform ops_private.fail('payload_too_large', 'lineage has at most 1 MB.', 'Leave its columns out.');
  elsif jsonb_typeof(lineage) <> 'object' or inputs is null or jsonb_array_length(inputs) > 500 or jsonb_typeof(said) <> 'array' or coalesce(jsonb_typeof(lineage -> 'columns'), 'null') not in ('object', 'null')
    or exists (select from jsonb_array_elements(inputs) as i where coalesce(i #>> '{}', '') !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$')
    or exists (select from jsonb_each(case jsonb_typeof(lineage -> 'columns') when 'object' then lineage -> 'columns' else '{}' end) as f where f.key = '' or octet_length(f.key) > 512 or jsonb_typeof(f.value) <> 'array') then
    perform ops_private.fail('invalid_input', 'lineage has inputs, a list of at most 500 tables; columns, an object of lists, or null; rows, a list.');
  end if;
  select said || coalesce(jsonb_agg(s.value), '[]') into said
  from jsonb_each(case jsonb_typeof(lineage -> 'columns') when 'object' then lineage -> 'columns' else '{}' end) as f cross join lateral jsonb_array_elements(f.value) as s;
  if exists (select from jsonb_array_elements(said) as s where not inputs ? coalesce(s ->> 'dataset', '') or octet_length(coalesce(s ->> 'column', '')) not between 1 and 512 or coalesce(s ->> 'kind', '') !~ '^[A-Z_]{1,60}$') then
    perform ops_private.fail('invalid_input', 'A source of lineage has a dataset that is among the inputs, a column, and a kind.');
  end if;
end
$$;

-- Nodes for these (namespace, name), made or seen again; in one order, so that two callers never wait for each other.
create function ops_private.lineage_nodes(environment uuid, names jsonb, at timestamptz) returns table (node_id uuid, namespace text, name text) language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.lineage_datasets as d (environment_id, namespace, name, seen_at)
  select environment, n.value ->> 'namespace', n.value ->> 'name', at from jsonb_array_elements(names) as n
  group by 2, 3 order by 2, 3
  on conflict on constraint one_node_per_name do update set seen_at = greatest(d.seen_at, excluded.seen_at);
  return query select d.node_id, d.namespace, d.name from ops.lineage_datasets as d
    where d.environment_id = environment and (d.namespace, d.name) in (select n.value ->> 'namespace', n.value ->> 'name' from jsonb_array_elements(names) as n);
end
$$;

-- The job that a run is one execution of: its pipeline.
create function ops_private.lineage_job_of(run ops.runs, at timestamptz) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  job uuid;
begin
  insert into ops.lineage_jobs as j (environment_id, namespace, name, last_run_id, state, producer, seen_at)
  values (run.environment_id, ops_private.lineage_home(run.environment_id), coalesce(run.template_key, run.spec_slug), run.run_id, null, 'urn:lakehouse-control-room', at)
  on conflict on constraint one_job_per_name do update set last_run_id = excluded.last_run_id, seen_at = excluded.seen_at
  returning j.lineage_job_id into job;
  return job;
end
$$;

-- Where a table came from that an ingest landed: the source's own name, as its other readers call it, or the connection's where its host is not known here.
create function ops_private.source_name(environment uuid, source jsonb, dataset text) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(
    (select jsonb_build_object('namespace', ops_private.lineage_namespace('postgres://' || (c.settings ->> 'host') || ':' || (c.settings ->> 'port')),
        'name', (c.settings ->> 'database') || '.' || (source ->> 'schema') || '.' || split_part(dataset, '.', 2))
      from ops.connections as c where c.environment_id = environment and c.name = source ->> 'connection' and c.kind in ('postgres', 'odoo')),
    jsonb_build_object('namespace', ops_private.lineage_home(environment) || '/connections/' || (source ->> 'connection'),
      'name', concat_ws('.', source ->> 'schema', split_part(dataset, '.', 2))))
$$;

-- note_lineage: publish_dataset, for a version that it has just registered. Its SQL's lineage where the executor reported one, else the source
-- that landed it, else nothing. What the same pipeline said of the table before is replaced. Locks nodes, job, edges.
create function ops_private.note_lineage(made ops.dataset_versions, dataset text) returns void language plpgsql security definer set search_path = '' as $$
declare
  of_run ops.runs;
  job uuid;
  home text := ops_private.lineage_home(made.environment_id);
  sources jsonb;
  target uuid;
  landed boolean := made.lineage is null;
begin
  select * into of_run from ops.runs as r where r.run_id = made.run_id;
  if landed then
    sources := (select coalesce(jsonb_agg(ops_private.source_name(made.environment_id, s.value, dataset)), '[]') from jsonb_each(coalesce(of_run.input_manifest -> 'sources', '{}')) as s
      where jsonb_typeof(s.value -> 'tables') = 'array' and s.value ? 'connection' and exists (select from jsonb_array_elements(s.value -> 'tables') as t where t.value ->> 'name' = dataset));
  else
    sources := (select coalesce(jsonb_agg(jsonb_build_object('namespace', home, 'name', i)), '[]') from jsonb_array_elements_text(made.lineage -> 'inputs') as i);
  end if;
  select n.node_id into target from ops_private.lineage_nodes(made.environment_id, sources || jsonb_build_object('namespace', home, 'name', dataset), made.created_at) as n
  where n.namespace = home and n.name = dataset;
  job := ops_private.lineage_job_of(of_run, made.created_at);
  insert into ops.lineage_io as i (environment_id, lineage_job_id, node_id, direction, seen_at)
  select made.environment_id, job, n.node_id, case when n.node_id = target then 'output' else 'input' end, made.created_at
  from ops.lineage_datasets as n where n.environment_id = made.environment_id
    and (n.namespace, n.name) in (select s.value ->> 'namespace', s.value ->> 'name' from jsonb_array_elements(sources || jsonb_build_object('namespace', home, 'name', dataset)) as s)
  order by n.node_id on conflict (lineage_job_id, direction, node_id) do update set seen_at = excluded.seen_at;
  delete from ops.lineage_edges as e where e.target_id = target and e.lineage_job_id = job and e.source_id not in (
    select n.node_id from ops.lineage_datasets as n join jsonb_array_elements(sources) as s on n.namespace = s.value ->> 'namespace' and n.name = s.value ->> 'name' where n.environment_id = made.environment_id);
  insert into ops.lineage_edges as e (environment_id, source_id, target_id, lineage_job_id, seen_at)
  select made.environment_id, n.node_id, target, job, made.created_at
  from ops.lineage_datasets as n join (select distinct s.value ->> 'namespace' as namespace, s.value ->> 'name' as name from jsonb_array_elements(sources) as s) as s using (namespace, name)
  where n.environment_id = made.environment_id and n.node_id <> target order by n.node_id
  on conflict (source_id, target_id, lineage_job_id) do update set seen_at = excluded.seen_at;
  delete from ops.lineage_columns as c where c.target_id = target and c.lineage_job_id = job;
  insert into ops.lineage_columns (environment_id, source_id, source_column, target_id, target_column, kind, direct, lineage_job_id, seen_at)
  select made.environment_id, n.node_id, c.source_column, target, c.target_column, c.kind, c.direct, job, made.created_at
  from (
    select home as namespace, s.value ->> 'dataset' as name, s.value ->> 'column' as source_column, f.key as target_column, s.value ->> 'kind' as kind, true as direct
    from jsonb_each(case jsonb_typeof(made.lineage -> 'columns') when 'object' then made.lineage -> 'columns' else '{}' end) as f cross join lateral jsonb_array_elements(f.value) as s
    union select home, s.value ->> 'dataset', s.value ->> 'column', '', s.value ->> 'kind', false from jsonb_array_elements(coalesce(made.lineage -> 'rows', '[]')) as s
    -- What was landed is as it was; columns of our own begin with _.
    union select s.value ->> 'namespace', s.value ->> 'name', col.value ->> 'name', col.value ->> 'name', 'IDENTITY', true
    from jsonb_array_elements(sources) as s cross join jsonb_array_elements(made.columns) as col where landed and left(col.value ->> 'name', 1) <> '_') as c
  join ops.lineage_datasets as n on n.environment_id = made.environment_id and n.namespace = c.namespace and n.name = c.name
  where n.node_id <> target
  on conflict do nothing;
end
$$;

-- note_reads: pin_inputs. The pipeline reads these tables; noted again at most once a minute, since every run passes here.
create function ops_private.note_reads(run ops.runs, tables text[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  home text := ops_private.lineage_home(run.environment_id);
  moment timestamptz := clock_timestamp();
  fresh jsonb;
  job uuid;
begin
  fresh := (select jsonb_agg(jsonb_build_object('namespace', home, 'name', t)) from (select distinct split_part(n, '@', 1) as t from unnest(tables) as n) as t
    where exists (select from ops.datasets as d where d.environment_id = run.environment_id and d.name = t.t)
      and not exists (select from ops.lineage_jobs as j join ops.lineage_io as i using (lineage_job_id) join ops.lineage_datasets as n using (node_id)
        where j.environment_id = run.environment_id and j.namespace = home and j.name = coalesce(run.template_key, run.spec_slug)
          and i.direction = 'input' and i.seen_at > moment - interval '1 minute' and n.namespace = home and n.name = t.t));
  if fresh is null then
    return;
  end if;
  perform from ops_private.lineage_nodes(run.environment_id, fresh, moment);
  job := ops_private.lineage_job_of(run, moment);
  insert into ops.lineage_io as i (environment_id, lineage_job_id, node_id, direction, seen_at)
  select run.environment_id, job, n.node_id, 'input', moment from ops.lineage_datasets as n
  where n.environment_id = run.environment_id and n.namespace = home and n.name in (select f.value ->> 'name' from jsonb_array_elements(fresh) as f) order by n.node_id
  on conflict (lineage_job_id, direction, node_id) do update set seen_at = excluded.seen_at;
end
$$;
