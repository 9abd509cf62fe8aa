create table ops.datasets (
  dataset_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null constraint dataset_name_is_schema_and_table check (name ~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'),
  layer text constraint layer_is_known check (layer in ('bronze', 'silver', 'gold')),
  current_version int not null default 0,
  -- Files of versions below it may have been removed: nobody is pinned to them any more.
  kept_from int not null default 1,
  -- The fence of the last writer that registered: an older one is refused.
  fence bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint dataset_name_is_unique_in_its_environment unique (environment_id, name)
);

create table ops.dataset_versions (
  dataset_id uuid not null references ops.datasets,
  version int not null constraint versions_count_from_one check (version >= 1),
  environment_id uuid not null,
  run_id uuid not null references ops.runs,
  phase text not null,
  table_version bigint not null,
  format text not null constraint format_is_known check (format in ('delta', 'iceberg')),
  location text not null,
  content_sha256 text not null constraint content_is_named_by_its_hash check (content_sha256 ~ '^[0-9a-f]{64}$'),
  row_count bigint not null,
  byte_size bigint not null,
  columns jsonb not null,
  -- What its SQL read, by column where that is known (contracts/lineage.ts, tableLineage); null where no SQL made it.
  lineage jsonb constraint lineage_is_an_object check (jsonb_typeof(lineage) = 'object'),
  -- Of when its data are: data_time.
  data_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (dataset_id, version),
  constraint a_run_publishes_a_dataset_once unique (dataset_id, run_id),
  constraint one_registration_per_table_version unique (dataset_id, table_version)
);
create index dataset_versions_by_run on ops.dataset_versions (run_id);

-- Who may commit to a table right now. Held as long as that run's lease lives, so it cannot leak. `fence` is new with every
-- holder, whatever its lease's age: put-if-absent on the table's log then refuses whoever held it before.
create table ops_private.publish_intents (
  dataset_id uuid primary key references ops.datasets,
  run_id uuid not null references ops.runs,
  phase text not null,
  lease_fence bigint not null,
  fence bigint not null,
  base_table_version bigint not null,
  -- Of when the data are that it will publish.
  data_at timestamptz not null,
  began_at timestamptz not null default clock_timestamp()
);
create index publish_intents_by_run on ops_private.publish_intents (run_id);
alter table ops_private.publish_intents enable row level security;
alter table ops_private.publish_intents force row level security;

do $$
declare
  name text;
begin
  foreach name in array array['datasets', 'dataset_versions'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create trigger dataset_versions_never_change before update or delete on ops.dataset_versions for each row execute function ops_private.refuse_change();

create view ops.dataset_version_list with (security_invoker = true) as
  select d.dataset_id, d.environment_id, d.name, d.layer, v.version, d.current_version, d.kept_from, v.table_version::text, v.format, v.location, v.content_sha256,
    v.row_count::text, v.byte_size::text, v.columns, v.run_id, v.data_at, v.created_at
  from ops.datasets as d join ops.dataset_versions as v using (dataset_id);
create view ops.dataset_list with (security_invoker = true) as
  select dataset_id, environment_id, name, layer, version, table_version, format, location, content_sha256, row_count, byte_size, columns, run_id, data_at, created_at
  from ops.dataset_version_list where version = current_version;
grant select on ops.dataset_version_list, ops.dataset_list to authenticated, ops_token, ops_sql;

-- The version that a reference names: a number, a moment, or nothing (the one that readers follow).
create function ops_private.version_at(of ops.datasets, reference text) returns int language sql stable set search_path = '' as $$
  select case when reference = '' then of.current_version when reference ~ '^\d+$' then reference::int
    else (select max(v.version) from ops.dataset_versions as v where v.dataset_id = of.dataset_id and v.created_at <= reference::timestamptz) end
$$;

-- pin_inputs: the lease holder. Which version of each dataset this run reads: what its input manifest holds already (its own, or
-- that of the run it repeats), else the registered version now, which is then recorded. `silver.t@3` is the third version that was
-- registered, `silver.t@2026-11-20T00:00:00Z` the one that readers followed at that moment. Locks run, lease, datasets of the past, head.
create function ops_private.pin_inputs(run uuid, token uuid, datasets text[], sources jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  pinned jsonb;
  fresh jsonb;
  fresh_sources jsonb;
begin
  if exists (select from unnest(datasets) as n where n is null or n !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}(@([1-9]\d{0,8}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)))?$') then
    perform ops_private.fail('invalid_input', 'datasets names tables as schema.table, schema.table@VERSION or schema.table@TIME.');
  elsif cardinality(datasets) > 2000 or pg_column_size(sources) > 1048576 then
    perform ops_private.fail('payload_too_large', 'datasets has at most 2,000 names, sources at most 1 MB.');
  end if;
  found_run := ops_private.lock_run(run, token);
  lease := ops_private.hold(run, token);
  -- A cleanup either sees this run's pin, or this run sees what it has given up.
  perform from ops.datasets as d where d.environment_id = lease.environment_id
    and d.name in (select split_part(n, '@', 1) from unnest(datasets) as n where n like '%@%') order by d.name for share;
  pinned := coalesce(found_run.input_manifest -> 'datasets', '{}');
  select coalesce(jsonb_object_agg(wanted.n, jsonb_build_object('version', v.version, 'table_version', v.table_version::text, 'content_sha256', v.content_sha256, 'run_id', v.run_id)), '{}') into fresh
  from unnest(pin_inputs.datasets) as wanted (n)
  join ops.datasets as d on d.environment_id = lease.environment_id and d.name = split_part(wanted.n, '@', 1)
  join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = ops_private.version_at(d, split_part(wanted.n, '@', 2))
  where v.version >= d.kept_from and not pinned ? wanted.n;
  -- What is read now is of now: the claim began before the reading did.
  select coalesce(jsonb_object_agg(s.key, case when jsonb_typeof(s.value) = 'object' then s.value || jsonb_build_object('read_at', lease.claimed_at) else s.value end), '{}') into fresh_sources
  from jsonb_each(coalesce(pin_inputs.sources, '{}')) as s where not coalesce(found_run.input_manifest -> 'sources', '{}') ? s.key;
  if fresh <> '{}' or fresh_sources <> '{}' then
    update ops.runs as r set input_manifest = jsonb_build_object('datasets', pinned || fresh, 'sources', coalesce(r.input_manifest -> 'sources', '{}') || fresh_sources)
    where r.run_id = run returning * into found_run;
    perform ops_private.append_event(run, 'INPUTS_PINNED', 'info', null, 'The versions that this run reads are recorded.',
      jsonb_build_object('datasets', (select count(*) from jsonb_object_keys(fresh)), 'sources', (select coalesce(jsonb_agg(k), '[]') from jsonb_object_keys(fresh_sources) as k)));
    if not found_run.isolated then
      perform ops_private.note_reads(found_run, array(select jsonb_object_keys(fresh)));
    end if;
  end if;
  return jsonb_build_object(
    'datasets', (select coalesce(jsonb_agg((to_jsonb(v) - array['environment_id', 'current_version', 'kept_from']) || jsonb_build_object('pinned_as', wanted.n) order by wanted.n), '[]')
      from (select distinct n from unnest(pin_inputs.datasets) as n) as wanted join ops.dataset_version_list as v
        on v.environment_id = lease.environment_id and v.name = split_part(wanted.n, '@', 1) and v.version >= v.kept_from
        and v.version = (found_run.input_manifest -> 'datasets' -> wanted.n ->> 'version')::int),
    'missing', (select coalesce(jsonb_agg(n order by n), '[]') from unnest(pin_inputs.datasets) as n where not exists (
      select from ops.datasets as d where d.environment_id = lease.environment_id and d.name = split_part(n, '@', 1)
        and (found_run.input_manifest -> 'datasets' -> n ->> 'version')::int >= d.kept_from)),
    'sources', coalesce(found_run.input_manifest -> 'sources', '{}'));
end
$$;
create function ops.pin_inputs(run_id uuid, lease_token uuid, datasets text[] default '{}', sources jsonb default '{}') returns jsonb
language sql set search_path = '' as 'select ops_private.pin_inputs($1, $2, $3, $4)';
grant execute on function ops_private.pin_inputs(uuid, uuid, text[], jsonb), ops.pin_inputs(uuid, uuid, text[], jsonb) to authenticated, ops_token;
