-- Two schemas: `ops` is exposed by PostgREST (tables under RLS, views, thin invoker functions), `ops_private` is not
-- (SECURITY DEFINER functions, settings). Owner of both is the migration role, which has BYPASSRLS and is no superuser.
create schema ops;
create schema ops_private;
revoke all on schema ops, ops_private from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'ops_token') then
    create role ops_token nologin noinherit;
  end if;
  -- What SQL and BI logins are members of: reads under the same policies, calls nothing. Never the API roles.
  if not exists (select from pg_roles where rolname = 'ops_sql') then
    create role ops_sql nologin;
  end if;
end
$$;
do $$
begin
  if not pg_has_role('authenticator', 'ops_token', 'member') then
    grant ops_token to authenticator;
  end if;
end
$$;

-- anon and service_role reach ops_private only for the pre-request function, and nothing in ops.
grant usage on schema ops_private to anon, authenticated, service_role, ops_token, ops_sql;
grant usage on schema ops to authenticated, ops_token, ops_sql;
