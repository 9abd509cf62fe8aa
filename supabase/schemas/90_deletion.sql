-- Deleting an organization, a project, an environment or one's own account: seen beforehand (preview_deletion), typed by name, refused while
-- runs are active. At once nobody sees it, its tokens are void and its name is free; its rows and bytes go in slices, by the tick. The audit log stays.

-- What is meant, and its name, which is to be typed. Raises not_found where it is not seen, forbidden where the role is too weak.
create type ops_private.scope as (kind text, id uuid, organization_id uuid, project_id uuid, typed_name text, name text);
create function ops_private.scope_to_delete(kind text, id uuid) returns ops_private.scope language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  found_scope ops_private.scope;
begin
  if kind = 'environment' then
    select 'environment', e.environment_id, p.organization_id, p.project_id, e.slug, e.name into found_scope
    from ops.environments as e join ops.projects as p using (project_id) where e.environment_id = id and e.environment_id = any (ops_private.visible_environments());
    if found and not found_scope.project_id = any (ops_private.governed_projects(4)) then
      perform ops_private.fail('forbidden', 'To delete an environment needs the role admin in the whole project.');
    end if;
  elsif kind = 'project' then
    select 'project', p.project_id, p.organization_id, p.project_id, p.slug, p.name into found_scope from ops.projects as p
    where p.project_id = id and p.deleted_at is null and (p.project_id = any (ops_private.visible_projects()) or p.organization_id = any (ops_private.governed_organizations(5)));
    if found and not (found_scope.project_id = any (ops_private.governed_projects(5)) or found_scope.organization_id = any (ops_private.governed_organizations(5))) then
      perform ops_private.fail('forbidden', 'To delete a project needs the role owner in the whole project.');
    end if;
  elsif kind = 'organization' then
    select 'organization', o.organization_id, o.organization_id, null, o.slug, o.name into found_scope from ops.organizations as o
    where o.organization_id = id and o.organization_id = any (ops_private.visible_organizations() || ops_private.governed_organizations(1));
    if found and not found_scope.organization_id = any (ops_private.governed_organizations(5)) then
      perform ops_private.fail('forbidden', 'To delete an organization needs the role owner in all of it.');
    end if;
  elsif kind = 'account' then
    select 'account', u.id, null, null, u.email, u.email into found_scope from auth.users as u where me.type = 'user' and u.id = me.id and u.id = scope_to_delete.id;
  else
    perform ops_private.fail('invalid_input', 'kind is environment, project, organization or account.');
  end if;
  if found_scope.id is null then
    perform ops_private.fail('not_found', format('There is no such %s, or you may not see it.', kind));
  end if;
  return found_scope;
end
$$;

create function ops_private.environments_of(scope ops_private.scope) returns uuid[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(e.environment_id), '{}') from ops.environments as e join ops.projects as p using (project_id)
  where e.deleted_at is null and scope.id = case scope.kind when 'environment' then e.environment_id when 'project' then p.project_id when 'organization' then p.organization_id end
$$;
-- Why it may not go now; null where it may.
create function ops_private.deletion_hindrance(scope ops_private.scope) returns text language plpgsql stable security definer set search_path = '' as $$
declare
  within uuid[] := ops_private.environments_of(scope);
  busy bigint;
  alone text;
begin
  if scope.kind = 'account' then
    select o.name into alone from ops.memberships as m join ops.organizations as o using (organization_id)
    where m.user_id = scope.id and m.project_id is null and m.role = 'owner' and o.deleted_at is null
      and not exists (select from ops.memberships as n where n.organization_id = m.organization_id and n.project_id is null and n.role = 'owner' and n.user_id <> m.user_id) limit 1;
    return case when alone is not null then format('You are the last owner of %s: make somebody else an owner, or delete it, first.', alone) end;
  end if;
  select count(*) into busy from (select from ops.runs as r where r.environment_id = any (within) and r.status in ('queued', 'claimed', 'running') limit 1000) as r;
  if busy > 0 then
    return format('%s runs are active: cancel them, or wait for their end, first.', case when busy = 1000 then 'At least 1000' else busy::text end);
  elsif exists (select from ops.backfills as b where b.environment_id = any (within) and b.status = 'active') then
    return 'A backfill is active: cancel it first.';
  end if;
  return null;
end
$$;
create function ops_private.deletion_counts(scope ops_private.scope) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  within uuid[] := ops_private.environments_of(scope);
begin
  if scope.kind = 'account' then
    return jsonb_build_object('memberships', (select count(*) from ops.memberships as m where m.user_id = scope.id));
  end if;
  return jsonb_build_object('environments', cardinality(within), 'runs', (select count(*) from ops.runs as r where r.environment_id = any (within)),
    'schedules', (select count(*) from ops.schedules as s where s.environment_id = any (within) and s.deleted_at is null),
    'datasets', (select count(*) from ops.datasets as d where d.environment_id = any (within)),
    'objects', (select count(*) from ops.objects as o where o.environment_id = any (within)))
    || case when scope.kind = 'environment' then '{}' else (
      select jsonb_build_object('projects', count(*), 'pipelines', coalesce(sum((select count(*) from ops.job_templates as t where t.project_id = p.project_id)), 0),
        'executors', coalesce(sum((select count(*) from ops.executors as x where x.project_id = p.project_id and x.deleted_at is null)), 0),
        'tokens', coalesce(sum((select count(*) from ops.api_tokens as t where t.project_id = p.project_id and t.revoked_at is null)), 0))
      from ops.projects as p where p.deleted_at is null and scope.id in (p.project_id, p.organization_id)) end;
end
$$;

-- preview_deletion(kind, id): what a deletion would take away, what stands in its way, and the name to type.
create function ops_private.preview_deletion(kind text, id uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  scope ops_private.scope := ops_private.scope_to_delete(kind, id);
begin
  return jsonb_build_object('kind', kind, 'id', id, 'name', scope.name, 'typed_name', scope.typed_name, 'counts', ops_private.deletion_counts(scope), 'hindrance', ops_private.deletion_hindrance(scope));
end
$$;

-- delete_scope(kind, id, typed_name): admins of the project (an environment), its owners (a project), owners of the organization, oneself (an account). Locks
-- the row, and so waits for runs that are being queued there. A repeat finds nothing.
create function ops_private.delete_scope(kind text, id uuid, typed_name text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  scope ops_private.scope := ops_private.scope_to_delete(kind, id);
  within uuid[];
  hindrance text;
  moment timestamptz := clock_timestamp();
begin
  if typed_name is distinct from scope.typed_name then
    perform ops_private.fail('invalid_input', format('The typed name is not that of the %s.', kind), 'Type the name exactly as the preview shows it.');
  end if;
  perform from ops.organizations as o where kind = 'organization' and o.organization_id = scope.organization_id
    or kind = 'account' and o.organization_id in (select m.organization_id from ops.memberships as m where m.user_id = scope.id) order by o.organization_id for update;
  perform from ops.projects as p where p.organization_id = scope.organization_id and scope.id in (p.project_id, p.organization_id) order by p.project_id for update;
  perform from ops.environments as e where e.environment_id = any (ops_private.environments_of(scope)) order by e.environment_id for update;
  perform from ops.memberships as m where kind = 'account' and m.organization_id in (select n.organization_id from ops.memberships as n where n.user_id = scope.id) and m.project_id is null and m.role = 'owner' order by m.membership_id for update;
  -- Read after the locks were taken.
  scope := ops_private.scope_to_delete(kind, id);
  within := ops_private.environments_of(scope);
  hindrance := ops_private.deletion_hindrance(scope);
  if hindrance is not null then
    perform ops_private.fail('conflict', hindrance);
  end if;
  if kind = 'account' then
    perform ops_private.audit(null, 'account.deleted', 'user', scope.id::text, jsonb_build_object('email', scope.name), null, null, m.organization_id)
    from (select distinct m.organization_id from ops.memberships as m where m.user_id = scope.id) as m;
    delete from auth.users as u where u.id = scope.id;
    return true;
  end if;
  perform ops_private.audit(case kind when 'environment' then id end, kind || '.deleted', kind, id::text,
    jsonb_build_object('slug', scope.typed_name, 'name', scope.name) || ops_private.deletion_counts(scope), null, case kind when 'organization' then null else scope.project_id end, scope.organization_id);
  update ops.schedules as s set deleted_at = moment where s.environment_id = any (within) and s.deleted_at is null;
  update ops.environments as e set deleted_at = moment, slug = 'deleted-' || e.environment_id where e.environment_id = any (within);
  if kind <> 'environment' then
    update ops.executors as x set deleted_at = moment where x.deleted_at is null and x.project_id in (select p.project_id from ops.projects as p where scope.id in (p.project_id, p.organization_id));
    update ops.leases as l set expires_at = moment from ops.executors as x, ops.projects as p
    where x.executor_id = l.executor_id and p.project_id = x.project_id and scope.id in (p.project_id, p.organization_id) and l.expires_at > moment;
    update ops.projects as p set deleted_at = moment, slug = 'deleted-' || p.project_id where scope.id in (p.project_id, p.organization_id) and p.deleted_at is null;
  end if;
  update ops.organizations as o set deleted_at = moment, slug = 'deleted-' || o.organization_id where kind = 'organization' and o.organization_id = id;
  return true;
end
$$;

create function ops.preview_deletion(kind text, id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.preview_deletion($1, $2)';
create function ops.delete_scope(kind text, id uuid, typed_name text) returns boolean language sql set search_path = '' as 'select ops_private.delete_scope($1, $2, $3)';
grant execute on function ops_private.preview_deletion(text, uuid), ops.preview_deletion(text, uuid), ops_private.delete_scope(text, uuid, text), ops.delete_scope(text, uuid, text) to authenticated, ops_token;
