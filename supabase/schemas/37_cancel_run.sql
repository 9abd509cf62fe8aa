-- cancel_run: operators. A queued run ends at once; an active one is told at its next heartbeat and ends when its executor
-- answers, or with its lease. Its child runs go with it: at once where nobody holds their rows, else by the scheduler. A repeat changes nothing; a finished run is run_finished (a canceled one answers itself).
create function ops_private.cancel_run(run uuid, reason text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  found_run ops.runs;
  children uuid[];
begin
  select * into found_run from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(found_run.environment_id, 'operator', 'cancel a run');
  reason := coalesce(nullif(reason, ''), format('Canceled by %s.', me.name));
  if found_run.status = 'canceled' then
    return ops_private.run_json(found_run);
  elsif found_run.status in ('succeeded', 'failed') then
    perform ops_private.fail('run_finished', format('The run has already %s.', found_run.status));
  elsif found_run.cancel_requested_at is null then
    update ops.runs as r set cancel_requested_at = clock_timestamp(), cancel_reason = reason where r.run_id = run returning * into found_run;
    children := ops_private.lock_children(array[run], 1000);
    perform ops_private.lock_gates(ops_private.gates_of(array[run] || children));
    if found_run.status = 'queued' then
      found_run := ops_private.finalize_run(run, 'canceled', 'canceled', reason);
    else
      perform ops_private.append_event(run, 'CANCEL_REQUESTED', 'warn', null, reason);
    end if;
    perform ops_private.cancel_children(children, reason);
    perform ops_private.audit(found_run.environment_id, 'run.canceled', 'run', run::text, null, jsonb_build_object('reason', reason));
  end if;
  return ops_private.run_json(found_run);
end
$$;
create function ops.cancel_run(run_id uuid, reason text default null) returns jsonb language sql set search_path = '' as 'select ops_private.cancel_run($1, $2)';
grant execute on function ops_private.cancel_run(uuid, text), ops.cancel_run(uuid, text) to authenticated, ops_token;
