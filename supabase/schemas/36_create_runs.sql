-- create_runs(requests): operators. Up to 500 runs in one call, each queued or refused for itself, and answered in order as create_run
-- answers it: { ok: true, created, run }, with ids_only { ok: true, created, run_id }, or { ok: false, error }. Requests that differ in parameters, queue and idempotency key alone
-- are made together: the first by create_run, the others as copies of it; where they pass gates, each finds its own place there. A
-- run that takes another's place (debounce) is refused with send_alone: create_run queues it. Keys are taken in their order, so that
-- callers with the same ones do not wait for each other in a circle. Makes specs, lanes and gates first, then locks all gates.

-- The different requests of a batch, in environments where the caller may start runs. What is no request is left to create_run, which says why.
create type ops_private.batch_request as (environment_id uuid, project_id uuid, queue text, labels text[], request jsonb);
create function ops_private.distinct_requests(requests jsonb) returns setof ops_private.batch_request language plpgsql stable security definer set search_path = '' as $$
begin
  return query select distinct e.environment_id, e.project_id, coalesce(r.request ->> 'queue', 'default'),
    array(select distinct l from jsonb_array_elements_text(case when jsonb_typeof(r.request -> 'labels') = 'array' then r.request -> 'labels' else '[]' end) as l order by l),
    r.request - array['parameters', 'idempotency_key', 'queue', 'labels', 'priority']
  from jsonb_array_elements(requests) as r (request)
  join ops.environments as e on e.environment_id = any ((select ops_private.visible_environments(ops_private.rank('operator')))::uuid[]) and e.environment_id::text = r.request ->> 'environment_id';
end
$$;

-- Makes the gates that are missing, in one order, and locks them all, once and sorted. What is no key of a gate is left to gate_of.
create type ops_private.gate_key as (environment_id uuid, kind text, key text);
create function ops_private.open_gates(wanted ops_private.gate_key[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into ops_private.gates (environment_id, kind, key, max_leases)
  select distinct w.environment_id, w.kind, w.key, case w.kind when 'concurrency' then 1 end from unnest(wanted) as w where ops_private.is_gate_key(w.kind, w.key) order by 1, 2, 3
  on conflict on constraint one_gate_per_key do nothing;
  perform ops_private.lock_gates(ops_private.outer_gates(array(select g.gate_id from unnest(wanted) as w join ops_private.gates as g on (g.environment_id, g.kind, g.key) = (w.environment_id, w.kind, w.key))));
end
$$;

-- Requests that name their environment by slug, or not at all, as `with_environment` has one: each different naming is looked up once.
-- What names none, or several, stays as it is: create_run says why.
create function ops_private.with_environments(requests jsonb) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not exists (select from jsonb_array_elements(requests) as r (request) where r.request ->> 'environment_id' is null) then
    return requests;
  end if;
  return (
    with named as materialized (
      select r.nth, r.request, r.request ->> 'environment' as environment, r.request ->> 'project' as project from jsonb_array_elements(requests) with ordinality as r (request, nth)
    ), fitting as materialized (
      select n.environment, n.project, min(e.environment_id::text) as environment_id
      from (select distinct n.environment, n.project from named as n) as n
      join ops.environments as e on e.environment_id = any ((select ops_private.visible_environments())::uuid[]) and e.slug = coalesce(n.environment, e.slug)
      join ops.projects as p on p.project_id = e.project_id and p.slug = coalesce(n.project, p.slug)
      group by 1, 2 having count(*) = 1)
    select jsonb_agg(case when n.request ->> 'environment_id' is not null or f.environment_id is null then n.request
      else n.request - array['environment', 'project'] || jsonb_build_object('environment_id', f.environment_id) end order by n.nth)
    from named as n left join fitting as f on f.environment is not distinct from n.environment and f.project is not distinct from n.project);
end
$$;

-- What the runs of a batch share with those of other callers, before the first of them is made: specs, then lanes, then gates.
create function ops_private.open_batch(requests jsonb) returns void language plpgsql security definer set search_path = '' as $$
declare
  asked ops_private.batch_request[] := array(select b from ops_private.distinct_requests(requests) as b);
  wanted ops_private.gate_key[];
begin
  insert into ops.specs (project_id, spec_sha256, spec_text, spec)
  select distinct b.project_id, encode(sha256(convert_to(b.request ->> 'spec_text', 'UTF8')), 'hex') as hash, b.request ->> 'spec_text', (b.request ->> 'spec_text')::jsonb
  from unnest(asked) as b where b.request ->> 'template_key' is null and ops_private.is_spec(b.request ->> 'spec_text') order by 1, 2
  on conflict do nothing;
  perform ops_private.open_lanes(array(select (b.environment_id, b.queue, b.labels)::ops_private.lane_key from unnest(asked) as b));
  wanted := array(
    select (b.environment_id, k.kind, k.key)::ops_private.gate_key
    from unnest(asked) as b
    left join ops.job_templates as t on t.project_id = b.project_id and t.template_key = b.request ->> 'template_key'
    left join ops.job_template_versions as v on v.template_id = t.template_id and v.version::text = coalesce(b.request ->> 'template_version', t.current_version::text)
    left join ops.specs as s on s.project_id = b.project_id and s.spec_sha256 = coalesce(v.spec_sha256, encode(sha256(convert_to(b.request ->> 'spec_text', 'UTF8')), 'hex'))
    cross join lateral (
      select 'concurrency', b.request ->> 'concurrency_key'
      union all select 'template', t.template_id::text where t.max_active is not null or t.max_starts is not null
      union all select 'cap', c ->> 'key' from jsonb_array_elements(case when jsonb_typeof(b.request -> 'caps') = 'array' then b.request -> 'caps' else '[]' end || coalesce(s.spec -> 'caps', '[]')) as c) as k (kind, key)
    where k.key is not null);
  if cardinality(wanted) > 0 then
    perform ops_private.open_gates(wanted);
  end if;
end
$$;

create function ops_private.create_run_or_error(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  answer jsonb;
  state text; code text; detail text; remedy text;
begin
  if request ->> 'debounce_key' is not null then
    perform ops_private.fail('send_alone', 'A run with a debounce key is not queued in a batch.', 'Queue it with create_run.');
  end if;
  answer := ops_private.create_run(ops_private.with_environment(request));
  return answer || '{"ok": true}';
exception when others then
  get stacked diagnostics state = returned_sqlstate, code = message_text, detail = pg_exception_detail, remedy = pg_exception_hint;
  return jsonb_build_object('ok', false, 'error', ops_private.error_answer(state, code, detail, remedy));
end
$$;

-- Queues copies of a run that was made in this transaction and passes no gate, one for each request: the event, head and phases are its own too.
-- A request whose idempotency key is taken is left out.
create function ops_private.copy_run(first ops.runs, requests jsonb, nths int[], ids_only boolean) returns table (nth int, answer jsonb) language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  first_json jsonb := ops_private.run_json(first);
  asked_as text := ops_private.request_id();
begin
  return query with wanted as materialized (
    select n.nth, n.run_id, l.queue, l.lane_id, r.request
    from rows from (unnest(nths), ops_private.uuid_v7s(cardinality(nths))) as n (nth, run_id) cross join lateral (select requests -> n.nth - 1) as r (request)
    join ops_private.lanes as l on l.environment_id = first.environment_id and l.queue = coalesce(r.request ->> 'queue', 'default') and l.labels = first.labels
  ), made as (
    insert into ops.runs select (w.run).* from (  -- not a function in `from`: each call would describe the whole table again
      select x.nth, x.request ->> 'idempotency_key' as key, jsonb_populate_record(first, jsonb_build_object('run_id', x.run_id, 'created_at', clock_timestamp(), 'queue', x.queue, 'lane_id', x.lane_id,
        'parameters', coalesce(x.request -> 'parameters', '{}'), 'idempotency_key', x.request -> 'idempotency_key',
        'request_sha256', case when x.request ->> 'idempotency_key' is not null then ops_private.request_hash(x.request) end)) as run
      from wanted as x offset 0) as w
    order by w.key, w.nth on conflict (environment_id, idempotency_key) where idempotency_key is not null do nothing returning run_id, created_at, parameters
  ), heads as (
    insert into ops_private.run_heads (run_id, environment_id, last_seq) select m.run_id, first.environment_id, 1 from made as m
  ), phases as (
    insert into ops.run_phases (run_id, name, environment_id, position, type, depends_on)
    select m.run_id, p.name, p.environment_id, p.position, p.type, p.depends_on from ops.run_phases as p cross join made as m where p.run_id = first.run_id
  ), events as (
    insert into ops.run_events (run_id, seq, environment_id, type, level, message, data)
    select m.run_id, 1, e.environment_id, e.type, e.level, e.message, e.data from ops.run_events as e cross join made as m where e.run_id = first.run_id and e.seq = 1
  ), audited as (
    insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id, after, request_id)
    select p.organization_id, p.project_id, first.environment_id, me.type, me.id, me.name, 'run.created', 'run', m.run_id::text, jsonb_build_object('spec_slug', first.spec_slug, 'parameters', m.parameters), asked_as
    from ops.projects as p cross join made as m where p.project_id = first.project_id
  )
  select w.nth, case when ids_only then jsonb_build_object('ok', true, 'created', true, 'run_id', m.run_id) else jsonb_build_object('ok', true, 'created', true,
    'run', first_json || jsonb_build_object('run_id', m.run_id, 'created_at', m.created_at, 'queue', w.queue, 'parameters', m.parameters)) end
  from wanted as w join made as m using (run_id);
  if first.not_before is null then
    perform ops_private.wake(array(select l.lane_id from ops_private.lanes as l where l.environment_id = first.environment_id and l.labels = first.labels
      and l.queue in (select coalesce(requests -> n - 1 ->> 'queue', 'default') from unnest(nths) as n)));
  end if;
end
$$;

create function ops_private.create_runs(requests jsonb, ids_only boolean) returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set jit = off as $$
declare
  same record;
  nth int;
  copy record;
  first ops.runs;
  answers jsonb[];
begin
  if jsonb_typeof(requests) is distinct from 'array' or jsonb_array_length(requests) not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'requests is an array of 1 to 500 requests.');
  end if;
  requests := ops_private.with_environments(requests);
  perform ops_private.open_batch(requests);
  answers := array_fill(null::jsonb, array[jsonb_array_length(requests)]);
  for same in
    select array_agg(r.nth::int order by r.request ->> 'idempotency_key', r.nth) as nths from jsonb_array_elements(requests) with ordinality as r (request, nth)
    group by r.request - array['parameters', 'idempotency_key', 'queue'] order by min(r.request ->> 'idempotency_key'), min(r.nth)
  loop
    first := null;
    foreach nth in array same.nths loop
      continue when answers[nth] is not null;
      answers[nth] := ops_private.create_run_or_error(requests -> nth - 1);
      if first.run_id is null and (answers[nth] ->> 'created')::boolean then
        select * into first from ops.runs as r where r.run_id = (answers[nth] -> 'run' ->> 'run_id')::uuid;
        continue when cardinality(first.gate_ids) > 0;
        for copy in select * from ops_private.copy_run(first, requests, array(select n from unnest(same.nths) as n where answers[n] is null order by n), ids_only) loop
          answers[copy.nth] := copy.answer;
        end loop;
      end if;
    end loop;
  end loop;
  if ids_only then
    answers := array(select case when a ? 'run' then a - 'run' || jsonb_build_object('run_id', a -> 'run' -> 'run_id') else a end from unnest(answers) with ordinality as x (a, nth) order by x.nth);
  end if;
  return jsonb_build_object('items', to_jsonb(answers));
end
$$;
create function ops.create_runs(requests jsonb, ids_only boolean default false) returns jsonb language sql set search_path = '' as 'select ops_private.create_runs($1, $2)';
grant execute on function ops_private.create_runs(jsonb, boolean), ops.create_runs(jsonb, boolean) to authenticated, ops_token;
