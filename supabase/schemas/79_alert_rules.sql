-- Alert rules are written by admins of their environment; what they find is looked for by the tick, told to the project's webhook, and marked by operators.

create function ops_private.alert_rule_json(rule ops.alert_rules) returns jsonb language sql immutable set search_path = '' as $$
  select to_jsonb(rule) - 'look_at'
$$;

-- The rule, locked, where the caller sees it. Raises not_found.
create function ops_private.lock_alert_rule(rule uuid) returns ops.alert_rules language plpgsql security definer set search_path = '' as $$
declare
  locked ops.alert_rules;
begin
  select * into locked from ops.alert_rules as r where r.alert_rule_id = rule and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such alert rule, or you may not see it.');
  end if;
  return locked;
end
$$;

-- save_alert_rule: admins of the environment. Makes a rule, or changes what is given of one (alert_rule_id), which is judged anew at the next tick. `base_version` is the one that
-- the writer has read: a rule that has gone on since is not overwritten (conflict). At most 200 rules an environment. Locks the rule.
create function ops_private.save_alert_rule(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before ops.alert_rules;
  wanted ops.alert_rules;
begin
  if request ->> 'alert_rule_id' is not null then
    before := ops_private.lock_alert_rule((request ->> 'alert_rule_id')::uuid);
    wanted := before;
  else
    wanted.alert_rule_id := gen_random_uuid();
    wanted.environment_id := (request ->> 'environment_id')::uuid;
    wanted.created_by := (ops_private.me()).name;
  end if;
  perform ops_private.require(wanted.environment_id, 'admin', 'change an alert rule');
  if before.version <> (request ->> 'base_version')::int then
    perform ops_private.fail('conflict', format('The alert rule has version %s by now.', before.version), 'Read it again, and apply your change to that.');
  end if;
  wanted.name := coalesce(request ->> 'name', before.name);
  wanted.condition := ops_private.alert_condition(coalesce(request -> 'condition', before.condition));
  wanted.for_minutes := coalesce((request ->> 'for_minutes')::int, before.for_minutes, 0);
  wanted.severity := coalesce(request ->> 'severity', before.severity, 'warning');
  wanted.enabled := coalesce((request ->> 'enabled')::boolean, before.enabled, true);
  if wanted is not distinct from before then
    return ops_private.alert_rule_json(before);
  end if;
  wanted.version := coalesce(before.version, 0) + 1;
  wanted.created_at := coalesce(before.created_at, clock_timestamp());
  wanted.updated_at := clock_timestamp();
  wanted.look_at := wanted.updated_at;
  if before.alert_rule_id is null then
    perform from ops.environments as e where e.environment_id = wanted.environment_id for no key update;
    if (select count(*) from ops.alert_rules as r where r.environment_id = wanted.environment_id) >= 200 then
      perform ops_private.fail('conflict', 'The environment has 200 alert rules.', 'Delete one that nobody needs.');
    end if;
    insert into ops.alert_rules select wanted.*;
  else
    update ops.alert_rules as r set name = wanted.name, condition = wanted.condition, for_minutes = wanted.for_minutes, severity = wanted.severity, enabled = wanted.enabled,
      version = wanted.version, updated_at = wanted.updated_at, look_at = wanted.look_at, problem = null where r.alert_rule_id = wanted.alert_rule_id returning * into wanted;
  end if;
  perform ops_private.audit(wanted.environment_id, case when before.alert_rule_id is null then 'alert_rule.created' else 'alert_rule.changed' end, 'alert_rule', wanted.alert_rule_id::text,
    case when before.alert_rule_id is not null then ops_private.alert_rule_audit(before) end, ops_private.alert_rule_audit(wanted));
  return ops_private.alert_rule_json(wanted);
exception
  when unique_violation then
    perform ops_private.fail('conflict', format('There is already an alert rule named %s in this environment.', wanted.name), 'Choose another name, or change that one.');
  when check_violation or not_null_violation then
    perform ops_private.fail('invalid_input', format('The alert rule is not right: %s.', sqlerrm));
end
$$;
create function ops_private.alert_rule_audit(rule ops.alert_rules) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('name', rule.name, 'condition', rule.condition, 'for_minutes', rule.for_minutes, 'severity', rule.severity, 'enabled', rule.enabled)
$$;

-- delete_alert_rule: admins of the environment. What it found goes with it, untold.
create function ops_private.delete_alert_rule(rule uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.alert_rules := ops_private.lock_alert_rule(rule);
begin
  perform ops_private.require(old.environment_id, 'admin', 'delete an alert rule');
  delete from ops.alert_rules as r where r.alert_rule_id = rule;
  perform ops_private.audit(old.environment_id, 'alert_rule.deleted', 'alert_rule', rule::text, ops_private.alert_rule_audit(old));
  return true;
end
$$;

-- One message for all that a look at a rule found to begin (alert.firing) or to end (alert.resolved), with the first twenty, where the project's webhook wants it.
create function ops_private.tell_alerts(event text, rule ops.alert_rules, told ops.notifications[]) returns void language sql security definer set search_path = '' as $$
  insert into ops.webhook_deliveries (project_id, type, payload)
  select e.project_id, event, jsonb_build_object('type', event, 'timestamp', clock_timestamp(), 'data', jsonb_build_object(
    'rule', rule.name, 'alert_rule_id', rule.alert_rule_id, 'severity', rule.severity, 'project', p.slug, 'environment', e.slug, 'notifications', n.number, 'first', n.first,
    'path', case when n.number = 1 then n.first -> 0 ->> 'path' else '/alerts' end, 'route', ops_private.route(e.project_id, event, n.layer, e.slug)))
  from ops.environments as e join ops.projects as p on p.project_id = e.project_id join ops.webhooks as w on w.project_id = e.project_id and w.enabled and event = any (w.events)
  cross join lateral (
    select count(*) as number, max(t.layer) as layer, jsonb_agg(jsonb_build_object('notification_id', t.notification_id, 'subject', t.subject, 'title', t.title, 'path', t.path, 'run_id', t.run_id,
      'occurrences', t.occurrences, 'first_seen_at', t.first_seen_at) order by t.turn) filter (where t.turn <= 20) as first
    from (select u.*, row_number() over (order by u.subject) as turn from unnest(told) as u) as t) as n
  where e.environment_id = rule.environment_id and n.number > 0
$$;

-- Brings the notifications of a rule to what it finds now: pending → firing when it has held for as long as the rule says; firing, acknowledged → resolved when it holds no more. What
-- is snoozed is followed too, but told only when the snooze has ended. What somebody resolved stays so until it ends, or another run shows it. A rule that is off finds nothing.
create function ops_private.judge_alert_rule(rule ops.alert_rules) returns int language plpgsql security definer set search_path = '' as $$
declare
  moment timestamptz := clock_timestamp();
  due timestamptz := moment - make_interval(mins => rule.for_minutes);
  found jsonb := (select coalesce(jsonb_object_agg(s.subject, to_jsonb(s)), '{}') from ops_private.alert_subjects(rule.environment_id, rule.condition) as s where rule.enabled);
  begun ops.notifications[];
  over ops.notifications[];
begin
  insert into ops.notifications as n (environment_id, alert_rule_id, subject, run_id, title, path, layer, holds_since, first_seen_at, last_seen_at)
  select rule.environment_id, rule.alert_rule_id, s.key, (s.value ->> 'run_id')::uuid, s.value ->> 'title', s.value ->> 'path', s.value ->> 'layer', moment, moment, moment from jsonb_each(found) as s order by s.key
  on conflict on constraint one_notification_per_rule_and_subject do update set run_id = excluded.run_id, title = excluded.title, path = excluded.path, layer = excluded.layer, last_seen_at = moment,
    status = case when n.status = 'resolved' and (n.holds_since is null or n.run_id is distinct from excluded.run_id) then 'pending' else n.status end,
    holds_since = case when n.status = 'resolved' and n.run_id is distinct from excluded.run_id then moment else coalesce(n.holds_since, moment) end,
    occurrences = n.occurrences + (n.status in ('firing', 'acknowledged', 'snoozed') and (n.run_id is distinct from excluded.run_id or n.holds_since is null))::int
  where n.holds_since is null or (n.run_id, n.title, n.path, n.layer) is distinct from (excluded.run_id, excluded.title, excluded.path, excluded.layer) or n.last_seen_at < moment - interval '1 minute';

  delete from ops.notifications as n where n.alert_rule_id = rule.alert_rule_id and n.fired_at is null and not found ? n.subject;
  update ops.notifications as n set holds_since = null, status = case n.status when 'snoozed' then 'snoozed' else 'resolved' end, resolved_at = case when n.status in ('firing', 'acknowledged') then moment else n.resolved_at end
  where n.alert_rule_id = rule.alert_rule_id and n.holds_since is not null and not found ? n.subject;
  update ops.notifications as n set snoozed_until = null, status = case when n.holds_since is null then 'resolved' else 'firing' end, announced = n.announced and n.holds_since is null,
    resolved_at = case when n.holds_since is null then moment end
  where n.alert_rule_id = rule.alert_rule_id and n.status = 'snoozed' and n.snoozed_until <= moment;
  update ops.notifications as n set status = 'firing', occurrences = n.occurrences + 1, fired_at = moment, resolved_at = null, marked_by = null, marked_at = null
  where n.alert_rule_id = rule.alert_rule_id and n.status = 'pending' and n.holds_since <= due;

  with told as (update ops.notifications as n set announced = true where n.alert_rule_id = rule.alert_rule_id and n.status = 'firing' and not n.announced returning n) select array_agg(t.n) into begun from told as t;
  with told as (update ops.notifications as n set announced = false where n.alert_rule_id = rule.alert_rule_id and n.status = 'resolved' and n.announced returning n) select array_agg(t.n) into over from told as t;
  perform ops_private.tell_alerts('alert.firing', rule, begun), ops_private.tell_alerts('alert.resolved', rule, over);
  return coalesce(cardinality(begun), 0) + coalesce(cardinality(over), 0);
end
$$;

-- check_alert_rules: the scheduler. Judges rules that nobody has looked at for twenty seconds, the longest ago first, skipping those that others hold. A rule that cannot be judged, or not within the
-- time of a statement, says why, waits for five minutes, and keeps no other from its turn. Answers { judged, turned }: how many rules it judged, and how many notifications began to fire or were resolved.
create function ops_private.check_alert_rules(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  rule ops.alert_rules;
  why text;
  judged int := 0;
  turned int := 0;
begin
  perform ops_private.require_service('judge alert rules');
  if at_most is null or at_most not between 1 and 200 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 200.');
  end if;
  for rule in
    select r.* from ops.alert_rules as r where r.look_at <= clock_timestamp() and exists (select from ops.environments as e where e.environment_id = r.environment_id and e.deleted_at is null)
    order by r.look_at limit at_most for no key update of r skip locked
  loop
    begin
      turned := turned + ops_private.judge_alert_rule(rule);
      update ops.alert_rules as r set look_at = clock_timestamp() + interval '20 seconds', judged_at = clock_timestamp(), problem = null where r.alert_rule_id = rule.alert_rule_id;
    exception when query_canceled or others then
      get stacked diagnostics why = message_text;
      update ops.alert_rules as r set look_at = clock_timestamp() + interval '5 minutes', problem = left(why, 500) where r.alert_rule_id = rule.alert_rule_id;
    end;
    judged := judged + 1;
  end loop;
  return jsonb_build_object('judged', judged, 'turned', turned);
end
$$;

-- mark_notification: operators. acknowledged: somebody looks at it; snoozed: say nothing for so many minutes (30 days at most); none: it fires as before, untold, or is resolved where it has ended
-- meanwhile; resolved: done with, until it ends and begins again, or another run shows it. A repeat changes nothing, but for the end of a snooze. Locks the notification.
create function ops_private.mark_notification(notification uuid, mark text, minutes int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before ops.notifications;
  saved ops.notifications;
  wanted text;
  moment timestamptz := clock_timestamp();
begin
  select * into before from ops.notifications as n where n.notification_id = notification and n.fired_at is not null and n.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such notification, or you may not see it.');
  end if;
  perform ops_private.require(before.environment_id, 'operator', 'mark a notification');
  if mark is null or mark not in ('acknowledged', 'snoozed', 'none', 'resolved') or (mark = 'snoozed') <> (minutes is not null) or minutes not between 1 and 43200 then
    perform ops_private.fail('invalid_input', 'mark is acknowledged, snoozed (for 1 to 43,200 minutes), none or resolved.');
  end if;
  wanted := case when mark <> 'none' then mark when before.holds_since is null then 'resolved' else 'firing' end;
  if before.status in ('resolved', 'pending') and wanted <> 'resolved' then
    perform ops_private.fail('illegal_transition', 'The notification is resolved: what holds no more is neither acknowledged nor snoozed.');
  end if;
  update ops.notifications as n set status = wanted, snoozed_until = case wanted when 'snoozed' then moment + make_interval(mins => minutes) end,
    resolved_at = case wanted when 'resolved' then moment end, marked_by = (ops_private.me()).name, marked_at = moment
  where n.notification_id = notification and (n.status <> wanted or wanted = 'snoozed') and n.status <> 'pending' returning * into saved;
  if found then
    perform ops_private.audit(saved.environment_id, case mark when 'none' then 'notification.reopened' else 'notification.' || mark end, 'notification', notification::text,
      jsonb_build_object('status', before.status, 'snoozed_until', before.snoozed_until), jsonb_build_object('status', saved.status, 'snoozed_until', saved.snoozed_until, 'subject', saved.subject));
  end if;
  return (select to_jsonb(l) from ops.notification_list as l where l.notification_id = notification);
end
$$;

create function ops.save_alert_rule(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.save_alert_rule($1)';
create function ops.delete_alert_rule(alert_rule_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_alert_rule($1)';
create function ops.check_alert_rules(at_most int default 50) returns jsonb language sql set search_path = '' as 'select ops_private.check_alert_rules($1)';
create function ops.mark_notification(notification_id uuid, mark text, minutes int default null) returns jsonb language sql set search_path = '' as 'select ops_private.mark_notification($1, $2, $3)';
grant execute on function ops_private.save_alert_rule(jsonb), ops.save_alert_rule(jsonb), ops_private.delete_alert_rule(uuid), ops.delete_alert_rule(uuid),
  ops_private.mark_notification(uuid, text, int), ops.mark_notification(uuid, text, int) to authenticated, ops_token;
grant execute on function ops_private.check_alert_rules(int), ops.check_alert_rules(int) to ops_token;
