-- create_schedule, update_schedule, delete_schedule: editors. The fields are those of contracts/schedule.ts; whether cron can be read is
-- checked there, and again by the tick, which pauses a schedule that it cannot read.

-- The schedule with the given fields taken over and checked against its project.
create function ops_private.schedule_with(schedule ops.schedules, fields jsonb) returns ops.schedules language plpgsql stable security definer set search_path = '' as $$
begin
  schedule := jsonb_populate_record(schedule, (select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(fields) as f
    where f.key in ('name', 'cron', 'time_zone', 'parameters', 'template_version', 'queue', 'labels', 'priority', 'max_attempts', 'jitter_seconds', 'start_at', 'end_at', 'overlap', 'catch_up', 'catchup_window_seconds', 'pause_on_failure')));
  if fields ->> 'template_key' is not null then
    select t.template_id into schedule.template_id from ops.job_templates as t join ops.environments as e using (project_id)
    where e.environment_id = schedule.environment_id and t.template_key = fields ->> 'template_key';
    if not found then
      perform ops_private.fail('not_found', format('There is no template %s in this project.', fields ->> 'template_key'), 'Save it with POST /templates first.');
    end if;
  end if;
  if schedule.template_version is not null and not exists (select from ops.job_template_versions as v where v.template_id = schedule.template_id and v.version = schedule.template_version) then
    perform ops_private.fail('not_found', format('The template has no version %s.', schedule.template_version));
  end if;
  schedule.cron := btrim(regexp_replace(schedule.cron, '\s+', ' ', 'g'));
  schedule.labels := array(select distinct l from unnest(schedule.labels) as l order by l);
  if schedule.time_zone !~ '^[A-Za-z]' then
    perform ops_private.fail('invalid_input', 'time_zone is an IANA name, such as Europe/Brussels.');
  end if;
  perform now() at time zone schedule.time_zone;
  return schedule;
exception
  when invalid_parameter_value then  -- what PostgreSQL raises for a zone that it does not know
    perform ops_private.fail('invalid_input', format('The database knows no time zone %s.', schedule.time_zone));
end
$$;

create function ops_private.create_schedule(schedule jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  made ops.schedules;
begin
  perform ops_private.require((schedule ->> 'environment_id')::uuid, 'editor', 'create a schedule');
  made := jsonb_populate_record(null::ops.schedules, jsonb_build_object('schedule_id', gen_random_uuid(), 'environment_id', schedule -> 'environment_id',
    'time_zone', 'UTC', 'parameters', '{}'::jsonb, 'queue', 'default', 'labels', '[]'::jsonb, 'priority', 100, 'max_attempts', 3, 'jitter_seconds', 0, 'overlap', 'skip',
    'catch_up', 'latest', 'catchup_window_seconds', 86400, 'created_by', (ops_private.me()).name));
  made := ops_private.schedule_with(made, schedule);
  made.created_at := clock_timestamp();
  made.updated_at := made.created_at;
  made.after_time := made.created_at;
  made.failures_since := made.created_at;
  made.next_at := made.created_at;
  insert into ops.schedules select made.*;
  perform ops_private.audit(made.environment_id, 'schedule.created', 'schedule', made.schedule_id::text, null, ops_private.schedule_json(made.schedule_id));
  return ops_private.schedule_json(made.schedule_id);
exception
  when unique_violation then
    perform ops_private.fail('conflict', format('There is already a schedule named %s in this environment.', schedule ->> 'name'), 'Choose another name, or change that one.');
end
$$;

-- The schedule, locked, where the caller has the role. `for no key update`: runs that name it may be made meanwhile.
create function ops_private.lock_schedule(schedule uuid, role text, action text) returns ops.schedules language plpgsql security definer set search_path = '' as $$
declare
  locked ops.schedules;
begin
  select * into locked from ops.schedules as s where s.schedule_id = schedule and s.deleted_at is null and s.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such schedule, or you may not see it.');
  end if;
  perform ops_private.require(locked.environment_id, role, action);
  return locked;
end
$$;

-- A change of the times begins anew from now: what the old times had due before counts as settled.
create function ops_private.update_schedule(schedule uuid, patch jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'editor', 'change a schedule');
  changed ops.schedules := ops_private.schedule_with(old, patch);
  before jsonb := ops_private.schedule_json(schedule);
  replanned boolean := (changed.cron, changed.time_zone, changed.start_at, changed.end_at) is distinct from (old.cron, old.time_zone, old.start_at, old.end_at);
begin
  update ops.schedules as s set template_id = changed.template_id, template_version = changed.template_version, name = changed.name, cron = changed.cron, time_zone = changed.time_zone,
    parameters = changed.parameters, queue = changed.queue, labels = changed.labels, priority = changed.priority, max_attempts = changed.max_attempts, jitter_seconds = changed.jitter_seconds,
    start_at = changed.start_at, end_at = changed.end_at, overlap = changed.overlap, catch_up = changed.catch_up, catchup_window_seconds = changed.catchup_window_seconds,
    pause_on_failure = changed.pause_on_failure, updated_at = clock_timestamp(),
    after_time = case when replanned then clock_timestamp() else s.after_time end, next_time = case when replanned then null else s.next_time end,
    next_at = case when replanned then clock_timestamp() when s.next_time is null then s.next_at else s.next_time + ops_private.jitter(s.schedule_id, s.next_time, changed.jitter_seconds) end
  where s.schedule_id = schedule;
  if changed is distinct from old then
    perform ops_private.audit(old.environment_id, 'schedule.changed', 'schedule', schedule::text, before, ops_private.schedule_json(schedule));
  end if;
  return ops_private.schedule_json(schedule);
exception
  when unique_violation then
    perform ops_private.fail('conflict', format('There is already a schedule named %s in this environment.', patch ->> 'name'), 'Choose another name.');
end
$$;

-- What waits is dropped; runs that were made go on. A repeat is not_found.
create function ops_private.delete_schedule(schedule uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'editor', 'delete a schedule');
  before jsonb := ops_private.schedule_json(schedule);
begin
  update ops.schedules as s set deleted_at = clock_timestamp(), next_time = null, next_at = null where s.schedule_id = schedule;
  update ops.schedule_fires as f set outcome = 'dropped', reason = 'The schedule was deleted.', settled_at = clock_timestamp() where f.schedule_id = schedule and f.outcome = 'buffered';
  perform ops_private.audit(old.environment_id, 'schedule.deleted', 'schedule', schedule::text, before, null);
  return before;
end
$$;

create function ops.create_schedule(schedule jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.create_schedule($1)';
create function ops.update_schedule(schedule_id uuid, patch jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.update_schedule($1, $2)';
create function ops.delete_schedule(schedule_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.delete_schedule($1)';
grant execute on function ops_private.create_schedule(jsonb), ops.create_schedule(jsonb), ops_private.update_schedule(uuid, jsonb), ops.update_schedule(uuid, jsonb),
  ops_private.delete_schedule(uuid), ops.delete_schedule(uuid) to authenticated, ops_token;
