-- An invitation makes its bearer, signed in under the invited e-mail address, a member. Whoever calls made the token (lci_ and 256 random bits) and gives its
-- SHA-256 only. It works once, until it expires, is revoked, or whoever made it loses the role that it was made under.
create table ops.invitations (
  invitation_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references ops.organizations,
  project_id uuid references ops.projects,
  environment_id uuid,
  email text not null constraint email_is_normal check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+$' and length(email) <= 255),
  role text not null constraint role_is_known check (role in ('viewer', 'operator', 'editor', 'admin', 'owner')),
  token_sha256 bytea not null constraint invitation_token_is_unique unique constraint token_is_a_hash check (octet_length(token_sha256) = 32),
  created_by uuid,
  created_by_name text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid,
  revoked_at timestamptz,
  constraint an_environment_names_its_project check (environment_id is null or project_id is not null),
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index invitations_by_scope on ops.invitations (organization_id, project_id, environment_id);
create index invitations_by_maker on ops.invitations (created_by);
alter table ops.invitations enable row level security;
alter table ops.invitations force row level security;
-- Invitations to scopes over which the caller is an admin: asked once a statement, for the policy.
create function ops_private.governed_invitations() returns uuid[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(i.invitation_id), '{}') from ops.invitations as i
  where i.organization_id = any (ops_private.visible_organizations(4)) and ops_private.rank_over(i.organization_id, i.project_id, i.environment_id) >= 4
$$;
grant execute on function ops_private.governed_invitations() to authenticated, ops_token;
create policy admins_see_invitations on ops.invitations for select to authenticated, ops_token
  using (invitation_id = any ((select ops_private.governed_invitations())::uuid[]));
-- Never the hash.
grant select (invitation_id, organization_id, project_id, environment_id, email, role, created_by, created_by_name, created_at, expires_at, accepted_at, accepted_by, revoked_at) on ops.invitations to authenticated, ops_token;

create function ops_private.invitation_json(invitation ops.invitations) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(invitation) - array['token_sha256', 'accepted_by']
$$;
create function ops_private.invitation_audit(invitation ops.invitations) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('email', invitation.email, 'role', invitation.role, 'expires_at', invitation.expires_at,
    'project', (select p.slug from ops.projects as p where p.project_id = invitation.project_id), 'environment', (select e.slug from ops.environments as e where e.environment_id = invitation.environment_id))
$$;

create function ops_private.void_invitations_of(member ops.memberships) returns void language sql security definer set search_path = '' as $$
  update ops.invitations as i set revoked_at = clock_timestamp()
  where i.created_by = member.user_id and i.organization_id = member.organization_id and i.accepted_at is null and i.revoked_at is null
$$;

-- invite_member: admins of the scope, up to their own role. An open invitation of the same address to the same scope is replaced.
create function ops_private.invite_member(organization uuid, project uuid, environment uuid, email text, role text, token_sha256 text, expires_at timestamptz) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  me ops_private.principal := ops_private.me();
  address text := lower(trim(invite_member.email));
  made ops.invitations;
begin
  perform ops_private.require_over(organization, project, environment, 'admin', 'invite somebody');
  if coalesce(invite_member.token_sha256, '') !~ '^[0-9a-f]{64}$' or coalesce(address, '') !~ '^[^@\s]+@[^@\s]+$' or length(address) > 255 or ops_private.rank(invite_member.role) = 0 then
    perform ops_private.fail('invalid_input', 'email is an address, role is viewer, operator, editor, admin or owner, token_sha256 is a hash.');
  elsif invite_member.expires_at is null or invite_member.expires_at not between clock_timestamp() and clock_timestamp() + interval '31 days' then
    perform ops_private.fail('invalid_input', 'expires_at lies within the next 31 days.');
  end if;
  perform ops_private.refuse_above(ops_private.rank_over(organization, project, environment), invite_member.role);
  perform from ops.organizations as o where o.organization_id = organization for no key update;
  if exists (select from ops.memberships as m join auth.users as u on u.id = m.user_id where u.email = address and m.organization_id = organization
      and m.project_id is not distinct from project and m.environment_id is not distinct from environment) then
    perform ops_private.fail('conflict', 'This person is a member there already.', 'Change the role instead.');
  end if;
  update ops.invitations as i set revoked_at = clock_timestamp() where i.organization_id = organization and i.project_id is not distinct from project
    and i.environment_id is not distinct from environment and i.email = address and i.accepted_at is null and i.revoked_at is null;
  if (select count(*) from ops.invitations as i where i.organization_id = organization and i.accepted_at is null and i.revoked_at is null and i.expires_at > clock_timestamp()) >= 500 then
    perform ops_private.fail('conflict', 'The organization has 500 open invitations.', 'Revoke those that are not used.');
  end if;
  insert into ops.invitations (organization_id, project_id, environment_id, email, role, token_sha256, created_by, created_by_name, expires_at)
  values (organization, project, environment, address, invite_member.role, decode(invite_member.token_sha256, 'hex'), me.id, me.name, invite_member.expires_at)
  on conflict on constraint invitation_token_is_unique do nothing returning * into made;
  if not found then
    perform ops_private.fail('conflict', 'This token exists already.');
  end if;
  perform ops_private.audit(environment, 'member.invited', 'invitation', made.invitation_id::text, null, ops_private.invitation_audit(made), project, organization);
  return ops_private.invitation_json(made);
end
$$;

-- revoke_invitation: void from now on. A repeat changes nothing; an accepted one is a membership, and is removed as such.
create function ops_private.revoke_invitation(invitation uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  open ops.invitations;
begin
  select * into open from ops.invitations as i where i.invitation_id = invitation for update;
  if not found or ops_private.rank_over(open.organization_id, open.project_id, open.environment_id) < 4 then
    perform ops_private.fail('not_found', 'There is no such invitation, or you may not see it.');
  elsif open.accepted_at is not null then
    perform ops_private.fail('conflict', 'The invitation was accepted.', 'Remove the member instead.');
  elsif open.revoked_at is null then
    update ops.invitations as i set revoked_at = clock_timestamp() where i.invitation_id = invitation;
    perform ops_private.audit(open.environment_id, 'invitation.revoked', 'invitation', invitation::text, ops_private.invitation_audit(open), null, open.project_id, open.organization_id);
  end if;
  return true;
end
$$;

-- The open invitation behind a token, for the signed-in person whose confirmed address it names. Raises not_found for every other token, forbidden for another person.
create function ops_private.open_invitation(token text, lock boolean) returns ops.invitations language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  hash bytea := sha256(convert_to(coalesce(token, ''), 'UTF8'));
  open ops.invitations;
begin
  if me.type is distinct from 'user' then
    perform ops_private.fail('forbidden', 'A person accepts an invitation.', 'Sign in.');
  elsif lock then
    perform from ops.organizations as o where o.organization_id = (select i.organization_id from ops.invitations as i where i.token_sha256 = hash) for no key update;
    perform from ops.invitations as i where i.token_sha256 = hash for update;
  end if;
  select * into open from ops.invitations as i where i.token_sha256 = hash and i.accepted_at is null and i.revoked_at is null and i.expires_at > clock_timestamp();
  if not found then
    perform ops_private.fail('not_found', 'The invitation is unknown, used, revoked or expired.', 'Ask for a new one.');
  elsif not exists (select from auth.users as u where u.id = me.id and lower(u.email) = open.email and u.email_confirmed_at is not null) then
    perform ops_private.fail('forbidden', 'The invitation is for another e-mail address.', 'Sign in with the address that it was sent to.');
  end if;
  return open;
end
$$;

-- get_invitation(token): what accepting would mean.
create function ops_private.get_invitation(token text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  open ops.invitations := ops_private.open_invitation(token, false);
begin
  return jsonb_build_object('email', open.email, 'role', open.role, 'invited_by', open.created_by_name, 'expires_at', open.expires_at,
    'organization_name', (select o.name from ops.organizations as o where o.organization_id = open.organization_id),
    'project_name', (select p.name from ops.projects as p where p.project_id = open.project_id), 'environment_name', (select e.name from ops.environments as e where e.environment_id = open.environment_id));
end
$$;

-- accept_invitation(token): once. Who is a member of the scope already keeps the higher role.
create function ops_private.accept_invitation(token text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  open ops.invitations := ops_private.open_invitation(token, true);
  before jsonb;
  member ops.memberships;
begin
  select * into member from ops.memberships as m where m.user_id = me.id and m.organization_id = open.organization_id
    and m.project_id is not distinct from open.project_id and m.environment_id is not distinct from open.environment_id for update;
  before := case when found then ops_private.member_audit(member) end;
  insert into ops.memberships as m (user_id, organization_id, project_id, environment_id, role) values (me.id, open.organization_id, open.project_id, open.environment_id, open.role)
  on conflict on constraint one_membership_per_scope do update set role = case when ops_private.rank(excluded.role) > ops_private.rank(m.role) then excluded.role else m.role end
  returning * into member;
  update ops.invitations as i set accepted_at = clock_timestamp(), accepted_by = me.id where i.invitation_id = open.invitation_id;
  perform ops_private.audit(member.environment_id, 'member.joined', 'member', member.membership_id::text, before, ops_private.member_audit(member), member.project_id, member.organization_id);
  return ops_private.member_json(member);
end
$$;

create function ops.invite_member(organization_id uuid, email text, role text, token_sha256 text, expires_at timestamptz, project_id uuid default null, environment_id uuid default null) returns jsonb
language sql set search_path = '' as 'select ops_private.invite_member($1, $6, $7, $2, $3, $4, $5)';
create function ops.revoke_invitation(invitation_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.revoke_invitation($1)';
create function ops.get_invitation(token text) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_invitation($1)';
create function ops.accept_invitation(token text) returns jsonb language sql set search_path = '' as 'select ops_private.accept_invitation($1)';
grant execute on function ops_private.invite_member(uuid, uuid, uuid, text, text, text, timestamptz), ops.invite_member(uuid, text, text, text, timestamptz, uuid, uuid), ops_private.revoke_invitation(uuid), ops.revoke_invitation(uuid),
  ops_private.get_invitation(text), ops.get_invitation(text), ops_private.accept_invitation(text), ops.accept_invitation(text) to authenticated, ops_token;

-- Whether an account may be made: only by who shows the token of an open invitation (user metadata `invitation_token`), for the address that it names; knowing an
-- invited address is not enough, and the refusal is the same for every address. The auth server asks before it makes a user: here by itself, on hosted Supabase
-- as the hook "Before User Created" (https://supabase.com/docs/guides/auth/auth-hooks/before-user-created-hook), whose form this is.
create function ops_private.before_user_created(event jsonb) returns jsonb language sql stable security definer set search_path = '' as $$
  select case when exists (select from ops.invitations as i
      where i.token_sha256 = sha256(convert_to(event #>> '{user,user_metadata,invitation_token}', 'UTF8')) and i.email = lower(event #>> '{user,email}')
        and i.accepted_at is null and i.revoked_at is null and i.expires_at > now())
    then '{}'::jsonb else '{"error": {"http_code": 403, "message": "A new account needs the link of an invitation, and the address that it was made for."}}' end
$$;
grant usage on schema ops_private to supabase_auth_admin;
grant execute on function ops_private.before_user_created(jsonb) to supabase_auth_admin;
