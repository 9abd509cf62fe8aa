-- set_phase: the lease holder of a running run. pending → running | skipped; running → succeeded | failed | running (progress, checkpoint);
-- failed → running (a retry inside the lease). The same status again writes no second event. Locks lease, phase, head.
create function ops_private.set_phase(run uuid, token uuid, name text, patch jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  phase ops.run_phases;
  before text;
  target text := patch ->> 'status';
begin
  select * into phase from ops.run_phases as p where p.run_id = run and p.name = set_phase.name for update;
  if not found then
    perform ops_private.fail('not_found', format('The run has no phase %s.', name));
  elsif (select r.status from ops.runs as r where r.run_id = run) <> 'running' then
    perform ops_private.fail('illegal_transition', 'The run was not started.', 'Call start first.');
  end if;
  before := phase.status;
  if target is null or target not in ('running', 'succeeded', 'failed', 'skipped') then
    perform ops_private.fail('invalid_input', 'status is running, succeeded, failed or skipped.');
  elsif not (before = target or before = 'pending' and target in ('running', 'skipped') or before = 'running' and target in ('succeeded', 'failed') or before = 'failed' and target = 'running') then
    perform ops_private.fail('illegal_transition', format('The phase %s does not go from %s to %s.', name, before, target));
  elsif target = 'running' and exists (select from ops.run_phases as d where d.run_id = run and d.name = any (phase.depends_on) and d.status in ('pending', 'running')) then
    perform ops_private.fail('illegal_transition', format('A phase before %s has not ended.', name));
  elsif octet_length(patch ->> 'message') > 32768 then
    perform ops_private.fail('payload_too_large', 'message has at most 32,768 bytes.');
  elsif before = target and target <> 'running' then
    return ops_private.phase_json(phase);
  end if;
  update ops.run_phases as p set
    status = target,
    attempt = p.attempt + (before <> 'running' and target = 'running')::int,
    started_at = case when before <> 'running' and target = 'running' then clock_timestamp() else p.started_at end,
    finished_at = case when target = 'running' then null else clock_timestamp() end,
    input_sha256 = coalesce(patch ->> 'input_sha256', p.input_sha256),
    output_sha256 = coalesce(patch ->> 'output_sha256', p.output_sha256),
    metrics = p.metrics || coalesce(patch -> 'metrics', '{}'),
    checkpoint = coalesce(patch -> 'checkpoint', p.checkpoint),
    checkpoint_at = case when patch -> 'checkpoint' is null then p.checkpoint_at else clock_timestamp() end,
    error_code = case when target = 'running' then null else coalesce(patch ->> 'error_code', p.error_code) end,
    error_message = case when target = 'running' then null else coalesce(left(patch ->> 'error_message', 10000), p.error_message) end
  where p.run_id = run and p.name = set_phase.name returning * into phase;
  if before <> target then
    perform ops_private.append_event(run, case target when 'running' then 'PHASE_STARTED' else 'PHASE_' || upper(target) end, case target when 'failed' then 'error' else 'info' end, name,
      coalesce(patch ->> 'message', phase.error_message, format('Phase %s %s.', name, case target when 'running' then 'started' when 'skipped' then 'was skipped' else target end)),
      jsonb_strip_nulls(jsonb_build_object('attempt', phase.attempt, 'output_sha256', case when target = 'succeeded' then phase.output_sha256 end, 'error_code', phase.error_code)));
  end if;
  return ops_private.phase_json(phase);
end
$$;
create function ops.set_phase(run_id uuid, lease_token uuid, name text, patch jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.set_phase($1, $2, $3, $4)';
grant execute on function ops_private.set_phase(uuid, uuid, text, jsonb), ops.set_phase(uuid, uuid, text, jsonb) to authenticated, ops_token;
