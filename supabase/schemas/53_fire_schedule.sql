-- due_schedules: the scheduler. Schedules whose time has come (or whose next time is not worked out yet), and those with a fire that
-- waits while nothing runs any more; the longest due first. Read only.
create function ops_private.due_schedules(at_most int) returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  moment timestamptz := clock_timestamp();
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler fires schedules.', 'Send CRON_SECRET as Bearer token.');
  end if;
  return jsonb_build_object('now', moment, 'items', coalesce((
    select jsonb_agg(jsonb_build_object('schedule_id', d.schedule_id, 'cron', d.cron, 'time_zone', d.time_zone, 'start_at', d.start_at, 'end_at', d.end_at, 'after_time', d.after_time) order by d.next_at)
    from (
      (select s.* from ops.schedules as s where s.paused_at is null and s.deleted_at is null and s.next_at <= moment order by s.next_at limit at_most)
      union
      (select s.* from ops.schedules as s where s.paused_at is null and s.deleted_at is null
        and exists (select from ops.schedule_fires as f where f.schedule_id = s.schedule_id and f.outcome = 'buffered')
        and not exists (select from ops.runs as r where r.schedule_id = s.schedule_id and r.status in ('queued', 'claimed', 'running')) limit at_most)) as d), '[]'));
end
$$;

-- Starts the run of one nominal time, and settles it. The caller holds the schedule and has decided.
create function ops_private.start_fire(schedule ops.schedules, nominal timestamptz) returns void language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
begin
  run := ops_private.run_of_schedule(schedule, nominal);
  run.trigger := 'schedule';
  run.triggered_by := schedule.name;
  run := ops_private.enqueue_template(run, ops_private.schedule_words(nominal, schedule.time_zone));
  insert into ops.schedule_fires as f (schedule_id, nominal_time, environment_id, outcome, run_id, settled_at)
  values (schedule.schedule_id, nominal, schedule.environment_id, 'started', run.run_id, clock_timestamp())
  on conflict (schedule_id, nominal_time) do update set outcome = 'started', run_id = excluded.run_id, settled_at = excluded.settled_at where f.outcome = 'buffered';
  if not found then
    perform ops_private.fail('conflict', 'This nominal time is settled already.');  -- undoes the run
  end if;
  perform ops_private.audit_by_schedule(schedule, 'run.created', 'run', run.run_id::text, jsonb_build_object('spec_slug', run.spec_slug, 'scheduled_for', nominal));
end
$$;

-- A run as the schedule describes it, not queued yet.
create function ops_private.run_of_schedule(schedule ops.schedules, nominal timestamptz) returns ops.runs language plpgsql immutable set search_path = '' as $$
declare
  run ops.runs;
begin
  run.environment_id := schedule.environment_id;
  run.template_id := schedule.template_id;
  run.template_version := schedule.template_version;
  run.parameters := schedule.parameters;
  run.queue := schedule.queue;
  run.labels := schedule.labels;
  run.priority := schedule.priority;
  run.max_attempts := schedule.max_attempts;
  run.schedule_id := schedule.schedule_id;
  run.scheduled_for := nominal;
  return run;
end
$$;

create function ops_private.settle_fires(schedule ops.schedules, nominal_times timestamptz[], outcome text, reason text) returns void language sql security definer set search_path = '' as $$
  insert into ops.schedule_fires (schedule_id, nominal_time, environment_id, outcome, reason, settled_at)
  select schedule.schedule_id, n, schedule.environment_id, settle_fires.outcome, settle_fires.reason, case when settle_fires.outcome <> 'buffered' then clock_timestamp() end from unnest(nominal_times) as n
$$;

-- overlap: what happens to times that are to run, while earlier runs of the schedule may still go on. Answers how many runs it started.
--   skip           not run            buffer_one     one waits, the first         buffer_all   all wait, in order (at most 1,000)
--   allow_all      run at once        cancel_other   cancels the others, and waits for their end; of several, the newest
--                                     terminate_other  the same, but the others end at once
-- What is canceled and what is started locks gates, so never both in one transaction: the start follows in the next call.
create function ops_private.apply_overlap(schedule ops.schedules, nominal_times timestamptz[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  open_runs uuid[] := array(select r.run_id from ops.runs as r where r.schedule_id = schedule.schedule_id and r.status in ('queued', 'claimed', 'running'));
  waiting timestamptz[] := array(select f.nominal_time from ops.schedule_fires as f where f.schedule_id = schedule.schedule_id and f.outcome = 'buffered' order by f.nominal_time);
  waits int := cardinality(waiting);
  busy boolean := cardinality(open_runs) > 0;
  started int := 0;
  nominal timestamptz;
  newest timestamptz := nominal_times[cardinality(nominal_times)];
begin
  if schedule.overlap in ('cancel_other', 'terminate_other') and newest is not null then
    update ops.schedule_fires as f set outcome = 'superseded', reason = 'A later time took its place.', settled_at = clock_timestamp() where f.schedule_id = schedule.schedule_id and f.outcome = 'buffered';
    perform ops_private.settle_fires(schedule, nominal_times[1 : cardinality(nominal_times) - 1], 'superseded', 'A later time took its place.');
    if busy then
      perform ops_private.cancel_all(open_runs, format('Schedule %s begins its next run.', schedule.name), schedule.overlap = 'terminate_other');
      perform ops_private.settle_fires(schedule, array[newest], 'buffered', 'Waits for the end of the run before.');
      return 0;
    end if;
    perform ops_private.start_fire(schedule, newest);
    return 1;
  end if;
  foreach nominal in array waiting loop
    exit when busy and schedule.overlap <> 'allow_all';
    perform ops_private.start_fire(schedule, nominal);
    busy := true;
    waits := waits - 1;
    started := started + 1;
  end loop;
  foreach nominal in array nominal_times loop
    if not busy or schedule.overlap = 'allow_all' then
      perform ops_private.start_fire(schedule, nominal);
      busy := true;
      started := started + 1;
    elsif schedule.overlap = 'buffer_one' and waits < 1 or schedule.overlap = 'buffer_all' and waits < 1000 then
      perform ops_private.settle_fires(schedule, array[nominal], 'buffered', 'Waits for the end of the run before.');
      waits := waits + 1;
    else
      perform ops_private.settle_fires(schedule, array[nominal], 'skipped_overlap', case when schedule.overlap = 'skip' then 'The run before had not ended.' else 'The run before had not ended, and enough waited already.' end);
    end if;
  end loop;
  return started;
end
$$;

-- fire_schedule: the scheduler. `nominal_times` are those after `expected_after`, in order and without a gap, as far as the caller looked
-- ahead; `next_time` is the one that follows (null: there is none). Settles each that is due by the database's clock, once, and moves
-- the schedule on, in one transaction. Of many callers one gets the schedule; the others, and a repeat, change nothing (moved =
-- false). A time is late 5 minutes after it was due; `catch_up` decides over late ones. What cannot be queued pauses the schedule.
create function ops_private.fire_schedule(schedule uuid, expected_after timestamptz, nominal_times timestamptz[], next_time timestamptz, problem text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  moment timestamptz := clock_timestamp();
  found_schedule ops.schedules;
  window_seconds interval;
  due timestamptz[];
  newest timestamptz;
  missed timestamptz[];
  upcoming timestamptz;
  started int;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler fires schedules.', 'Send CRON_SECRET as Bearer token.');
  end if;
  nominal_times := coalesce(nominal_times, '{}');
  select * into found_schedule from ops.schedules as s where s.schedule_id = schedule and s.after_time = expected_after and s.paused_at is null and s.deleted_at is null for no key update skip locked;
  if not found then
    return jsonb_build_object('moved', false, 'settled', 0, 'started', 0);
  end if;
  perform ops_private.pause_failing(array[schedule]);
  if exists (select from ops.schedules as s where s.schedule_id = schedule and s.paused_at is not null) then
    return jsonb_build_object('moved', true, 'settled', 0, 'started', 0);
  elsif problem is not null then
    perform ops_private.pause_itself(found_schedule, problem);
    return jsonb_build_object('moved', true, 'settled', 0, 'started', 0);
  elsif exists (select from unnest(nominal_times || next_time) with ordinality as n (at, nth) left join unnest(nominal_times || next_time) with ordinality as b (at, nth) on b.nth = n.nth - 1
      where n.at <= coalesce(b.at, expected_after)) then
    perform ops_private.fail('invalid_input', 'Nominal times come in order, after those that are settled.');
  end if;
  window_seconds := make_interval(secs => found_schedule.catchup_window_seconds);
  select coalesce(array_agg(n.at order by n.at) filter (where n.due), '{}'), min(n.at) filter (where not n.due) into due, upcoming from (
    select u.at, bool_and(u.at + ops_private.jitter(schedule, u.at, found_schedule.jitter_seconds) <= moment) over (order by u.at) as due from unnest(nominal_times) as u (at)) as n;
  upcoming := coalesce(upcoming, next_time);
  newest := case when upcoming + ops_private.jitter(schedule, upcoming, found_schedule.jitter_seconds) <= moment then upcoming else due[cardinality(due)] end;
  missed := array(select u.at from unnest(due) as u (at), ops_private.jitter(schedule, u.at, found_schedule.jitter_seconds) as j
    where u.at + j < moment - interval '5 minutes' and (found_schedule.catch_up = 'none' or found_schedule.catch_up = 'latest' and u.at < newest or u.at + j < moment - window_seconds) order by u.at);
  perform ops_private.settle_fires(found_schedule, missed, 'missed', case found_schedule.catch_up when 'none' then 'Late, and nothing is caught up.' when 'latest' then 'Late, and only the latest within the window is caught up.' else 'Late by more than the catch-up window.' end);
  begin
    started := ops_private.apply_overlap(found_schedule, array(select u.at from unnest(due) as u (at) where not u.at = any (missed) order by u.at));
  exception
    -- Not what passes by itself: serialization, deadlock, cancellation, shutdown, a lock or resource not to be had.
    when others then
      if sqlstate ~ '^(40|53|55|57|58)' then
        raise;
      end if;
      perform ops_private.pause_itself(found_schedule, left('Its run could not be queued: ' || coalesce(nullif(case when sqlstate like 'PT%' then sqlerrm else null end, ''), 'error ' || sqlstate), 500));
      return jsonb_build_object('moved', true, 'settled', cardinality(missed), 'started', 0);
  end;
  update ops.schedules as s set after_time = coalesce(due[cardinality(due)], s.after_time), next_time = upcoming, next_at = upcoming + ops_private.jitter(schedule, upcoming, s.jitter_seconds) where s.schedule_id = schedule;
  return jsonb_build_object('moved', true, 'settled', cardinality(due), 'started', started);
end
$$;

create function ops.due_schedules(at_most int default 100) returns jsonb language sql set search_path = '' as 'select ops_private.due_schedules($1)';
create function ops.fire_schedule(schedule_id uuid, expected_after timestamptz, nominal_times timestamptz[], next_time timestamptz default null, problem text default null) returns jsonb
language sql set search_path = '' as 'select ops_private.fire_schedule($1, $2, $3, $4, $5)';
grant execute on function ops_private.due_schedules(int), ops.due_schedules(int), ops_private.fire_schedule(uuid, timestamptz, timestamptz[], timestamptz, text),
  ops.fire_schedule(uuid, timestamptz, timestamptz[], timestamptz, text) to ops_token;
