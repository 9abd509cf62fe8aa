-- Alert rules, and what they found. A rule's condition is one of a closed list (contracts/alert.ts) and is judged by the tick on what the database holds anyway
-- (78_judge_alerts.sql). A rule has one notification for each subject (a pipeline, a dataset, an executor, a cap), which fires, is acknowledged, snoozed and
-- resolved, and fires again: what it has seen is counted there, so that the table does not grow with time.
create table ops.alert_rules (
  alert_rule_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null constraint alert_rule_has_a_name check (char_length(name) between 1 and 200),
  condition jsonb not null constraint alert_kind_is_known check (condition ->> 'kind' in ('run_failed', 'run_slow', 'run_waiting', 'run_signal', 'run_warned', 'dataset_stale', 'executor_offline', 'cap_used')),
  for_minutes int not null default 0 constraint it_holds_for_a_week_at_most check (for_minutes between 0 and 10080),
  severity text not null default 'warning' constraint severity_is_known check (severity in ('info', 'warning', 'critical')),
  enabled boolean not null default true,
  version int not null default 1,
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  -- When the tick looks next, when it last could judge, and why it could not since.
  look_at timestamptz not null default clock_timestamp(),
  judged_at timestamptz,
  problem text,
  constraint rule_name_is_unique_in_its_environment unique (environment_id, name)
) with (fillfactor = 50);

-- `holds_since` says whether the condition holds now, whatever the status; `announced`, whether it was last told that it does. Pending is what holds, but not yet for as long as
-- its rule says.
create table ops.notifications (
  notification_id uuid primary key default ops_private.uuid_v7(),
  environment_id uuid not null references ops.environments,
  alert_rule_id uuid not null references ops.alert_rules on delete cascade,
  subject text not null,
  run_id uuid references ops.runs,
  title text not null,
  path text not null,
  layer text,
  status text not null default 'pending' constraint status_is_known check (status in ('pending', 'firing', 'acknowledged', 'snoozed', 'resolved')),
  holds_since timestamptz,
  announced boolean not null default false,
  occurrences int not null default 0 constraint it_occurs_or_not check (occurrences >= 0),
  snoozed_until timestamptz,
  marked_by text,
  marked_at timestamptz,
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  fired_at timestamptz,
  resolved_at timestamptz,
  constraint one_notification_per_rule_and_subject unique (alert_rule_id, subject),
  constraint what_was_never_seen_to_hold_is_pending check ((fired_at is null) = (occurrences = 0) and (fired_at is not null or status = 'pending')),
  constraint what_is_pending_holds check (status <> 'pending' or holds_since is not null),
  constraint a_snooze_has_an_end check ((status = 'snoozed') = (snoozed_until is not null)),
  constraint resolved_says_when check (status <> 'resolved' or resolved_at is not null)
) with (fillfactor = 50);
create index notifications_newest on ops.notifications (environment_id, fired_at desc, notification_id desc) where fired_at is not null;
create index notifications_by_run on ops.notifications (run_id) where run_id is not null;

-- How the runs of each pipeline last ended, so that a rule need not search the history: failures in a row, the run that ended last, what it warned of. Written
-- by the tick where it scores what has ended (note_ends), in the order of ends. Verifications and parts of a run do not count.
create table ops_private.pipeline_ends (
  environment_id uuid not null,
  pipeline text not null,
  last_run uuid not null,
  last_finished_at timestamptz not null,
  succeeded_at timestamptz,
  failures int not null,
  warnings text[] not null,
  primary key (environment_id, pipeline)
);
alter table ops_private.pipeline_ends enable row level security;
alter table ops_private.pipeline_ends force row level security;

do $$
declare
  name text;
begin
  foreach name in array array['alert_rules', 'notifications'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- The inbox: what has fired. Once resolved, what begins to hold again is still resolved until it has held for as long as its rule says.
create view ops.notification_list with (security_invoker = true) as
  select n.notification_id, n.environment_id, n.alert_rule_id, r.name as rule, r.severity, n.subject, n.title, n.path, n.run_id, case n.status when 'pending' then 'resolved' else n.status end as status,
    n.holds_since, n.occurrences, n.snoozed_until, n.marked_by, n.marked_at, n.first_seen_at, n.last_seen_at, n.fired_at, n.resolved_at
  from ops.notifications as n join ops.alert_rules as r on r.alert_rule_id = n.alert_rule_id
  where n.fired_at is not null;
grant select on ops.notification_list to authenticated, ops_token, ops_sql;
