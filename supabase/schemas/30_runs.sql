-- A lane: runs that the same executors may take. `armed` means that a waiter wants to be woken (channel ops_lane); who waits
-- cannot have armed a lane that is made only now, so it begins so.
create table ops_private.lanes (
  lane_id bigint generated always as identity primary key,
  environment_id uuid not null references ops.environments,
  queue text not null,
  labels text[] not null,
  armed boolean not null default true,
  constraint one_lane_per_queue_and_labels unique (environment_id, queue, labels)
);

create table ops.runs (
  run_id uuid primary key default ops_private.uuid_v7(),
  project_id uuid not null,
  environment_id uuid not null,
  status text not null default 'queued' constraint status_is_known check (status in ('queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled')),
  kind text not null default 'pipeline' constraint kind_is_known check (kind in ('sql', 'spark', 'dbt', 'python', 'notebook', 'pipeline')),
  template_id uuid references ops.job_templates,
  template_key text,
  template_version int,
  spec_slug text not null,
  spec_sha256 text not null,
  git_sha text,
  parameters jsonb not null default '{}' constraint parameters_are_an_object check (jsonb_typeof(parameters) = 'object'),
  priority int not null default 100 constraint priority_is_in_range check (priority between 0 and 1000),
  queue text not null default 'default',
  labels text[] not null default '{}',
  trigger text not null constraint trigger_is_known check (trigger in ('manual', 'api', 'schedule', 'backfill', 'retry', 'verify', 'parent')),
  triggered_by text,
  schedule_id uuid references ops.schedules,
  backfill_id uuid references ops.backfills,
  -- The nominal time that a schedule or a backfill made the run for: also the name of its partition.
  scheduled_for timestamptz,
  run_after timestamptz,
  expires_at timestamptz,
  concurrency_key text,
  debounce_key text,
  timeout_seconds int constraint timeout_is_in_range check (timeout_seconds between 1 and 604800),
  caps jsonb not null default '[]' constraint caps_are_a_list check (jsonb_typeof(caps) = 'array'),
  attempt int not null default 0 constraint attempt_is_not_negative check (attempt >= 0),
  max_attempts int not null default 3 constraint max_attempts_is_positive check (max_attempts between 1 and 100),
  input_manifest jsonb,
  output_manifest jsonb,
  error_code text,
  error_message text,
  failed_checks int not null default 0,
  queue_reason text,
  isolated boolean not null default false,
  executor_id uuid,
  parent_run_id uuid references ops.runs,
  repairs_run_id uuid references ops.runs,
  repair_mode text constraint repair_mode_is_known check (repair_mode in ('all', 'failed', 'verify')),
  -- A child run executes one item of its parent's for_each phase.
  parent_phase text,
  child_key text,
  created_at timestamptz not null default clock_timestamp(),
  claimed_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  -- A column, not an expression: what computes it is not leakproof, and so no index of it would serve under RLS.
  duration_seconds float8,
  cancel_requested_at timestamptz,
  cancel_reason text,
  -- Below: the queue's own columns.
  lane_id bigint not null,
  gate_ids bigint[] not null default '{}' constraint four_gates_at_most check (cardinality(gate_ids) <= 4),
  gate_amounts numeric[] not null default '{}',  -- what it needs of the caps at each gate
  blocked_gate bigint references ops_private.gates,
  not_before timestamptz,
  idempotency_key text,
  request_sha256 text,
  constraint finished_only_when_terminal check ((finished_at is not null) = (status in ('succeeded', 'failed', 'canceled'))),
  constraint only_a_queued_run_waits check (status = 'queued' or (blocked_gate is null and not_before is null)),
  constraint an_active_run_has_an_executor check (status not in ('claimed', 'running') or executor_id is not null),
  constraint a_failed_run_says_why check (status <> 'failed' or error_code is not null),
  constraint a_child_names_its_item check ((parent_run_id is null) = (parent_phase is null) and (parent_run_id is null) = (child_key is null)),
  constraint a_repair_says_how check ((repairs_run_id is null) = (repair_mode is null))
);
-- No foreign keys to what is never deleted (specs, executors), nor from what is written with its run by the functions here (leases,
-- heads, phases, events): each costs a query a row, all of them together a third of a whole run. Lane and environment are held once a statement.
-- (Two foreign keys did it run by run, and callers at once shared those locks at the price of a multixact each.)
create function ops_private.hold_lanes_and_environments() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  wanted int := (select count(*) from (select distinct a.lane_id, a.environment_id, a.project_id from added as a) as n);
  held int;
begin
  perform from ops_private.lanes as l join ops.environments as e using (environment_id)
  where (l.lane_id, e.environment_id, e.project_id) in (select a.lane_id, a.environment_id, a.project_id from added as a)
  order by e.environment_id, l.lane_id for key share;  -- as delete_scope locks them
  get diagnostics held = row_count;
  if held <> wanted then
    raise exception using errcode = 'foreign_key_violation', message = 'A run has no lane, or none in its environment and project.';
  end if;
  return null;
end
$$;
create trigger runs_hold_their_lanes_and_environments after insert on ops.runs referencing new table as added for each statement execute function ops_private.hold_lanes_and_environments();
-- The other side: an environment has lanes, and they stay while it has runs.
create function ops_private.refuse_removal_of_a_used_lane() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from ops.runs as r where r.environment_id = old.environment_id) then
    raise exception using errcode = 'foreign_key_violation', message = 'A lane goes after the last run of its environment.';
  end if;
  return old;
end
$$;
create trigger lanes_outlive_runs before delete on ops_private.lanes for each row execute function ops_private.refuse_removal_of_a_used_lane();
create unique index one_idempotency_key_one_run on ops.runs (environment_id, idempotency_key) where idempotency_key is not null;
-- The queue: what may be taken now, what waits for its time, what waits at a gate.
create index runs_ready on ops.runs (lane_id, priority, run_id) where status = 'queued' and blocked_gate is null and not_before is null;
create index runs_waiting on ops.runs (not_before) where status = 'queued' and not_before is not null;
create index runs_waiting_by_lane on ops.runs (lane_id, not_before) where status = 'queued' and not_before is not null;
create index runs_parked on ops.runs (blocked_gate, priority, run_id) where status = 'queued' and blocked_gate is not null;
create index runs_ready_by_first_gate on ops.runs ((gate_ids[1])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 1;
create index runs_ready_by_second_gate on ops.runs ((gate_ids[2])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 2;
create index runs_ready_by_third_gate on ops.runs ((gate_ids[3])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 3;
create index runs_ready_by_fourth_gate on ops.runs ((gate_ids[4])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 4;
create index runs_to_be_superseded on ops.runs (environment_id, debounce_key) where status = 'queued' and debounce_key is not null;
create index runs_expiring on ops.runs (expires_at) where status = 'queued' and expires_at is not null;
-- Lists: newest first in one environment.
create index runs_newest on ops.runs (environment_id, run_id desc);
create index runs_by_status on ops.runs (environment_id, status, run_id desc);
-- The comparisons of float8 and int4 are leakproof, and so these serve the list under RLS.
create index runs_by_duration on ops.runs (environment_id, duration_seconds) where duration_seconds is not null;
create index runs_with_failed_checks on ops.runs (environment_id, run_id desc) where failed_checks > 0;
create index runs_by_template on ops.runs (environment_id, template_key, run_id desc) where template_key is not null;
create index runs_by_executor on ops.runs (executor_id, run_id desc) where executor_id is not null;
create index runs_repairing on ops.runs (repairs_run_id) where repairs_run_id is not null;
create unique index one_child_per_item on ops.runs (parent_run_id, parent_phase, child_key) where parent_run_id is not null;
create index runs_open_children on ops.runs (parent_run_id) where parent_run_id is not null and status in ('queued', 'claimed', 'running');
create index runs_of_schedule on ops.runs (schedule_id, run_id desc) where schedule_id is not null;
create index runs_open_of_schedule on ops.runs (schedule_id) where schedule_id is not null and status in ('queued', 'claimed', 'running');
create index runs_of_backfill on ops.runs (backfill_id, run_id desc) where backfill_id is not null;
create index runs_open_of_backfill on ops.runs (backfill_id) where backfill_id is not null and status in ('queued', 'claimed', 'running');
create index runs_of_partition on ops.runs (environment_id, template_id, scheduled_for, run_id desc) where scheduled_for is not null;
create index runs_by_template_id on ops.runs (template_id) where template_id is not null;

-- A live lease is a row here, nothing else: limits count these rows, so a slot cannot leak. `fence` grows with every claim.
create sequence ops_private.fence;
create table ops.leases (
  run_id uuid primary key,
  environment_id uuid not null,
  lane_id bigint not null,
  executor_id uuid not null,
  lease_token uuid not null default gen_random_uuid(),
  fence bigint not null default nextval('ops_private.fence'),
  attempt int not null,
  lease_seconds int not null constraint lease_is_at_most_ten_minutes check (lease_seconds between 1 and 600),
  claimed_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  phase text,
  -- The run's timeout; why and since when the holder is told to stop. From then on its beats do not prolong the lease.
  deadline_at timestamptz,
  stop_code text constraint stop_code_is_known check (stop_code in ('canceled', 'cap_exceeded', 'timeout')),
  stop_reason text,
  stop_at timestamptz
) with (fillfactor = 50);
create index leases_by_expiry on ops.leases (expires_at);
create index leases_by_lane on ops.leases (lane_id, expires_at);
create index leases_by_executor on ops.leases (executor_id);

create table ops_private.lease_gates (
  gate_id bigint not null references ops_private.gates,
  run_id uuid not null,
  primary key (gate_id, run_id)
);
create index lease_gates_by_run on ops_private.lease_gates (run_id);

-- What a live lease holds of a cap, in the window in which it was claimed; `used` is what was metered so far. Whatever
-- deletes the lease deletes this, which settles it into cap_usage in the same transaction.
create table ops_private.lease_caps (
  cap_id uuid not null references ops.caps on delete cascade,
  run_id uuid not null,
  period_start timestamptz not null,
  unit text not null,
  reserved numeric(38, 6) not null,
  used numeric(38, 6),
  claimed_at timestamptz not null,
  primary key (cap_id, run_id)
);
create index lease_caps_by_run on ops_private.lease_caps (run_id);

-- Whatever deletes leases takes them from their gates and caps: one statement for all of them.
create function ops_private.free_gates_and_caps() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  delete from ops_private.lease_gates as l where l.run_id = any (array(select e.run_id from ended as e));
  delete from ops_private.lease_caps as l where l.run_id = any (array(select e.run_id from ended as e));
  return null;
end
$$;
create trigger a_lease_frees_its_gates_and_caps after delete on ops.leases referencing old table as ended for each statement execute function ops_private.free_gates_and_caps();

-- Narrow and hot: the last event number, how often the run was given back in a row without progress, what the last report was
-- answered, and the last one that ended a lease (so that a repeat gets the same).
create table ops_private.run_heads (
  run_id uuid primary key,
  environment_id uuid not null,
  last_seq int not null default 0,
  idle_releases int not null default 0,
  ended_lease_token uuid,
  ended_answer jsonb,
  report_id uuid,
  report_answer jsonb
) with (fillfactor = 50);

-- Lengths are checked beside the patterns of hot tables, not in them: for {0,62} the engine builds a state for each character of each row.
create table ops.run_phases (
  run_id uuid not null,
  name text not null constraint phase_name_is_a_word check (name ~ '^[a-z][a-z0-9_]*$' and length(name) <= 63),
  environment_id uuid not null,
  position int not null,
  type text not null,
  status text not null default 'pending' constraint phase_status_is_known check (status in ('pending', 'running', 'succeeded', 'failed', 'skipped', 'reused')),
  depends_on text[] not null default '{}',
  attempt int not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  input_sha256 text constraint input_is_a_hash check (input_sha256 ~ '^[0-9a-f]*$' and length(input_sha256) = 64),
  output_sha256 text constraint output_is_a_hash check (output_sha256 ~ '^[0-9a-f]*$' and length(output_sha256) = 64),
  metrics jsonb not null default '{}',
  checkpoint jsonb,
  checkpoint_at timestamptz,
  error_code text,
  error_message text,
  primary key (run_id, name),
  constraint metrics_are_small check (pg_column_size(metrics) <= 262144),
  constraint checkpoint_is_small check (pg_column_size(checkpoint) <= 2097152),
  constraint phase_finished_only_when_ended check (status in ('pending', 'running') = (finished_at is null))
) with (fillfactor = 50);  -- begun and ended soon after it was made: there is room on its page, and no index entry to write

-- Append-only, partitioned by run_id: a UUIDv7 begins with its time, so a partition is a month and retention drops one.
create table ops.run_events (
  run_id uuid not null,
  seq int not null constraint events_count_from_one check (seq >= 1),
  event_id uuid not null default gen_random_uuid(),
  environment_id uuid not null,
  type text not null constraint type_is_upper_snake check (type ~ '^[A-Z][A-Z0-9_]*$' and length(type) <= 63),
  level text not null default 'info' constraint level_is_known check (level in ('debug', 'info', 'warn', 'error')),
  phase text,
  message text not null default '',
  data jsonb not null default '{}' constraint event_data_is_an_object check (jsonb_typeof(data) = 'object'),
  txid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default clock_timestamp(),
  -- Whether the holder of the run sent it, under an event_id of its own; all others are the control plane's.
  reported boolean not null default false,
  primary key (run_id, seq)
) partition by range (run_id);
create unique index one_event_per_event_id on ops.run_events (run_id, event_id) where reported;

-- Of a run that ended (74_scores.sql).
create table ops.run_scores (
  run_id uuid primary key,
  environment_id uuid not null,
  score double precision not null constraint score_is_a_share check (score between 0 and 100),
  breakdown jsonb not null,
  computed_at timestamptz not null default clock_timestamp()
);

-- Bytes that the store holds, and that this environment has shown it possesses. Written only with the store's receipt.
create table ops.objects (
  environment_id uuid not null references ops.environments,
  sha256 text not null constraint object_is_named_by_its_hash check (sha256 ~ '^[0-9a-f]{64}$'),
  byte_size bigint not null constraint size_is_not_negative check (byte_size >= 0),
  created_at timestamptz not null default now(),
  primary key (environment_id, sha256)
);

create table ops.run_artifacts (
  artifact_id uuid primary key default gen_random_uuid(),
  run_id uuid not null references ops.runs,
  environment_id uuid not null,
  phase text,
  -- Both become response headers at a download.
  name text not null constraint artifact_name_is_a_file_name check (name ~ '^[A-Za-z0-9][A-Za-z0-9._@=+-]{0,199}$'),
  kind text not null constraint artifact_kind_is_known check (kind in ('log', 'dataset', 'report', 'manifest', 'checkpoint')),
  content_type text not null constraint content_type_is_a_media_type check (content_type ~ '^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+(; ?charset=[A-Za-z0-9_-]+)?$'),
  byte_size bigint not null,
  sha256 text not null,
  url text not null generated always as ('/api/v1/artifacts/' || ops_private.uuid_text(artifact_id) || '/content') stored,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  constraint one_artifact_per_name_and_content unique nulls not distinct (run_id, phase, name, sha256),
  constraint a_registered_artifact_is_stored foreign key (environment_id, sha256) references ops.objects
);
create index run_artifacts_by_object on ops.run_artifacts (environment_id, sha256);

do $$
declare
  name text;
begin
  foreach name in array array['runs', 'leases', 'run_phases', 'run_events', 'objects', 'run_artifacts'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
  end loop;
  foreach name in array array['lanes', 'gates', 'lease_gates', 'lease_caps', 'run_heads'] loop
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
  end loop;
end
$$;
grant select on ops.runs, ops.run_phases, ops.run_events, ops.objects, ops.run_artifacts to authenticated, ops_token, ops_sql;
-- Never the token.
grant select (run_id, environment_id, executor_id, attempt, lease_seconds, claimed_at, heartbeat_at, expires_at, phase, deadline_at, stop_code, stop_reason, stop_at) on ops.leases to authenticated, ops_token, ops_sql;

create trigger run_events_are_append_only before update or delete on ops.run_events for each row execute function ops_private.refuse_change();
create trigger run_events_are_not_truncated before truncate on ops.run_events for each statement execute function ops_private.refuse_change();
create trigger objects_never_change before update or delete on ops.objects for each row execute function ops_private.refuse_change();
create trigger artifacts_never_change before update or delete on ops.run_artifacts for each row execute function ops_private.refuse_change();

-- Terminal is final, whoever writes. Only a claim, which takes an attempt, may begin a queued run at once. What is allowed does not call the function.
create function ops_private.refuse_leaving_a_terminal_state() returns trigger language plpgsql set search_path = '' as $$
begin
  if old.status in ('succeeded', 'failed', 'canceled') then
    perform ops_private.fail('run_finished', format('The run is %s.', old.status));
  end if;
  perform ops_private.fail('illegal_transition', format('A run does not go from %s to %s.', old.status, new.status));
  return null;
end
$$;
create trigger terminal_is_final before update of status on ops.runs for each row when (
  old.status in ('succeeded', 'failed', 'canceled') and new.status <> old.status
  or old.status = 'queued' and (new.status = 'succeeded' or new.status = 'running' and new.attempt = old.attempt)
  or old.status = 'claimed' and new.status = 'succeeded') execute function ops_private.refuse_leaving_a_terminal_state();
