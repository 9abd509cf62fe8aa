-- The sweep: leases that ran out by the database's clock, at least `stale` ago. `lock_expired` locks such runs and their leases,
-- skipping what somebody else holds right now, and looks again at what it locked, so a run that just finished or was just
-- renewed is left alone. The caller then locks their gates and calls `end_expired`.
create function ops_private.lock_expired(stale interval, lanes bigint[], at_most int) returns uuid[]
language plpgsql security definer set search_path = '' as $$
declare
  latest timestamptz := clock_timestamp() - stale;
  found_runs uuid[];
begin
  found_runs := array(select l.run_id from ops.leases as l where l.expires_at <= latest and (lanes is null or l.lane_id = any (lanes)) order by l.expires_at limit at_most);
  found_runs := array(select r.run_id from ops.runs as r where r.run_id = any (found_runs) and r.status in ('claimed', 'running') for no key update skip locked);
  return array(select l.run_id from ops.leases as l where l.run_id = any (found_runs) and l.expires_at <= latest for update skip locked);
end
$$;

create function ops_private.end_expired(expired uuid[]) returns table (requeued int, ended int)
language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
  lease ops.leases;
begin
  requeued := 0;
  ended := 0;
  for run in select * from ops.runs as r where r.run_id = any (expired) order by r.run_id loop
    begin
      select * into lease from ops.leases as l where l.run_id = run.run_id;
      perform ops_private.append_event(run.run_id, 'LEASE_EXPIRED', 'warn', lease.phase, 'The executor gave no sign of life within its lease.',
        jsonb_build_object('executor_id', lease.executor_id, 'attempt', lease.attempt, 'expired_at', lease.expires_at));
      if (ops_private.end_if_stopped(run, lease)).run_id is not null then
        ended := ended + 1;
      elsif lease.deadline_at <= clock_timestamp() then
        perform ops_private.finalize_run(run.run_id, 'failed', 'timeout', ops_private.timeout_reason(run));
        ended := ended + 1;
      elsif run.attempt >= run.max_attempts then
        perform ops_private.finalize_run(run.run_id, 'failed', 'lease_exhausted', format('Its executors stopped responding; attempt %s was the last.', run.attempt));
        ended := ended + 1;
      else
        perform ops_private.requeue(run.run_id, interval '0', true, 'RUN_REQUEUED', 'warn', 'Queued again after a lost lease.', jsonb_build_object('attempt', run.attempt));
        requeued := requeued + 1;
      end if;
    exception when data_exception or integrity_constraint_violation then
      -- Whatever a run holds that cannot be stored, it stops neither the others nor the scheduler.
      raise warning 'the lease of run % could not be ended: %', run.run_id, sqlerrm;
    end;
  end loop;
  return next;
end
$$;

-- requeue_stale_runs(stale_minutes): the scheduler, executors (their environments are swept at each claim anyway) and admins.
create function ops_private.requeue_stale_runs(stale_minutes numeric) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  expired uuid[];
  swept record;
  environments uuid[];
  lanes bigint[];
begin
  if coalesce(stale_minutes, 0) < 0 then
    perform ops_private.fail('invalid_input', 'stale_minutes is not negative.');
  end if;
  if me.type is distinct from 'service' then
    environments := ops_private.visible_environments(case me.type when 'executor' then 0 else 4 end);
    if cardinality(environments) = 0 then
      perform ops_private.fail('forbidden', 'To sweep stale runs needs the role admin, an executor, or the scheduler.');
    end if;
    lanes := array(select l.lane_id from ops_private.lanes as l where l.environment_id = any (environments));
  end if;
  expired := ops_private.lock_expired(make_interval(secs => coalesce(stale_minutes, 0) * 60), lanes, 1000);
  perform ops_private.lock_gates(ops_private.gates_of(expired));
  select * into swept from ops_private.end_expired(expired);
  if me.type in ('user', 'token') then
    perform ops_private.audit(r.environment_id, 'run.requeued', 'run', r.run_id::text, null, jsonb_build_object('stale_minutes', stale_minutes)) from ops.runs as r where r.run_id = any (expired) order by r.run_id;
  end if;
  return jsonb_build_object('requeued', swept.requeued, 'ended', swept.ended);
end
$$;
create function ops.requeue_stale_runs(stale_minutes numeric default 0) returns jsonb language sql set search_path = '' as 'select ops_private.requeue_stale_runs($1)';
grant execute on function ops_private.requeue_stale_runs(numeric), ops.requeue_stale_runs(numeric) to authenticated, ops_token;
