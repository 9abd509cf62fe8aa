-- read_checklist: whoever sees the environment. What it needs before it works for a team, each step true as soon as the database holds it; and whether this
-- person has hidden the list in this project.
create function ops_private.read_checklist(environment uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  project uuid;
  organization uuid;
begin
  select e.project_id, e.organization_id into project, organization from ops_private.my_environments() as e where e.environment_id = environment;
  if not found then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  end if;
  return jsonb_build_object('dismissed', exists (select from ops.personal_settings as s where s.user_id = me.id and s.project_id = project and s.key = 'checklist_dismissed'), 'steps', jsonb_build_object(
    -- A connection that only an executor knows stands in no table: what was landed over it does.
    'source', exists (select from ops.connections as c where c.environment_id = environment) or exists (select from ops.datasets as d where d.environment_id = environment and d.layer = 'bronze'),
    'executor', exists (select from ops.executor_environments as w join ops.executors as x using (executor_id) where w.environment_id = environment and x.deleted_at is null and x.last_seen_at is not null),
    'run', exists (select from ops.runs as r where r.environment_id = environment and r.status = 'succeeded'),
    'gold', exists (select from ops.datasets as d where d.environment_id = environment and d.layer = 'gold' and d.current_version > 0),
    'schedule', exists (select from ops.schedules as s where s.environment_id = environment and s.deleted_at is null),
    'member', (select count(*) from (select from ops.memberships as m where m.organization_id = organization group by m.user_id limit 2) as people) > 1
      or exists (select from ops.invitations as i where i.organization_id = organization)));
end
$$;
create function ops.read_checklist(environment_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_checklist($1)';
grant execute on function ops_private.read_checklist(uuid), ops.read_checklist(uuid) to authenticated, ops_token;

-- rename_scope: admins of all of an organization, a project or an environment. Only what people read: its slug, which addresses and programs use, stays. A
-- repeat changes nothing. Locks its row.
create function ops_private.rename_scope(kind text, id uuid, name text) returns boolean language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  title text := btrim(rename_scope.name);
  before text;
  project uuid;
  organization uuid;
begin
  if kind = 'environment' then
    select e.project_id, p.organization_id into project, organization from ops.environments as e join ops.projects as p using (project_id) where e.environment_id = id and e.deleted_at is null;
  elsif kind = 'project' then
    select p.project_id, p.organization_id into project, organization from ops.projects as p where p.project_id = id and p.deleted_at is null;
  elsif kind = 'organization' then
    select o.organization_id into organization from ops.organizations as o where o.organization_id = id and o.deleted_at is null;
  else
    perform ops_private.fail('invalid_input', 'kind is organization, project or environment.');
  end if;
  perform ops_private.require_over(organization, project, case kind when 'environment' then id end, 'admin', format('rename the %s', kind));
  if coalesce(title, '') = '' or length(title) > 100 then
    perform ops_private.fail('invalid_input', 'name has 1 to 100 characters.');
  end if;
  if kind = 'environment' then
    select e.name into before from ops.environments as e where e.environment_id = id for no key update;
    update ops.environments as e set name = title where e.environment_id = id and e.name <> title;
  elsif kind = 'project' then
    select p.name into before from ops.projects as p where p.project_id = id for no key update;
    update ops.projects as p set name = title where p.project_id = id and p.name <> title;
  else
    select o.name into before from ops.organizations as o where o.organization_id = id for no key update;
    update ops.organizations as o set name = title where o.organization_id = id and o.name <> title;
  end if;
  if found then
    perform ops_private.audit(case kind when 'environment' then id end, kind || '.renamed', kind, id::text, jsonb_build_object('name', before), jsonb_build_object('name', title), project, organization);
  end if;
  return true;
end
$$;
create function ops.rename_scope(kind text, id uuid, name text) returns boolean language sql set search_path = '' as 'select ops_private.rename_scope($1, $2, $3)';
grant execute on function ops_private.rename_scope(text, uuid, text), ops.rename_scope(text, uuid, text) to authenticated, ops_token;
