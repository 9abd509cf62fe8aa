-- What is made of what: tables of the lake and of other systems (nodes), the jobs that read and write them, and the edges between
-- datasets and between their columns. Filled by the product's own runs as they publish (note_lineage) and by OpenLineage events of
-- others (record_lineage). A row stands for a relation, not for an event: what is told again changes `seen_at`, so the graph grows
-- with what there is and not with how often it ran.
create table ops.lineage_datasets (
  node_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  -- As OpenLineage names it; a table of this environment's lake is (lineage_home, schema.table), whatever its path was called.
  namespace text not null constraint namespace_is_short check (octet_length(namespace) between 1 and 512),
  name text not null constraint name_is_short check (octet_length(name) between 1 and 1024),
  -- [{ name, type }] of the newest event that told them; null where none did. Those of a table of the lake are in dataset_versions.
  columns jsonb,
  columns_at timestamptz not null default '-infinity',
  seen_at timestamptz not null,
  constraint one_node_per_name unique (environment_id, namespace, name)
);
create index lineage_datasets_by_age on ops.lineage_datasets (environment_id, seen_at);

create table ops.lineage_jobs (
  lineage_job_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  namespace text not null constraint job_namespace_is_short check (octet_length(namespace) between 1 and 512),
  name text not null constraint job_name_is_short check (octet_length(name) between 1 and 1024),
  -- The run that was told of last, a run of this product or of another; null where the event named none.
  last_run_id uuid,
  state text constraint lineage_state_is_known check (state in ('START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER')),
  producer text,
  seen_at timestamptz not null,
  constraint one_job_per_name unique (environment_id, namespace, name)
);
create index lineage_jobs_by_age on ops.lineage_jobs (environment_id, seen_at);

-- A job's events may name its inputs and its outputs one by one and out of order: an edge is made when both are known.
create table ops.lineage_io (
  environment_id uuid not null,
  lineage_job_id uuid not null references ops.lineage_jobs on delete cascade,
  node_id uuid not null references ops.lineage_datasets on delete cascade,
  direction text not null constraint io_direction_is_known check (direction in ('input', 'output')),
  seen_at timestamptz not null,
  primary key (lineage_job_id, direction, node_id)
);
create index lineage_io_of_an_environment on ops.lineage_io (environment_id);
create index lineage_io_of_a_dataset on ops.lineage_io (node_id, direction, seen_at desc);

create table ops.lineage_edges (
  environment_id uuid not null,
  source_id uuid not null references ops.lineage_datasets on delete cascade,
  target_id uuid not null references ops.lineage_datasets on delete cascade,
  lineage_job_id uuid not null references ops.lineage_jobs on delete cascade,
  seen_at timestamptz not null,
  primary key (source_id, target_id, lineage_job_id)
);
create index lineage_edges_of_an_environment on ops.lineage_edges (environment_id);
create index lineage_edges_upstream on ops.lineage_edges (target_id, source_id);
create index lineage_edges_of_a_job on ops.lineage_edges (lineage_job_id);

-- What a column is made of, as OpenLineage says it: subtype of a DIRECT transformation, or of an INDIRECT one. A source that decides
-- which rows there are (a filter, a join) has target_column ''.
create table ops.lineage_columns (
  environment_id uuid not null,
  source_id uuid not null references ops.lineage_datasets on delete cascade,
  source_column text not null constraint source_column_is_short check (octet_length(source_column) between 1 and 512),
  target_id uuid not null references ops.lineage_datasets on delete cascade,
  target_column text not null constraint target_column_is_short check (octet_length(target_column) <= 512),
  kind text not null constraint column_kind_is_short check (length(kind) between 1 and 60),
  direct boolean not null,
  lineage_job_id uuid not null references ops.lineage_jobs on delete cascade,
  seen_at timestamptz not null,
  primary key (target_id, target_column, source_id, source_column, lineage_job_id, kind)
);
create index lineage_columns_of_an_environment on ops.lineage_columns (environment_id);
create index lineage_columns_downstream on ops.lineage_columns (source_id, source_column);
create index lineage_columns_of_a_job on ops.lineage_columns (lineage_job_id);

do $$
declare
  name text;
begin
  foreach name in array array['lineage_datasets', 'lineage_jobs', 'lineage_io', 'lineage_edges', 'lineage_columns'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- Who reads a dataset, the newest first by seen_at.
create view ops.lineage_reader_list with (security_invoker = true) as
  select i.node_id, i.environment_id, j.lineage_job_id, j.namespace, j.name, j.last_run_id, j.state, j.producer, i.seen_at
  from ops.lineage_io as i join ops.lineage_jobs as j using (lineage_job_id) where i.direction = 'input';
grant select on ops.lineage_reader_list to authenticated, ops_token, ops_sql;

-- The namespace of the tables of an environment's lake, and of the jobs that are its pipelines.
create function ops_private.lineage_home(environment uuid) returns text language sql immutable set search_path = '' as $$
  select 'lakehouse://' || environment
$$;

-- A namespace as it is compared: without user and password, lower case, with the port that is meant; s3a is s3, postgresql postgres.
create function ops_private.lineage_namespace(written text) returns text language sql immutable set search_path = '' as $$
  select case when n.text ~ '^postgres://[^/:]+$' then n.text || ':5432' when n.text ~ '^file:/*(localhost)?$' then 'file' else n.text end
  from (select rtrim(regexp_replace(regexp_replace(regexp_replace(lower(written), '^(\w+)://[^/@]*@', '\1://'), '^postgresql://', 'postgres://'), '^s3[an]://', 's3://'), '/') as text) as n
$$;

-- The table of this environment's lake that a name means: by its home, or by a path that ends in the environment's folder and the table's; else null.
create function ops_private.own_table(environment uuid, namespace text, name text) returns text language sql immutable set search_path = '' as $$
  select case when namespace = ops_private.lineage_home(environment) then substring(name from '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$')
    else array_to_string(regexp_match(name, '(?:^|/)' || environment || '/([a-z][a-z0-9_]{0,62})/([a-z][a-z0-9_]{0,62})/?$'), '.') end
$$;
