-- A schedule runs a template by the clock. `cron` in `time_zone` names its nominal times (contracts/cron.ts; SQL reads no cron);
-- which of them are settled is said here: all up to `after_time`. `next_time` is the first one after that, null until the tick
-- has worked it out. `next_at`, which is next_time with its jitter, is when the tick looks again: null when nothing is to come.
create table ops.schedules (
  schedule_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  template_id uuid not null references ops.job_templates,
  template_version int,
  name text not null constraint schedule_has_a_name check (char_length(name) between 1 and 200),
  cron text not null constraint cron_has_five_fields check (char_length(cron) <= 200 and cron ~ '^\S+( \S+){4}$'),
  time_zone text not null default 'UTC',
  parameters jsonb not null default '{}' constraint parameters_are_an_object check (jsonb_typeof(parameters) = 'object'),
  queue text not null default 'default',
  labels text[] not null default '{}',
  priority int not null default 100 constraint priority_is_in_range check (priority between 0 and 1000),
  max_attempts int not null default 3 constraint max_attempts_is_positive check (max_attempts between 1 and 100),
  jitter_seconds int not null default 0 constraint jitter_is_at_most_a_day check (jitter_seconds between 0 and 86400),
  start_at timestamptz,
  end_at timestamptz,
  overlap text not null default 'skip' constraint overlap_is_known check (overlap in ('skip', 'buffer_one', 'buffer_all', 'cancel_other', 'terminate_other', 'allow_all')),
  catch_up text not null default 'latest' constraint catch_up_is_known check (catch_up in ('none', 'latest', 'all')),
  catchup_window_seconds int not null default 86400 constraint window_is_at_most_a_year check (catchup_window_seconds between 0 and 31622400),
  pause_on_failure int constraint failures_count_from_one check (pause_on_failure between 1 and 1000),
  paused_at timestamptz,
  paused_by text,
  paused_note text,
  after_time timestamptz not null default clock_timestamp(),
  next_time timestamptz,
  next_at timestamptz default clock_timestamp(),
  failures_since timestamptz not null default clock_timestamp(),
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  deleted_at timestamptz,
  constraint it_ends_after_it_starts check (end_at > start_at),
  constraint its_bounds_are_moments check (isfinite(start_at) and isfinite(end_at)),
  foreign key (template_id, template_version) references ops.job_template_versions
);
-- A deleted schedule stays for the runs that name it.
create unique index schedule_name_is_unique_in_its_environment on ops.schedules (environment_id, name) where deleted_at is null;
create index schedules_due on ops.schedules (next_at) where paused_at is null and deleted_at is null;
create index schedules_by_template on ops.schedules (template_id);

-- A backfill makes a run for each partition of a range of time. `template_version` is the one that all of them use.
create table ops.backfills (
  backfill_id uuid primary key default ops_private.uuid_v7(),
  environment_id uuid not null references ops.environments,
  template_id uuid not null references ops.job_templates,
  template_version int not null,
  schedule_id uuid references ops.schedules,
  cron text not null,
  time_zone text not null,
  range_start timestamptz not null,
  range_end timestamptz not null,
  parameters jsonb not null default '{}' constraint parameters_are_an_object check (jsonb_typeof(parameters) = 'object'),
  start_parameter text constraint start_parameter_is_a_word check (start_parameter ~ '^[a-z][a-z0-9_]{0,62}$'),
  end_parameter text constraint end_parameter_is_a_word check (end_parameter ~ '^[a-z][a-z0-9_]{0,62}$'),
  reprocess text not null constraint reprocess_is_known check (reprocess in ('none', 'missing_only', 'missing_and_failed', 'all')),
  direction text not null constraint direction_is_known check (direction in ('oldest_first', 'newest_first')),
  max_active int not null constraint max_active_is_in_range check (max_active between 1 and 500),
  priority int not null constraint priority_is_in_range check (priority between 0 and 1000),
  queue text not null,
  labels text[] not null default '{}',
  max_attempts int not null constraint max_attempts_is_positive check (max_attempts between 1 and 100),
  status text not null default 'active' constraint status_is_known check (status in ('active', 'paused', 'canceled', 'completed')),
  note text,
  total int not null,
  final_progress jsonb,
  idempotency_key text,
  request_sha256 text not null,
  advanced_at timestamptz not null default clock_timestamp(),
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint it_ends_after_it_starts check (range_end > range_start),
  constraint finished_only_when_terminal check ((finished_at is not null) = (status in ('canceled', 'completed'))),
  constraint one_idempotency_key_one_backfill unique (environment_id, idempotency_key),
  foreign key (template_id, template_version) references ops.job_template_versions
);
create index backfills_newest on ops.backfills (environment_id, backfill_id desc);
create index backfills_to_advance on ops.backfills (advanced_at) where status = 'active';
create index backfills_by_template on ops.backfills (template_id);
create index backfills_by_schedule on ops.backfills (schedule_id) where schedule_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['schedules', 'backfills'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
