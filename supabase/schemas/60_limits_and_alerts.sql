-- Tables of the owner's list (LH-002) whose functions come with later milestones: alert rules and what they find.
create table ops.alert_rules (
  alert_rule_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null,
  condition jsonb not null constraint condition_is_an_object check (jsonb_typeof(condition) = 'object'),
  severity text not null default 'warn' constraint severity_is_known check (severity in ('info', 'warn', 'critical')),
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint rule_name_is_unique_in_its_environment unique (environment_id, name)
);

create table ops.notifications (
  notification_id uuid primary key default ops_private.uuid_v7(),
  environment_id uuid not null references ops.environments,
  alert_rule_id uuid references ops.alert_rules,
  run_id uuid references ops.runs,
  fingerprint text not null,
  status text not null default 'firing' constraint status_is_known check (status in ('firing', 'acknowledged', 'snoozed', 'resolved')),
  title text not null,
  body text not null default '',
  occurrences int not null default 1 constraint it_occurred check (occurrences >= 1),
  snoozed_until timestamptz,
  acknowledged_by uuid,
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  constraint a_snooze_has_an_end check ((status = 'snoozed') = (snoozed_until is not null)),
  constraint resolved_says_when check ((status = 'resolved') = (resolved_at is not null))
);
create unique index one_open_notification_per_fingerprint on ops.notifications (environment_id, fingerprint) where status <> 'resolved';
create index notifications_newest on ops.notifications (environment_id, notification_id desc);
create index notifications_by_rule on ops.notifications (alert_rule_id) where alert_rule_id is not null;
create index notifications_by_run on ops.notifications (run_id) where run_id is not null;

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
