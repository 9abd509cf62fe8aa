-- finalize_run: the one terminal function. claimed|running → succeeded|failed|canceled, queued → failed|canceled. The caller has
-- locked the run (and its lease). Ends the lease, closes the phases with an event each, writes the one terminal event, last.
create function ops_private.finalize_run(run uuid, status text, error_code text default null, error_message text default null, output_manifest jsonb default null, data jsonb default '{}')
returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  ended ops.runs;
  phase ops.run_phases;
  moment timestamptz;
begin
  perform ops_private.end_leases(array[run]);
  for phase in select * from ops.run_phases as p where p.run_id = run and p.status in ('pending', 'running') order by p.position for update loop
    if phase.status = 'running' and status = 'failed' then
      update ops.run_phases as p set status = 'failed', finished_at = clock_timestamp(), error_code = coalesce(p.error_code, finalize_run.error_code),
        error_message = coalesce(p.error_message, left(finalize_run.error_message, 10000))
      where p.run_id = run and p.name = phase.name;
      perform ops_private.append_event(run, 'PHASE_FAILED', 'error', phase.name, coalesce(error_message, format('Phase %s failed with its run.', phase.name)),
        jsonb_build_object('attempt', phase.attempt, 'error_code', error_code));
    else
      update ops.run_phases as p set status = 'skipped', finished_at = clock_timestamp(), error_code = case when phase.status = 'running' then finalize_run.error_code end
      where p.run_id = run and p.name = phase.name;
      perform ops_private.append_event(run, 'PHASE_SKIPPED', 'info', phase.name, format('Phase %s was skipped: the run %s.', phase.name, case status when 'failed' then 'failed' else 'was canceled' end));
    end if;
  end loop;
  moment := clock_timestamp();
  update ops.runs as r set status = finalize_run.status, error_code = finalize_run.error_code, error_message = left(finalize_run.error_message, 10000),
    output_manifest = coalesce(finalize_run.output_manifest, r.output_manifest), finished_at = moment, duration_seconds = extract(epoch from moment - r.started_at), blocked_gate = null, not_before = null, queue_reason = null
  where r.run_id = run returning * into ended;
  perform ops_private.append_event(run, 'RUN_' || upper(status), case status when 'failed' then 'error' when 'canceled' then 'warn' else 'info' end, null,
    case status when 'succeeded' then 'The run succeeded.' when 'canceled' then coalesce(error_message, 'The run was canceled.') else coalesce(error_message, 'The run failed.') end,
    jsonb_strip_nulls(jsonb_build_object('error_code', error_code)) || coalesce(data, '{}'));
  perform ops_private.runs_ended(array[run]);
  return ended;
end
$$;

-- requeue: claimed|running → queued. Phases that were under way or failed begin again; what succeeded stays.
create function ops_private.requeue(run uuid, delay interval, keep_attempt boolean, event text, level text, message text, data jsonb default '{}')
returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  queued ops.runs;
  phase text;
begin
  if not keep_attempt then
    -- A release settles what was metered, not what was reserved: the next lease reserves again.
    update ops_private.lease_caps as l set reserved = 0 where l.run_id = run;
  end if;
  perform ops_private.end_leases(array[run]);
  for phase in select p.name from ops.run_phases as p where p.run_id = run and p.status in ('running', 'failed', 'skipped') order by p.position for update loop
    update ops.run_phases as p set status = 'pending', started_at = null, finished_at = null, error_code = null, error_message = null, output_sha256 = null
    where p.run_id = run and p.name = phase;
    perform ops_private.append_event(run, 'PHASE_RESET', 'info', phase, format('Phase %s will begin again.', phase));
  end loop;
  update ops.runs as r set status = 'queued', executor_id = null, claimed_at = null, attempt = case when keep_attempt then r.attempt else r.attempt - 1 end,
    not_before = case when delay > interval '0' then clock_timestamp() + delay end, queue_reason = case when delay > interval '0' then 'retrying' end
  where r.run_id = run returning * into queued;
  perform ops_private.append_event(run, event, level, null, message, data);
  if queued.not_before is null then
    perform ops_private.wake(array[queued.lane_id]);
  end if;
  return queued;
end
$$;

-- Full jitter over an exponential bound: 2, 4, 8 … at most 300 seconds.
create function ops_private.backoff(attempt int) returns interval language sql volatile set search_path = '' as $$
  select make_interval(secs => greatest(0.5, random() * least(300, power(2, least(attempt, 9)))))
$$;
