-- One verb on many runs, as a job: the runs are found once, at its creation, and then worked off in slices by the tick, each item
-- in a savepoint, as the one who asked: their role counts when an item's turn comes, and the audit log names them.
create table ops.bulk_jobs (
  bulk_id uuid primary key default ops_private.uuid_v7(),
  -- Where it looked; whoever sees all of them sees the job.
  environment_ids uuid[] not null constraint it_looked_somewhere check (cardinality(environment_ids) >= 1),
  verb text not null constraint verb_is_known check (verb in ('cancel', 'retry')),
  options jsonb not null,
  filter jsonb not null,
  status text not null default 'running' constraint bulk_status_is_known check (status in ('running', 'finished', 'aborted')),
  total int not null,
  created_by_type text not null constraint creator_is_known check (created_by_type in ('user', 'token')),
  created_by uuid not null,
  created_by_name text,
  idempotency_key text,
  request_sha256 text not null,
  turn_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint bulk_finished_only_when_ended check ((status = 'running') = (finished_at is null)),
  constraint one_idempotency_key_one_bulk_job unique (created_by, idempotency_key)
);
create index bulk_jobs_running on ops.bulk_jobs (turn_at) where status = 'running';

create table ops.bulk_items (
  bulk_id uuid not null references ops.bulk_jobs,
  position int not null,
  run_id uuid not null references ops.runs,
  environment_id uuid not null,
  status text not null default 'pending' constraint item_status_is_known check (status in ('pending', 'done', 'skipped', 'refused')),
  code text,
  new_run_id uuid references ops.runs,
  finished_at timestamptz,
  primary key (bulk_id, position),
  constraint item_finished_only_when_ended check ((status = 'pending') = (finished_at is null))
);
create index bulk_items_pending on ops.bulk_items (bulk_id, position) where status = 'pending';
-- Where runs are removed, each asks who refers to it.
create index bulk_items_by_run on ops.bulk_items (run_id);
create index bulk_items_by_new_run on ops.bulk_items (new_run_id) where new_run_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['bulk_jobs', 'bulk_items'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create policy members_see_jobs_of_their_environments on ops.bulk_jobs for select to authenticated, ops_token, ops_sql
  using (environment_ids <@ (select ops_private.visible_environments())::uuid[]);
create policy members_see_their_environments on ops.bulk_items for select to authenticated, ops_token, ops_sql
  using (environment_id = any ((select ops_private.visible_environments())::uuid[]));

-- Counted, never kept beside the items: a job has at most 10,000.
create view ops.bulk_list with (security_invoker = true) as
  select j.bulk_id, j.environment_ids, j.verb, j.options, j.filter, j.status, j.total, n.done, n.skipped, n.refused, j.created_by_name as created_by, j.created_at, j.finished_at
  from ops.bulk_jobs as j cross join lateral (
    select count(*) filter (where i.status = 'done')::int as done, count(*) filter (where i.status = 'skipped')::int as skipped, count(*) filter (where i.status = 'refused')::int as refused
    from ops.bulk_items as i where i.bulk_id = j.bulk_id) as n;
grant select on ops.bulk_list to authenticated, ops_token, ops_sql;

create function ops_private.bulk_json(job uuid) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(l) from ops.bulk_list as l where l.bulk_id = job
$$;

-- The runs that a filter means, newest first, at most one more than `at_most`, none before `first_run`. The words are those of the runs list, and run_ids.
create function ops_private.runs_of_filter(filter jsonb, environments uuid[], statuses text[], at_most int, first_run uuid default null) returns uuid[]
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  search text := nullif(btrim(filter ->> 'search'), '');
  pattern text := '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  hex text := replace(lower(search), '-', '');
  ids uuid[] := case when filter ? 'run_ids' then array(select i::uuid from jsonb_array_elements_text(filter -> 'run_ids') as i) end;
  id_from uuid;
  id_to uuid;
begin
  if hex ~ '^[0-9a-f]{4,32}$' then
    id_from := rpad(hex, 32, '0')::uuid;
    id_to := rpad(hex, 32, 'f')::uuid;
  end if;
  return array(
    select f.run_id from unnest(environments) as e (environment_id) cross join lateral (
      select r.run_id from ops.runs as r
      where r.environment_id = e.environment_id and r.status = any (statuses)
        and (ids is null or r.run_id = any (ids)) and (first_run is null or r.run_id >= first_run)
        and (not filter ? 'template_key' or r.template_key = filter ->> 'template_key')
        and (not filter ? 'kind' or r.kind = filter ->> 'kind')
        and (not filter ? 'trigger' or r.trigger = filter ->> 'trigger')
        and (not filter ? 'executor_id' or r.executor_id = (filter ->> 'executor_id')::uuid)
        and (not filter ? 'repairs_run_id' or r.repairs_run_id = (filter ->> 'repairs_run_id')::uuid)
        and (not filter ? 'parent_run_id' or r.parent_run_id = (filter ->> 'parent_run_id')::uuid)
        and (not filter ? 'schedule_id' or r.schedule_id = (filter ->> 'schedule_id')::uuid)
        and (not filter ? 'backfill_id' or r.backfill_id = (filter ->> 'backfill_id')::uuid)
        and (not filter ? 'error_code' or r.error_code = filter ->> 'error_code')
        and (not filter ? 'created_after' or r.created_at >= (filter ->> 'created_after')::timestamptz)
        and (not filter ? 'created_before' or r.created_at < (filter ->> 'created_before')::timestamptz)
        and (not filter ? 'label' or r.labels @> array[filter ->> 'label'])
        and (not filter ? 'tag' or r.template_id in (select t.template_id from ops.job_templates as t where filter ->> 'tag' = any (t.tags)))
        and (not filter ? 'checks' or (r.failed_checks > 0) = (filter ->> 'checks' = 'failed'))
        and (not filter ? 'min_duration_seconds' or r.duration_seconds >= (filter ->> 'min_duration_seconds')::float8)
        and (not filter ? 'max_duration_seconds' or r.duration_seconds <= (filter ->> 'max_duration_seconds')::float8)
        and (search is null or r.spec_slug ilike pattern or r.error_message ilike pattern or r.run_id between id_from and id_to)
      order by r.run_id desc limit at_most + 1) as f
    order by f.run_id desc limit at_most + 1);
end
$$;

-- count_runs: whoever sees the environment. How many of its newest 5,000 runs fit a filter (without its status), by status; `complete` where no older
-- one could. Costs as much of a million runs as of five thousand.
create function ops_private.count_runs(environment uuid, filter jsonb) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  looked_at constant int := 5000;
  words jsonb := jsonb_strip_nulls(filter) - array['environment_id', 'status'];
  first_run uuid;
begin
  if not environment = any (ops_private.visible_environments()) then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  end if;
  select r.run_id into first_run from ops.runs as r where r.environment_id = environment order by r.run_id desc offset looked_at limit 1;
  return jsonb_build_object('complete', first_run is null or coalesce(ops_private.uuid_at((words ->> 'created_after')::timestamptz) > first_run, false),
    'runs', (select jsonb_object_agg(s.status, cardinality(ops_private.runs_of_filter(words, array[environment], array[s.status], looked_at, first_run)))
      from unnest(array['queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled']) as s (status)));
end
$$;
create function ops.count_runs(environment_id uuid, filter jsonb default '{}') returns jsonb language sql stable set search_path = '' as 'select ops_private.count_runs($1, $2)';
grant execute on function ops_private.count_runs(uuid, jsonb), ops.count_runs(uuid, jsonb) to authenticated, ops_token;

-- create_bulk(request): people and API tokens with the role operator. { filter, verb, mode, definition, reason, limit, dry_run, idempotency_key }.
-- Refuses an empty filter, a word that it does not know, and a filter that more than `limit` runs fit. dry_run only counts. The first slice
-- is done at once. The same idempotency_key answers the same job. Locks the runs of the slice, then their gates.
create function ops_private.create_bulk(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  filter jsonb := jsonb_strip_nulls(coalesce(request -> 'filter', '{}'));
  words constant text[] := array['environment_id', 'status', 'template_key', 'kind', 'trigger', 'executor_id', 'repairs_run_id', 'parent_run_id', 'schedule_id', 'backfill_id', 'error_code', 'label', 'tag', 'checks', 'min_duration_seconds', 'max_duration_seconds', 'search', 'created_after', 'created_before', 'run_ids'];
  verb text := request ->> 'verb';
  mode text := coalesce(request ->> 'mode', 'all');
  definition text := coalesce(request ->> 'definition', 'pinned');
  most int := coalesce((request ->> 'limit')::int, 10000);
  key text := request ->> 'idempotency_key';
  hash text := encode(sha256(convert_to((request - 'idempotency_key')::text, 'UTF8')), 'hex');
  word text;
  environments uuid[];
  statuses text[];
  found_runs uuid[];
  job ops.bulk_jobs;
begin
  if coalesce(me.type, '') not in ('user', 'token') then
    perform ops_private.fail('forbidden', 'Only people and API tokens act on many runs.');
  elsif coalesce(verb, '') not in ('cancel', 'retry') or mode not in ('all', 'failed', 'verify') or definition not in ('pinned', 'current') or most not between 1 and 10000 or jsonb_typeof(filter) <> 'object' then
    perform ops_private.fail('invalid_input', 'verb is cancel or retry; mode is all, failed or verify; definition is pinned or current; limit is 1 to 10,000; filter is an object.');
  end if;
  select w into word from jsonb_object_keys(filter) as w where w <> all (words) limit 1;
  if found then
    perform ops_private.fail('invalid_input', format('The filter does not know %s.', word), 'Use the words of the runs list.');
  elsif not exists (select from jsonb_each_text(filter) as f where btrim(f.value) not in ('', '[]')) then
    perform ops_private.fail('empty_filter', 'The filter is empty: it would mean every run that you see.', 'Say which runs are meant.');
  end if;
  if filter ? 'environment_id' then
    perform ops_private.require((filter ->> 'environment_id')::uuid, 'operator', 'act on many runs');
    environments := array[(filter ->> 'environment_id')::uuid];
  else
    environments := ops_private.visible_environments(2);
    if cardinality(environments) = 0 then
      perform ops_private.fail('forbidden', 'To act on many runs needs the role operator.', 'Ask an admin of the project for that role.');
    end if;
  end if;
  if key is not null then
    select * into job from ops.bulk_jobs as j where j.created_by = me.id and j.idempotency_key = key;
  end if;
  if job.bulk_id is null then
    statuses := case when verb = 'cancel' then array['queued', 'claimed', 'running'] when mode = 'failed' then array['failed', 'canceled']
      when mode = 'verify' then array['succeeded'] else array['succeeded', 'failed', 'canceled'] end;
    if jsonb_array_length(coalesce(filter -> 'status', '[]')) > 0 then
      statuses := array(select s from unnest(statuses) as s where filter -> 'status' ? s);
    end if;
    found_runs := ops_private.runs_of_filter(filter, environments, statuses, most);
    if cardinality(found_runs) > most then
      perform ops_private.fail('too_many_runs', format('More than %s runs fit this filter.', most), 'Narrow it, for example by time.');
    elsif coalesce((request ->> 'dry_run')::boolean, false) then
      return jsonb_build_object('dry_run', true, 'total', cardinality(found_runs));
    end if;
    insert into ops.bulk_jobs (environment_ids, verb, options, filter, total, created_by_type, created_by, created_by_name, idempotency_key, request_sha256)
    values (environments, verb, case verb when 'cancel' then jsonb_strip_nulls(jsonb_build_object('reason', request -> 'reason')) else jsonb_build_object('mode', mode, 'definition', definition) end,
      filter, cardinality(found_runs), me.type, me.id, me.name, key, hash)
    on conflict on constraint one_idempotency_key_one_bulk_job do nothing returning * into job;
    if found then
      insert into ops.bulk_items (bulk_id, position, run_id, environment_id)
      select job.bulk_id, f.nth, r.run_id, r.environment_id from unnest(found_runs) with ordinality as f (run_id, nth) join ops.runs as r on r.run_id = f.run_id;
      perform ops_private.audit(null, 'bulk.created', 'bulk_job', job.bulk_id::text, null, jsonb_build_object('verb', verb, 'filter', filter, 'total', job.total), p.project_id)
      from (select distinct e.project_id from ops.environments as e where e.environment_id = any (environments)) as p;
      perform ops_private.advance_bulk(job, 50);
      return ops_private.bulk_json(job.bulk_id);
    end if;
    select * into job from ops.bulk_jobs as j where j.created_by = me.id and j.idempotency_key = key;  -- another call made it a moment ago
  end if;
  if job.request_sha256 <> hash then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return ops_private.bulk_json(job.bulk_id);
end
$$;

-- abort_bulk: operators of every environment of the job. running → aborted: what was not done yet is skipped. Waits for the slice
-- under way. A repeat changes nothing; a finished job is illegal_transition.
create function ops_private.abort_bulk(bulk uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  job ops.bulk_jobs;
begin
  select * into job from ops.bulk_jobs as j where j.bulk_id = bulk and j.environment_ids <@ ops_private.visible_environments() for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such job, or you may not see it.');
  elsif not job.environment_ids <@ ops_private.visible_environments(2) then
    perform ops_private.fail('forbidden', 'To abort it needs the role operator in all of its environments.', 'Ask an admin of the project for that role.');
  elsif job.status = 'finished' then
    perform ops_private.fail('illegal_transition', 'The job has finished.');
  elsif job.status = 'running' then
    update ops.bulk_items as i set status = 'skipped', code = 'aborted', finished_at = clock_timestamp() where i.bulk_id = bulk and i.status = 'pending';
    update ops.bulk_jobs as j set status = 'aborted', finished_at = clock_timestamp() where j.bulk_id = bulk;
    perform ops_private.audit(null, 'bulk.aborted', 'bulk_job', bulk::text, null, null, p.project_id)
    from (select distinct e.project_id from ops.environments as e where e.environment_id = any (job.environment_ids)) as p;
  end if;
  return ops_private.bulk_json(bulk);
end
$$;

create function ops.create_bulk(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.create_bulk($1)';
create function ops.abort_bulk(bulk_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.abort_bulk($1)';
grant execute on function ops_private.create_bulk(jsonb), ops.create_bulk(jsonb), ops_private.abort_bulk(uuid), ops.abort_bulk(uuid) to authenticated, ops_token;
