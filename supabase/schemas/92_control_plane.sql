-- What steers a project, as one document that holds no id, no moment and no secret: the same content gives the same text in every database. Its form
-- is contracts/control-plane.ts. Caps over a whole organization are not of the project.

-- Text in the order of its bytes, each once.
create function ops_private.sorted(texts text[]) returns text[] language sql immutable set search_path = '' as $$
  select case when texts is not null then array(select distinct t collate "C" from unnest(texts) as t order by 1) end
$$;
create function ops_private.utc_text(moment timestamptz) returns text language sql immutable set search_path = '' as $$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

create function ops_private.control_plane(project uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('version', 1,
    'templates', (select coalesce(jsonb_agg(jsonb_build_object('template_key', t.template_key, 'spec_sha256', s.spec_sha256, 'spec', s.spec) order by t.template_key collate "C"), '[]')
      from ops.job_templates as t join ops.job_template_versions as v on v.template_id = t.template_id and v.version = t.current_version
      join ops.specs as s on s.project_id = t.project_id and s.spec_sha256 = v.spec_sha256 where t.project_id = control_plane.project),
    'executors', (select coalesce(jsonb_agg(jsonb_build_object('name', x.name, 'allowed_queues', ops_private.sorted(x.allowed_queues), 'draining', x.draining_since is not null, 'drain_comment', x.drain_comment,
        'environments', (select coalesce(jsonb_agg(e.slug order by e.slug collate "C"), '[]') from ops.executor_environments as p join ops.environments as e using (environment_id)
          where p.executor_id = x.executor_id and e.project_id = x.project_id and e.deleted_at is null)) order by x.name collate "C"), '[]')
      from ops.executors as x where x.project_id = control_plane.project and x.deleted_at is null),
    'caps', (select coalesce(jsonb_agg(jsonb_build_object('scope', case when c.environment_id is null then 'project' else 'environment' end, 'environment', e.slug, 'cap_key', c.cap_key, 'unit', c.unit,
        'period', c.period, 'time_zone', c.time_zone, 'limit_amount', trim_scale(c.limit_amount)::text, 'enabled', c.enabled) order by c.cap_key collate "C", e.slug collate "C" nulls first, c.unit, c.period), '[]')
      from ops.caps as c left join ops.environments as e on e.environment_id = c.environment_id where c.project_id = control_plane.project and e.deleted_at is null),
    'schedules', (select coalesce(jsonb_agg(jsonb_build_object('environment', e.slug, 'name', s.name, 'template_key', t.template_key, 'pinned_spec_sha256', v.spec_sha256, 'cron', s.cron, 'time_zone', s.time_zone,
        'parameters', s.parameters, 'queue', s.queue, 'labels', ops_private.sorted(s.labels), 'priority', s.priority, 'max_attempts', s.max_attempts, 'jitter_seconds', s.jitter_seconds,
        'start_at', ops_private.utc_text(s.start_at), 'end_at', ops_private.utc_text(s.end_at), 'overlap', s.overlap, 'catch_up', s.catch_up, 'catchup_window_seconds', s.catchup_window_seconds,
        'pause_on_failure', s.pause_on_failure, 'paused', s.paused_at is not null) order by e.slug collate "C", s.name collate "C"), '[]')
      from ops.schedules as s join ops.environments as e using (environment_id) join ops.job_templates as t using (template_id)
      left join ops.job_template_versions as v on v.template_id = s.template_id and v.version = s.template_version
      where e.project_id = control_plane.project and e.deleted_at is null and s.deleted_at is null),
    'alert_rules', (select coalesce(jsonb_agg(ops_private.alert_rule_audit(r) || jsonb_build_object('environment', e.slug) order by e.slug collate "C", r.name collate "C"), '[]')
      from ops.alert_rules as r join ops.environments as e using (environment_id) where e.project_id = control_plane.project and e.deleted_at is null),
    'routing', ops_private.routing(control_plane.project))
$$;

-- What a plan was made from and what it leads to are told by this.
create function ops_private.control_plane_sha256(project uuid) returns text language sql stable security definer set search_path = '' as $$
  select encode(sha256(convert_to(ops_private.control_plane(project)::text, 'UTF8')), 'hex')
$$;

-- export_control_plane: viewers of the whole project.
create function ops_private.export_control_plane(project uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  perform ops_private.require_project(project, 'viewer', 'export the control plane');
  return jsonb_build_object('document', ops_private.control_plane(project), 'state_sha256', ops_private.control_plane_sha256(project));
end
$$;

-- Items of a section before and as wanted, beside each other by what names them; none where the section is not wanted.
create function ops_private.pair_items(present jsonb, wanted jsonb, variadic keys text[]) returns table (name text, old jsonb, item jsonb) language sql immutable set search_path = '' as $$
  with named as (
    select side, (select string_agg(coalesce(i.value ->> u.k, '*'), ' ' order by u.n) from unnest(keys) with ordinality as u (k, n)) as name, i.value
    from (values (1, present), (2, wanted)) as sides (side, items) cross join lateral jsonb_array_elements(items) as i where wanted is not null)
  select coalesce(o.name, w.name), o.value, w.value from (select * from named where side = 1) as o full join (select * from named where side = 2) as w on w.name = o.name
  order by coalesce(o.name, w.name) collate "C"
$$;

-- Caps that differ from what the document says; without `prune` none that it does not name. Of an item only what a document holds: an id in it is nobody's.
create function ops_private.caps_to_change(present jsonb, wanted jsonb, prune boolean) returns table (name text, old jsonb, item jsonb) language sql immutable set search_path = '' as $$
  select p.name, p.old, w.item from ops_private.pair_items(present -> 'caps', wanted -> 'caps', 'scope', 'environment', 'cap_key', 'unit', 'period') as p
  cross join lateral (select jsonb_object_agg(f.key, case f.key when 'limit_amount' then to_jsonb(trim_scale((f.value #>> '{}')::numeric)::text) else f.value end) as item from jsonb_each(p.item) as f
    where f.key in ('scope', 'environment', 'cap_key', 'unit', 'period', 'time_zone', 'limit_amount', 'enabled')) as w
  where w.item is distinct from p.old and (w.item is not null or prune)
$$;

-- Makes the project what the document says, section by section, by the functions that people use, which check and audit each change. What the document's section
-- does not name is deleted with `prune`, else kept; templates are always kept. Answers the changes, in the order in which they were made. Locks the schedules first,
-- as who fires one does, then templates, executors, leases, the gates of all caps together, and alert rules; the routing matrix last, whole.
create function ops_private.change_control_plane(project uuid, wanted jsonb, prune boolean) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  present jsonb := ops_private.control_plane(project);
  changes jsonb := '[]';
  pair record;
  item jsonb;
  place uuid;
  subject uuid;
begin
  if wanted ? 'schedules' then
    perform from ops.schedules as s where s.deleted_at is null and s.environment_id in (select e.environment_id from ops.environments as e where e.project_id = project) order by s.schedule_id for no key update;
  end if;
  for pair in select * from ops_private.pair_items(present -> 'templates', wanted -> 'templates', 'template_key') as p where p.item is not null and p.item ->> 'spec_sha256' is distinct from p.old ->> 'spec_sha256' loop
    if encode(sha256(convert_to(pair.item ->> 'spec_text', 'UTF8')), 'hex') is distinct from pair.item ->> 'spec_sha256' or (pair.item ->> 'spec_text')::jsonb ->> 'name' is distinct from pair.name then
      perform ops_private.fail('invalid_spec', format('The template %s does not hold the spec that it names.', pair.name));
    end if;
    perform ops_private.save_template(project, pair.item ->> 'spec_text', null, null, null);
    changes := changes || jsonb_build_object('kind', 'template', 'action', case when pair.old is null then 'create' else 'change' end, 'name', pair.name, 'before', pair.old - 'spec', 'after', pair.item - 'spec_text');
  end loop;

  for pair in select * from ops_private.pair_items(present -> 'executors', wanted -> 'executors', 'name') loop
    item := pair.item || jsonb_build_object('environments', ops_private.sorted(array(select jsonb_array_elements_text(pair.item -> 'environments'))),
      'allowed_queues', ops_private.sorted(case when jsonb_typeof(pair.item -> 'allowed_queues') = 'array' then array(select jsonb_array_elements_text(pair.item -> 'allowed_queues')) end));
    continue when item = pair.old or item is null and not prune;
    subject := (select x.executor_id from ops.executors as x where x.project_id = project and x.name = pair.name and x.deleted_at is null);
    if item is null then
      perform ops_private.delete_executor(subject);
    else
      if subject is null then
        subject := (ops_private.create_executor(project, pair.name, array(select jsonb_array_elements_text(item -> 'environments')), case when item -> 'allowed_queues' <> 'null' then array(select jsonb_array_elements_text(item -> 'allowed_queues')) end) ->> 'executor_id')::uuid;
      end if;
      perform ops_private.update_executor(subject, item - 'name');
    end if;
    changes := changes || ops_private.control_plane_change('executor', pair.name, pair.old, item);
  end loop;

  perform ops_private.lock_gates(array(
    select ops_private.cap_gate(null, project, c.environment, c.cap_key)
    from (select distinct ops_private.named_environment(project, coalesce(n.item, n.old) ->> 'environment') as environment, coalesce(n.item, n.old) ->> 'cap_key' as cap_key
      from ops_private.caps_to_change(present, wanted, prune) as n) as c order by c.environment, c.cap_key));
  for pair in select * from ops_private.caps_to_change(present, wanted, prune) loop
    item := pair.item;
    if pair.old ->> 'time_zone' <> item ->> 'time_zone' then
      perform ops_private.fail('conflict', format('The time zone of the cap %s cannot change: its windows hold what was used.', pair.name), 'Delete the cap first, and its use with it.');
    end if;
    place := ops_private.named_environment(project, coalesce(item, pair.old) ->> 'environment');
    subject := (select c.cap_id from ops.caps as c where c.project_id = project and c.environment_id is not distinct from place
      and (c.cap_key, c.unit, c.period) = (coalesce(item, pair.old) ->> 'cap_key', coalesce(item, pair.old) ->> 'unit', coalesce(item, pair.old) ->> 'period'));
    if item is null then
      perform ops_private.delete_cap(subject);
    else
      perform ops_private.save_cap(item - array['scope', 'environment'] || case when subject is not null then jsonb_build_object('cap_id', subject) when place is null then jsonb_build_object('project_id', project)
        else jsonb_build_object('environment_id', place) end);
    end if;
    changes := changes || ops_private.control_plane_change('cap', pair.name, pair.old, item);
  end loop;

  for pair in select * from ops_private.pair_items(present -> 'schedules', wanted -> 'schedules', 'environment', 'name') loop
    item := pair.item || jsonb_build_object('labels', ops_private.sorted(array(select jsonb_array_elements_text(pair.item -> 'labels'))), 'cron', btrim(regexp_replace(pair.item ->> 'cron', '\s+', ' ', 'g')),
      'start_at', ops_private.utc_text((pair.item ->> 'start_at')::timestamptz), 'end_at', ops_private.utc_text((pair.item ->> 'end_at')::timestamptz));
    continue when item = pair.old or item is null and not prune;
    place := ops_private.named_environment(project, coalesce(item, pair.old) ->> 'environment');
    subject := (select s.schedule_id from ops.schedules as s where s.environment_id = place and s.name = coalesce(item, pair.old) ->> 'name' and s.deleted_at is null);
    if item is null then
      perform ops_private.delete_schedule(subject);
    else
      subject := ops_private.put_schedule(project, place, subject, item);
      if (item ->> 'paused')::boolean then
        perform ops_private.pause_schedule(subject, 'Paused by the control plane''s document.');
      else
        perform ops_private.resume_schedule(subject);
      end if;
    end if;
    changes := changes || ops_private.control_plane_change('schedule', pair.name, pair.old, item);
  end loop;

  for pair in select * from ops_private.pair_items(present -> 'alert_rules', wanted -> 'alert_rules', 'environment', 'name') loop
    item := (select jsonb_object_agg(f.key, case f.key when 'condition' then ops_private.alert_condition(f.value) else f.value end) from jsonb_each(pair.item) as f
      where f.key in ('environment', 'name', 'condition', 'for_minutes', 'severity', 'enabled'));
    continue when item = pair.old or item is null and not prune;
    place := ops_private.named_environment(project, coalesce(item, pair.old) ->> 'environment');
    subject := (select r.alert_rule_id from ops.alert_rules as r where r.environment_id = place and r.name = coalesce(item, pair.old) ->> 'name');
    if item is null then
      perform ops_private.delete_alert_rule(subject);
    else
      perform ops_private.save_alert_rule(item - 'environment' || jsonb_build_object('environment_id', place, 'alert_rule_id', subject));
    end if;
    changes := changes || ops_private.control_plane_change('alert_rule', pair.name, pair.old, item);
  end loop;

  item := nullif(wanted -> 'routing', 'null');
  if wanted ? 'routing' and item is distinct from nullif(present -> 'routing', 'null') and (item is not null or prune) then
    perform ops_private.put_routing(project, item);
    changes := changes || ops_private.control_plane_change('routing', 'matrix', nullif(present -> 'routing', 'null'), item);
  end if;
  return changes;
end
$$;
create function ops_private.control_plane_change(kind text, name text, old jsonb, item jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('kind', kind, 'action', case when old is null then 'create' when item is null then 'delete' else 'change' end, 'name', name, 'before', old, 'after', item)
$$;

-- The environment of a slug; null for null. Raises not_found.
create function ops_private.named_environment(project uuid, slug text) returns uuid language plpgsql stable security definer set search_path = '' as $$
declare
  found_environment uuid := (select e.environment_id from ops.environments as e where e.project_id = project and e.slug = named_environment.slug and e.deleted_at is null);
begin
  if slug is not null and found_environment is null then
    perform ops_private.fail('not_found', format('The project has no environment %s.', slug));
  end if;
  return found_environment;
end
$$;

-- Makes or changes a schedule as the document says; its version is the newest that holds the pinned spec.
create function ops_private.put_schedule(project uuid, environment uuid, schedule uuid, item jsonb) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  pinned int;
  fields jsonb := item - array['environment', 'pinned_spec_sha256', 'paused'];
begin
  if item ->> 'pinned_spec_sha256' is not null then
    select max(v.version) into pinned from ops.job_templates as t join ops.job_template_versions as v using (template_id)
    where t.project_id = put_schedule.project and t.template_key = item ->> 'template_key' and v.spec_sha256 = item ->> 'pinned_spec_sha256';
    if pinned is null then
      perform ops_private.fail('not_found', format('No version of the template %s has the spec that the schedule %s is pinned to.', item ->> 'template_key', item ->> 'name'));
    end if;
  end if;
  fields := fields || jsonb_build_object('template_version', pinned);
  if schedule is null then
    return (ops_private.create_schedule(fields || jsonb_build_object('environment_id', environment)) ->> 'schedule_id')::uuid;
  end if;
  perform ops_private.update_schedule(schedule, fields);
  return schedule;
end
$$;

-- plan_control_plane: admins of the whole project. Does what an apply would do and takes it back: the changes, the state that they were made from and the one that
-- they lead to. Changes nothing.
create function ops_private.plan_control_plane(project uuid, wanted jsonb, prune boolean) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before text;
  after text;
  changes jsonb;
begin
  perform ops_private.require_project(project, 'admin', 'plan a change of the control plane');
  before := ops_private.control_plane_sha256(project);
  begin
    changes := ops_private.change_control_plane(project, wanted, prune);
    after := ops_private.control_plane_sha256(project);
    raise exception using errcode = 'PLAN0'; -- takes back what this block did; what it found out stays
  exception when sqlstate 'PLAN0' then
    null;
  end;
  return jsonb_build_object('changes', changes, 'state_sha256', before, 'after_sha256', after);
end
$$;

-- apply_control_plane: admins of the whole project. All changes or none. Refused with `conflict` where the state is not the one that was planned from, or would not become the
-- one that was planned. Applies of one project wait for each other.
create function ops_private.apply_control_plane(project uuid, wanted jsonb, prune boolean, state_sha256 text, after_sha256 text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  changes jsonb;
begin
  perform ops_private.require_project(project, 'admin', 'change the control plane');
  perform ops_private.take_lock('control_plane ' || project);
  if ops_private.control_plane_sha256(project) is distinct from state_sha256 then
    perform ops_private.fail('conflict', 'The control plane has changed since this was planned.', 'Plan again, and look at what differs.');
  end if;
  changes := ops_private.change_control_plane(project, wanted, prune);
  if ops_private.control_plane_sha256(project) is distinct from after_sha256 then
    perform ops_private.fail('conflict', 'This would not lead to what was planned: something else has changed meanwhile. Nothing was applied.', 'Plan again, and look at what differs.');
  end if;
  if changes <> '[]' then
    perform ops_private.audit(null, 'control_plane.applied', 'project', project::text, jsonb_build_object('state_sha256', state_sha256), jsonb_build_object('state_sha256', after_sha256, 'changes', jsonb_array_length(changes), 'prune', prune), project);
  end if;
  return jsonb_build_object('changes', changes, 'state_sha256', state_sha256, 'after_sha256', after_sha256);
end
$$;

create function ops.export_control_plane(project_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.export_control_plane($1)';
create function ops.plan_control_plane(project_id uuid, document jsonb, prune boolean default false) returns jsonb language sql set search_path = '' as 'select ops_private.plan_control_plane($1, $2, $3)';
create function ops.apply_control_plane(project_id uuid, document jsonb, prune boolean, state_sha256 text, after_sha256 text) returns jsonb language sql set search_path = '' as 'select ops_private.apply_control_plane($1, $2, $3, $4, $5)';
grant execute on function ops_private.export_control_plane(uuid), ops.export_control_plane(uuid), ops_private.plan_control_plane(uuid, jsonb, boolean), ops.plan_control_plane(uuid, jsonb, boolean),
  ops_private.apply_control_plane(uuid, jsonb, boolean, text, text), ops.apply_control_plane(uuid, jsonb, boolean, text, text) to authenticated, ops_token;
