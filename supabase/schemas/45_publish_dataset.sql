-- begin_publish: the lease holder, by a running phase. Takes the right to commit to tables, all or none, before anything is put into
-- their logs. Answers for each the fence to commit with and the registered version to build on (-1: none): commits after that one
-- were never registered. A table that another live lease holds is table_busy, one that failed a check of this run is refused. A repeat under the same lease answers the same.
-- With retain_hours, versions that nobody followed since and that no unfinished run reads are given up for good: files that only they
-- need may be removed. kept_from_table_version is the oldest version whose files must stay.
-- Locks lease, then the datasets by name.
create function ops_private.begin_publish(run uuid, token uuid, phase text, datasets text[], retain_hours int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  ids uuid[];
  busy record;
  read_at timestamptz;
  maintains boolean := exists (select from ops.run_phases as p where p.run_id = run and p.name = begin_publish.phase and p.type = 'maintain');
begin
  if cardinality(datasets) not between 1 and 2000 or exists (select from unnest(datasets) as n where n is null or n !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$') then
    perform ops_private.fail('invalid_input', 'datasets names 1 to 2000 tables as schema.table.');
  elsif (select r.isolated from ops.runs as r where r.run_id = run) then
    perform ops_private.fail('illegal_transition', 'A verification publishes nothing.');
  elsif not exists (select from ops.run_phases as p where p.run_id = run and p.name = begin_publish.phase and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'A dataset is published by a running phase.');
  elsif retain_hours not between 1 and 87600 then
    perform ops_private.fail('invalid_input', 'retain_hours is between 1 and 87600.');
  end if;
  perform ops_private.refuse_failed_quality(run, datasets);
  insert into ops.datasets (environment_id, name) select lease.environment_id, n from unnest(datasets) as n group by n order by n
  on conflict on constraint dataset_name_is_unique_in_its_environment do nothing;
  perform from ops.datasets as d where d.environment_id = lease.environment_id and d.name = any (datasets) order by d.name for update;
  ids := array(select d.dataset_id from ops.datasets as d where d.environment_id = lease.environment_id and d.name = any (datasets));
  select d.name, i.run_id into busy from ops_private.publish_intents as i join ops.datasets as d using (dataset_id)
  join ops.leases as l on l.run_id = i.run_id and l.fence = i.lease_fence and l.expires_at > clock_timestamp()
  where i.dataset_id = any (ids) and i.run_id <> run order by d.name limit 1;
  if found then
    perform ops_private.fail('table_busy', format('Run %s is publishing %s right now.', busy.run_id, busy.name), 'Wait for its end, then ask again.');
  end if;
  read_at := (select ops_private.data_time(r, ids) from ops.runs as r where r.run_id = run);
  -- Who takes care of a table writes the rows that it has: they are as old as they were.
  insert into ops_private.publish_intents as i (dataset_id, run_id, phase, lease_fence, fence, base_table_version, data_at)
  select d.dataset_id, run, begin_publish.phase, lease.fence, nextval('ops_private.fence'), coalesce(v.table_version, -1), coalesce(case when maintains then v.data_at end, read_at)
  from ops.datasets as d left join lateral (select w.table_version, w.data_at from ops.dataset_versions as w where w.dataset_id = d.dataset_id order by w.table_version desc limit 1) as v on true
  where d.dataset_id = any (ids)
  on conflict (dataset_id) do update set run_id = excluded.run_id, phase = excluded.phase, lease_fence = excluded.lease_fence, fence = excluded.fence,
    base_table_version = excluded.base_table_version, data_at = excluded.data_at, began_at = clock_timestamp()
  where i.run_id <> excluded.run_id or i.lease_fence <> excluded.lease_fence or i.phase <> excluded.phase;
  if retain_hours is not null then
    -- The unfinished runs are read once, not for each table.
    with read as materialized (
      select split_part(p.key, '@', 1) as name, min((p.value ->> 'version')::int) as version from ops.runs as r cross join lateral jsonb_each(r.input_manifest -> 'datasets') as p
      where r.environment_id = lease.environment_id and r.status in ('queued', 'claimed', 'running') group by 1)
    update ops.datasets as d set kept_from = kept.version from (
      select n.dataset_id, least(coalesce(ops_private.version_at(n, (clock_timestamp() - make_interval(hours => retain_hours))::text), 1), r.version) as version
      from ops.datasets as n left join read as r on r.name = n.name where n.dataset_id = any (ids)) as kept
    where d.dataset_id = kept.dataset_id and kept.version > d.kept_from;
  end if;
  return jsonb_build_object('items', (select jsonb_agg(jsonb_build_object('name', d.name, 'fence', i.fence::text, 'base_table_version', i.base_table_version::text,
      'kept_from_table_version', coalesce((select v.table_version::text from ops.dataset_versions as v where v.dataset_id = d.dataset_id and v.version = d.kept_from), '-1')) order by d.name)
    from ops_private.publish_intents as i join ops.datasets as d using (dataset_id) where i.dataset_id = any (ids)));
end
$$;
create function ops.begin_publish(run_id uuid, lease_token uuid, phase text, datasets text[], retain_hours int default null) returns jsonb language sql set search_path = '' as 'select ops_private.begin_publish($1, $2, $3, $4, $5)';

-- publish_dataset: the lease holder that began it. Registers a committed table version as the dataset's current one, once a run and
-- dataset, and gives the table free; a repeat answers the same. Whoever has lost the table since is lease_lost. Locks lease, dataset, head.
create function ops_private.publish_dataset(run uuid, token uuid, dataset jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  target ops.datasets;
  made ops.dataset_versions;
  intent ops_private.publish_intents;
begin
  if (select r.isolated from ops.runs as r where r.run_id = run) then
    perform ops_private.fail('illegal_transition', 'A verification publishes nothing.');
  elsif not exists (select from ops.run_phases as p where p.run_id = run and p.name = dataset ->> 'phase' and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'A dataset is published by a running phase.');
  end if;
  perform ops_private.refuse_failed_quality(run, array[dataset ->> 'name']);
  perform ops_private.check_table_lineage(dataset -> 'lineage');
  select * into target from ops.datasets as d where d.environment_id = lease.environment_id and d.name = dataset ->> 'name' for update;
  select * into made from ops.dataset_versions as v where v.dataset_id = target.dataset_id and v.run_id = run;
  if not found then
    select * into intent from ops_private.publish_intents as i where i.dataset_id = target.dataset_id;
    if intent.run_id is distinct from run then
      perform ops_private.fail(case when intent.run_id is null then 'illegal_transition' else 'lease_lost' end, 'This run does not hold the table.', 'Call begin_publish before the commit.');
    elsif intent.lease_fence <> lease.fence then
      perform ops_private.fail('illegal_transition', 'The table was taken under another lease of this run.', 'Call begin_publish before the commit.');
    elsif exists (select from ops.dataset_versions as v where v.dataset_id = target.dataset_id and v.table_version >= (dataset ->> 'table_version')::bigint) then
      perform ops_private.fail('conflict', 'A version of this table at least as new is already registered.');
    end if;
    insert into ops.dataset_versions (dataset_id, version, environment_id, run_id, phase, table_version, format, location, content_sha256, row_count, byte_size, columns, lineage, data_at)
    values (target.dataset_id, target.current_version + 1, lease.environment_id, run, dataset ->> 'phase', (dataset ->> 'table_version')::bigint, dataset ->> 'format', dataset ->> 'location',
      dataset ->> 'content_sha256', (dataset ->> 'row_count')::bigint, (dataset ->> 'byte_size')::bigint, dataset -> 'columns', nullif(dataset -> 'lineage', 'null'), intent.data_at) returning * into made;
    update ops.datasets as d set current_version = made.version, fence = intent.fence, layer = coalesce(dataset ->> 'layer', d.layer), updated_at = clock_timestamp() where d.dataset_id = target.dataset_id;
    perform ops_private.append_event(run, 'DATASET_PUBLISHED', 'info', dataset ->> 'phase', format('%s version %s: %s rows.', target.name, made.version, made.row_count),
      jsonb_build_object('dataset', target.name, 'version', made.version, 'table_version', made.table_version, 'content_sha256', made.content_sha256));
    perform ops_private.note_lineage(made, target.name);
  end if;
  delete from ops_private.publish_intents as i where i.dataset_id = target.dataset_id and i.run_id = run;
  return (select to_jsonb(v) - array['environment_id', 'current_version', 'kept_from'] from ops.dataset_version_list as v where v.dataset_id = made.dataset_id and v.version = made.version);
end
$$;
create function ops.publish_dataset(run_id uuid, lease_token uuid, dataset jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.publish_dataset($1, $2, $3)';
grant execute on function ops_private.begin_publish(uuid, uuid, text, text[], int), ops.begin_publish(uuid, uuid, text, text[], int),
  ops_private.publish_dataset(uuid, uuid, jsonb), ops.publish_dataset(uuid, uuid, jsonb) to authenticated, ops_token;
