-- What became of each nominal time, exactly once: the primary key. A buffered one becomes started, superseded or dropped; every other
-- outcome is final.
create table ops.schedule_fires (
  schedule_id uuid not null references ops.schedules,
  nominal_time timestamptz not null,
  environment_id uuid not null,
  outcome text not null constraint outcome_is_known check (outcome in ('started', 'buffered', 'skipped_overlap', 'superseded', 'missed', 'dropped')),
  manual boolean not null default false,
  reason text,
  run_id uuid references ops.runs,
  fired_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  primary key (schedule_id, nominal_time),
  constraint what_started_has_a_run check ((outcome = 'started') = (run_id is not null)),
  constraint only_what_waits_is_unsettled check ((outcome = 'buffered') = (settled_at is null))
);
create index schedule_fires_waiting on ops.schedule_fires (schedule_id, nominal_time) where outcome = 'buffered';
create index schedule_fires_by_run on ops.schedule_fires (run_id) where run_id is not null;
alter table ops.schedule_fires enable row level security;
alter table ops.schedule_fires force row level security;
create policy members_see_their_environments on ops.schedule_fires for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.schedule_fires to authenticated, ops_token, ops_sql;

create view ops.schedule_list with (security_invoker = true) as
  select s.schedule_id, s.environment_id, s.name, t.template_key, s.template_version, s.cron, s.time_zone, s.parameters, s.queue, s.labels, s.priority, s.max_attempts, s.jitter_seconds,
    s.start_at, s.end_at, s.overlap, s.catch_up, s.catchup_window_seconds, s.pause_on_failure, s.paused_at, s.paused_by, s.paused_note,
    case when s.paused_at is null then s.next_time end as next_time, s.created_by, s.created_at, s.updated_at
  from ops.schedules as s join ops.job_templates as t using (template_id) where s.deleted_at is null;
grant select on ops.schedule_list to authenticated, ops_token, ops_sql;

create function ops_private.schedule_json(schedule uuid) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(l) from ops.schedule_list as l where l.schedule_id = schedule
$$;

-- The delay of one nominal time: below `jitter_seconds`, always the same for the same schedule and time, and unlike another schedule's.
create function ops_private.jitter(schedule uuid, nominal timestamptz, jitter_seconds int) returns interval language sql immutable set search_path = '' as $$
  select make_interval(secs => jitter_seconds * ((get_byte(h, 0) * 65536 + get_byte(h, 1) * 256 + get_byte(h, 2)) / 16777216.0))
  from sha256(uuid_send(schedule) || int8send(extract(epoch from nominal)::bigint)) as h
$$;

-- An entry of the audit log that the schedule itself is the author of.
create function ops_private.audit_by_schedule(schedule ops.schedules, action text, object_type text, object_id text, after jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id, after)
  select p.organization_id, p.project_id, e.environment_id, 'schedule', schedule.schedule_id, schedule.name, action, object_type, object_id, after
  from ops.environments as e join ops.projects as p using (project_id) where e.environment_id = schedule.environment_id
$$;
