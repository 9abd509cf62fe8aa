-- A key of caps is a word of the contract; a concurrency key any text, but not a long one: an index holds it.
create function ops_private.is_gate_key(kind text, key text) returns boolean language sql immutable set search_path = '' as $$
  select case kind when 'cap' then key ~ '^[a-z][a-z0-9_.:-]{0,126}$' else length(key) between 1 and 300 end is true
$$;
-- The id of a gate, made where it is missing. Locks no gate that exists: the caller locks all of its gates, sorted.
create function ops_private.gate_of(environment uuid, kind text, key text, max_leases int default null) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  found_gate bigint;
begin
  select g.gate_id into found_gate from ops_private.gates as g where g.environment_id = environment and g.kind = gate_of.kind and g.key = gate_of.key;
  if not found then
    if not ops_private.is_gate_key(gate_of.kind, gate_of.key) then
      perform ops_private.fail('invalid_input', 'A cap key is a word of lower-case letters, digits and _.:-, at most 127 long; a concurrency key has 1 to 200 characters.');
    end if;
    insert into ops_private.gates (environment_id, kind, key, max_leases) values (environment, gate_of.kind, gate_of.key, gate_of.max_leases)
    on conflict on constraint one_gate_per_key do nothing;
    select g.gate_id into found_gate from ops_private.gates as g where g.environment_id = environment and g.kind = gate_of.kind and g.key = gate_of.key;
  end if;
  return found_gate;
end
$$;

create type ops_private.lane_key as (environment_id uuid, queue text, labels text[]);
create function ops_private.labels_are_words(labels text[]) returns boolean language sql immutable set search_path = '' as $$
  select not exists (select from unnest(labels) as l where l is null or l !~ '^[a-z0-9][a-z0-9._:/-]{0,62}$')
$$;
create function ops_private.is_lane(lane ops_private.lane_key) returns boolean language sql immutable set search_path = '' as $$
  select lane.queue ~ '^[a-z][a-z0-9_]{0,62}$' and cardinality(lane.labels) <= 40 and ops_private.labels_are_words(lane.labels)
$$;
-- Makes the lanes that are missing. Before any gate is locked, and in one order: who makes several never waits in a circle.
-- Not `do update`: it would lock the lane against other creates, which hold its key, and gates. What is no lane is left to lane_of.
create function ops_private.open_lanes(wanted ops_private.lane_key[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into ops_private.lanes (environment_id, queue, labels)
  select distinct w.environment_id, w.queue, w.labels from unnest(wanted) as w
  where ops_private.is_lane(w) and not exists (select from ops_private.lanes as l where l.environment_id = w.environment_id and l.queue = w.queue and l.labels = w.labels) order by 1, 2, 3
  on conflict on constraint one_lane_per_queue_and_labels do nothing;
end
$$;
create function ops_private.lane_of(environment uuid, queue text, labels text[]) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  found_lane bigint;
begin
  select l.lane_id into found_lane from ops_private.lanes as l where l.environment_id = environment and l.queue = lane_of.queue and l.labels = lane_of.labels;
  if not found then
    if ops_private.is_lane((environment, queue, labels)::ops_private.lane_key) is not true then
      perform ops_private.fail('invalid_input', 'queue is a word of lower-case letters, digits and underscores; labels are at most 40 lower-case words (letters, digits and ._:/-).');
    end if;
    perform ops_private.open_lanes(array[(environment, queue, labels)::ops_private.lane_key]);
    select l.lane_id into found_lane from ops_private.lanes as l where l.environment_id = environment and l.queue = lane_of.queue and l.labels = lane_of.labels;
  end if;
  return found_lane;
end
$$;

-- Brings a run's gates to it: its concurrency key, the limits of its template, the caps that it or its spec names. Four at most.
create function ops_private.with_gates(run ops.runs, concurrency_limit int) returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  limited boolean := exists (select from ops.job_templates as t where t.template_id = run.template_id and (t.max_active is not null or t.max_starts is not null));
  gates bigint[] := '{}';
  amounts numeric[] := '{}';
  cap record;
begin
  -- Missing gates are made in the order of their kinds and keys, as everywhere (open_gates).
  for cap in select e ->> 'key' as key, max((e ->> 'amount')::numeric) as amount from jsonb_array_elements(run.caps) as e group by 1 order by 1 loop
    gates := gates || ops_private.gate_of(run.environment_id, 'cap', cap.key);
    amounts := array_append(amounts, cap.amount);
  end loop;
  if run.concurrency_key is not null then
    gates := gates || ops_private.gate_of(run.environment_id, 'concurrency', run.concurrency_key, coalesce(concurrency_limit, 1));
    amounts := array_append(amounts, null);
  end if;
  if limited then
    gates := gates || ops_private.gate_of(run.environment_id, 'template', run.template_id::text);
    amounts := array_append(amounts, null);
  end if;
  if cardinality(gates) > 4 then
    perform ops_private.fail('invalid_input', 'A run passes four gates at most: its concurrency key, the limits of its template, its caps.', 'Name fewer caps.');
  end if;
  select coalesce(array_agg(g.id order by g.id), '{}'), coalesce(array_agg(g.amount order by g.id), '{}') into run.gate_ids, run.gate_amounts from unnest(gates, amounts) as g (id, amount);
  return run;
end
$$;

-- Gates take on the limits that were stated last. The caller has locked the gates.
create function ops_private.set_limits(run ops.runs, concurrency_limit int) returns void language plpgsql security definer set search_path = '' as $$
declare
  changed bigint[];
begin
  with stated as (
    select g.gate_id, case g.kind when 'template' then t.max_active else coalesce(concurrency_limit, g.max_leases) end as max_leases, t.per_seconds::double precision / t.max_starts as start_seconds
    from ops_private.gates as g left join ops.job_templates as t on g.kind = 'template' and t.template_id = run.template_id
    where g.gate_id = any (run.gate_ids) and g.kind in ('template', 'concurrency')),
  changes as (
    update ops_private.gates as g set max_leases = s.max_leases, start_seconds = s.start_seconds from stated as s
    where g.gate_id = s.gate_id and (g.max_leases is distinct from s.max_leases or g.start_seconds is distinct from s.start_seconds) returning g.gate_id)
  select array_agg(c.gate_id) into changed from changes as c;
  if changed is not null then
    perform ops_private.unpark(changed);
  end if;
end
$$;

-- enqueue: inserts a queued run with its head, phases and RUN_CREATED. Parks it at once where one of its gates is full: live
-- leases and ready runs are counted under the gate's lock. A run with a debounce key takes the place of those with this key
-- that were never started, and the time at which the first of them would have started, so that a stream of them delays none
-- for ever; they end `superseded`. Locks runs that it supersedes, then all gates. Internal: the caller has authorised.
create function ops_private.enqueue(run ops.runs, spec jsonb, concurrency_limit int default null) returns ops.runs
language plpgsql security definer set search_path = '' as $$
declare
  gate ops_private.gates;
  passed bigint[];
  shut record;
  older uuid[] := '{}';
  replaced uuid;
  queued ops.runs;
begin
  run.run_id := ops_private.uuid_v7();
  run.timeout_seconds := coalesce(run.timeout_seconds, (spec ->> 'timeout_seconds')::int);
  run.caps := coalesce(run.caps, '[]') || coalesce(spec -> 'caps', '[]');
  run.lane_id := ops_private.lane_of(run.environment_id, run.queue, run.labels);
  run := ops_private.with_gates(run, concurrency_limit);
  if run.debounce_key is not null then
    -- One at a time for each key; whoever came with the same idempotency key meanwhile is not superseded by itself.
    perform ops_private.take_lock('debounce ' || run.environment_id::text || ' ' || run.debounce_key);
    if exists (select from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = run.idempotency_key) then
      return null;
    end if;
    older := array(select r.run_id from ops.runs as r where r.environment_id = run.environment_id and r.debounce_key = run.debounce_key and r.status = 'queued' and r.started_at is null
      order by r.run_id for no key update skip locked);
    if cardinality(older) > 0 then
      run.run_after := (select case when bool_or(r.run_after is null) then null else least(run.run_after, min(r.run_after)) end from ops.runs as r where r.run_id = any (older));
    end if;
  end if;
  run.not_before := case when run.run_after > clock_timestamp() then run.run_after end;
  if cardinality(run.gate_ids) > 0 or cardinality(older) > 0 then
    passed := ops_private.outer_gates(run.gate_ids);
    perform ops_private.lock_gates(passed || ops_private.gates_of(older));
    foreach replaced in array older loop
      perform ops_private.finalize_run(replaced, 'canceled', 'superseded', 'A newer run with the same debounce key takes its place.', null, jsonb_build_object('superseded_by', run.run_id));
    end loop;
    perform ops_private.set_limits(run, concurrency_limit);
    -- Who waits for its time takes no room; when it has come, a claim parks it where it must.
    for gate in select * from ops_private.gates as g where g.gate_id = any (passed) and run.not_before is null order by g.gate_id loop
      select * into shut from ops_private.full_limit(gate.gate_id, run.gate_ids, run.gate_amounts);
      if found then
        run.blocked_gate := gate.gate_id;
        run.queue_reason := ops_private.limit_reason(gate, shut.unit, run.template_key);
        update ops_private.gates as g set opens_at = shut.opens_at where g.gate_id = gate.gate_id and g.opens_at is null and shut.opens_at is not null;
        exit;
      end if;
    end loop;
  end if;
  run.created_at := clock_timestamp();
  run.status := 'queued';
  run.attempt := 0;
  run.failed_checks := 0;
  run.duration_seconds := null;
  insert into ops.runs select run.* on conflict (environment_id, idempotency_key) where idempotency_key is not null do nothing returning * into queued;
  if not found then
    return null;
  end if;
  insert into ops_private.run_heads (run_id, environment_id) values (queued.run_id, queued.environment_id);
  insert into ops.run_phases (run_id, name, environment_id, position, type, depends_on)
  select queued.run_id, p.phase ->> 'name', queued.environment_id, p.position, p.phase ->> 'type',
    coalesce((select array_agg(d) from jsonb_array_elements_text(p.phase -> 'depends_on') as d), '{}')
  from jsonb_array_elements(spec -> 'phases') with ordinality as p (phase, position);
  perform ops_private.append_event(queued.run_id, 'RUN_CREATED', 'info', null, format('Queued by %s.', coalesce(queued.triggered_by, queued.trigger)),
    jsonb_strip_nulls(jsonb_build_object('trigger', queued.trigger, 'template_key', queued.template_key, 'template_version', queued.template_version,
      'spec_sha256', queued.spec_sha256, 'repairs_run_id', queued.repairs_run_id)));
  if queued.blocked_gate is null and queued.not_before is null then
    perform ops_private.wake(array[queued.lane_id]);
  end if;
  return queued;
end
$$;

-- What the same idempotency key must be the same of.
create function ops_private.request_hash(request jsonb) returns text language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to((request - 'idempotency_key')::text, 'UTF8')), 'hex')
$$;

-- create_run(request): operators; with a spec of its own that names a connection, editors. The same idempotency_key answers the same run (created = false); with another request, idempotency_conflict.
create function ops_private.create_run(request jsonb) returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  me ops_private.principal := ops_private.me();
  run ops.runs;
  queued ops.runs;
  template ops.job_templates;
  environment ops.environments;
  spec jsonb;
  hash text := case when request ->> 'idempotency_key' is not null then ops_private.request_hash(request) end;
begin
  perform ops_private.require((request ->> 'environment_id')::uuid, 'operator', 'start a run');
  if pg_column_size(request) > 16 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'The request of a run has at most 16 MB.', 'Put what is large into an artifact.');
  end if;
  select * into environment from ops.environments as e where e.environment_id = (request ->> 'environment_id')::uuid;
  if request ->> 'template_key' is not null then
    select * into template from ops.job_templates as t where t.project_id = environment.project_id and t.template_key = request ->> 'template_key';
    if not found then
      perform ops_private.fail('not_found', format('There is no template %s in this project.', request ->> 'template_key'), 'Save it with POST /templates first.');
    end if;
    run.template_id := template.template_id;
    run.template_key := template.template_key;
    run.template_version := coalesce((request ->> 'template_version')::int, template.current_version);
    run.kind := template.kind;
    select v.spec_sha256, coalesce(request ->> 'git_sha', v.git_sha) into run.spec_sha256, run.git_sha
    from ops.job_template_versions as v where v.template_id = template.template_id and v.version = run.template_version;
    if not found then
      perform ops_private.fail('not_found', format('The template %s has no version %s.', run.template_key, run.template_version));
    end if;
  elsif request ->> 'spec_text' is not null then
    run.spec_sha256 := ops_private.store_spec(environment.project_id, request ->> 'spec_text');
    run.kind := 'pipeline';
    run.git_sha := request ->> 'git_sha';
  else
    perform ops_private.fail('invalid_input', 'A run needs template_key or a spec.');
  end if;
  select s.spec into spec from ops.specs as s where s.project_id = environment.project_id and s.spec_sha256 = run.spec_sha256;
  -- To write what is asked of a connection is to write a pipeline, which operators may not.
  if run.template_key is null and exists (select from ops_private.connection_texts(spec)) then
    perform ops_private.require(environment.environment_id, 'editor', 'start a run of a spec of its own that names a connection');
  end if;
  run.project_id := environment.project_id;
  run.environment_id := environment.environment_id;
  run.spec_slug := spec ->> 'name';
  run.parameters := coalesce(request -> 'parameters', '{}');
  run.priority := coalesce((request ->> 'priority')::int, 100);
  run.queue := coalesce(request ->> 'queue', 'default');
  run.labels := array(select distinct l from jsonb_array_elements_text(coalesce(request -> 'labels', '[]')) as l order by l);
  run.run_after := (request ->> 'run_after')::timestamptz;
  run.expires_at := (request ->> 'expires_at')::timestamptz;
  -- Infinity is how a parent waits for its children.
  if not isfinite(run.run_after) or not isfinite(run.expires_at) then
    perform ops_private.fail('invalid_input', 'run_after and expires_at are moments.');
  end if;
  run.concurrency_key := request ->> 'concurrency_key';
  run.debounce_key := request ->> 'debounce_key';
  if run.debounce_key is not null and run.run_after is null then
    run.run_after := clock_timestamp() + make_interval(secs => coalesce((request ->> 'debounce_seconds')::double precision, 0));
  end if;
  run.timeout_seconds := (request ->> 'timeout_seconds')::int;
  run.caps := coalesce(request -> 'caps', '[]');
  run.max_attempts := coalesce((request ->> 'max_attempts')::int, 3);
  run.trigger := case when me.type = 'user' and request ->> 'trigger' = 'manual' then 'manual' else 'api' end;
  run.triggered_by := me.name;
  run.isolated := false;
  run.idempotency_key := request ->> 'idempotency_key';
  run.request_sha256 := hash;
  queued := null;
  if run.idempotency_key is not null then
    select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = run.idempotency_key;
  end if;
  if queued.run_id is null then
    queued := ops_private.enqueue(run, spec, (request ->> 'concurrency_limit')::int);
    if queued.run_id is not null then
      perform ops_private.audit(run.environment_id, 'run.created', 'run', queued.run_id::text, null, jsonb_build_object('spec_slug', run.spec_slug, 'parameters', run.parameters));
      return jsonb_build_object('created', true, 'run', ops_private.run_json(queued));
    end if;
    -- Another call with this key was committed a moment ago.
    select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = run.idempotency_key;
  end if;
  if queued.request_sha256 <> hash then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return jsonb_build_object('created', false, 'run', ops_private.run_json(queued));
end
$$;

-- A request that names its environment by slug, perhaps with the project's, or not at all where the caller sees one: with its id.
create function ops_private.with_environment(request jsonb) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  fitting uuid[];
begin
  if request ->> 'environment_id' is not null then
    return request;
  end if;
  fitting := array(select e.environment_id from ops_private.my_environments() as v join ops.environments as e using (environment_id) join ops.projects as p on p.project_id = v.project_id
    where e.slug = coalesce(request ->> 'environment', e.slug) and p.slug = coalesce(request ->> 'project', p.slug));
  if cardinality(fitting) = 0 then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif cardinality(fitting) > 1 then
    perform ops_private.fail('invalid_input', 'Several environments fit.', 'Name project and environment.');
  end if;
  return request - array['environment', 'project'] || jsonb_build_object('environment_id', fitting[1]);
end
$$;
create function ops.create_run(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.create_run(ops_private.with_environment($1))';
grant execute on function ops_private.with_environment(jsonb), ops_private.create_run(jsonb), ops.create_run(jsonb) to authenticated, ops_token;
