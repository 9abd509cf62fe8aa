-- pause_schedule, resume_schedule: operators. A repeat changes nothing. While paused nothing fires and nothing that waits is started;
-- nominal times that pass meanwhile are not caught up.
create function ops_private.pause_schedule(schedule uuid, note text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'operator', 'pause a schedule');
begin
  if old.paused_at is null then
    update ops.schedules as s set paused_at = clock_timestamp(), paused_by = (ops_private.me()).name, paused_note = nullif(note, ''), updated_at = clock_timestamp() where s.schedule_id = schedule;
    perform ops_private.audit(old.environment_id, 'schedule.paused', 'schedule', schedule::text, null, jsonb_build_object('note', note));
  end if;
  return ops_private.schedule_json(schedule);
end
$$;

create function ops_private.resume_schedule(schedule uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'operator', 'resume a schedule');
begin
  if old.paused_at is not null then
    update ops.schedules as s set paused_at = null, paused_by = null, paused_note = null, updated_at = clock_timestamp(), after_time = clock_timestamp(), next_time = null,
      next_at = clock_timestamp(), failures_since = clock_timestamp()
    where s.schedule_id = schedule;
    perform ops_private.audit(old.environment_id, 'schedule.resumed', 'schedule', schedule::text, jsonb_build_object('note', old.paused_note), null);
  end if;
  return ops_private.schedule_json(schedule);
end
$$;

-- The schedule pauses itself. The caller has locked its row.
create function ops_private.pause_itself(schedule ops.schedules, note text) returns void language plpgsql security definer set search_path = '' as $$
begin
  update ops.schedules as s set paused_at = clock_timestamp(), paused_by = s.name, paused_note = note, updated_at = clock_timestamp() where s.schedule_id = schedule.schedule_id;
  perform ops_private.audit_by_schedule(schedule, 'schedule.paused', 'schedule', schedule.schedule_id::text, jsonb_build_object('note', note));
end
$$;

-- Pauses schedules whose last `pause_on_failure` runs that came to an end of their own (since it was resumed) all failed. Called when
-- a run failed, where it skips a schedule that somebody holds, and again before each fire, which holds it.
create function ops_private.pause_failing(schedules uuid[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  schedule ops.schedules;
begin
  for schedule in select * from ops.schedules as s where s.schedule_id = any (schedules) and s.pause_on_failure is not null and s.paused_at is null and s.deleted_at is null
    order by s.schedule_id for no key update skip locked
  loop
    if (select count(*) = schedule.pause_on_failure and bool_and(last.status = 'failed') from (
        select r.status from ops.runs as r where r.schedule_id = schedule.schedule_id and r.status in ('succeeded', 'failed') and not r.isolated and r.created_at > schedule.failures_since
        order by r.run_id desc limit schedule.pause_on_failure) as last) then
      perform ops_private.pause_itself(schedule, format('Its last %s failed.', case schedule.pause_on_failure when 1 then 'run' else schedule.pause_on_failure || ' runs' end));
    end if;
  end loop;
end
$$;

create function ops.pause_schedule(schedule_id uuid, note text default null) returns jsonb language sql set search_path = '' as 'select ops_private.pause_schedule($1, $2)';
create function ops.resume_schedule(schedule_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.resume_schedule($1)';
grant execute on function ops_private.pause_schedule(uuid, text), ops.pause_schedule(uuid, text), ops_private.resume_schedule(uuid), ops.resume_schedule(uuid) to authenticated, ops_token;
