-- start_run: the lease holder. claimed → running; a repeat changes nothing. Locks run, lease, head.
create function ops_private.start_run(run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
begin
  found_run := ops_private.lock_run(run, token);
  lease := ops_private.hold(run, token);
  if found_run.status = 'claimed' then
    update ops.runs as r set status = 'running', started_at = coalesce(r.started_at, clock_timestamp()) where r.run_id = run returning * into found_run;
    perform ops_private.append_event(run, 'RUN_STARTED', 'info', null, format('Attempt %s began.', lease.attempt), jsonb_build_object('attempt', lease.attempt));
  end if;
  return ops_private.run_state(found_run);
end
$$;
create function ops.start_run(run_id uuid, lease_token uuid) returns jsonb language sql set search_path = '' as 'select ops_private.start_run($1, $2)';
grant execute on function ops_private.start_run(uuid, uuid), ops.start_run(uuid, uuid) to authenticated, ops_token;
