-- The same work as a run that never began: for a run that repeats another, or is part of it.
create function ops_private.not_begun(run ops.runs) returns ops.runs language plpgsql stable set search_path = '' as $$
begin
  run.output_manifest := null;
  run.error_code := null;
  run.error_message := null;
  run.queue_reason := null;
  run.executor_id := null;
  run.schedule_id := null;
  run.backfill_id := null;
  run.scheduled_for := null;
  run.parent_run_id := null;
  run.parent_phase := null;
  run.child_key := null;
  run.run_after := null;
  run.expires_at := null;
  run.claimed_at := null;
  run.started_at := null;
  run.finished_at := null;
  run.cancel_requested_at := null;
  run.cancel_reason := null;
  run.blocked_gate := null;
  run.not_before := null;
  run.idempotency_key := null;
  run.request_sha256 := null;
  run.debounce_key := null;
  return run;
end
$$;

-- retry_run: operators. A finished run is never run again: a new run points at it (repairs_run_id).
--   all     every phase again, reading the inputs that the old run pinned
--   failed  phases that succeeded, and whose definition is still the same, are marked reused with their artifacts; the rest execute
--   verify  as all, into an isolated lake prefix; nothing is published
create function ops_private.retry_run(old_run uuid, mode text, definition text, key text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  old ops.runs;
  run ops.runs;
  queued ops.runs;
  spec jsonb;
begin
  select * into old from ops.runs as r where r.run_id = old_run and r.environment_id = any (ops_private.visible_environments());
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(old.environment_id, case when ops_private.reseals(old) then 'admin' else 'operator' end, 'run it again');
  if mode not in ('all', 'failed', 'verify') or definition not in ('pinned', 'current') then
    perform ops_private.fail('invalid_input', 'mode is all, failed or verify; definition is pinned or current.');
  elsif old.status not in ('succeeded', 'failed', 'canceled') then
    perform ops_private.fail('illegal_transition', format('The run is still %s.', old.status), 'Wait for its end, or cancel it.');
  elsif mode = 'failed' and old.status = 'succeeded' then
    perform ops_private.fail('illegal_transition', 'Nothing failed in this run.', 'Use mode all.');
  elsif mode = 'verify' and (old.status <> 'succeeded' or definition = 'current') then
    perform ops_private.fail('illegal_transition', 'Only a succeeded run with its pinned definition can be verified.');
  end if;
  run := old;
  if definition = 'current' and old.template_id is not null then
    select v.version, v.spec_sha256, v.git_sha into run.template_version, run.spec_sha256, run.git_sha
    from ops.job_templates as t join ops.job_template_versions as v on v.template_id = t.template_id and v.version = t.current_version
    where t.template_id = old.template_id;
  end if;
  select s.spec into spec from ops.specs as s where s.project_id = run.project_id and s.spec_sha256 = run.spec_sha256;
  run.repairs_run_id := old.run_id;
  run.trigger := case mode when 'verify' then 'verify' else 'retry' end;
  run.triggered_by := me.name;
  run.isolated := mode = 'verify';
  run.repair_mode := mode;
  run := ops_private.not_begun(run);
  if mode <> 'verify' then
    -- A repair stands for the run of the schedule or the partition that it repairs; a verification publishes nothing.
    run.schedule_id := old.schedule_id;
    run.backfill_id := old.backfill_id;
    run.scheduled_for := old.scheduled_for;
  end if;
  run.idempotency_key := key;
  run.request_sha256 := encode(sha256(convert_to(jsonb_build_object('repairs', old_run, 'mode', mode, 'definition', definition)::text, 'UTF8')), 'hex');
  if key is not null then
    select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = key;
  end if;
  if queued.run_id is null then
    queued := ops_private.enqueue(run, spec);
    if queued.run_id is null then
      select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = key;
    else
      if mode = 'failed' then
        perform ops_private.reuse_phases(old.run_id, queued.run_id);
      end if;
      perform ops_private.audit(run.environment_id, 'run.retried', 'run', queued.run_id::text, null, jsonb_build_object('repairs_run_id', old_run, 'mode', mode, 'definition', definition));
    end if;
  end if;
  if queued.request_sha256 <> run.request_sha256 then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return ops_private.run_json(queued);
end
$$;

-- Marks phases as reused where they, and all before them, succeeded in the old run under the same definition (and for validate the same
-- checks); their artifacts are registered again (same bytes).
create function ops_private.reuse_phases(old_run uuid, new_run uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  phase ops.run_phases;
  old_phase ops.run_phases;
  old_spec jsonb := (select s.spec from ops.runs as r join ops.specs as s using (project_id, spec_sha256) where r.run_id = old_run);
  new_spec jsonb := (select s.spec from ops.runs as r join ops.specs as s using (project_id, spec_sha256) where r.run_id = new_run);
begin
  for phase in select * from ops.run_phases as p where p.run_id = new_run order by p.position loop
    select * into old_phase from ops.run_phases as p where p.run_id = old_run and p.name = phase.name and p.status in ('succeeded', 'reused');
    continue when not found or old_phase.output_sha256 is null
      or (select x from jsonb_array_elements(old_spec -> 'phases') as x where x ->> 'name' = phase.name) <> (select x from jsonb_array_elements(new_spec -> 'phases') as x where x ->> 'name' = phase.name)
      or phase.type = 'validate' and old_spec -> 'quality' is distinct from new_spec -> 'quality'
      or exists (select from ops.run_phases as d where d.run_id = new_run and d.name = any (phase.depends_on) and d.status <> 'reused');
    update ops.run_phases as p set status = 'reused', started_at = old_phase.started_at, finished_at = old_phase.finished_at,
      input_sha256 = old_phase.input_sha256, output_sha256 = old_phase.output_sha256, metrics = old_phase.metrics
    where p.run_id = new_run and p.name = phase.name;
    insert into ops.run_artifacts (run_id, environment_id, phase, name, kind, content_type, byte_size, sha256, metadata)
    select new_run, a.environment_id, a.phase, a.name, a.kind, a.content_type, a.byte_size, a.sha256, a.metadata
    from ops.run_artifacts as a where a.run_id = old_run and a.phase = phase.name;
    perform ops_private.append_event(new_run, 'PHASE_REUSED', 'info', phase.name, 'Its output is taken over from an earlier run.', jsonb_build_object('output_sha256', old_phase.output_sha256, 'from_run_id', old_run));
  end loop;
end
$$;
create function ops.retry_run(run_id uuid, mode text default 'all', definition text default 'pinned', idempotency_key text default null) returns jsonb
language sql set search_path = '' as 'select ops_private.retry_run($1, $2, $3, $4)';
grant execute on function ops_private.retry_run(uuid, text, text, text), ops.retry_run(uuid, text, text, text) to authenticated, ops_token;
