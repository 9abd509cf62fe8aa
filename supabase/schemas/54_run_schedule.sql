-- run_schedule: operators. One run now, as the schedule describes it, beside what runs already and whether or not it is paused; its
-- nominal time is this moment. The same idempotency_key answers the same run (created = false).
create function ops_private.run_schedule(schedule uuid, key text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_schedule ops.schedules := ops_private.lock_schedule(schedule, 'operator', 'run a schedule now');
  me ops_private.principal := ops_private.me();
  -- Never a whole second: those are cron's.
  nominal timestamptz := date_trunc('second', clock_timestamp()) + make_interval(secs => greatest(1, extract(milliseconds from clock_timestamp())::int % 1000) / 1000.0);
  run ops.runs := ops_private.run_of_schedule(found_schedule, nominal);
  queued ops.runs;
  hash text := encode(sha256(convert_to('run_schedule ' || schedule, 'UTF8')), 'hex');
begin
  if key is not null then
    select * into queued from ops.runs as r where r.environment_id = found_schedule.environment_id and r.idempotency_key = key;
  end if;
  if queued.run_id is null then
    run.trigger := case me.type when 'user' then 'manual' else 'api' end;
    run.triggered_by := me.name;
    run.idempotency_key := key;
    run.request_sha256 := hash;
    queued := ops_private.enqueue_template(run, ops_private.schedule_words(nominal, found_schedule.time_zone));
    if queued.run_id is not null then
      insert into ops.schedule_fires (schedule_id, nominal_time, environment_id, outcome, manual, run_id, settled_at) values (schedule, nominal, found_schedule.environment_id, 'started', true, queued.run_id, clock_timestamp());
      perform ops_private.audit(found_schedule.environment_id, 'run.created', 'run', queued.run_id::text, null, jsonb_build_object('spec_slug', queued.spec_slug, 'schedule_id', schedule));
      return jsonb_build_object('created', true, 'run', ops_private.run_json(queued));
    end if;
    -- Another call with this key was committed a moment ago.
    select * into queued from ops.runs as r where r.environment_id = found_schedule.environment_id and r.idempotency_key = key;
  end if;
  if queued.request_sha256 is distinct from hash then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return jsonb_build_object('created', false, 'run', ops_private.run_json(queued));
end
$$;
create function ops.run_schedule(schedule_id uuid, idempotency_key text default null) returns jsonb language sql set search_path = '' as 'select ops_private.run_schedule($1, $2)';
grant execute on function ops_private.run_schedule(uuid, text), ops.run_schedule(uuid, text) to authenticated, ops_token;
