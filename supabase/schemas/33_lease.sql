-- lock_run: what writes to the run's own row locks that first, before hold. Only for who was given the token of its lease, which is looked at and not locked,
-- so that nobody else makes the holder wait; for others null, and hold says why.
create function ops_private.lock_run(run uuid, token uuid) returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  locked ops.runs;
begin
  select * into locked from ops.runs as r where r.run_id = run and exists (select from ops.leases as l where l.run_id = run and l.lease_token = token) for no key update;
  return locked;
end
$$;

-- hold: the fence of every executor write. Locks and answers the caller's live lease, on the clock read after the lock was
-- taken; otherwise raises not_found or lease_lost.
create function ops_private.hold(run uuid, token uuid) returns ops.leases
language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  lease ops.leases;
begin
  if me.type is distinct from 'executor' then
    perform ops_private.fail('forbidden', 'Only an executor writes to a run that it holds.', 'Use an executor token (lcx_…).');
  end if;
  select * into lease from ops.leases as l where l.run_id = run and l.lease_token = token and l.executor_id = me.id for update;
  if found and lease.expires_at > clock_timestamp() then
    return lease;
  end if;
  if not exists (select from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.fail('lease_lost', 'The lease has ended or belongs to another attempt.', 'Stop the work and write nothing more.');
end
$$;

-- Wakes one waiter per lane that is armed; the payload is the lane's id. Not `for update`: other creations hold the lane
-- (runs_hold_their_lanes_and_environments), and two at once would each leave the waking to the other.
create function ops_private.wake(lanes bigint[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  lane bigint;
begin
  for lane in
    update ops_private.lanes as l set armed = false where l.lane_id = any (array(
      select a.lane_id from ops_private.lanes as a where a.lane_id = any (lanes) and a.armed order by a.lane_id for no key update skip locked))
    returning l.lane_id
  loop
    perform pg_notify('ops_lane', lane::text);
  end loop;
end
$$;

-- Takes runs from their gates: deletes the leases, where they have one, and lets others through. A queued run that ends makes room
-- too, since create_run parks behind ready runs. The caller has locked runs and leases, and, where it ends several runs in one
-- transaction, the gates of all of them (and may say which: `gates`).
create function ops_private.end_leases(runs uuid[], gates bigint[] default null) returns void language plpgsql security definer set search_path = '' as $$
begin
  if gates is null then
    gates := ops_private.gates_of(runs);
    perform ops_private.lock_gates(gates);
  end if;
  delete from ops.leases as l where l.run_id = any (runs);
  if cardinality(gates) > 0 then
    -- Whoever was ready and ends now must not be counted as ready below.
    update ops.runs as r set not_before = 'infinity' where r.run_id = any (runs) and r.status = 'queued' and r.blocked_gate is null and r.not_before is null;
    perform ops_private.unpark(gates);
  end if;
end
$$;

-- A run whose work was told to stop ends so, whatever its executor says: canceled where that was asked for or a cap is used up,
-- failed where its time was up. Null: nobody told it to. The caller has locked run and lease.
create function ops_private.end_if_stopped(run ops.runs, lease ops.leases) returns ops.runs language plpgsql security definer set search_path = '' as $$
begin
  if run.cancel_requested_at is not null then
    return ops_private.finalize_run(run.run_id, 'canceled', 'canceled', coalesce(run.cancel_reason, 'The run was canceled.'));
  elsif lease.stop_code is not null then
    return ops_private.finalize_run(run.run_id, case lease.stop_code when 'timeout' then 'failed' else 'canceled' end, lease.stop_code, lease.stop_reason);
  end if;
  return null;
end
$$;

-- timeout_seconds counts from the first start, over all attempts.
create function ops_private.timeout_reason(run ops.runs) returns text language sql immutable set search_path = '' as $$
  select format('It did not end within %s s of its start (timeout_seconds).', run.timeout_seconds)
$$;
