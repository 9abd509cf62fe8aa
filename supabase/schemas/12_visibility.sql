-- Roles, weakest first, as ranks 1 to 5.
create function ops_private.rank(role text) returns int language sql immutable parallel safe set search_path = '' as $$
  select coalesce(array_position(array['viewer', 'operator', 'editor', 'admin', 'owner'], role), 0)
$$;

-- The caller's rank in every environment it sees; an executor sees its environments with rank 0.
create function ops_private.my_environments() returns table (environment_id uuid, project_id uuid, organization_id uuid, rank int)
language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if me.type = 'user' then
    -- Each membership by indexes (`offset 0` keeps the planner from reading all environments), however many projects there are. The ranks are those of
    -- ops_private.rank, in place: a call for each row would cost as much as the rest.
    return query
      with mine as (select m.organization_id, m.project_id, m.environment_id, array_position(array['viewer', 'operator', 'editor', 'admin', 'owner'], m.role) as rank from ops.memberships as m where m.user_id = me.id),
      held as (
        select p.organization_id, p.project_id, null::uuid as environment_id, m.rank from mine as m join ops.projects as p on p.organization_id = m.organization_id where m.project_id is null
        union all select m.organization_id, m.project_id, m.environment_id, m.rank from mine as m where m.project_id is not null)
      select e.environment_id, h.project_id, h.organization_id, max(h.rank)
      from held as h cross join lateral (select n.environment_id from ops.environments as n where n.project_id = h.project_id and n.deleted_at is null and (h.environment_id is null or h.environment_id = n.environment_id) offset 0) as e
      group by 1, 2, 3;
  elsif me.type = 'token' then
    return query
      select e.environment_id, e.project_id, p.organization_id, ops_private.rank(me.role)
      from ops.environments as e join ops.projects as p using (project_id)
      where e.project_id = me.project_id and e.deleted_at is null and (me.environment_id is null or e.environment_id = me.environment_id);
  elsif me.type = 'executor' then
    return query
      select e.environment_id, e.project_id, p.organization_id, 0
      from ops.executor_environments as x join ops.environments as e using (environment_id) join ops.projects as p using (project_id)
      -- It may serve several projects, but never another organization's.
      where x.executor_id = me.id and e.deleted_at is null and p.organization_id = (select h.organization_id from ops.projects as h where h.project_id = me.project_id);
  end if;
end
$$;

-- For policies: `environment_id = any ((select ops_private.visible_environments())::uuid[])` is evaluated once a statement. In PL/pgSQL, which
-- keeps the plan for the session: a function in SQL would plan it again at every statement, which costs more than to run it.
create function ops_private.visible_environments(least_rank int default 0) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select coalesce(array_agg(e.environment_id), '{}') from ops_private.my_environments() as e where e.rank >= least_rank);
end
$$;
create function ops_private.visible_projects(least_rank int default 0) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select coalesce(array_agg(distinct e.project_id), '{}') from ops_private.my_environments() as e where e.rank >= least_rank);
end
$$;
create function ops_private.visible_organizations(least_rank int default 0) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select coalesce(array_agg(distinct e.organization_id), '{}') from ops_private.my_environments() as e where e.rank >= least_rank);
end
$$;

-- Raises not_found where the environment is not visible (its existence is no one's business), forbidden where the role is too weak.
create function ops_private.require(environment uuid, role text, action text) returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  held int := (select e.rank from ops_private.my_environments() as e where e.environment_id = environment);
begin
  if held is null then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif held < ops_private.rank(role) then
    perform ops_private.fail('forbidden', format('To %s needs the role %s.', action, role), 'Ask an admin of the project for that role.');
  end if;
end
$$;

-- Projects in every environment of which the caller has at least this rank: what concerns a whole project is theirs alone.
create function ops_private.governed_projects(least_rank int) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    with mine as materialized (select * from ops_private.my_environments()),
    whole as (
      select e.project_id from ops.environments as e left join mine as m using (environment_id)
      where e.deleted_at is null and e.project_id in (select n.project_id from mine as n) group by e.project_id having min(coalesce(m.rank, -1)) >= least_rank)
    select coalesce(array_agg(w.project_id), '{}') from whole as w);
end
$$;

-- Organizations of which the caller, a person, has at least this rank as a whole.
create function ops_private.governed_organizations(least_rank int) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  return (
    select coalesce(array_agg(m.organization_id), '{}') from ops.memberships as m join ops.organizations as o on o.organization_id = m.organization_id
    where me.type = 'user' and m.user_id = me.id and o.deleted_at is null and m.project_id is null and ops_private.rank(m.role) >= least_rank);
end
$$;

-- As require, for a whole project.
create function ops_private.require_project(project uuid, role text, action text) returns void
language plpgsql stable security definer set search_path = '' as $$
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  elsif not project = any (ops_private.governed_projects(ops_private.rank(role))) then
    perform ops_private.fail('forbidden', format('To %s needs the role %s in the whole project.', action, role), 'Ask an admin of the project for that role.');
  end if;
end
$$;

grant execute on function ops_private.governed_organizations(int), ops_private.governed_projects(int), ops_private.rank(text), ops_private.my_environments(), ops_private.visible_environments(int),
  ops_private.visible_projects(int), ops_private.visible_organizations(int) to authenticated, ops_token, ops_sql;

do $$
declare
  name text;
begin
  foreach name in array array['organizations', 'projects', 'environments', 'memberships', 'api_tokens', 'executors', 'executor_environments', 'executor_tokens'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
  end loop;
end
$$;

create policy members_see_their_organization on ops.organizations for select to authenticated, ops_token, ops_sql
  using (organization_id = any ((select ops_private.visible_organizations())::uuid[]));
create policy members_see_their_projects on ops.projects for select to authenticated, ops_token, ops_sql
  using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_their_environments on ops.environments for select to authenticated, ops_token, ops_sql
  using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
create policy members_see_their_own_membership on ops.memberships for select to authenticated
  using (user_id = (select (ops_private.me()).id) or organization_id = any ((select ops_private.visible_organizations(4))::uuid[])
    and (project_id is null or project_id = any ((select ops_private.visible_projects(4))::uuid[]))
    and (environment_id is null or environment_id = any ((select ops_private.visible_environments(4))::uuid[])));
create policy admins_see_tokens on ops.api_tokens for select to authenticated, ops_token, ops_sql
  using (project_id = any ((select ops_private.visible_projects(4))::uuid[])
    and (environment_id is null or environment_id = any ((select ops_private.visible_environments(4))::uuid[])));
create policy members_see_executors on ops.executors for select to authenticated, ops_token, ops_sql
  using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_where_executors_work on ops.executor_environments for select to authenticated, ops_token, ops_sql
  using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
create policy admins_see_executor_tokens on ops.executor_tokens for select to authenticated, ops_token, ops_sql
  using (executor_id in (select e.executor_id from ops.executors as e where e.project_id = any ((select ops_private.visible_projects(4))::uuid[])));

grant select on ops.organizations, ops.projects, ops.environments, ops.memberships, ops.executors, ops.executor_environments to authenticated, ops_token, ops_sql;
-- Never the hashes.
grant select (api_token_id, project_id, environment_id, name, role, prefix, created_by, created_at, expires_at, revoked_at, last_used_at) on ops.api_tokens to authenticated, ops_token, ops_sql;
grant select (executor_token_id, executor_id, prefix, created_at, expires_at, revoked_at, last_used_at) on ops.executor_tokens to authenticated, ops_token, ops_sql;

-- online | draining | offline, on the database's clock: a computed column for PostgREST.
create function ops.status(executor ops.executors) returns text language sql stable set search_path = '' as $$
  select case
    when executor.last_seen_at is null or executor.last_seen_at < now() - interval '90 seconds' then 'offline'
    when executor.draining_since is not null then 'draining'
    else 'online' end
$$;
grant execute on function ops.status(ops.executors) to authenticated, ops_token, ops_sql;
