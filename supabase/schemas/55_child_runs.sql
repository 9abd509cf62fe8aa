-- A for_each phase fans out: each of its items is a child run, which executes that one phase with the item as a parameter. The parent
-- gives its lease back while they run (queued, not_before infinity) and joins them when all have ended.

-- The run that executes an item: the parent's own child, else, where the parent repairs another run's failures, that run's child if
-- it succeeded with the same definition and parameters.
create function ops_private.child_of(parent ops.runs, phase text, key text, hash text, parameters jsonb) returns ops.runs
language plpgsql stable security definer set search_path = '' as $$
declare
  child ops.runs;
  repaired ops.runs;
begin
  select * into child from ops.runs as r where r.parent_run_id = parent.run_id and r.parent_phase = child_of.phase and r.child_key = child_of.key;
  if not found and parent.repair_mode = 'failed' then
    select * into repaired from ops.runs as r where r.run_id = parent.repairs_run_id;
    child := ops_private.child_of(repaired, phase, key, hash, parameters);
    if child.status is distinct from 'succeeded' or child.spec_sha256 <> hash or child.parameters <> child_of.parameters then
      return null;
    end if;
  end if;
  return child;
end
$$;

-- Whether children have the parent's own parameters, but for the item, which is one of the phase's list: parameters name connections, and who executes a
-- run must not open others than its author wrote.
create function ops_private.are_items(parent ops.runs, phase text, children jsonb) returns boolean language plpgsql stable security definer set search_path = '' as $$
declare
  each jsonb := (select p -> 'for_each' from ops.specs as s cross join lateral jsonb_array_elements(s.spec -> 'phases') as p
    where s.project_id = parent.project_id and s.spec_sha256 = parent.spec_sha256 and p ->> 'name' = are_items.phase);
  taking text := each ->> 'parameter';
  items jsonb := coalesce(each -> 'items', parent.parameters -> (each ->> 'items_from'), '[]');
begin
  return jsonb_typeof(items) = 'array' and not exists (
    select from jsonb_array_elements(children) as c cross join lateral (select c -> 'parameters') as own (parameters)
    where own.parameters - array[taking] <> parent.parameters - array[taking]
      or taking is not null and (own.parameters -> taking is null or own.parameters -> taking not in (select jsonb_array_elements(items))));
end
$$;

-- create_children: the lease holder, for a running phase. One run an item, once however often it is asked; what the parent's phases
-- before it have made is reused, its pinned inputs are the children's too. Answers the run of every item. Locks run, lease, the gate
-- of the fan-out, heads.
create function ops_private.create_children(run uuid, token uuid, phase text, spec_text text, children jsonb, max_active int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  parent ops.runs;
  lease ops.leases;
  child ops.runs;
  wanted record;
  hash text;
  made int := 0;
  items jsonb := '[]';
begin
  parent := ops_private.lock_run(run, token);
  lease := ops_private.hold(run, token);
  if jsonb_typeof(children) is distinct from 'array' or jsonb_array_length(children) not between 1 and 1000 or max_active not between 1 and 1000
    or exists (select from jsonb_array_elements(children) as c where coalesce(length(c ->> 'key'), 0) not between 1 and 200 or jsonb_typeof(c -> 'parameters') is distinct from 'object')
    or (select count(distinct c ->> 'key') from jsonb_array_elements(children) as c) <> jsonb_array_length(children) then
    perform ops_private.fail('invalid_input', 'children is an array of 1 to 1000 items {key, parameters}, each key once; max_active is 1 to 1000.');
  elsif parent.parent_run_id is not null then
    perform ops_private.fail('illegal_transition', 'A child run has no children of its own.');
  elsif not exists (select from ops.run_phases as p where p.run_id = run and p.name = create_children.phase and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'A running phase fans out.');
  elsif not ops_private.are_items(parent, phase, children) then
    perform ops_private.fail('invalid_input', 'A child has the parameters of its parent, and one item of the for_each phase in its place.');
  end if;
  hash := ops_private.store_spec(parent.project_id, spec_text);
  for wanted in select c.child ->> 'key' as key, c.child -> 'parameters' as parameters from jsonb_array_elements(children) with ordinality as c (child, nth) order by c.nth loop
    child := ops_private.child_of(parent, phase, wanted.key, hash, wanted.parameters);
    if child.run_id is null then
      child := ops_private.not_begun(parent);
      child.parent_run_id := run;
      child.parent_phase := phase;
      child.child_key := wanted.key;
      child.repairs_run_id := null;
      child.repair_mode := null;
      child.trigger := 'parent';
      -- A template's limit counts its runs, not their parts: these would wait for their own parent.
      child.template_id := null;
      child.spec_sha256 := hash;
      child.parameters := wanted.parameters;
      child.concurrency_key := case when max_active is not null then format('for_each:%s:%s', run, phase) end;
      child := ops_private.enqueue(child, spec_text::jsonb, max_active);
      perform ops_private.reuse_phases(run, child.run_id);
      made := made + 1;
    end if;
    items := items || jsonb_build_object('key', wanted.key, 'run_id', child.run_id, 'status', child.status,
      'output_sha256', (select p.output_sha256 from ops.run_phases as p where p.run_id = child.run_id and p.name = create_children.phase), 'error_code', child.error_code, 'error_message', child.error_message);
  end loop;
  if made > 0 then
    perform ops_private.append_event(run, 'PHASE_FANNED_OUT', 'info', phase, format('%s child runs, %s of them new.', jsonb_array_length(children), made), jsonb_build_object('children', jsonb_array_length(children), 'created', made));
  end if;
  return jsonb_build_object('items', items);
end
$$;
create function ops.create_children(run_id uuid, lease_token uuid, phase text, spec_text text, children jsonb, max_active int default null) returns jsonb
language sql set search_path = '' as 'select ops_private.create_children($1, $2, $3, $4, $5, $6)';

-- wait_for_children: the lease holder gives the run back until its children have ended; costs no attempt. claimed|running → queued.
-- Where none is open, or the run is to stop, it is a release like any other.
create function ops_private.wait_for_children(run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  answer jsonb;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  if found_run.cancel_requested_at is not null or lease.stop_code is not null or lease.deadline_at <= clock_timestamp()
    or not exists (select from ops.runs as c where c.parent_run_id = run and c.status in ('queued', 'claimed', 'running')) then
    return ops_private.release_run(run, token, 'No child run is open any more.', '{}');
  end if;
  found_run := ops_private.requeue(run, interval 'infinity', false, 'RUN_WAITS', 'info', 'Waits for its child runs.');
  update ops.runs as r set queue_reason = 'waiting for child runs' where r.run_id = run and r.not_before = 'infinity' returning * into found_run;
  return ops_private.record_end(token, (select r from ops.runs as r where r.run_id = run));
end
$$;
create function ops.wait_for_children(run_id uuid, lease_token uuid) returns jsonb language sql set search_path = '' as 'select ops_private.wait_for_children($1, $2)';

-- Lets parents go on whose children have all ended. Never waits: a parent or child that ends at this very moment is left to the tick.
create function ops_private.wake_parents(parents uuid[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  lanes bigint[];
begin
  with woken as (
    update ops.runs as p set not_before = null, queue_reason = null where p.run_id = any (array(
      select w.run_id from ops.runs as w where w.run_id = any (parents) and w.status = 'queued' and w.not_before = 'infinity'
        and not exists (select from ops.runs as c where c.parent_run_id = w.run_id and c.status in ('queued', 'claimed', 'running')) for no key update skip locked))
    returning p.lane_id)
  select array_agg(woken.lane_id) into lanes from woken;
  perform ops_private.wake(lanes);
  return coalesce(cardinality(lanes), 0);
end
$$;

-- Open children of runs, locked; those that somebody else holds right now are left out.
create function ops_private.lock_children(parents uuid[], at_most int) returns uuid[] language sql security definer set search_path = '' as $$
  select array(select c.run_id from ops.runs as c where c.parent_run_id = any (parents) and c.status in ('queued', 'claimed', 'running') and c.cancel_requested_at is null
    order by c.run_id limit at_most for no key update skip locked)
$$;
-- The caller has locked the children and all their gates.
create function ops_private.cancel_children(children uuid[], reason text) returns void language plpgsql security definer set search_path = '' as $$
declare
  child ops.runs;
begin
  for child in update ops.runs as c set cancel_requested_at = clock_timestamp(), cancel_reason = reason where c.run_id = any (children) returning c.* loop
    if child.status = 'queued' then
      perform ops_private.finalize_run(child.run_id, 'canceled', 'canceled', reason);
    else
      perform ops_private.append_event(child.run_id, 'CANCEL_REQUESTED', 'warn', null, reason);
    end if;
  end loop;
end
$$;

-- settle_children: the scheduler. Wakes parents that nobody woke, cancels children whose parent has ended or is to end. Both are
-- found by steps over an index of what is open, however many runs have ended.
create function ops_private.settle_children() returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  parents uuid[];
  orphans uuid[];
  woken int;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler settles child runs.', 'Send CRON_SECRET as Bearer token.');
  end if;
  woken := ops_private.wake_parents(array(select r.run_id from ops.runs as r where r.status = 'queued' and r.not_before = 'infinity' limit 10000));
  with recursive step (parent_run_id) as (
    (select c.parent_run_id from ops.runs as c where c.parent_run_id is not null and c.status in ('queued', 'claimed', 'running') order by c.parent_run_id limit 1)
    union all
    select (select c.parent_run_id from ops.runs as c where c.parent_run_id > s.parent_run_id and c.status in ('queued', 'claimed', 'running') order by c.parent_run_id limit 1)
    from step as s where s.parent_run_id is not null)
  select array_agg(p.run_id) into parents from step as s join ops.runs as p on p.run_id = s.parent_run_id
  where p.cancel_requested_at is not null or p.status in ('succeeded', 'failed', 'canceled');
  orphans := ops_private.lock_children(parents, 500);
  perform ops_private.lock_gates(ops_private.gates_of(orphans));
  perform ops_private.cancel_children(orphans, 'The run that it is a part of has ended.');
  return jsonb_build_object('woken', woken, 'canceled', cardinality(orphans));
end
$$;
create function ops.settle_children() returns jsonb language sql set search_path = '' as 'select ops_private.settle_children()';
grant execute on function ops_private.create_children(uuid, uuid, text, text, jsonb, int), ops.create_children(uuid, uuid, text, text, jsonb, int),
  ops_private.wait_for_children(uuid, uuid), ops.wait_for_children(uuid, uuid) to authenticated, ops_token;
grant execute on function ops_private.settle_children(), ops.settle_children() to ops_token;
