-- A person's own sessions: rows of GoTrue's auth.sessions, which the owner of these functions may read and delete, here and on hosted Supabase. A session that was
-- ended, by sign-out or here, is refused at the next request (pre_request), though its JWT has not expired.

create function ops_private.session_lives(session uuid, person uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from auth.sessions as s join auth.users as u on u.id = s.user_id
    where s.id = session and s.user_id = person and (s.not_after is null or s.not_after > now()) and (u.banned_until is null or u.banned_until <= now()))
$$;

create function ops_private.my_session() returns uuid language sql stable set search_path = '' as $$
  select case when session_user = 'authenticator' then (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'session_id')::uuid end
$$;

-- list_sessions(): the last used first, at most 100.
create function ops_private.list_sessions() returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(mine) order by mine.last_seen_at desc, mine.session_id), '[]') from (
    select s.id as session_id, s.created_at, coalesce(s.refreshed_at at time zone 'utc', s.created_at) as last_seen_at, s.user_agent, host(s.ip) as ip, s.id is not distinct from ops_private.my_session() as current
    from auth.sessions as s where s.user_id = (select (ops_private.me()).id) and (select (ops_private.me()).type) = 'user' and (s.not_after is null or s.not_after > now())
    order by coalesce(s.refreshed_at at time zone 'utc', s.created_at) desc limit 100) as mine
$$;

-- revoke_session(session_id): with its refresh tokens. Raises not_found for one that is not the caller's.
create function ops_private.revoke_session(session uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  delete from auth.sessions as s where s.id = session and s.user_id = me.id and me.type = 'user';
  if not found then
    perform ops_private.fail('not_found', 'You have no such session.');
  end if;
  perform ops_private.audit_account(me.id, me.name, 'account.session_ended', jsonb_build_object('session_id', session));
  return true;
end
$$;

create function ops.list_sessions() returns jsonb language sql stable set search_path = '' as 'select ops_private.list_sessions()';
create function ops.revoke_session(session_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.revoke_session($1)';
grant execute on function ops_private.list_sessions(), ops.list_sessions(), ops_private.revoke_session(uuid), ops.revoke_session(uuid) to authenticated, ops_token;
grant execute on function ops_private.session_lives(uuid, uuid) to authenticated;
