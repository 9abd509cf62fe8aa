-- What a heartbeat finds that must stop the work: the run's timeout, or a cap that is used up while this lease uses more of it
-- than it reserved (who stays within its reservation is never stopped). Meters rows, bytes and cost on the way.
create function ops_private.reason_to_stop(lease ops.leases, usage jsonb, out code text, out reason text) language plpgsql security definer set search_path = '' as $$
begin
  if lease.deadline_at <= clock_timestamp() then
    code := 'timeout';
    reason := (select ops_private.timeout_reason(r) from ops.runs as r where r.run_id = lease.run_id);
    return;
  end if;
  update ops_private.lease_caps as c set used = case c.unit
      when 'runs' then null
      when 'seconds' then extract(epoch from clock_timestamp() - c.claimed_at)
      else greatest(ops_private.metered(c), ops_private.figure(usage, c.unit)) end
  where c.run_id = lease.run_id;
  select 'cap_exceeded', format('The cap %s is used up: %s of %s %s in this %s.', c.cap_key, trim_scale(u.amount), trim_scale(c.limit_amount), c.unit, c.period) into code, reason
  from ops_private.lease_caps as l join ops.caps as c on c.cap_id = l.cap_id
  cross join lateral (select ops_private.cap_settled(l.cap_id, l.period_start) + ops_private.cap_reserved(l.cap_id, l.period_start) as amount) as u
  where l.run_id = lease.run_id and l.used > l.reserved and c.enabled and u.amount > c.limit_amount limit 1;
end
$$;

-- heartbeat_run: the lease holder. Renews the lease by the database's clock, meters, and tells the holder to stop: for a
-- cancellation, a timeout, a cap. Once told, beats prolong the lease no more than a minute beyond, so a run whose executor does
-- not heed ends with its lease. `usage` counts rows, bytes and cost since the claim. Locks only the lease, then the head.
create function ops_private.heartbeat_run(run uuid, token uuid, phase text, lease_seconds int, usage jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  grace constant interval := interval '60 seconds';
  lease ops.leases := ops_private.hold(run, token);
  found_run ops.runs;
  stop record;
begin
  if lease_seconds not between 1 and 600 or length(heartbeat_run.phase) > 63 then
    perform ops_private.fail('invalid_input', 'lease_seconds is 1 to 600; phase is the name of one.');
  end if;
  select * into found_run from ops.runs as r where r.run_id = run;
  if lease.stop_code is null then
    if found_run.cancel_requested_at is not null then
      lease.stop_code := 'canceled';
      lease.stop_reason := found_run.cancel_reason;
    elsif lease.deadline_at <= clock_timestamp() or exists (select from ops_private.lease_caps as c where c.run_id = run) then
      select * into stop from ops_private.reason_to_stop(lease, usage);
      if stop.code is not null then
        perform ops_private.append_event(run, 'RUN_STOPPING', 'warn', null, stop.reason, jsonb_build_object('error_code', stop.code));
      end if;
      lease.stop_code := stop.code;
      lease.stop_reason := stop.reason;
    end if;
    lease.stop_at := case when lease.stop_code is not null then clock_timestamp() end;
  end if;
  update ops.leases as l set heartbeat_at = clock_timestamp(), lease_seconds = coalesce(heartbeat_run.lease_seconds, l.lease_seconds), phase = coalesce(heartbeat_run.phase, l.phase),
    stop_code = lease.stop_code, stop_reason = lease.stop_reason, stop_at = lease.stop_at,
    expires_at = greatest(l.expires_at, least(lease.stop_at + grace, clock_timestamp() + make_interval(secs => coalesce(heartbeat_run.lease_seconds, l.lease_seconds))))
  where l.run_id = run returning * into lease;
  update ops.executors as e set last_seen_at = clock_timestamp()
  where e.executor_id = (select x.executor_id from ops.executors as x where x.executor_id = lease.executor_id and x.last_seen_at < clock_timestamp() - interval '10 seconds' for no key update skip locked);
  return jsonb_build_object('lease_expires_at', lease.expires_at, 'cancel_requested', lease.stop_code is not null, 'cancel_reason', lease.stop_reason, 'stop_code', lease.stop_code);
end
$$;
create function ops.heartbeat_run(run_id uuid, lease_token uuid, phase text default null, lease_seconds int default null, usage jsonb default '{}') returns jsonb
language sql set search_path = '' as 'select ops_private.heartbeat_run($1, $2, $3, $4, $5)';
grant execute on function ops_private.heartbeat_run(uuid, uuid, text, int, jsonb), ops.heartbeat_run(uuid, uuid, text, int, jsonb) to authenticated, ops_token;
