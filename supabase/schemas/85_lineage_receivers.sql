-- OpenLineage out: an environment may name one receiver, an HTTP address that hears of its runs as OpenLineage has them. Nothing is copied
-- into a queue: what is told follows from the events of runs (lib/ops/openlineage-events.ts), and here stands how far each run has been told.
-- `sealed_key` opens only in the web process, for this environment and the URL's own host (lib/ops/receiver-key.ts).
create table ops_private.lineage_receivers (
  environment_id uuid primary key references ops.environments,
  url text not null constraint url_is_http check (url ~ '^https?://[^\s@/?#]+([/?#]\S*)?$' and octet_length(url) <= 2000),
  sealed_key text constraint sealed_key_is_short check (octet_length(sealed_key) <= 8000),
  enabled boolean not null default true,
  -- Every taking has a number: the outcome of one that is not the present one changes nothing.
  taken bigint not null default 0,
  failures int not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  sending_until timestamptz,
  delivered bigint not null default 0,
  refused bigint not null default 0,
  given_up bigint not null default 0,
  last_status int,
  last_error text,
  last_delivered_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
-- Runs that have ended and whose end was not told yet; those that are under way are found by their leases.
create table ops_private.lineage_ended (
  environment_id uuid not null references ops.environments,
  run_id uuid not null,
  ended_at timestamptz not null default clock_timestamp(),
  primary key (environment_id, run_id)
);
-- Up to which event a run has been told.
create table ops_private.lineage_told (
  environment_id uuid not null references ops.environments,
  run_id uuid primary key,
  seq int not null
);
create index lineage_told_of_an_environment on ops_private.lineage_told (environment_id);
do $$
declare
  name text;
begin
  foreach name in array array['lineage_receivers', 'lineage_ended', 'lineage_told'] loop
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
  end loop;
end
$$;

-- Called by runs_ended. Verifications write into a place of their own: nobody outside is told of them.
create function ops_private.tell_lineage_of(ended uuid[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from ops_private.lineage_receivers as v where v.enabled) then
    insert into ops_private.lineage_ended (environment_id, run_id)
    select r.environment_id, r.run_id from ops.runs as r join ops_private.lineage_receivers as v using (environment_id)
    where r.run_id = any (ended) and v.enabled and not r.isolated on conflict do nothing;
  end if;
end
$$;

-- The events of a run that OpenLineage has a word for.
create function ops_private.lineage_moments() returns text[] language sql immutable parallel safe set search_path = '' as $$
  select array['RUN_STARTED', 'PHASE_STARTED', 'PHASE_SUCCEEDED', 'PHASE_FAILED', 'RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_CANCELED']
$$;

-- All that is told of a run is made of this (contracts/lineage.ts, lineageRecords).
create function ops_private.lineage_records(run uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'run', jsonb_build_object('run_id', r.run_id, 'environment_id', r.environment_id, 'template_key', r.template_key, 'spec_slug', r.spec_slug, 'git_sha', r.git_sha, 'scheduled_for', r.scheduled_for,
      'parent_run_id', r.parent_run_id, 'parent_phase', r.parent_phase, 'error_code', r.error_code, 'error_message', r.error_message, 'input_manifest', r.input_manifest),
    'phases', (select coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'type', p.type, 'engine', p.metrics ->> 'engine', 'error_code', p.error_code, 'error_message', p.error_message) order by p.position, p.name), '[]')
      from ops.run_phases as p where p.run_id = run),
    'spec', (select s.spec from ops.specs as s where s.project_id = r.project_id and s.spec_sha256 = r.spec_sha256),
    'published', (select coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'version', v.version, 'row_count', v.row_count::text, 'byte_size', v.byte_size::text, 'columns', v.columns, 'phase', v.phase, 'lineage', v.lineage) order by d.name), '[]')
      from ops.dataset_versions as v join ops.datasets as d using (dataset_id) where v.run_id = run),
    'quality', (select coalesce(jsonb_agg(jsonb_build_object('phase', q.phase, 'position', q.position, 'dataset', q.dataset, 'check', q."check", 'label', q.label, 'severity', q.severity, 'verdict', q.verdict, 'wrong', q.wrong::text, 'seen', q.seen::text) order by q.phase, q.position), '[]')
      from ops.quality_results as q where q.run_id = run),
    'moments', (select coalesce(jsonb_agg(jsonb_build_object('seq', e.seq, 'type', e.type, 'phase', e.phase, 'created_at', e.created_at) order by e.seq), '[]')
      from ops.run_events as e where e.run_id = run and e.type = any (ops_private.lineage_moments())))
  from ops.runs as r where r.run_id = run
$$;

-- read_lineage_records: whoever sees the run.
create function ops_private.read_lineage_records(run uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not exists (select from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  return ops_private.lineage_records(run);
end
$$;

create function ops_private.lineage_receiver_json(receiver ops_private.lineage_receivers) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(receiver) - array['sealed_key', 'taken', 'sending_until'] || jsonb_build_object('has_key', receiver.sealed_key is not null, 'delivered', receiver.delivered::text, 'refused', receiver.refused::text, 'given_up', receiver.given_up::text,
    'waiting_runs', (select count(*) from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id), 'waiting_since', (select min(e.ended_at) from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id))
$$;
-- The URL may hold a secret: the audit log names its host only.
create function ops_private.lineage_receiver_audit(receiver ops_private.lineage_receivers) returns jsonb language sql immutable set search_path = '' as $$
  select case when receiver.environment_id is not null then jsonb_build_object('host', substring(receiver.url from '^https?://([^/?#]+)'),
    'url_sha256', encode(sha256(convert_to(receiver.url, 'UTF8')), 'hex'), 'has_key', receiver.sealed_key is not null, 'enabled', receiver.enabled) end
$$;

-- get_lineage_receiver: admins. Raises not_found where there is none.
create function ops_private.get_lineage_receiver(environment uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  receiver ops_private.lineage_receivers;
begin
  perform ops_private.require(environment, 'admin', 'see the lineage receiver');
  select * into receiver from ops_private.lineage_receivers as v where v.environment_id = environment;
  if not found then
    perform ops_private.fail('not_found', 'The environment has no lineage receiver.', 'Set it with PUT /lineage/receiver.');
  end if;
  return ops_private.lineage_receiver_json(receiver);
end
$$;

-- put_lineage_receiver: admins. Makes it, or changes it; a repeat changes nothing. `keep_key` keeps the key of before where the URL's scheme and host are
-- the same: a key never goes to a host that it was not given for. A change is tried at once, whatever was waited for.
create function ops_private.put_lineage_receiver(environment uuid, url text, enabled boolean, sealed_key text, keep_key boolean) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops_private.lineage_receivers;
  present ops_private.lineage_receivers;
  key text := sealed_key;
begin
  perform ops_private.require(environment, 'admin', 'set the lineage receiver');
  if url is null or url !~ '^https?://[^\s@/?#]+([/?#]\S*)?$' or octet_length(url) > 2000 then
    perform ops_private.fail('invalid_input', 'The URL begins with https://, holds no user name, and has at most 2,000 bytes.');
  elsif octet_length(sealed_key) > 8000 then
    perform ops_private.fail('invalid_input', 'The key is too long.');
  end if;
  select * into old from ops_private.lineage_receivers as v where v.environment_id = environment for update;
  if keep_key and substring(lower(old.url) from '^https?://[^/?#]+') = substring(lower(url) from '^https?://[^/?#]+') then
    key := old.sealed_key;
  end if;
  insert into ops_private.lineage_receivers as v (environment_id, url, enabled, sealed_key) values (environment, put_lineage_receiver.url, coalesce(put_lineage_receiver.enabled, true), key)
  on conflict (environment_id) do update set url = excluded.url, enabled = excluded.enabled, sealed_key = excluded.sealed_key, failures = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
    where (v.url, v.enabled, v.sealed_key) is distinct from (excluded.url, excluded.enabled, excluded.sealed_key)
  returning * into present;
  if not found then
    return ops_private.lineage_receiver_json(old);
  end if;
  if not present.enabled then
    delete from ops_private.lineage_ended as e where e.environment_id = environment;
    delete from ops_private.lineage_told as t where t.environment_id = environment;
  end if;
  perform ops_private.audit(environment, 'lineage_receiver.saved', 'lineage_receiver', environment::text, ops_private.lineage_receiver_audit(old), ops_private.lineage_receiver_audit(present));
  return ops_private.lineage_receiver_json(present);
end
$$;

-- delete_lineage_receiver: admins. What waits is given up. A repeat answers false.
create function ops_private.delete_lineage_receiver(environment uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops_private.lineage_receivers;
begin
  perform ops_private.require(environment, 'admin', 'delete the lineage receiver');
  delete from ops_private.lineage_receivers as v where v.environment_id = environment returning * into old;
  if not found then
    return false;
  end if;
  delete from ops_private.lineage_ended as e where e.environment_id = environment;
  delete from ops_private.lineage_told as t where t.environment_id = environment;
  perform ops_private.audit(environment, 'lineage_receiver.deleted', 'lineage_receiver', environment::text, ops_private.lineage_receiver_audit(old), null);
  return true;
end
$$;

-- take_lineage: the scheduler. Of receivers that are due and have something to be told, those that waited longest, each for 60 s: one sender at a time, so that the events of a
-- run arrive in order. Runs that ended come first, oldest first, then those under way. What ended 14 days ago is given up.
create function ops_private.take_lineage(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  answer jsonb := '[]';
  receiver ops_private.lineage_receivers;
  runs jsonb;
  late int;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler sends lineage.');
  elsif at_most is null or at_most not between 1 and 100 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 100.');
  end if;
  for receiver in
    select * from ops_private.lineage_receivers as v where v.enabled and v.next_attempt_at <= moment and (v.sending_until is null or v.sending_until <= moment)
    order by v.next_attempt_at for update skip locked
  loop
    exit when jsonb_array_length(answer) >= at_most;
    with old as (delete from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id and e.ended_at < moment - interval '14 days' returning e.run_id),
      forgotten as (delete from ops_private.lineage_told as t where t.run_id in (select o.run_id from old as o))
    select count(*) into late from old;
    with pending as (
      (select e.run_id, true as ended from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id and e.ended_at >= moment - interval '14 days' order by e.run_id limit 20)
      union all
      (select l.run_id, false from ops.leases as l join ops.runs as r using (run_id) left join ops_private.lineage_told as t using (run_id)
        where l.environment_id = receiver.environment_id and not r.isolated and not exists (select from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id and e.run_id = l.run_id)
          and exists (select from ops.run_events as v where v.run_id = l.run_id and v.seq > coalesce(t.seq, 0) and v.type = any (ops_private.lineage_moments()))
        order by l.run_id limit 20))
    select jsonb_agg(jsonb_build_object('run_id', p.run_id, 'after', coalesce(t.seq, 0), 'ended', p.ended, 'records', ops_private.lineage_records(p.run_id)) order by p.ended desc, p.run_id) into runs
    from (select * from pending order by ended desc, run_id limit 20) as p left join ops_private.lineage_told as t using (run_id);
    update ops_private.lineage_receivers as v set given_up = v.given_up + late, taken = v.taken + (runs is not null)::int,
      sending_until = case when runs is not null then moment + interval '60 seconds' end
    where v.environment_id = receiver.environment_id and (runs is not null or late > 0 or v.sending_until is not null);
    if runs is not null then
      answer := answer || jsonb_build_object('environment_id', receiver.environment_id, 'attempt', receiver.taken + 1, 'url', receiver.url, 'sealed_key', receiver.sealed_key, 'runs', runs);
    end if;
  end loop;
  return answer;
end
$$;

-- settle_lineage: the scheduler. How far runs have been told (`told`: [{ run_id, seq, ended }]), how many events the receiver took and how many it will never take, and the error that
-- ended the taking, if one did: then the next one waits 5, 10, 20 s … up to 10 minutes, and up to half as much again. A taking that is not the present one changes nothing: false.
create function ops_private.settle_lineage(environment uuid, attempt bigint, told jsonb, delivered int, refused int, http_status int, error text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler settles lineage.');
  end if;
  update ops_private.lineage_receivers as v set sending_until = null, delivered = v.delivered + settle_lineage.delivered, refused = v.refused + settle_lineage.refused,
    last_status = http_status, last_error = left(error, 500), last_delivered_at = case when settle_lineage.delivered > 0 then clock_timestamp() else v.last_delivered_at end,
    failures = case when error is null then 0 when settle_lineage.delivered > 0 then 1 else v.failures + 1 end,
    next_attempt_at = clock_timestamp() + case when error is null then interval '0' else ops_private.lineage_backoff(case when settle_lineage.delivered > 0 then 1 else v.failures + 1 end) end
  where v.environment_id = environment and v.taken = attempt and v.sending_until is not null;
  if not found then
    return false;
  end if;
  insert into ops_private.lineage_told as t (environment_id, run_id, seq)
  select environment, (r.value ->> 'run_id')::uuid, (r.value ->> 'seq')::int from jsonb_array_elements(told) as r where not (r.value ->> 'ended')::boolean
  on conflict (run_id) do update set seq = greatest(t.seq, excluded.seq);
  delete from ops_private.lineage_ended as e where e.environment_id = environment and e.run_id in (select (r.value ->> 'run_id')::uuid from jsonb_array_elements(told) as r where (r.value ->> 'ended')::boolean);
  delete from ops_private.lineage_told as t where t.run_id in (select (r.value ->> 'run_id')::uuid from jsonb_array_elements(told) as r where (r.value ->> 'ended')::boolean);
  return true;
end
$$;
create function ops_private.lineage_backoff(failures int) returns interval language sql volatile set search_path = '' as $$
  select make_interval(secs => least(600, 5 * power(2, least(greatest(failures, 1), 8) - 1)) * (1 + random() * 0.5))
$$;

create function ops.read_lineage_records(run_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_lineage_records($1)';
create function ops.get_lineage_receiver(environment_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_lineage_receiver($1)';
create function ops.put_lineage_receiver(environment_id uuid, url text, enabled boolean default true, sealed_key text default null, keep_key boolean default false) returns jsonb language sql set search_path = '' as 'select ops_private.put_lineage_receiver($1, $2, $3, $4, $5)';
create function ops.delete_lineage_receiver(environment_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_lineage_receiver($1)';
create function ops.take_lineage(at_most int default 10) returns jsonb language sql set search_path = '' as 'select ops_private.take_lineage($1)';
create function ops.settle_lineage(environment_id uuid, attempt bigint, told jsonb, delivered int, refused int default 0, http_status int default null, error text default null) returns boolean
language sql set search_path = '' as 'select ops_private.settle_lineage($1, $2, $3, $4, $5, $6, $7)';
grant execute on function ops_private.read_lineage_records(uuid), ops.read_lineage_records(uuid), ops_private.get_lineage_receiver(uuid), ops.get_lineage_receiver(uuid),
  ops_private.put_lineage_receiver(uuid, text, boolean, text, boolean), ops.put_lineage_receiver(uuid, text, boolean, text, boolean), ops_private.delete_lineage_receiver(uuid), ops.delete_lineage_receiver(uuid) to authenticated, ops_token;
grant execute on function ops_private.take_lineage(int), ops.take_lineage(int), ops_private.settle_lineage(uuid, bigint, jsonb, int, int, int, text), ops.settle_lineage(uuid, bigint, jsonb, int, int, int, text) to ops_token;
