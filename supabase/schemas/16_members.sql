-- Who belongs to an organization, a project or an environment, and as what. Admins of a scope manage it: nobody gives, takes or changes a role above
-- the own one, and an organization keeps an owner. Everybody may leave. A change holds at the next request: roles are read from these rows.
-- Locks: the organization's row first, then its memberships, so that of two owners who leave at once one stays.

-- A user's rank over a whole scope: an organization, one of its projects, or one environment. 0 where no membership covers it.
create function ops_private.rank_of_user(person uuid, organization uuid, project uuid, environment uuid) returns int language sql stable security definer set search_path = '' as $$
  select coalesce(max(ops_private.rank(m.role)), 0) from ops.memberships as m
  where m.user_id = person and m.organization_id = organization and (m.project_id is null or m.project_id = project) and (m.environment_id is null or m.environment_id = environment)
$$;
-- The same of the caller; an API token's rank ends at its project.
create function ops_private.rank_over(organization uuid, project uuid, environment uuid) returns int language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  return case
    when me.type = 'user' then ops_private.rank_of_user(me.id, organization, project, environment)
    when me.type = 'token' and me.project_id = project and (me.environment_id is null or me.environment_id = environment) then ops_private.rank(me.role)
    else 0 end;
end
$$;

create function ops_private.organization_of(project uuid) returns uuid language sql stable security definer set search_path = '' as 'select p.organization_id from ops.projects as p where p.project_id = $1';

-- Raises not_found where the scope does not exist or the caller sees nothing of its organization, forbidden where its rank over the whole scope is too low.
create function ops_private.require_over(organization uuid, project uuid, environment uuid, role text, action text) returns void language plpgsql stable security definer set search_path = '' as $$
begin
  if organization is null or not organization = any (ops_private.visible_organizations())
    or project is not null and not exists (select from ops.projects as p where p.project_id = project and p.organization_id = organization and p.project_id = any (ops_private.visible_projects()))
    or environment is not null and not exists (select from ops.environments as e where e.environment_id = environment and e.project_id = project and e.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such organization, project or environment, or you may not see it.');
  elsif ops_private.rank_over(organization, project, environment) < ops_private.rank(role) then
    perform ops_private.fail('forbidden', format('To %s needs the role %s over all of it.', action, role), 'Ask an admin of the organization for that role.');
  end if;
end
$$;

create function ops_private.refuse_above(held int, role text) returns void language plpgsql set search_path = '' as $$
begin
  if ops_private.rank(role) > held then
    perform ops_private.fail('forbidden', format('Only who is %s there may give or take the role %1$s.', role), 'Ask somebody who has that role.');
  end if;
end
$$;

create function ops_private.member_json(member ops.memberships) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(member) || jsonb_build_object('email', u.email, 'last_sign_in_at', u.last_sign_in_at,
    'project_slug', (select p.slug from ops.projects as p where p.project_id = member.project_id), 'environment_slug', (select e.slug from ops.environments as e where e.environment_id = member.environment_id))
  from auth.users as u where u.id = member.user_id
$$;
create function ops_private.member_audit(member ops.memberships) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('user_id', m -> 'user_id', 'email', m -> 'email', 'role', m -> 'role', 'project', m -> 'project_slug', 'environment', m -> 'environment_slug') from ops_private.member_json(member) as m
$$;

-- list_members(organization_id, after): the caller's own memberships, and those of the scopes that it administers; by e-mail, `after` the last membership of
-- the page before. Names no one to others.
create function ops_private.list_members(organization uuid, after uuid, at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  found jsonb;
begin
  if organization is null or not organization = any (ops_private.visible_organizations()) then
    perform ops_private.fail('not_found', 'There is no such organization, or you may not see it.');
  end if;
  select jsonb_agg(ops_private.member_json(page.member) order by page.email, page.membership_id) into found from (
    select m as member, m.membership_id, coalesce(u.email, '') as email from ops.memberships as m join auth.users as u on u.id = m.user_id
    where m.organization_id = organization and (m.user_id = me.id or ops_private.rank_over(m.organization_id, m.project_id, m.environment_id) >= 4)
      and (after is null or (coalesce(u.email, ''), m.membership_id) > (select coalesce(v.email, ''), n.membership_id from ops.memberships as n join auth.users as v on v.id = n.user_id where n.membership_id = after and n.organization_id = organization))
    order by coalesce(u.email, ''), m.membership_id limit least(greatest(at_most, 1), 200)) as page;
  return coalesce(found, '[]');
end
$$;

-- The membership, locked with its organization. Raises not_found where it is not seen.
create function ops_private.membership_to_change(membership uuid) returns ops.memberships language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  member ops.memberships;
begin
  perform from ops.organizations as o where o.organization_id = (select m.organization_id from ops.memberships as m where m.membership_id = membership) for no key update;
  select * into member from ops.memberships as m where m.membership_id = membership for update;
  if not found or member.user_id is distinct from me.id and ops_private.rank_over(member.organization_id, member.project_id, member.environment_id) < 4 then
    perform ops_private.fail('not_found', 'There is no such membership, or you may not see it.');
  end if;
  return member;
end
$$;
create function ops_private.refuse_last_owner(member ops.memberships) returns void language plpgsql security definer set search_path = '' as $$
begin
  if member.role = 'owner' and member.project_id is null
    and not exists (select from ops.memberships as m where m.organization_id = member.organization_id and m.project_id is null and m.role = 'owner' and m.membership_id <> member.membership_id) then
    perform ops_private.fail('conflict', 'An organization keeps at least one owner.', 'Make somebody else an owner first.');
  end if;
end
$$;

-- change_member(membership_id, role). A repeat changes nothing. What a person invited under the former role is void.
create function ops_private.change_member(membership uuid, role text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  member ops.memberships := ops_private.membership_to_change(membership);
  held int := ops_private.rank_over(member.organization_id, member.project_id, member.environment_id);
  before jsonb := ops_private.member_audit(member);
begin
  if ops_private.rank(role) = 0 then
    perform ops_private.fail('invalid_input', 'role is viewer, operator, editor, admin or owner.');
  elsif held < 4 then
    perform ops_private.fail('forbidden', 'To change a role needs the role admin.', 'Ask an admin of the organization.');
  end if;
  perform ops_private.refuse_above(held, role), ops_private.refuse_above(held, member.role);
  if role <> member.role then
    perform ops_private.refuse_last_owner(member);
    update ops.memberships as m set role = change_member.role where m.membership_id = membership returning * into member;
    perform ops_private.void_invitations_of(member);
    perform ops_private.audit(member.environment_id, 'member.changed', 'member', membership::text, before, ops_private.member_audit(member), member.project_id, member.organization_id);
  end if;
  return ops_private.member_json(member);
end
$$;

-- remove_member(membership_id): admins of the scope; one's own, anybody (leaving).
create function ops_private.remove_member(membership uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  member ops.memberships := ops_private.membership_to_change(membership);
  own boolean := me.type = 'user' and member.user_id = me.id;
begin
  if not own then
    perform ops_private.refuse_above(ops_private.rank_over(member.organization_id, member.project_id, member.environment_id), member.role);
  end if;
  perform ops_private.refuse_last_owner(member);
  perform ops_private.audit(member.environment_id, case when own then 'member.left' else 'member.removed' end, 'member', membership::text, ops_private.member_audit(member), null, member.project_id, member.organization_id);
  delete from ops.memberships as m where m.membership_id = membership;
  perform ops_private.void_invitations_of(member);
  return true;
end
$$;

create function ops.list_members(organization_id uuid, after uuid default null, at_most int default 50) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_members($1, $2, $3)';
create function ops.change_member(membership_id uuid, role text) returns jsonb language sql set search_path = '' as 'select ops_private.change_member($1, $2)';
create function ops.remove_member(membership_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.remove_member($1)';
grant execute on function ops_private.list_members(uuid, uuid, int), ops.list_members(uuid, uuid, int), ops_private.change_member(uuid, text), ops.change_member(uuid, text),
  ops_private.remove_member(uuid), ops.remove_member(uuid) to authenticated, ops_token;
grant execute on function ops_private.rank_over(uuid, uuid, uuid) to authenticated, ops_token, ops_sql;
