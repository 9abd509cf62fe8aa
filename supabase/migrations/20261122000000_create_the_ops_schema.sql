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
-- Raises an error with a stable code of contracts/error.ts: PostgREST answers the status in the SQLSTATE (PTnnn).
create function ops_private.fail(code text, detail text default null, hint text default null)
returns void language plpgsql set search_path = '' as $$
declare
  status text := case code
    when 'invalid_input' then '400' when 'empty_filter' then '400' when 'invalid_text' then '400' when 'invalid_pattern' then '400'
    when 'unauthenticated' then '401' when 'token_invalid' then '401'
    when 'forbidden' then '403'
    when 'not_found' then '404'
    when 'lease_lost' then '409' when 'run_finished' then '409' when 'illegal_transition' then '409'
    when 'idempotency_conflict' then '409' when 'event_conflict' then '409' when 'conflict' then '409' when 'object_missing' then '409' when 'send_alone' then '409' when 'table_busy' then '409'
    when 'payload_too_large' then '413'
    when 'invalid_spec' then '422' when 'too_many_runs' then '422' when 'invalid_parameters' then '422' when 'hash_mismatch' then '422'
    else '500' end;
begin
  raise exception using errcode = 'PT' || status, message = code, detail = coalesce(detail, ''), hint = coalesce(hint, '');
end
$$;

-- An error as an answer beside others, for calls that answer each of many things: { code, detail, remedy }. What is not the
-- caller's own mistake (a deadlock, a timeout, a full disk) ends the whole call.
create function ops_private.error_answer(state text, message text, detail text, hint text) returns jsonb language plpgsql set search_path = '' as $$
begin
  if state !~ '^(PT|22|23)' then
    raise exception using errcode = state, message = message, detail = detail, hint = hint;
  elsif state like 'PT%' then
    return jsonb_build_object('code', message, 'detail', detail, 'remedy', hint);
  end if;
  return jsonb_build_object('code', case when state in ('22021', '22P05') then 'invalid_text' when state in ('23503', '23505') then 'conflict' else 'invalid_input' end, 'detail', '', 'remedy', '');
end
$$;
-- UUIDv7 (RFC 9562, method 3): 48 bits of milliseconds, 12 bits of the millisecond's fraction, 62 random bits.
-- Ids made later sort later (to 0.25 µs steps of one session's clock), so run_id is also the order of creation: the ids of one call
-- are a microsecond apart.
create function ops_private.uuid_v7s(count int) returns setof uuid language plpgsql volatile parallel safe set search_path = '' as $$
begin
  return query select encode(
    substring(int8send(us / 1000) from 3)
      || substring(int4send(28672 | ((us % 1000) * 4096 / 1000)::int) from 3)
      || substring(uuid_send(gen_random_uuid()) from 9 for 8), 'hex')::uuid
  from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as first) as now cross join generate_series(now.first, now.first + count - 1) as us;
end
$$;
create function ops_private.uuid_v7() returns uuid language sql volatile parallel safe set search_path = '' as 'select * from ops_private.uuid_v7s(1)';

-- The smallest UUIDv7 of a moment: the bound of a partition or a keyset.
create function ops_private.uuid_at(moment timestamptz) returns uuid language sql immutable parallel safe set search_path = '' as $$
  select encode(substring(int8send((extract(epoch from moment) * 1000)::bigint) from 3) || '\x70008000000000000000'::bytea, 'hex')::uuid
$$;
grant execute on function ops_private.uuid_v7s(int), ops_private.uuid_v7() to authenticated, ops_token;

-- uuid::text is only stable in the catalog; generated columns need an immutable function (the text form never varies).
create function ops_private.uuid_text(id uuid) returns text language sql immutable parallel safe set search_path = '' as 'select encode(uuid_send(id), ''hex'')::uuid::text';
-- Settings of this installation: hashes and keys that SQL itself checks. Nobody but the owner reads them.
create table ops_private.settings (
  key text primary key,
  value text not null,
  updated_at timestamptz not null default now()
);
alter table ops_private.settings enable row level security;
alter table ops_private.settings force row level security;

-- For the one who installs (a direct connection as owner): cron_secret_sha256, storage_receipt_key.
create function ops_private.put_setting(key text, value text) returns void language sql set search_path = '' as $$
  insert into ops_private.settings (key, value) values ($1, $2)
  on conflict (key) do update set value = excluded.value, updated_at = now() where settings.value <> excluded.value
$$;
-- Locks on what has no row of its own. Not PostgreSQL's advisory locks: every login of the server may take those, and keep them.
-- Names are without end (debounce keys), so they share 8,192 rows.
create unlogged table ops_private.locks (
  name_hash bigint primary key
);
alter table ops_private.locks enable row level security;
alter table ops_private.locks force row level security;

-- Waits until no other transaction has the lock of this name, and keeps it until the end of the transaction. Two names may
-- share one lock: whoever holds one takes no second.
create function ops_private.take_lock(name text) returns void language plpgsql security definer set search_path = '' as $$
declare
  hash bigint := hashtextextended(name, 0) & 8191;
begin
  insert into ops_private.locks (name_hash) values (hash) on conflict do nothing;
  perform from ops_private.locks as l where l.name_hash = hash for update;
end
$$;
-- organization → project → environment. Every row below carries environment_id or project_id.
create table ops.organizations (
  organization_id uuid primary key default gen_random_uuid(),
  slug text not null constraint organization_slug_is_unique unique constraint slug_is_a_word check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null,
  created_at timestamptz not null default now(),
  -- From here on nobody sees it; 90_deletion.sql removes what belongs to it. The same below.
  deleted_at timestamptz
);

create table ops.projects (
  project_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references ops.organizations,
  slug text not null constraint slug_is_a_word check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null,
  weight int not null default 1 constraint weight_is_positive check (weight between 1 and 1000),
  time_zone text not null default 'UTC',
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint project_slug_is_unique_in_its_organization unique (organization_id, slug),
  constraint project_and_organization_go_together unique (project_id, organization_id)
);

create table ops.environments (
  environment_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  slug text not null constraint slug_is_a_word check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint environment_slug_is_unique_in_its_project unique (project_id, slug),
  constraint environment_and_project_go_together unique (environment_id, project_id)
);

-- A role over an organization, one of its projects, or one environment of a project.
create table ops.memberships (
  membership_id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  organization_id uuid not null references ops.organizations,
  project_id uuid,
  environment_id uuid,
  role text not null constraint role_is_known check (role in ('viewer', 'operator', 'editor', 'admin', 'owner')),
  created_at timestamptz not null default now(),
  constraint one_membership_per_scope unique nulls not distinct (user_id, organization_id, project_id, environment_id),
  constraint an_environment_names_its_project check (environment_id is null or project_id is not null),
  foreign key (project_id, organization_id) references ops.projects (project_id, organization_id),
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index memberships_by_scope on ops.memberships (organization_id, project_id, environment_id);

create table ops.api_tokens (
  api_token_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  environment_id uuid,
  name text not null,
  role text not null constraint role_is_known check (role in ('viewer', 'operator', 'editor', 'admin', 'owner')),
  prefix text not null,
  token_sha256 bytea not null constraint token_is_unique unique constraint token_is_a_hash check (octet_length(token_sha256) = 32),
  created_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index api_tokens_by_project on ops.api_tokens (project_id);

create table ops.executors (
  executor_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  name text not null,
  queues text[] not null default '{default}',
  labels text[] not null default '{}',
  version text,
  hostname text,
  -- What an admin lets it claim from; null: from any. `queues` is what it last claimed from.
  allowed_queues text[],
  draining_since timestamptz,
  drain_comment text,
  last_seen_at timestamptz,
  -- An outage that was noted, so that it is told once (watch_executors).
  offline_since timestamptz,
  created_at timestamptz not null default now(),
  -- Runs go on naming it; it is in no list, and its tokens are void.
  deleted_at timestamptz
);
create unique index executor_name_is_unique_in_its_project on ops.executors (project_id, name) where deleted_at is null;

create table ops.executor_environments (
  executor_id uuid not null references ops.executors on delete cascade,
  environment_id uuid not null references ops.environments,
  primary key (executor_id, environment_id)
);
create index executor_environments_by_environment on ops.executor_environments (environment_id);

create table ops.executor_tokens (
  executor_token_id uuid primary key default gen_random_uuid(),
  executor_id uuid not null references ops.executors on delete cascade,
  prefix text not null,
  token_sha256 bytea not null constraint executor_token_is_unique unique constraint token_is_a_hash check (octet_length(token_sha256) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index executor_tokens_by_executor on ops.executor_tokens (executor_id);

-- Which database login stands for which person: SQL and BI clients see through the same policies.
create table ops_private.sql_logins (
  login name primary key,
  user_id uuid not null references auth.users (id) on delete cascade
);
create index sql_logins_by_user on ops_private.sql_logins (user_id);
alter table ops_private.sql_logins enable row level security;
alter table ops_private.sql_logins force row level security;
-- Who asks. Claims and headers count only where PostgREST is the session (session_user = 'authenticator'): any other
-- login could set them itself, and is looked up in sql_logins instead.
create type ops_private.principal as (type text, id uuid, name text, project_id uuid, environment_id uuid, role text);

create function ops_private.me() returns ops_private.principal
language plpgsql stable security definer set search_path = '' as $$
declare
  found ops_private.principal;
  stated text := nullif(current_setting('ops.principal', true), '');
  claims json;
begin
  if session_user = 'authenticator' then
    if stated is not null then
      return json_populate_record(null::ops_private.principal, stated::json);
    end if;
    claims := nullif(current_setting('request.jwt.claims', true), '')::json;
    if claims ->> 'role' = 'authenticated' and claims ->> 'sub' is not null then
      found.type := 'user';
      found.id := (claims ->> 'sub')::uuid;
      found.name := claims ->> 'email';
    end if;
  else
    select 'user', l.user_id, session_user::text into found.type, found.id, found.name
    from ops_private.sql_logins as l where l.login = session_user;
  end if;
  return found;
end
$$;

-- Reads x-control-room-token into a principal, or raises token_invalid, or rate_limited. The stored form is the token's SHA-256: 256 random
-- bits need no slow hash. Notes the use at most once a minute, and never in a read-only transaction (a GET, or a stable function).
create function ops_private.authenticate_token(token text) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  hash bytea := sha256(convert_to(token, 'UTF8'));
  found json;
  paused boolean;
  note boolean := current_setting('transaction_read_only') = 'off';
begin
  if token like 'lcx\_%' then
    select json_build_object('type', 'executor', 'id', e.executor_id, 'name', e.name, 'project_id', e.project_id),
      exists (select from ops_private.call_pauses as p where p.principal_id = e.executor_id and p.until > clock_timestamp()) into found, paused
    from ops.executor_tokens as t join ops.executors as e using (executor_id)
    where t.token_sha256 = hash and t.revoked_at is null and t.expires_at > clock_timestamp() and e.deleted_at is null;
    if found is not null and note then
      update ops.executor_tokens set last_used_at = clock_timestamp() where executor_token_id = (
        select t.executor_token_id from ops.executor_tokens as t where t.token_sha256 = hash
          and (t.last_used_at is null or t.last_used_at < clock_timestamp() - interval '1 minute') for update skip locked);
    end if;
  elsif token like 'lct\_%' then
    select json_build_object('type', 'token', 'id', t.api_token_id, 'name', t.name, 'project_id', t.project_id,
      'environment_id', t.environment_id, 'role', t.role),
      exists (select from ops_private.call_pauses as p where p.principal_id = t.api_token_id and p.until > clock_timestamp()) into found, paused
    from ops.api_tokens as t where t.token_sha256 = hash and t.revoked_at is null and t.expires_at > clock_timestamp();
    if found is not null and note then
      update ops.api_tokens set last_used_at = clock_timestamp() where api_token_id = (
        select t.api_token_id from ops.api_tokens as t where t.token_sha256 = hash
          and (t.last_used_at is null or t.last_used_at < clock_timestamp() - interval '1 minute') for update skip locked);
    end if;
  else
    select json_build_object('type', 'service', 'name', 'scheduler') into found
    from ops_private.settings as s where s.key = 'cron_secret_sha256' and s.value = encode(hash, 'hex');
  end if;
  if found is null then
    perform ops_private.fail('token_invalid', 'The token in x-control-room-token is unknown, expired or revoked.', 'Create a new token, or rotate it.');
  end if;
  -- As in looks_at_calls, asked in the statements above, because one of its own would cost half as much as they do.
  if paused or random() < 1.0 / 64 then
    perform ops_private.limit_calls((found ->> 'id')::uuid, found ->> 'type');
  end if;
  return found::text;
end
$$;

-- pgrst.db_pre_request: runs first in every request's transaction, as the role of the JWT. A session that has ended is refused, though its JWT goes on.
-- Who reads a table chooses the filter, and without one of a run a read walks the rows of all tenants (events, phases, signals, scores and dataset
-- versions have no index that an environment leads: each would cost every run more than these reads are worth), so it has 3 s instead of 8.
create function ops_private.pre_request() returns void language plpgsql set search_path = '' as $$
declare
  token text := nullif(nullif(current_setting('request.headers', true), '')::json ->> 'x-control-room-token', '');
  reads_table boolean := current_setting('request.method', true) in ('GET', 'HEAD') and current_setting('request.path', true) not like '/rpc/%';
  claims json;
begin
  perform set_config('ops.principal', '', true);
  if reads_table or token is not null then
    perform set_config('statement_timeout', case when reads_table then '3s' else '8s' end, true);
  end if;
  if token is null then
    if current_user = 'authenticated' then
      claims := nullif(current_setting('request.jwt.claims', true), '')::json;
      if claims ->> 'session_id' is not null and not ops_private.session_lives((claims ->> 'session_id')::uuid, (claims ->> 'sub')::uuid) then
        perform ops_private.fail('unauthenticated', 'The session has ended.', 'Sign in again.');
      end if;
      perform ops_private.limit_person();
    end if;
    return;
  end if;
  if current_user <> 'anon' then
    perform ops_private.fail('token_invalid', 'A token and a user session came together.', 'Send one of them.');
  end if;
  perform set_config('ops.principal', ops_private.authenticate_token(token), true);
  perform set_config('role', 'ops_token', true);
end
$$;
grant execute on function ops_private.pre_request(), ops_private.fail(text, text, text), ops_private.authenticate_token(text) to anon, authenticated, service_role, ops_token;
grant execute on function ops_private.me() to authenticated, ops_token, ops_sql;
alter role authenticator set pgrst.db_pre_request = 'ops_private.pre_request';
-- How many calls a principal may make, over all doors and processes. One call in 64 that may write is counted, as a row of its
-- own: a counter would be a lock that every call of a token waits for. Who goes over is paused, and its calls are refused
-- by one look at an index. Calls that only read, or fail, are not counted here (their transactions leave nothing), but refused
-- as well; the web app counts each call of its own (lib/api/rate-limit.ts). Unlogged: a crash forgets ten seconds.
create unlogged table ops_private.call_samples (
  principal_id uuid not null,
  at timestamptz not null default clock_timestamp()
);
create index call_samples_newest on ops_private.call_samples (principal_id, at);
create unlogged table ops_private.call_pauses (
  principal_id uuid primary key,
  until timestamptz not null
);
alter table ops_private.call_samples enable row level security;
alter table ops_private.call_samples force row level security;
alter table ops_private.call_pauses enable row level security;
alter table ops_private.call_pauses force row level security;

-- Whether a call is one of those that are counted, or its principal is paused: all that most calls pay.
create function ops_private.looks_at_calls(principal uuid) returns boolean language sql volatile set search_path = '' as $$
  select random() < 1.0 / 64 or exists (select from ops_private.call_pauses as p where p.principal_id = principal and p.until > clock_timestamp())
$$;

-- limit_calls: requests that looks_at_calls chose; the scheduler has no id, and no limit. Raises rate_limited with Retry-After while the principal is paused, else counts.
-- `kind`: person, token or executor; the limit per second is the setting calls_per_second_<kind>, over ten seconds.
create function ops_private.limit_calls(principal uuid, kind text) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  share constant int := 64;
  seconds constant int := 10;
  ends timestamptz;
  most numeric;
begin
  if principal is null then
    return;
  end if;
  select p.until into ends from ops_private.call_pauses as p where p.principal_id = principal and p.until > clock_timestamp();
  if ends is not null then
    perform ops_private.fail_rate_limited(ceil(extract(epoch from ends - clock_timestamp()))::int);
  end if;
  if current_setting('transaction_read_only') = 'on' then
    return;
  end if;
  insert into ops_private.call_samples (principal_id) values (principal);
  most := coalesce((select s.value::numeric from ops_private.settings as s where s.key = 'calls_per_second_' || kind),
    case kind when 'person' then 500 when 'token' then 2000 else 5000 end) * seconds / share;
  if (select count(*) from (select from ops_private.call_samples as c where c.principal_id = principal and c.at > clock_timestamp() - make_interval(secs => seconds) limit ceil(most)::int + 1) as few) > most then
    insert into ops_private.call_pauses as p (principal_id, until) values (principal, clock_timestamp() + interval '5 seconds')
    on conflict (principal_id) do update set until = excluded.until where p.until < clock_timestamp();
  end if;
  delete from ops_private.call_samples as c where c.ctid = any (array(
    select o.ctid from ops_private.call_samples as o where o.principal_id = principal and o.at < clock_timestamp() - make_interval(secs => seconds) limit 100 for update skip locked));
end
$$;

-- PostgREST takes the whole answer, headers included, from an error of state PGRST.
create function ops_private.fail_rate_limited(wait_seconds int) returns void language plpgsql set search_path = '' as $$
begin
  raise sqlstate 'PGRST' using
    message = json_build_object('code', 'PT429', 'message', 'rate_limited', 'details', 'You made more calls than one may.', 'hint', format('Wait %s s.', wait_seconds))::text,
    detail = json_build_object('status', 429, 'headers', json_build_object('Retry-After', wait_seconds::text))::text;
end
$$;

-- limit_person: a session's own requests, whose transaction runs as its role.
create function ops_private.limit_person() returns void language plpgsql volatile security definer set search_path = '' as $$
declare
  claims json := nullif(current_setting('request.jwt.claims', true), '')::json;
begin
  if ops_private.looks_at_calls((claims ->> 'sub')::uuid) then
    perform ops_private.limit_calls((claims ->> 'sub')::uuid, 'person');
  end if;
end
$$;
grant execute on function ops_private.limit_person() to authenticated;
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
-- whoami(): the caller and the environments it sees. Anybody with an identity.
create function ops_private.whoami() returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if me.type is null then
    perform ops_private.fail('unauthenticated');
  end if;
  return jsonb_build_object('type', me.type, 'id', me.id, 'name', coalesce(me.name, ''), 'environments', coalesce((
    select jsonb_agg(jsonb_build_object(
      'environment_id', v.environment_id, 'slug', e.slug, 'name', e.name, 'project_id', v.project_id, 'project_slug', p.slug, 'project_name', p.name,
      'organization_id', v.organization_id, 'organization_slug', o.slug, 'organization_name', o.name,
      'role', (array['viewer', 'operator', 'editor', 'admin', 'owner'])[nullif(v.rank, 0)]) order by o.slug, p.slug, e.created_at, e.slug)
    from ops_private.my_environments() as v
    join ops.environments as e using (environment_id)
    join ops.projects as p on p.project_id = v.project_id
    join ops.organizations as o on o.organization_id = v.organization_id), '[]'));
end
$$;
create function ops.whoami() returns jsonb language sql stable set search_path = '' as 'select ops_private.whoami()';
grant execute on function ops_private.whoami(), ops.whoami() to authenticated, ops_token;
-- Who changed what: written in the changing transaction, never altered. No column refers to another table: what was done stays when
-- the thing, its project or its author is gone. Sealed by 15_audit_chain.sql.

-- The caller's own id of the request (X-Request-Id), where PostgREST is the session; null elsewhere.
create function ops_private.request_id() returns text language plpgsql stable set search_path = '' as $$
begin
  return substring(case when session_user = 'authenticator' then nullif(current_setting('request.headers', true), '')::json ->> 'x-request-id' end from '^[A-Za-z0-9._-]{1,100}$');
end
$$;

create table ops.audit_log (
  audit_id bigint generated always as identity primary key,
  organization_id uuid not null,
  project_id uuid,
  environment_id uuid,
  actor_type text not null constraint actor_is_known check (actor_type in ('user', 'token', 'executor', 'service', 'schedule')),
  actor_id uuid,
  actor_name text,
  -- Ordered by bytes, so that all verbs of a noun are a range of the index below.
  action text collate "C" not null,
  object_type text not null,
  object_id text not null,
  -- Never compressed, so that how much there is to hash is known before it is read.
  before jsonb storage external,
  after jsonb storage external,
  request_id text default ops_private.request_id(),
  txid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default clock_timestamp()
);
-- Reading: each filter of a page within its organization, newest first.
create index audit_log_by_organization on ops.audit_log (organization_id, audit_id);
create index audit_log_by_environment on ops.audit_log (environment_id, audit_id);
-- What concerns a whole project, for those who govern only some: lib/ops/audit.ts asks by environments and these.
create index audit_log_by_project on ops.audit_log (project_id, audit_id) where environment_id is null;
create index audit_log_by_actor on ops.audit_log (organization_id, actor_id, audit_id);
create index audit_log_by_actor_name on ops.audit_log (organization_id, actor_name, audit_id);
create index audit_log_by_action on ops.audit_log (organization_id, action, audit_id);
create index audit_log_by_object on ops.audit_log (organization_id, object_id, audit_id);
-- The order of sealing.
create index audit_log_by_transaction on ops.audit_log (txid, audit_id);
alter table ops.audit_log enable row level security;
alter table ops.audit_log force row level security;
-- What concerns more than one environment is for those who govern all of it; what became of a project that is gone, for its organization's admins.
create policy admins_read_the_audit_log on ops.audit_log for select to authenticated, ops_token, ops_sql
  using (organization_id = any ((select ops_private.governed_organizations(4))::uuid[])
    or environment_id = any ((select ops_private.visible_environments(4))::uuid[])
    or environment_id is null and project_id = any ((select ops_private.governed_projects(4))::uuid[]));
grant select on ops.audit_log to authenticated, ops_token, ops_sql;

-- Of tables that only grow. Their rows go with a deleted environment or project (91_advance_deletions.sql says ops.removing); those of the audit log never.
create function ops_private.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' and tg_table_name not in ('audit_log', 'audit_chain') and current_setting('ops.removing', true) = 'on' then
    return old;
  end if;
  raise exception using errcode = 'PT409', message = 'conflict', detail = format('%s is append-only.', tg_table_name);
end
$$;
create trigger audit_log_is_append_only before update or delete on ops.audit_log for each row execute function ops_private.refuse_change();
create trigger audit_log_is_not_truncated before truncate on ops.audit_log for each statement execute function ops_private.refuse_change();

-- What was before and after has at most 64 kB each as text; of more there is its size and its hash, so that nobody's changes take the sealing and the
-- verifying of everybody's more than so long. The trigger's own look at the sizes, which most entries pass, costs less than a call.
create function ops_private.shortened(content jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select case when octet_length(content::text) > 65536 then jsonb_build_object('truncated', true, 'byte_size', octet_length(content::text), 'sha256', encode(sha256(convert_to(content::text, 'UTF8')), 'hex')) else content end
$$;
create function ops_private.shorten_entry() returns trigger language plpgsql set search_path = '' as $$
begin
  new.before := ops_private.shortened(new.before);
  new.after := ops_private.shortened(new.after);
  return new;
end
$$;
-- A character takes six bytes as text at most, so what takes 8 kB here is within the limit.
create trigger a_long_entry_is_shortened before insert on ops.audit_log for each row
when (pg_column_size(new.before) > 8192 or pg_column_size(new.after) > 8192) execute function ops_private.shorten_entry();

create function ops_private.audit(environment uuid, action text, object_type text, object_id text, before jsonb default null, after jsonb default null, project uuid default null, organization uuid default null)
returns void language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  project := coalesce(project, (select e.project_id from ops.environments as e where e.environment_id = environment));
  insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id, before, after)
  values (coalesce(organization, (select p.organization_id from ops.projects as p where p.project_id = project)), project, environment,
    coalesce(me.type, 'service'), me.id, me.name, audit.action, audit.object_type, audit.object_id, audit.before, audit.after);
end
$$;
-- One hash chain per organization, written after the fact, so that writers never wait for each other: link n = SHA-256(link n-1 || SHA-256(row)).
-- Link 0 is SHA-256 of the organization's id. A row that the table's owner changes, removes or slips in no longer fits its link; the
-- tips are signed and stored outside the database (audit_heads), so that cutting off the end shows too.
create table ops.audit_chain (
  organization_id uuid not null,
  seq bigint not null constraint the_first_link_is_1 check (seq >= 1),
  audit_id bigint not null constraint a_row_is_sealed_once unique,
  hash bytea not null constraint a_link_is_a_sha256 check (octet_length(hash) = 32),
  sealed_at timestamptz not null default clock_timestamp(),
  primary key (organization_id, seq)
);
alter table ops.audit_chain enable row level security;
alter table ops.audit_chain force row level security;
create policy admins_read_the_chain on ops.audit_chain for select to authenticated, ops_token, ops_sql
  using (organization_id = any ((select ops_private.governed_organizations(4))::uuid[]) or organization_id = any ((select ops_private.visible_organizations(4))::uuid[]));
grant select on ops.audit_chain to authenticated, ops_token, ops_sql;
create trigger audit_chain_is_append_only before update or delete on ops.audit_chain for each row execute function ops_private.refuse_change();
create trigger audit_chain_is_not_truncated before truncate on ops.audit_chain for each statement execute function ops_private.refuse_change();

-- An entry with its place in the chain; both null for at most some seconds.
create view ops.audit_list with (security_invoker = true) as
  select a.audit_id, a.organization_id, a.project_id, a.environment_id, a.actor_type, a.actor_id, a.actor_name, a.action, a.object_type, a.object_id,
    a.before, a.after, a.request_id, a.created_at, c.seq, encode(c.hash, 'hex') as hash
  from ops.audit_log as a left join ops.audit_chain as c using (audit_id);
grant select on ops.audit_list to authenticated, ops_token, ops_sql;

-- Up to where everything is sealed. The row's lock makes one sealer at a time.
create table ops_private.audit_sealer (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  txid xid8 not null default '0',
  audit_id bigint not null default 0
);
insert into ops_private.audit_sealer default values;

-- The last tip of each organization that was stored outside: the number of the stored head, and the link that it names.
create table ops_private.audit_heads (
  organization_id uuid primary key,
  number bigint not null default 0,
  seq bigint not null default 0,
  stored_at timestamptz,
  -- When the next is to be stored; null where nothing is new.
  due_at timestamptz
);
create index audit_heads_due on ops_private.audit_heads (due_at) where due_at is not null;
do $$
declare
  name text;
begin
  foreach name in array array['audit_sealer', 'audit_heads'] loop
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
  end loop;
end
$$;

-- What is hashed of an entry: named one by one, and without anything that a session's settings change the look of.
create function ops_private.audit_hash(entry ops.audit_log) returns bytea language plpgsql stable set search_path = '' as $$
begin
  return sha256(convert_to(jsonb_build_array(1, entry.audit_id, entry.organization_id, entry.project_id, entry.environment_id, entry.actor_type, entry.actor_id, entry.actor_name,
    entry.action, entry.object_type, entry.object_id, entry.before, entry.after, entry.request_id, entry.txid, extract(epoch from entry.created_at))::text, 'UTF8'));
end
$$;
-- The links that follow this one, for hashes of entries in order; an entry that is missing (null) leaves the link as it was.
create function ops_private.links(link bytea, hashes bytea[]) returns table (place bigint, hash bytea) language plpgsql immutable set search_path = '' as $$
declare
  entry_hash bytea;
begin
  hash := link;
  place := 0;
  foreach entry_hash in array hashes loop
    hash := case when entry_hash is null then hash else sha256(hash || entry_hash) end;
    place := place + 1;
    return next;
  end loop;
end
$$;
create function ops_private.first_link(organization uuid) returns bytea language sql immutable set search_path = '' as 'select sha256(uuid_send(organization))';

create function ops_private.require_service(action text) returns void language plpgsql stable set search_path = '' as $$
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', format('Only the scheduler may %s.', action));
  end if;
end
$$;

-- The first transaction that is open and may write an entry. One of another database writes none here, nor does that of a SQL login, which could stay
-- open for as long as it likes and hold up the sealing of everybody.
create function ops_private.sealing_horizon() returns xid8 language sql stable set search_path = '' as $$
  select coalesce(min(o.xid), pg_snapshot_xmax(pg_current_snapshot())) from pg_snapshot_xip(pg_current_snapshot()) as o (xid)
  where not exists (select from pg_stat_activity as a where a.backend_xid = o.xid::xid and (a.datname <> current_database()
    or pg_has_role(a.usesysid, 'ops_sql', 'member') and not pg_has_role(a.usesysid, 'authenticated', 'member') and not pg_has_role(a.usesysid, 'ops_token', 'member') and not pg_has_role(a.usesysid, current_user, 'member')))
$$;

-- seal_audit(at_most): the scheduler. Chains entries of transactions older than every open one that may write any, in the order of (txid, audit_id), which no later
-- commit can change; answers how many: at_most, or what 16 MB hold. A second caller at the same time answers 0.
create function ops_private.seal_audit(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  horizon xid8 := ops_private.sealing_horizon();
  done ops_private.audit_sealer;
  last record;
  sealed int;
begin
  perform ops_private.require_service('seal the audit log');
  if at_most is null or at_most not between 1 and 50000 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 50000.');
  end if;
  select * into done from ops_private.audit_sealer for no key update skip locked;
  if not found then
    return 0;
  elsif done.txid >= horizon then
    -- A database that was restored into another cluster counts its transactions from the beginning again.
    done.txid := '0';
    done.audit_id := 0;
  end if;
  with due as materialized (
    select w.organization_id, w.txid, w.audit_id from (
      select l.*, sum(l.size) over (order by l.txid, l.audit_id rows unbounded preceding) as bytes from (
        select l.organization_id, l.txid, l.audit_id, coalesce(pg_column_size(l.before), 0) + coalesce(pg_column_size(l.after), 0) as size from ops.audit_log as l
        where (l.txid, l.audit_id) > (done.txid, done.audit_id) and l.txid < horizon and not exists (select from ops.audit_chain as c where c.audit_id = l.audit_id)
        order by l.txid, l.audit_id limit at_most) as l) as w
    where w.bytes - w.size < 16777216),
  -- Hashes and ids in the same order, so that links and entries meet by their place: a join may hash every entry once for each.
  entries as (
    select d.organization_id, array_agg(ops_private.audit_hash(l) order by d.txid, d.audit_id) as hashes, array_agg(d.audit_id order by d.txid, d.audit_id) as audit_ids
    from due as d join ops.audit_log as l on l.audit_id = d.audit_id group by d.organization_id),
  tips as materialized (
    select e.*, coalesce(t.seq, 0) as seq, coalesce(t.hash, ops_private.first_link(e.organization_id)) as hash
    from entries as e
    left join lateral (select c.seq, c.hash from ops.audit_chain as c where c.organization_id = e.organization_id order by c.seq desc limit 1) as t on true),
  added as (
    insert into ops.audit_chain (organization_id, seq, audit_id, hash)
    select t.organization_id, t.seq + l.place, l.audit_id, l.hash
    from tips as t cross join lateral rows from (ops_private.links(t.hash, t.hashes), unnest(t.audit_ids)) as l (place, hash, audit_id)),
  moved as (
    insert into ops_private.audit_heads as h (organization_id, due_at) select t.organization_id, clock_timestamp() from tips as t
    on conflict (organization_id) do update set due_at = greatest(excluded.due_at, h.stored_at + interval '1 minute') where h.due_at is null)
  select count(*)::int, (array_agg(d.txid order by d.txid desc, d.audit_id desc))[1], (array_agg(d.audit_id order by d.txid desc, d.audit_id desc))[1]
  into sealed, done.txid, done.audit_id from due as d;
  if sealed > 0 then
    update ops_private.audit_sealer as s set txid = done.txid, audit_id = done.audit_id where s.only_row;
  end if;
  return sealed;
end
$$;

-- take_audit_heads(at_most): the scheduler. Tips to sign and to store outside, at most one a minute for each organization. They stay due until
-- note_audit_head says that they are stored.
create function ops_private.take_audit_heads(at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  perform ops_private.require_service('store the heads of the audit log');
  return (select coalesce(jsonb_agg(jsonb_build_object('organization_id', h.organization_id, 'number', h.number + 1, 'seq', t.seq::text, 'hash', encode(t.hash, 'hex')) order by h.due_at), '[]')
    from (select d.* from ops_private.audit_heads as d where d.due_at <= clock_timestamp() order by d.due_at limit least(at_most, 1000)) as h
    cross join lateral (select c.seq, c.hash from ops.audit_chain as c where c.organization_id = h.organization_id order by c.seq desc limit 1) as t);
end
$$;

-- note_audit_head(organization, number, seq): the scheduler. The head of this number is stored. A number that is not higher changes nothing.
create function ops_private.note_audit_head(organization uuid, number bigint, seq bigint) returns boolean language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.require_service('store the heads of the audit log');
  update ops_private.audit_heads as h set number = note_audit_head.number, seq = note_audit_head.seq, stored_at = clock_timestamp(),
    due_at = case when exists (select from ops.audit_chain as c where c.organization_id = organization and c.seq > note_audit_head.seq) then clock_timestamp() + interval '1 minute' end
  where h.organization_id = organization and h.number < note_audit_head.number;
  return found;
end
$$;

-- verify_audit(organization, after_seq, at_most): admins within the organization. Computes the next links again (at_most, or what 16 MB hold) and answers how far
-- it came, the last link, the first place that does not fit, and how many entries wait for their seal. Entries slipped in behind the sealer are looked for at the end.
create function ops_private.verify_audit(organization uuid, after_seq bigint, at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  walked record;
  ended record;
begin
  if not organization = any (ops_private.visible_organizations() || ops_private.governed_organizations(1)) then
    perform ops_private.fail('not_found', 'There is no such organization, or you may not see it.');
  elsif not organization = any (ops_private.visible_organizations(4) || ops_private.governed_organizations(4)) then
    perform ops_private.fail('forbidden', 'To verify the audit log needs the role admin.', 'Ask an admin of the organization for that role.');
  elsif after_seq is null or after_seq < 0 or at_most is null or at_most not between 1 and 100000 then
    perform ops_private.fail('invalid_input', 'after_seq is not negative; at_most is 1 to 100000.');
  end if;
  if after_seq > 0 and not exists (select from ops.audit_chain as c where c.organization_id = organization and c.seq = after_seq) then
    return jsonb_build_object('organization_id', organization, 'checked', 0, 'last_seq', after_seq::text, 'hash', null, 'complete', true, 'unsealed', null,
      'broken', jsonb_build_object('seq', after_seq::text, 'audit_id', null, 'reason', 'link_missing'));
  end if;
  with asked as materialized (
    select w.*, row_number() over (order by w.seq) as place, sum(w.size) over (order by w.seq rows unbounded preceding) - w.size < 16777216 as fits from (
      select c.seq, c.audit_id, c.hash, coalesce(pg_column_size(a.before), 0) + coalesce(pg_column_size(a.after), 0) as size
      from (select l.* from ops.audit_chain as l where l.organization_id = organization and l.seq > after_seq order by l.seq limit at_most) as c left join ops.audit_log as a on a.audit_id = c.audit_id) as w),
  linked as materialized (
    select c.seq, c.audit_id, c.hash, coalesce(a.organization_id = organization, false) as is_there, ops_private.audit_hash(a) as entry_hash, c.place
    from asked as c left join ops.audit_log as a on a.audit_id = c.audit_id where c.fits),
  first as (
    select case after_seq when 0 then ops_private.first_link(organization) else (select c.hash from ops.audit_chain as c where c.organization_id = organization and c.seq = after_seq) end as hash),
  computed as (
    select 0 as place, null::bigint as seq, null::bigint as audit_id, true as is_there, f.hash, f.hash as wanted from first as f
    union all select l.place, l.seq, l.audit_id, l.is_there, l.hash, w.hash
    from first as f cross join lateral ops_private.links(f.hash, array(select n.entry_hash from linked as n order by n.place)) as w join linked as l on l.place = w.place),
  broken as (
    select c.seq, c.audit_id, case when c.seq is distinct from after_seq + c.place then 'link_missing' when not c.is_there then 'entry_missing' else 'entry_changed' end as reason
    from computed as c where c.place > 0 and (c.seq <> after_seq + c.place or not c.is_there or c.wanted is distinct from c.hash) order by c.place limit 1)
  select (select count(*) from linked) as n, (select count(*) < at_most and bool_and(a.fits) is not false from asked as a) as is_last, (select to_jsonb(b) || jsonb_build_object('seq', b.seq::text, 'audit_id', b.audit_id::text) from broken as b) as broken,
    (select encode(c.hash, 'hex') from computed as c order by c.place desc limit 1) as hash into walked;
  if walked.is_last then
    with sealer as (select s.txid, s.audit_id from ops_private.audit_sealer as s)
    select (select count(*)::int from ops.audit_log as a, sealer as s where a.organization_id = organization and (a.txid, a.audit_id) > (s.txid, s.audit_id)) as unsealed,
      (select jsonb_build_object('seq', null, 'audit_id', a.audit_id::text, 'reason', 'entry_added') from ops.audit_log as a, sealer as s
        where a.organization_id = organization and (a.txid, a.audit_id) <= (s.txid, s.audit_id) and not exists (select from ops.audit_chain as c where c.audit_id = a.audit_id)
        order by a.audit_id limit 1) as added into ended;
    return jsonb_build_object('organization_id', organization, 'checked', walked.n, 'last_seq', (after_seq + walked.n)::text, 'hash', walked.hash, 'complete', true,
      'unsealed', ended.unsealed, 'broken', coalesce(walked.broken, ended.added));
  end if;
  return jsonb_build_object('organization_id', organization, 'checked', walked.n, 'last_seq', (after_seq + walked.n)::text, 'hash', walked.hash, 'complete', walked.broken is not null,
    'unsealed', null, 'broken', walked.broken);
end
$$;

create function ops.seal_audit(at_most int default 5000) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.seal_audit($1))';
create function ops.take_audit_heads(at_most int default 100) returns jsonb language sql stable set search_path = '' as 'select ops_private.take_audit_heads($1)';
create function ops.note_audit_head(organization_id uuid, number bigint, seq bigint) returns boolean language sql set search_path = '' as 'select ops_private.note_audit_head($1, $2, $3)';
create function ops.verify_audit(organization_id uuid, after_seq bigint default 0, at_most int default 20000) returns jsonb language sql stable set search_path = '' as 'select ops_private.verify_audit($1, $2, $3)';
grant execute on function ops_private.seal_audit(int), ops.seal_audit(int), ops_private.take_audit_heads(int), ops.take_audit_heads(int),
  ops_private.note_audit_head(uuid, bigint, bigint), ops.note_audit_head(uuid, bigint, bigint), ops_private.verify_audit(uuid, bigint, int), ops.verify_audit(uuid, bigint, int) to ops_token;
grant execute on function ops_private.verify_audit(uuid, bigint, int), ops.verify_audit(uuid, bigint, int) to authenticated;
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
-- What becomes of an account is told to each organization of its holder. The auth server changes accounts by itself, here and on hosted
-- Supabase: a trigger sees it, by whichever door it came.
create function ops_private.audit_account(person uuid, name text, action text, before jsonb default null, after jsonb default null) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.audit_log (organization_id, actor_type, actor_id, actor_name, action, object_type, object_id, before, after)
  select m.organization_id, 'user', person, name, action, 'user', person::text, before, after from ops.memberships as m where m.user_id = person group by m.organization_id order by m.organization_id;
end
$$;

-- Of a password that it was changed, never what it is.
create function ops_private.note_account_changes() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.email is distinct from old.email then
    perform ops_private.audit_account(new.id, old.email, 'account.email_changed', jsonb_build_object('email', old.email), jsonb_build_object('email', new.email));
  end if;
  if new.encrypted_password is distinct from old.encrypted_password then
    perform ops_private.audit_account(new.id, new.email, 'account.password_changed');
  end if;
  return null;
end
$$;
create trigger account_changes_are_audited after update on auth.users for each row
  when (old.email is distinct from new.email or old.encrypted_password is distinct from new.encrypted_password) execute function ops_private.note_account_changes();
-- API tokens (lct_…) of a project or of one environment: admins of that scope, up to their own role. Whoever calls made the token (256 random bits) and gives its
-- SHA-256 only. A token goes on when the person who made it leaves: it belongs to the project.

create function ops_private.api_token_json(token ops.api_tokens) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(token) - 'token_sha256'
$$;
create function ops_private.api_token_audit(token ops.api_tokens) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('name', token.name, 'role', token.role, 'prefix', token.prefix, 'environment_id', token.environment_id, 'expires_at', token.expires_at)
$$;

create function ops_private.insert_api_token(token ops.api_tokens, sha256_hex text) returns ops.api_tokens language plpgsql security definer set search_path = '' as $$
declare
  made ops.api_tokens;
begin
  if coalesce(sha256_hex, '') !~ '^[0-9a-f]{64}$' or coalesce(token.prefix, '') !~ '^lct_[A-Za-z0-9_-]{4,8}$' then
    perform ops_private.fail('invalid_input', 'token_sha256 is a hash, prefix the beginning of the token.');
  elsif token.expires_at is null or token.expires_at not between clock_timestamp() and clock_timestamp() + interval '10 years' then
    perform ops_private.fail('invalid_input', 'expires_at lies within the next ten years.');
  elsif (select count(*) from ops.api_tokens as t where t.project_id = token.project_id and t.revoked_at is null and t.expires_at > clock_timestamp()) >= 200 then
    perform ops_private.fail('conflict', 'The project has 200 tokens.', 'Revoke those that are not used.');
  end if;
  insert into ops.api_tokens (project_id, environment_id, name, role, prefix, token_sha256, created_by, expires_at)
  values (token.project_id, token.environment_id, token.name, token.role, token.prefix, decode(sha256_hex, 'hex'), (ops_private.me()).id, token.expires_at)
  on conflict on constraint token_is_unique do nothing returning * into made;
  if not found then
    perform ops_private.fail('conflict', 'This token exists already.');
  end if;
  return made;
end
$$;

create function ops_private.create_api_token(project uuid, environment uuid, name text, role text, token_sha256 text, prefix text, expires_at timestamptz) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := ops_private.organization_of(project);
  token ops.api_tokens;
begin
  perform ops_private.require_over(organization, project, environment, 'admin', 'make a token');
  if coalesce(trim(name), '') = '' or length(name) > 100 or ops_private.rank(role) = 0 then
    perform ops_private.fail('invalid_input', 'name has 1 to 100 characters, role is viewer, operator, editor, admin or owner.');
  end if;
  perform ops_private.refuse_above(ops_private.rank_over(organization, project, environment), role);
  perform from ops.projects as p where p.project_id = project for no key update; -- the limit is counted under it
  token.project_id := project; token.environment_id := environment; token.name := trim(name); token.role := role; token.prefix := prefix; token.expires_at := expires_at;
  token := ops_private.insert_api_token(token, token_sha256);
  perform ops_private.audit(environment, 'token.created', 'token', token.api_token_id::text, null, ops_private.api_token_audit(token), project);
  return ops_private.api_token_json(token);
end
$$;

create function ops_private.api_token_to_change(api_token uuid) returns ops.api_tokens language plpgsql security definer set search_path = '' as $$
declare
  token ops.api_tokens;
begin
  perform from ops.projects as p where p.project_id = (select t.project_id from ops.api_tokens as t where t.api_token_id = api_token) for no key update;
  select * into token from ops.api_tokens as t where t.api_token_id = api_token for update;
  if not found or ops_private.rank_over(ops_private.organization_of(token.project_id), token.project_id, token.environment_id) < 4 then
    perform ops_private.fail('not_found', 'There is no such token, or you may not see it.');
  end if;
  return token;
end
$$;

-- rotate_api_token: a new token of the same name, scope and role; the old one ends after `overlap_seconds`, or when it would.
create function ops_private.rotate_api_token(api_token uuid, token_sha256 text, prefix text, expires_at timestamptz, overlap_seconds int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.api_tokens := ops_private.api_token_to_change(api_token);
  token ops.api_tokens := old;
begin
  if coalesce(overlap_seconds, -1) not between 0 and 2592000 then
    perform ops_private.fail('invalid_input', 'overlap_seconds is 0 to 2,592,000.');
  elsif old.revoked_at is not null or old.expires_at <= clock_timestamp() then
    perform ops_private.fail('conflict', 'The token has ended.', 'Make a new one.');
  end if;
  perform ops_private.refuse_above(ops_private.rank_over(ops_private.organization_of(old.project_id), old.project_id, old.environment_id), old.role);
  token.prefix := prefix; token.expires_at := expires_at;
  token := ops_private.insert_api_token(token, token_sha256);
  update ops.api_tokens as t set expires_at = least(t.expires_at, clock_timestamp() + make_interval(secs => overlap_seconds)) where t.api_token_id = api_token;
  perform ops_private.audit(token.environment_id, 'token.rotated', 'token', token.api_token_id::text, ops_private.api_token_audit(old), ops_private.api_token_audit(token) || jsonb_build_object('overlap_seconds', overlap_seconds), token.project_id);
  return ops_private.api_token_json(token);
end
$$;

-- revoke_api_token: void from now on. A repeat changes nothing.
create function ops_private.revoke_api_token(api_token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  token ops.api_tokens := ops_private.api_token_to_change(api_token);
begin
  if token.revoked_at is null then
    update ops.api_tokens as t set revoked_at = clock_timestamp() where t.api_token_id = api_token returning * into token;
    perform ops_private.audit(token.environment_id, 'token.revoked', 'token', api_token::text, ops_private.api_token_audit(token), null, token.project_id);
  end if;
  return ops_private.api_token_json(token);
end
$$;

create function ops.create_api_token(project_id uuid, name text, role text, token_sha256 text, prefix text, expires_at timestamptz, environment_id uuid default null) returns jsonb language sql set search_path = '' as 'select ops_private.create_api_token($1, $7, $2, $3, $4, $5, $6)';
create function ops.rotate_api_token(api_token_id uuid, token_sha256 text, prefix text, expires_at timestamptz, overlap_seconds int) returns jsonb language sql set search_path = '' as 'select ops_private.rotate_api_token($1, $2, $3, $4, $5)';
create function ops.revoke_api_token(api_token_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.revoke_api_token($1)';
grant execute on function ops_private.create_api_token(uuid, uuid, text, text, text, text, timestamptz), ops.create_api_token(uuid, text, text, text, text, timestamptz, uuid), ops_private.rotate_api_token(uuid, text, text, timestamptz, int), ops.rotate_api_token(uuid, text, text, timestamptz, int),
  ops_private.revoke_api_token(uuid), ops.revoke_api_token(uuid) to authenticated, ops_token;
-- New organizations, projects and environments. An organization begins with a project and an environment, so that its owner has a page to stand on.

create function ops_private.check_name(slug text, name text) returns void language plpgsql set search_path = '' as $$
begin
  if coalesce(slug, '') !~ '^[a-z][a-z0-9-]{0,62}$' or coalesce(trim(name), '') = '' or length(name) > 100 then
    perform ops_private.fail('invalid_input', 'slug is lower-case letters, digits and hyphens, a letter first, at most 63; name has 1 to 100 characters.');
  end if;
end
$$;

create function ops_private.insert_environment(project uuid, slug text, name text) returns uuid language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  made uuid;
begin
  perform ops_private.check_name(insert_environment.slug, insert_environment.name);
  insert into ops.environments (project_id, slug, name) values (project, insert_environment.slug, trim(insert_environment.name))
  on conflict on constraint environment_slug_is_unique_in_its_project do nothing returning environment_id into made;
  if not found then
    perform ops_private.fail('conflict', format('The project has an environment %s.', insert_environment.slug), 'Choose another slug.');
  end if;
  perform ops_private.audit(made, 'environment.created', 'environment', made::text, null, jsonb_build_object('slug', insert_environment.slug, 'name', insert_environment.name));
  return made;
end
$$;
create function ops_private.insert_project(organization uuid, slug text, name text) returns uuid language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  made uuid;
begin
  perform ops_private.check_name(insert_project.slug, insert_project.name);
  insert into ops.projects (organization_id, slug, name) values (organization, insert_project.slug, trim(insert_project.name))
  on conflict on constraint project_slug_is_unique_in_its_organization do nothing returning project_id into made;
  if not found then
    perform ops_private.fail('conflict', format('The organization has a project %s.', insert_project.slug), 'Choose another slug.');
  end if;
  perform ops_private.audit(null, 'project.created', 'project', made::text, null, jsonb_build_object('slug', insert_project.slug, 'name', insert_project.name), made);
  return made;
end
$$;
-- As whoami shows an environment. Volatile: it must see what its own statement has made.
create function ops_private.seen_environment(environment uuid) returns jsonb language sql security definer set search_path = '' as $$
  select e from jsonb_array_elements(ops_private.whoami() -> 'environments') as e where e ->> 'environment_id' = environment::text
$$;

-- create_organization: an owner of some organization, or, where the setting `organizations_are_open` is 'true', any person whose e-mail is confirmed. The caller owns it.
create function ops_private.create_organization(slug text, name text, project_slug text, project_name text, environment_slug text, environment_name text) returns jsonb language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  me ops_private.principal := ops_private.me();
  made uuid;
  environment uuid;
begin
  if me.type is distinct from 'user' or not exists (select from auth.users as u where u.id = me.id and u.email_confirmed_at is not null)
    or not exists (select from ops.memberships as m where m.user_id = me.id and m.project_id is null and m.role = 'owner')
    and not exists (select from ops_private.settings as s where s.key = 'organizations_are_open' and s.value = 'true') then
    perform ops_private.fail('forbidden', 'An owner of an organization may make another one.', 'Ask whoever runs this control room.');
  end if;
  perform ops_private.check_name(create_organization.slug, create_organization.name);
  insert into ops.organizations (slug, name) values (create_organization.slug, trim(create_organization.name)) on conflict on constraint organization_slug_is_unique do nothing returning organization_id into made;
  if not found then
    perform ops_private.fail('conflict', format('There is an organization %s.', create_organization.slug), 'Choose another slug.');
  end if;
  insert into ops.memberships (user_id, organization_id, role) values (me.id, made, 'owner');
  perform ops_private.audit(null, 'organization.created', 'organization', made::text, null, jsonb_build_object('slug', create_organization.slug, 'name', create_organization.name), null, made);
  environment := ops_private.insert_environment(ops_private.insert_project(made, project_slug, project_name), environment_slug, environment_name);
  return ops_private.seen_environment(environment);
end
$$;

-- create_project: admins of the whole organization; with its first environment.
create function ops_private.create_project(organization uuid, slug text, name text, environment_slug text, environment_name text) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.require_over(organization, null, null, 'admin', 'make a project');
  return ops_private.seen_environment(ops_private.insert_environment(ops_private.insert_project(organization, slug, name), environment_slug, environment_name));
end
$$;

-- create_environment: admins of the whole project.
create function ops_private.create_environment(project uuid, slug text, name text) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.require_over(ops_private.organization_of(project), project, null, 'admin', 'make an environment');
  return ops_private.seen_environment(ops_private.insert_environment(project, slug, name));
end
$$;

create function ops.create_organization(slug text, name text, project_slug text, project_name text, environment_slug text, environment_name text) returns jsonb language sql set search_path = '' as 'select ops_private.create_organization($1, $2, $3, $4, $5, $6)';
create function ops.create_project(organization_id uuid, slug text, name text, environment_slug text, environment_name text) returns jsonb language sql set search_path = '' as 'select ops_private.create_project($1, $2, $3, $4, $5)';
create function ops.create_environment(project_id uuid, slug text, name text) returns jsonb language sql set search_path = '' as 'select ops_private.create_environment($1, $2, $3)';
grant execute on function ops_private.create_organization(text, text, text, text, text, text), ops.create_organization(text, text, text, text, text, text), ops_private.create_project(uuid, text, text, text, text), ops.create_project(uuid, text, text, text, text),
  ops_private.create_environment(uuid, text, text), ops.create_environment(uuid, text, text) to authenticated, ops_token;
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
-- Specs are content: named by their hash, stored once a project, never changed.
create table ops.specs (
  project_id uuid not null references ops.projects,
  spec_sha256 text not null constraint spec_is_named_by_its_hash check (spec_sha256 ~ '^[0-9a-f]{64}$'),
  spec_text text not null,
  spec jsonb not null,
  created_at timestamptz not null default now(),
  primary key (project_id, spec_sha256),
  constraint hash_is_of_the_text check (spec_sha256 = encode(sha256(convert_to(spec_text, 'UTF8')), 'hex'))
);

create table ops.job_templates (
  template_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  template_key text not null constraint template_key_is_a_word check (template_key ~ '^[a-z][a-z0-9_]{0,62}$'),
  title text not null,
  description text not null default '',
  kind text not null default 'pipeline' constraint kind_is_known check (kind in ('sql', 'spark', 'dbt', 'python', 'notebook', 'pipeline')),
  layer text constraint layer_is_known check (layer in ('bronze', 'silver', 'gold')),
  owner text,
  tags text[] not null default '{}',
  max_active int constraint max_active_is_positive check (max_active > 0),
  max_starts int constraint max_starts_is_positive check (max_starts > 0),
  per_seconds int constraint per_seconds_is_positive check (per_seconds > 0),
  current_version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint a_rate_is_starts_per_seconds check ((max_starts is null) = (per_seconds is null)),
  constraint template_key_is_unique_in_its_project unique (project_id, template_key)
);

create table ops.job_template_versions (
  template_id uuid not null references ops.job_templates,
  version int not null constraint versions_count_from_one check (version >= 1),
  project_id uuid not null,
  spec_sha256 text not null,
  source_text text,
  git_sha text,
  created_by text,
  created_at timestamptz not null default now(),
  primary key (template_id, version),
  foreign key (project_id, spec_sha256) references ops.specs
);
create index job_template_versions_by_spec on ops.job_template_versions (project_id, spec_sha256);

do $$
declare
  name text;
begin
  foreach name in array array['specs', 'job_templates', 'job_template_versions'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create policy members_see_specs on ops.specs for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_templates on ops.job_templates for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_template_versions on ops.job_template_versions for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));

create trigger specs_never_change before update or delete on ops.specs for each row execute function ops_private.refuse_change();
create trigger template_versions_never_change before update or delete on ops.job_template_versions for each row execute function ops_private.refuse_change();

create view ops.template_detail with (security_invoker = true) as
  select t.template_id, t.project_id, t.template_key, t.title, t.description, t.kind, t.layer, t.owner, t.tags, t.current_version, v.spec_sha256,
    coalesce(s.spec -> 'parameters', '{"type": "object", "properties": {}}') as parameters_schema, t.created_at, t.updated_at, s.spec, v.source_text
  from ops.job_templates as t
  join ops.job_template_versions as v on v.template_id = t.template_id and v.version = t.current_version
  join ops.specs as s on s.project_id = v.project_id and s.spec_sha256 = v.spec_sha256;
create view ops.template_list with (security_invoker = true) as
  select template_id, project_id, template_key, title, description, kind, layer, owner, tags, current_version, spec_sha256, parameters_schema, created_at, updated_at
  from ops.template_detail;
create view ops.template_version_list with (security_invoker = true) as
  select v.template_id, v.project_id, t.template_key, v.version, v.spec_sha256, v.git_sha, v.created_by, v.created_at
  from ops.job_template_versions as v join ops.job_templates as t using (template_id);
grant select on ops.template_detail, ops.template_list, ops.template_version_list to authenticated, ops_token, ops_sql;
-- save_template: a new template, or a new version of it where the spec differs; the same spec again changes nothing.
-- Editors of the project. `base_version` is the one that the writer has read: a template that has gone on since is not overwritten
-- (conflict); 0 means that there is none yet. Locks the template's row. The structure of a spec is checked before (contracts/check-spec.ts),
-- and again by the executor; SQL holds name, hash and form.
create function ops_private.is_spec(spec_text text) returns boolean language sql immutable set search_path = '' as $$
  select case when octet_length(spec_text) <= 2000000 and spec_text is json object then jsonb_typeof(spec_text::jsonb -> 'phases') = 'array' and spec_text::jsonb ->> 'name' ~ '^[a-z][a-z0-9_]{0,62}$' else false end is true
$$;
create function ops_private.has_reseal(spec jsonb) returns boolean language sql immutable set search_path = '' as $$
  select spec @? '$.phases[*] ? (@.type == "reseal")'
$$;
-- A spec that seals secrets again is given all of them: only reseal_secrets makes one (`reseals`).
create function ops_private.store_spec(project uuid, spec_text text, reseals boolean default false) returns text
language plpgsql security definer set search_path = '' as $$
declare
  hash text;
begin
  if octet_length(spec_text) > 2000000 then
    perform ops_private.fail('payload_too_large', 'A spec has at most 2,000,000 bytes.');
  end if;
  if not ops_private.is_spec(spec_text) then
    perform ops_private.fail('invalid_spec', 'A spec is a JSON object with a name and phases.');
  elsif not reseals and ops_private.has_reseal(spec_text::jsonb) then
    perform ops_private.fail('invalid_spec', 'A phase reseal is the control room''s own.', 'Seal secrets again with POST /environment-keys/reseal.');
  end if;
  hash := encode(sha256(convert_to(spec_text, 'UTF8')), 'hex');
  insert into ops.specs (project_id, spec_sha256, spec_text, spec) values (project, hash, store_spec.spec_text, store_spec.spec_text::jsonb) on conflict do nothing;
  return hash;
end
$$;

create function ops_private.save_template(project uuid, spec_text text, source_text text, git_sha text, base_version int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  hash text;
  spec jsonb;
  template ops.job_templates;
  present text;
  created boolean := false;
begin
  if not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  elsif not project = any (ops_private.visible_projects(3)) then
    perform ops_private.fail('forbidden', 'To save a template needs the role editor.', 'Ask an admin of the project for that role.');
  end if;
  hash := ops_private.store_spec(project, spec_text);
  spec := spec_text::jsonb;
  -- Not `for update`: runs that name it may be made meanwhile, by who holds gates.
  select * into template from ops.job_templates as t where t.project_id = project and t.template_key = spec ->> 'name' for no key update;
  if coalesce(template.current_version, 0) <> base_version then
    perform ops_private.fail('conflict', format('The template %s has version %s by now.', spec ->> 'name', coalesce(template.current_version, 0)), 'Read it again, and apply your change to that.');
  elsif template.template_id is null then
    insert into ops.job_templates as t (project_id, template_key, title, description, layer, owner, tags, max_active, max_starts, per_seconds, current_version)
    values (project, spec ->> 'name', coalesce(spec ->> 'title', spec ->> 'name'), coalesce(spec ->> 'description', ''), spec ->> 'layer', spec ->> 'owner',
      coalesce((select array_agg(x) from jsonb_array_elements_text(spec -> 'tags') as x), '{}'),
      (spec -> 'limits' ->> 'max_active')::int, (spec -> 'limits' ->> 'max_starts')::int, (spec -> 'limits' ->> 'per_seconds')::int, 1)
    on conflict on constraint template_key_is_unique_in_its_project do nothing returning * into template;
    if not found then
      return ops_private.save_template(project, spec_text, source_text, git_sha, base_version);  -- another call made it a moment ago
    end if;
    created := true;
  else
    select v.spec_sha256 into present from ops.job_template_versions as v where v.template_id = template.template_id and v.version = template.current_version;
    if present <> hash then
      update ops.job_templates as t set current_version = t.current_version + 1, title = coalesce(spec ->> 'title', spec ->> 'name'),
        description = coalesce(spec ->> 'description', ''), layer = spec ->> 'layer', owner = spec ->> 'owner',
        tags = coalesce((select array_agg(x) from jsonb_array_elements_text(spec -> 'tags') as x), '{}'),
        max_active = (spec -> 'limits' ->> 'max_active')::int, max_starts = (spec -> 'limits' ->> 'max_starts')::int, per_seconds = (spec -> 'limits' ->> 'per_seconds')::int, updated_at = clock_timestamp()
      where t.template_id = template.template_id returning * into template;
      created := true;
    end if;
  end if;
  if created then
    insert into ops.job_template_versions (template_id, version, project_id, spec_sha256, source_text, git_sha, created_by)
    values (template.template_id, template.current_version, project, hash, save_template.source_text, save_template.git_sha, me.name);
    perform ops_private.set_freshness_targets(template, spec);
    perform ops_private.audit(null, 'template.saved', 'job_template', template.template_key, null,
      jsonb_build_object('version', template.current_version, 'spec_sha256', hash), project);
  end if;
  return jsonb_build_object('created', created, 'template', (select to_jsonb(l) from ops.template_list as l where l.template_id = template.template_id));
end
$$;
create function ops.save_template(project_id uuid, spec_text text, source_text text default null, git_sha text default null, base_version int default null) returns jsonb
language sql set search_path = '' as 'select ops_private.save_template($1, $2, $3, $4, $5)';
grant execute on function ops_private.save_template(uuid, text, text, text, int), ops.save_template(uuid, text, text, text, int) to authenticated, ops_token;
-- A schedule runs a template by the clock. `cron` in `time_zone` names its nominal times (contracts/cron.ts; SQL reads no cron);
-- which of them are settled is said here: all up to `after_time`. `next_time` is the first one after that, null until the tick
-- has worked it out. `next_at`, which is next_time with its jitter, is when the tick looks again: null when nothing is to come.
create table ops.schedules (
  schedule_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  template_id uuid not null references ops.job_templates,
  template_version int,
  name text not null constraint schedule_has_a_name check (char_length(name) between 1 and 200),
  cron text not null constraint cron_has_five_fields check (char_length(cron) <= 200 and cron ~ '^\S+( \S+){4}$'),
  time_zone text not null default 'UTC',
  parameters jsonb not null default '{}' constraint parameters_are_an_object check (jsonb_typeof(parameters) = 'object'),
  queue text not null default 'default',
  labels text[] not null default '{}',
  priority int not null default 100 constraint priority_is_in_range check (priority between 0 and 1000),
  max_attempts int not null default 3 constraint max_attempts_is_positive check (max_attempts between 1 and 100),
  jitter_seconds int not null default 0 constraint jitter_is_at_most_a_day check (jitter_seconds between 0 and 86400),
  start_at timestamptz,
  end_at timestamptz,
  overlap text not null default 'skip' constraint overlap_is_known check (overlap in ('skip', 'buffer_one', 'buffer_all', 'cancel_other', 'terminate_other', 'allow_all')),
  catch_up text not null default 'latest' constraint catch_up_is_known check (catch_up in ('none', 'latest', 'all')),
  catchup_window_seconds int not null default 86400 constraint window_is_at_most_a_year check (catchup_window_seconds between 0 and 31622400),
  pause_on_failure int constraint failures_count_from_one check (pause_on_failure between 1 and 1000),
  paused_at timestamptz,
  paused_by text,
  paused_note text,
  after_time timestamptz not null default clock_timestamp(),
  next_time timestamptz,
  next_at timestamptz default clock_timestamp(),
  failures_since timestamptz not null default clock_timestamp(),
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  deleted_at timestamptz,
  constraint it_ends_after_it_starts check (end_at > start_at),
  constraint its_bounds_are_moments check (isfinite(start_at) and isfinite(end_at)),
  foreign key (template_id, template_version) references ops.job_template_versions
);
-- A deleted schedule stays for the runs that name it.
create unique index schedule_name_is_unique_in_its_environment on ops.schedules (environment_id, name) where deleted_at is null;
create index schedules_due on ops.schedules (next_at) where paused_at is null and deleted_at is null;
create index schedules_by_template on ops.schedules (template_id);

-- A backfill makes a run for each partition of a range of time. `template_version` is the one that all of them use.
create table ops.backfills (
  backfill_id uuid primary key default ops_private.uuid_v7(),
  environment_id uuid not null references ops.environments,
  template_id uuid not null references ops.job_templates,
  template_version int not null,
  schedule_id uuid references ops.schedules,
  cron text not null,
  time_zone text not null,
  range_start timestamptz not null,
  range_end timestamptz not null,
  parameters jsonb not null default '{}' constraint parameters_are_an_object check (jsonb_typeof(parameters) = 'object'),
  start_parameter text constraint start_parameter_is_a_word check (start_parameter ~ '^[a-z][a-z0-9_]{0,62}$'),
  end_parameter text constraint end_parameter_is_a_word check (end_parameter ~ '^[a-z][a-z0-9_]{0,62}$'),
  reprocess text not null constraint reprocess_is_known check (reprocess in ('none', 'missing_only', 'missing_and_failed', 'all')),
  direction text not null constraint direction_is_known check (direction in ('oldest_first', 'newest_first')),
  max_active int not null constraint max_active_is_in_range check (max_active between 1 and 500),
  priority int not null constraint priority_is_in_range check (priority between 0 and 1000),
  queue text not null,
  labels text[] not null default '{}',
  max_attempts int not null constraint max_attempts_is_positive check (max_attempts between 1 and 100),
  status text not null default 'active' constraint status_is_known check (status in ('active', 'paused', 'canceled', 'completed')),
  note text,
  total int not null,
  final_progress jsonb,
  idempotency_key text,
  request_sha256 text not null,
  advanced_at timestamptz not null default clock_timestamp(),
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint it_ends_after_it_starts check (range_end > range_start),
  constraint finished_only_when_terminal check ((finished_at is not null) = (status in ('canceled', 'completed'))),
  constraint one_idempotency_key_one_backfill unique (environment_id, idempotency_key),
  foreign key (template_id, template_version) references ops.job_template_versions
);
create index backfills_newest on ops.backfills (environment_id, backfill_id desc);
create index backfills_to_advance on ops.backfills (advanced_at) where status = 'active';
create index backfills_by_template on ops.backfills (template_id);
create index backfills_by_schedule on ops.backfills (schedule_id) where schedule_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['schedules', 'backfills'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
-- A gate is where runs wait for each other: a concurrency key, a template (how many at once, and how often they start), the
-- caps under a key. Its row is the lock under which live leases are counted; a limit that is null does not hold. It stands in one
-- environment; a gate of caps may also stand over a project or an organization, and is then passed by whoever passes the one
-- with its key in an environment there (33_gates.sql: outer_gates, inner_gates), so a cap holds runs that were queued before it.
create table ops_private.gates (
  gate_id bigint generated always as identity primary key,
  environment_id uuid references ops.environments,
  project_id uuid references ops.projects,
  organization_id uuid references ops.organizations,
  kind text not null constraint gate_kind_is_known check (kind in ('concurrency', 'template', 'cap')),
  key text not null,
  max_leases int constraint a_gate_lets_one_through check (max_leases >= 1),
  -- Rate limit (GCRA without a burst): starts lie at least so many seconds apart.
  start_seconds double precision constraint starts_lie_apart check (start_seconds > 0),
  next_start_at timestamptz,
  -- A hint: when time alone may open this gate for those that wait at it.
  opens_at timestamptz,
  constraint a_gate_stands_in_one_scope check (num_nonnulls(environment_id, project_id, organization_id) = 1),
  constraint only_caps_reach_beyond_an_environment check (kind = 'cap' or environment_id is not null),
  constraint one_gate_per_key unique (environment_id, kind, key),
  constraint one_gate_per_key_of_a_project unique (project_id, key),
  constraint one_gate_per_key_of_an_organization unique (organization_id, key)
);
create index gates_opening on ops_private.gates (environment_id, opens_at) where opens_at is not null;
create index wide_gates_opening on ops_private.gates (opens_at) where environment_id is null and opens_at is not null;
-- A cap: how much of something may be used within a window of the calendar, under a key that runs name, in an environment, over
-- all environments of a project, or over all of an organization. Several caps under one key (per hour and per month, of the
-- environment and of its project) hold together.
create table ops.caps (
  cap_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references ops.organizations,
  project_id uuid references ops.projects,
  environment_id uuid,
  -- The lock under which its use is counted.
  gate_id bigint not null references ops_private.gates,
  cap_key text not null constraint cap_key_is_a_word check (cap_key ~ '^[a-z][a-z0-9_.:-]{0,126}$'),
  unit text not null constraint unit_is_known check (unit in ('runs', 'seconds', 'rows', 'bytes', 'cost')),
  period text not null constraint period_is_known check (period in ('hour', 'day', 'week', 'month')),
  time_zone text not null default 'UTC',
  limit_amount numeric(38, 6) not null constraint limit_is_not_negative check (limit_amount >= 0 and limit_amount <> 'NaN'),
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint one_cap_per_key_and_period unique (gate_id, unit, period),
  constraint an_environment_names_its_project check (environment_id is null or project_id is not null),
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index caps_by_scope on ops.caps (organization_id, project_id, environment_id, cap_key, cap_id);
create index caps_by_environment on ops.caps (environment_id, project_id);
create index caps_by_project on ops.caps (project_id);

-- What ended leases used, by window. What live leases reserve stands in lease_caps until they end, and nowhere else.
create table ops.cap_usage (
  cap_id uuid not null references ops.caps on delete cascade,
  organization_id uuid not null,
  project_id uuid,
  environment_id uuid,
  period_start timestamptz not null,
  settled_amount numeric(38, 6) not null default 0 constraint use_is_not_negative check (settled_amount >= 0),
  updated_at timestamptz not null default now(),
  primary key (cap_id, period_start)
);

do $$
declare
  name text;
begin
  foreach name in array array['caps', 'cap_usage'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    -- Whoever works where a cap holds sees it, with the use of all whom it holds.
    execute format('create policy members_see_what_holds_them on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[])
      or environment_id is null and project_id = any ((select ops_private.visible_projects())::uuid[])
      or project_id is null and organization_id = any ((select ops_private.visible_organizations())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- The window that a moment lies in. An hour that clocks repeat is two windows; a day may have 23 or 25 hours.
create function ops_private.window_of(period text, time_zone text, moment timestamptz) returns table (starts_at timestamptz, ends_at timestamptz)
language sql stable set search_path = '' as $$
  select s.at, case period when 'hour' then s.at + interval '1 hour' else ((s.at at time zone time_zone) + ('1 ' || period)::interval) at time zone time_zone end
  from (select date_trunc(period, moment, time_zone)) as s (at)
$$;
-- A lane: runs that the same executors may take. `armed` means that a waiter wants to be woken (channel ops_lane); who waits
-- cannot have armed a lane that is made only now, so it begins so.
create table ops_private.lanes (
  lane_id bigint generated always as identity primary key,
  environment_id uuid not null references ops.environments,
  queue text not null,
  labels text[] not null,
  armed boolean not null default true,
  constraint one_lane_per_queue_and_labels unique (environment_id, queue, labels)
);

create table ops.runs (
  run_id uuid primary key default ops_private.uuid_v7(),
  project_id uuid not null,
  environment_id uuid not null,
  status text not null default 'queued' constraint status_is_known check (status in ('queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled')),
  kind text not null default 'pipeline' constraint kind_is_known check (kind in ('sql', 'spark', 'dbt', 'python', 'notebook', 'pipeline')),
  template_id uuid references ops.job_templates,
  template_key text,
  template_version int,
  spec_slug text not null,
  spec_sha256 text not null,
  git_sha text,
  parameters jsonb not null default '{}' constraint parameters_are_an_object check (jsonb_typeof(parameters) = 'object'),
  priority int not null default 100 constraint priority_is_in_range check (priority between 0 and 1000),
  queue text not null default 'default',
  labels text[] not null default '{}',
  trigger text not null constraint trigger_is_known check (trigger in ('manual', 'api', 'schedule', 'backfill', 'retry', 'verify', 'parent')),
  triggered_by text,
  schedule_id uuid references ops.schedules,
  backfill_id uuid references ops.backfills,
  -- The nominal time that a schedule or a backfill made the run for: also the name of its partition.
  scheduled_for timestamptz,
  run_after timestamptz,
  expires_at timestamptz,
  concurrency_key text,
  debounce_key text,
  timeout_seconds int constraint timeout_is_in_range check (timeout_seconds between 1 and 604800),
  caps jsonb not null default '[]' constraint caps_are_a_list check (jsonb_typeof(caps) = 'array'),
  attempt int not null default 0 constraint attempt_is_not_negative check (attempt >= 0),
  max_attempts int not null default 3 constraint max_attempts_is_positive check (max_attempts between 1 and 100),
  input_manifest jsonb,
  output_manifest jsonb,
  error_code text,
  error_message text,
  failed_checks int not null default 0,
  queue_reason text,
  isolated boolean not null default false,
  executor_id uuid,
  parent_run_id uuid references ops.runs,
  repairs_run_id uuid references ops.runs,
  repair_mode text constraint repair_mode_is_known check (repair_mode in ('all', 'failed', 'verify')),
  -- A child run executes one item of its parent's for_each phase.
  parent_phase text,
  child_key text,
  created_at timestamptz not null default clock_timestamp(),
  claimed_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  -- A column, not an expression: what computes it is not leakproof, and so no index of it would serve under RLS.
  duration_seconds float8,
  cancel_requested_at timestamptz,
  cancel_reason text,
  -- Below: the queue's own columns.
  lane_id bigint not null,
  gate_ids bigint[] not null default '{}' constraint four_gates_at_most check (cardinality(gate_ids) <= 4),
  gate_amounts numeric[] not null default '{}',  -- what it needs of the caps at each gate
  blocked_gate bigint references ops_private.gates,
  not_before timestamptz,
  idempotency_key text,
  request_sha256 text,
  constraint finished_only_when_terminal check ((finished_at is not null) = (status in ('succeeded', 'failed', 'canceled'))),
  constraint only_a_queued_run_waits check (status = 'queued' or (blocked_gate is null and not_before is null)),
  constraint an_active_run_has_an_executor check (status not in ('claimed', 'running') or executor_id is not null),
  constraint a_failed_run_says_why check (status <> 'failed' or error_code is not null),
  constraint a_child_names_its_item check ((parent_run_id is null) = (parent_phase is null) and (parent_run_id is null) = (child_key is null)),
  constraint a_repair_says_how check ((repairs_run_id is null) = (repair_mode is null))
);
-- No foreign keys to what is never deleted (specs, executors), nor from what is written with its run by the functions here (leases,
-- heads, phases, events): each costs a query a row, all of them together a third of a whole run. Lane and environment are held once a statement.
-- (Two foreign keys did it run by run, and callers at once shared those locks at the price of a multixact each.)
create function ops_private.hold_lanes_and_environments() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  wanted int := (select count(*) from (select distinct a.lane_id, a.environment_id, a.project_id from added as a) as n);
  held int;
begin
  perform from ops_private.lanes as l join ops.environments as e using (environment_id)
  where (l.lane_id, e.environment_id, e.project_id) in (select a.lane_id, a.environment_id, a.project_id from added as a)
  order by e.environment_id, l.lane_id for key share;  -- as delete_scope locks them
  get diagnostics held = row_count;
  if held <> wanted then
    raise exception using errcode = 'foreign_key_violation', message = 'A run has no lane, or none in its environment and project.';
  end if;
  return null;
end
$$;
create trigger runs_hold_their_lanes_and_environments after insert on ops.runs referencing new table as added for each statement execute function ops_private.hold_lanes_and_environments();
-- The other side: an environment has lanes, and they stay while it has runs.
create function ops_private.refuse_removal_of_a_used_lane() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from ops.runs as r where r.environment_id = old.environment_id) then
    raise exception using errcode = 'foreign_key_violation', message = 'A lane goes after the last run of its environment.';
  end if;
  return old;
end
$$;
create trigger lanes_outlive_runs before delete on ops_private.lanes for each row execute function ops_private.refuse_removal_of_a_used_lane();
create unique index one_idempotency_key_one_run on ops.runs (environment_id, idempotency_key) where idempotency_key is not null;
-- The queue: what may be taken now, what waits for its time, what waits at a gate.
create index runs_ready on ops.runs (lane_id, priority, run_id) where status = 'queued' and blocked_gate is null and not_before is null;
create index runs_waiting on ops.runs (not_before) where status = 'queued' and not_before is not null;
create index runs_waiting_by_lane on ops.runs (lane_id, not_before) where status = 'queued' and not_before is not null;
create index runs_parked on ops.runs (blocked_gate, priority, run_id) where status = 'queued' and blocked_gate is not null;
create index runs_ready_by_first_gate on ops.runs ((gate_ids[1])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 1;
create index runs_ready_by_second_gate on ops.runs ((gate_ids[2])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 2;
create index runs_ready_by_third_gate on ops.runs ((gate_ids[3])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 3;
create index runs_ready_by_fourth_gate on ops.runs ((gate_ids[4])) where status = 'queued' and blocked_gate is null and not_before is null and cardinality(gate_ids) >= 4;
create index runs_to_be_superseded on ops.runs (environment_id, debounce_key) where status = 'queued' and debounce_key is not null;
create index runs_expiring on ops.runs (expires_at) where status = 'queued' and expires_at is not null;
-- Lists: newest first in one environment.
create index runs_newest on ops.runs (environment_id, run_id desc);
create index runs_by_status on ops.runs (environment_id, status, run_id desc);
-- The comparisons of float8 and int4 are leakproof, and so these serve the list under RLS.
create index runs_by_duration on ops.runs (environment_id, duration_seconds) where duration_seconds is not null;
create index runs_with_failed_checks on ops.runs (environment_id, run_id desc) where failed_checks > 0;
create index runs_by_template on ops.runs (environment_id, template_key, run_id desc) where template_key is not null;
create index runs_by_executor on ops.runs (executor_id, run_id desc) where executor_id is not null;
create index runs_repairing on ops.runs (repairs_run_id) where repairs_run_id is not null;
create unique index one_child_per_item on ops.runs (parent_run_id, parent_phase, child_key) where parent_run_id is not null;
create index runs_open_children on ops.runs (parent_run_id) where parent_run_id is not null and status in ('queued', 'claimed', 'running');
create index runs_of_schedule on ops.runs (schedule_id, run_id desc) where schedule_id is not null;
create index runs_open_of_schedule on ops.runs (schedule_id) where schedule_id is not null and status in ('queued', 'claimed', 'running');
create index runs_of_backfill on ops.runs (backfill_id, run_id desc) where backfill_id is not null;
create index runs_open_of_backfill on ops.runs (backfill_id) where backfill_id is not null and status in ('queued', 'claimed', 'running');
create index runs_of_partition on ops.runs (environment_id, template_id, scheduled_for, run_id desc) where scheduled_for is not null;
create index runs_by_template_id on ops.runs (template_id) where template_id is not null;

-- A live lease is a row here, nothing else: limits count these rows, so a slot cannot leak. `fence` grows with every claim.
create sequence ops_private.fence;
create table ops.leases (
  run_id uuid primary key,
  environment_id uuid not null,
  lane_id bigint not null,
  executor_id uuid not null,
  lease_token uuid not null default gen_random_uuid(),
  fence bigint not null default nextval('ops_private.fence'),
  attempt int not null,
  lease_seconds int not null constraint lease_is_at_most_ten_minutes check (lease_seconds between 1 and 600),
  claimed_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  phase text,
  -- The run's timeout; why and since when the holder is told to stop. From then on its beats do not prolong the lease.
  deadline_at timestamptz,
  stop_code text constraint stop_code_is_known check (stop_code in ('canceled', 'cap_exceeded', 'timeout')),
  stop_reason text,
  stop_at timestamptz
) with (fillfactor = 50);
create index leases_by_expiry on ops.leases (expires_at);
create index leases_by_lane on ops.leases (lane_id, expires_at);
create index leases_by_executor on ops.leases (executor_id);

create table ops_private.lease_gates (
  gate_id bigint not null references ops_private.gates,
  run_id uuid not null,
  primary key (gate_id, run_id)
);
create index lease_gates_by_run on ops_private.lease_gates (run_id);

-- What a live lease holds of a cap, in the window in which it was claimed; `used` is what was metered so far. Whatever
-- deletes the lease deletes this, which settles it into cap_usage in the same transaction.
create table ops_private.lease_caps (
  cap_id uuid not null references ops.caps on delete cascade,
  run_id uuid not null,
  period_start timestamptz not null,
  unit text not null,
  reserved numeric(38, 6) not null,
  used numeric(38, 6),
  claimed_at timestamptz not null,
  primary key (cap_id, run_id)
);
create index lease_caps_by_run on ops_private.lease_caps (run_id);

-- Whatever deletes leases takes them from their gates and caps: one statement for all of them.
create function ops_private.free_gates_and_caps() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  delete from ops_private.lease_gates as l where l.run_id = any (array(select e.run_id from ended as e));
  delete from ops_private.lease_caps as l where l.run_id = any (array(select e.run_id from ended as e));
  return null;
end
$$;
create trigger a_lease_frees_its_gates_and_caps after delete on ops.leases referencing old table as ended for each statement execute function ops_private.free_gates_and_caps();

-- Narrow and hot: the last event number, how often the run was given back in a row without progress, what the last report was
-- answered, and the last one that ended a lease (so that a repeat gets the same).
create table ops_private.run_heads (
  run_id uuid primary key,
  environment_id uuid not null,
  last_seq int not null default 0,
  idle_releases int not null default 0,
  ended_lease_token uuid,
  ended_answer jsonb,
  report_id uuid,
  report_answer jsonb
) with (fillfactor = 50);

-- Lengths are checked beside the patterns of hot tables, not in them: for {0,62} the engine builds a state for each character of each row.
create table ops.run_phases (
  run_id uuid not null,
  name text not null constraint phase_name_is_a_word check (name ~ '^[a-z][a-z0-9_]*$' and length(name) <= 63),
  environment_id uuid not null,
  position int not null,
  type text not null,
  status text not null default 'pending' constraint phase_status_is_known check (status in ('pending', 'running', 'succeeded', 'failed', 'skipped', 'reused')),
  depends_on text[] not null default '{}',
  attempt int not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  input_sha256 text constraint input_is_a_hash check (input_sha256 ~ '^[0-9a-f]*$' and length(input_sha256) = 64),
  output_sha256 text constraint output_is_a_hash check (output_sha256 ~ '^[0-9a-f]*$' and length(output_sha256) = 64),
  metrics jsonb not null default '{}',
  checkpoint jsonb,
  checkpoint_at timestamptz,
  error_code text,
  error_message text,
  primary key (run_id, name),
  constraint metrics_are_small check (pg_column_size(metrics) <= 262144),
  constraint checkpoint_is_small check (pg_column_size(checkpoint) <= 2097152),
  constraint phase_finished_only_when_ended check (status in ('pending', 'running') = (finished_at is null))
) with (fillfactor = 50);  -- begun and ended soon after it was made: there is room on its page, and no index entry to write

-- Append-only, partitioned by run_id: a UUIDv7 begins with its time, so a partition is a month and retention drops one.
create table ops.run_events (
  run_id uuid not null,
  seq int not null constraint events_count_from_one check (seq >= 1),
  event_id uuid not null default gen_random_uuid(),
  environment_id uuid not null,
  type text not null constraint type_is_upper_snake check (type ~ '^[A-Z][A-Z0-9_]*$' and length(type) <= 63),
  level text not null default 'info' constraint level_is_known check (level in ('debug', 'info', 'warn', 'error')),
  phase text,
  message text not null default '',
  data jsonb not null default '{}' constraint event_data_is_an_object check (jsonb_typeof(data) = 'object'),
  txid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default clock_timestamp(),
  -- Whether the holder of the run sent it, under an event_id of its own; all others are the control plane's.
  reported boolean not null default false,
  primary key (run_id, seq)
) partition by range (run_id);
create unique index one_event_per_event_id on ops.run_events (run_id, event_id) where reported;

-- Of a run that ended (74_scores.sql).
create table ops.run_scores (
  run_id uuid primary key,
  environment_id uuid not null,
  score double precision not null constraint score_is_a_share check (score between 0 and 100),
  breakdown jsonb not null,
  computed_at timestamptz not null default clock_timestamp()
);

-- Bytes that the store holds, and that this environment has shown it possesses. Written only with the store's receipt.
create table ops.objects (
  environment_id uuid not null references ops.environments,
  sha256 text not null constraint object_is_named_by_its_hash check (sha256 ~ '^[0-9a-f]{64}$'),
  byte_size bigint not null constraint size_is_not_negative check (byte_size >= 0),
  created_at timestamptz not null default now(),
  primary key (environment_id, sha256)
);

create table ops.run_artifacts (
  artifact_id uuid primary key default gen_random_uuid(),
  run_id uuid not null references ops.runs,
  environment_id uuid not null,
  phase text,
  -- Both become response headers at a download.
  name text not null constraint artifact_name_is_a_file_name check (name ~ '^[A-Za-z0-9][A-Za-z0-9._@=+-]{0,199}$'),
  kind text not null constraint artifact_kind_is_known check (kind in ('log', 'dataset', 'report', 'manifest', 'checkpoint')),
  content_type text not null constraint content_type_is_a_media_type check (content_type ~ '^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+(; ?charset=[A-Za-z0-9_-]+)?$'),
  byte_size bigint not null,
  sha256 text not null,
  url text not null generated always as ('/api/v1/artifacts/' || ops_private.uuid_text(artifact_id) || '/content') stored,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  constraint one_artifact_per_name_and_content unique nulls not distinct (run_id, phase, name, sha256),
  constraint a_registered_artifact_is_stored foreign key (environment_id, sha256) references ops.objects
);
create index run_artifacts_by_object on ops.run_artifacts (environment_id, sha256);

do $$
declare
  name text;
begin
  foreach name in array array['runs', 'leases', 'run_phases', 'run_events', 'objects', 'run_artifacts'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
  end loop;
  foreach name in array array['lanes', 'gates', 'lease_gates', 'lease_caps', 'run_heads'] loop
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
  end loop;
end
$$;
grant select on ops.runs, ops.run_phases, ops.run_events, ops.objects, ops.run_artifacts to authenticated, ops_token, ops_sql;
-- Never the token.
grant select (run_id, environment_id, executor_id, attempt, lease_seconds, claimed_at, heartbeat_at, expires_at, phase, deadline_at, stop_code, stop_reason, stop_at) on ops.leases to authenticated, ops_token, ops_sql;

create trigger run_events_are_append_only before update or delete on ops.run_events for each row execute function ops_private.refuse_change();
create trigger run_events_are_not_truncated before truncate on ops.run_events for each statement execute function ops_private.refuse_change();
create trigger objects_never_change before update or delete on ops.objects for each row execute function ops_private.refuse_change();
create trigger artifacts_never_change before update or delete on ops.run_artifacts for each row execute function ops_private.refuse_change();

-- Terminal is final, whoever writes. Only a claim, which takes an attempt, may begin a queued run at once. What is allowed does not call the function.
create function ops_private.refuse_leaving_a_terminal_state() returns trigger language plpgsql set search_path = '' as $$
begin
  if old.status in ('succeeded', 'failed', 'canceled') then
    perform ops_private.fail('run_finished', format('The run is %s.', old.status));
  end if;
  perform ops_private.fail('illegal_transition', format('A run does not go from %s to %s.', old.status, new.status));
  return null;
end
$$;
create trigger terminal_is_final before update of status on ops.runs for each row when (
  old.status in ('succeeded', 'failed', 'canceled') and new.status <> old.status
  or old.status = 'queued' and (new.status = 'succeeded' or new.status = 'running' and new.attempt = old.attempt)
  or old.status = 'claimed' and new.status = 'succeeded') execute function ops_private.refuse_leaving_a_terminal_state();
-- One partition a month, made ahead by the tick; a default partition takes what lies outside. Partitions live in
-- ops_private, so nobody reaches them past the parent's policies.
create table ops_private.run_events_default partition of ops.run_events default;
alter table ops_private.run_events_default enable row level security;
alter table ops_private.run_events_default force row level security;
-- A partition inherits the parent's row triggers, but not the one of TRUNCATE.
create trigger run_events_are_not_truncated before truncate on ops_private.run_events_default for each statement execute function ops_private.refuse_change();

-- The tick. A month whose events are already in the default partition stays there: it cannot be split off under the
-- append-only trigger, and reads do not care. Many callers at once make each partition once. Whoever has read events and keeps the
-- transaction open is waited for only so long, because all who write events wait behind this: a later tick makes them.
create function ops_private.ensure_event_partitions(months_ahead int default 3, moment timestamptz default now()) returns int
language plpgsql security definer set search_path = '' set lock_timeout = '300ms' as $$
declare
  first_day timestamp;
  bounds uuid[];
  name text;
  made int := 0;
begin
  for ahead in 0..months_ahead loop
    first_day := date_trunc('month', moment at time zone 'UTC') + make_interval(months => ahead);
    name := 'run_events_' || to_char(first_day, 'YYYY_MM');
    continue when to_regclass('ops_private.' || name) is not null;
    lock table ops.run_events in access exclusive mode;
    bounds := array[ops_private.uuid_at(first_day at time zone 'UTC'), ops_private.uuid_at((first_day + interval '1 month') at time zone 'UTC')];
    continue when to_regclass('ops_private.' || name) is not null
      or exists (select from ops_private.run_events_default as e where e.run_id >= bounds[1] and e.run_id < bounds[2]);
    execute format('create table ops_private.%I partition of ops.run_events for values from (%L) to (%L)', name, bounds[1], bounds[2]);
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
    execute format('create trigger run_events_are_not_truncated before truncate on ops_private.%I for each statement execute function ops_private.refuse_change()', name);
    made := made + 1;
  end loop;
  return made;
exception
  when lock_not_available then
    return 0;
end
$$;
select ops_private.ensure_event_partitions();

-- Appends one event: takes the run's head (its lock orders events), then the next number, in the caller's transaction.
create function ops_private.append_event(run uuid, type text, level text default 'info', phase text default null, message text default '', data jsonb default '{}')
returns int language plpgsql security definer set search_path = '' as $$
declare
  head ops_private.run_heads;
begin
  update ops_private.run_heads as h set last_seq = h.last_seq + 1 where h.run_id = run returning * into head;
  insert into ops.run_events (run_id, seq, environment_id, type, level, phase, message, data)
  values (run, head.last_seq, head.environment_id, append_event.type, append_event.level, append_event.phase, append_event.message, append_event.data);
  return head.last_seq;
end
$$;
-- The wire forms of contracts/: what every RPC answers.
create function ops_private.inner_columns() returns text[] language sql immutable parallel safe set search_path = '' as $$
  select array['lane_id', 'gate_ids', 'gate_amounts', 'caps', 'debounce_key', 'timeout_seconds', 'blocked_gate', 'not_before', 'idempotency_key', 'request_sha256', 'template_id', 'cancel_reason']
$$;
create function ops_private.run_json(run ops.runs) returns jsonb language plpgsql stable set search_path = '' as $$
begin
  return to_jsonb(run) - ops_private.inner_columns()
    || jsonb_build_object('score', (select s.score from ops.run_scores as s where s.run_id = run.run_id), 'lease_expires_at', null, 'lease_expired', null)
    -- Whether a lease has run out is said by the clock that it was given by.
    || coalesce((select jsonb_build_object('lease_expires_at', l.expires_at, 'lease_expired', l.expires_at <= clock_timestamp()) from ops.leases as l where l.run_id = run.run_id), '{}');
end
$$;
-- The same for readers. A view, because naming fifty columns in a request cost PostgREST 7 ms.
create view ops.run_list with (security_invoker = true) as
  select r.run_id, r.status, r.kind, r.template_key, r.template_version, r.priority, r.queue, r.labels, r.trigger, r.triggered_by, r.schedule_id, r.backfill_id,
    r.scheduled_for, r.queue_reason, r.run_after, r.expires_at, (select l.expires_at from ops.leases as l where l.run_id = r.run_id) as lease_expires_at,
    -- Not clock_timestamp(): a volatile function keeps the view from being planned with its caller, who then sorts all runs for fifty.
    (select l.expires_at <= statement_timestamp() from ops.leases as l where l.run_id = r.run_id) as lease_expired,
    r.concurrency_key, (select s.score from ops.run_scores as s where s.run_id = r.run_id) as score, r.attempt, r.max_attempts, r.parameters, r.git_sha, r.spec_slug, r.spec_sha256, r.input_manifest, r.output_manifest,
    r.error_code, r.error_message, r.failed_checks, r.cancel_requested_at, r.isolated, r.created_at, r.claimed_at, r.started_at, r.finished_at, r.duration_seconds, r.project_id,
    r.environment_id, r.executor_id, r.parent_run_id, r.parent_phase, r.child_key, r.repairs_run_id, r.repair_mode
  from ops.runs as r;
grant select on ops.run_list to authenticated, ops_token, ops_sql;
create function ops_private.run_state(run ops.runs) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('run_id', run.run_id, 'status', run.status, 'attempt', run.attempt, 'finished_at', run.finished_at, 'error_code', run.error_code)
$$;
create function ops_private.phase_json(phase ops.run_phases) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(phase) - array['run_id', 'environment_id', 'checkpoint_at']
$$;
create function ops_private.artifact_json(artifact ops.run_artifacts) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(artifact) - 'environment_id' || jsonb_build_object('byte_size', artifact.byte_size::text)
$$;
-- Lock order everywhere: runs, leases, gates (by id), phases, heads. Unparking skips locked rows and so never waits. Gates are
-- locked once a transaction, all together: who ends several runs locks the gates of all of them first. A lease is deleted
-- under the locks of its gates, because that settles what it used of their caps.

create function ops_private.lock_gates(gates bigint[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  perform from ops_private.gates as g where g.gate_id = any (gates) order by g.gate_id for update;
end
$$;

-- With each gate of caps, those over its project and its organization under the same key; sorted.
create function ops_private.outer_gates(gates bigint[]) returns bigint[] language plpgsql stable security definer set search_path = '' as $$
begin
  if cardinality(gates) = 0 then
    return gates;
  end if;
  return array(
    select g from unnest(gates) as g
    union
    select w.gate_id from ops_private.gates as n join ops.environments as e on e.environment_id = n.environment_id join ops.projects as p on p.project_id = e.project_id
    cross join lateral (
      select x.gate_id from ops_private.gates as x where x.project_id = p.project_id and x.key = n.key
      union all
      select x.gate_id from ops_private.gates as x where x.organization_id = p.organization_id and x.key = n.key) as w
    where n.gate_id = any (gates) and n.kind = 'cap'
    order by 1);
end
$$;

-- Through which gates runs come to this one: itself, or those of its key in the environments that it stands over.
create function ops_private.inner_gates(gate ops_private.gates) returns bigint[] language plpgsql stable security definer set search_path = '' as $$
begin
  if gate.environment_id is not null then
    return array[gate.gate_id];
  end if;
  return array(select x.gate_id from ops.projects as p join ops.environments as e on e.project_id = p.project_id
    join ops_private.gates as x on x.environment_id = e.environment_id and x.kind = 'cap' and x.key = gate.key
    where p.project_id = gate.project_id or p.organization_id = gate.organization_id);
end
$$;

-- The gates of runs, with those that a lease came to hold later (cap_allow), and those around them; sorted.
create function ops_private.gates_of(runs uuid[]) returns bigint[] language plpgsql stable security definer set search_path = '' as $$
begin
  return ops_private.outer_gates(array(
    select g from ops.runs as r cross join unnest(r.gate_ids) as g where r.run_id = any (runs)
    union
    select l.gate_id from ops_private.lease_gates as l where l.run_id = any (runs)));
end
$$;

-- Gates at which time alone may have made room for runs of these environments.
create function ops_private.opening_gates(environments uuid[], moment timestamptz, at_most int) returns bigint[] language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    (select g.gate_id from ops_private.gates as g where g.environment_id = any (environments) and g.opens_at <= moment order by g.opens_at limit at_most)
    union all
    (select g.gate_id from ops_private.gates as g where g.environment_id is null and g.opens_at <= moment and exists (
      select from ops.environments as e join ops.projects as p on p.project_id = e.project_id
      where e.environment_id = any (environments) and (p.project_id = g.project_id or p.organization_id = g.organization_id)) order by g.opens_at limit at_most));
end
$$;

-- Of a cap in a window: what has ended, and what is reserved by those that live (or used, where that is more).
create function ops_private.cap_reserved(cap uuid, starts_at timestamptz) returns numeric language sql stable security definer set search_path = '' as $$
  select coalesce(sum(greatest(l.reserved, l.used, case l.unit when 'seconds' then extract(epoch from clock_timestamp() - l.claimed_at) end)), 0)
  from ops_private.lease_caps as l where l.cap_id = cap and l.period_start = starts_at
$$;
create function ops_private.cap_settled(cap uuid, starts_at timestamptz) returns numeric language sql stable security definer set search_path = '' as $$
  select coalesce((select u.settled_amount from ops.cap_usage as u where u.cap_id = cap and u.period_start = starts_at), 0)
$$;

-- What each limit of a gate still gives, and when time alone will give more. The caller has locked the gates and reads in a
-- later statement: this snapshot was then taken under the lock, so every lease that counts is in it. `inner_ids`: through which
-- gates runs come to it.
create type ops_private.gate_limit as (gate_id bigint, inner_ids bigint[], cap_id uuid, unit text, total numeric, room numeric, starts_at timestamptz, opens_at timestamptz);
create function ops_private.limits_at(gates bigint[], moment timestamptz) returns setof ops_private.gate_limit
language sql stable security definer set search_path = '' as $$
  select g.gate_id, array[g.gate_id], null::uuid, 'leases', g.max_leases::numeric, (g.max_leases - (select count(*) from ops_private.lease_gates as l where l.gate_id = g.gate_id))::numeric, null::timestamptz, null::timestamptz
  from ops_private.gates as g where g.gate_id = any (gates) and g.max_leases is not null
  union all
  select g.gate_id, array[g.gate_id], null, 'starts', 1, case when g.next_start_at > moment then 0 else 1 end, null, case when g.next_start_at > moment then g.next_start_at end
  from ops_private.gates as g where g.gate_id = any (gates) and g.start_seconds is not null
  union all
  select g.gate_id, ops_private.inner_gates(g), c.cap_id, c.unit, c.limit_amount, c.limit_amount - ops_private.cap_settled(c.cap_id, w.starts_at) - ops_private.cap_reserved(c.cap_id, w.starts_at), w.starts_at, w.ends_at
  from ops_private.gates as g join ops.caps as c on c.gate_id = g.gate_id and c.enabled
  cross join lateral ops_private.window_of(c.period, c.time_zone, moment) as w
  where g.gate_id = any (gates) and g.kind = 'cap'
$$;

-- What a run needs of a limit. Who asks for more than the whole limit gets in when all of it is free, and is stopped there.
create function ops_private.need(unit text, amount numeric, total numeric) returns numeric language sql immutable set search_path = '' as $$
  select case when unit in ('leases', 'starts', 'runs') then 1 else least(greatest(coalesce(amount, 0), 0), total) end
$$;

-- What a run that passes these gates asks of a limit.
create function ops_private.asked_of(reached ops_private.gate_limit, gate_ids bigint[], amounts numeric[]) returns numeric language sql immutable set search_path = '' as $$
  select x.amount from unnest(gate_ids, amounts) as x (gate_id, amount) where x.gate_id = any ((reached).inner_ids) limit 1
$$;

-- Why a run waits, in words: the run's queue_reason.
create function ops_private.limit_reason(gate ops_private.gates, unit text, template_key text) returns text language sql immutable set search_path = '' as $$
  select case when gate.kind = 'cap' then 'cap reached: ' || gate.key || case when gate.project_id is not null then ' (project)' when gate.organization_id is not null then ' (organization)' else '' end
    else case unit when 'starts' then 'rate' else gate.kind end || ' limit reached: ' || case gate.kind when 'template' then coalesce(template_key, 'template') else gate.key end end
$$;

-- Runs that may be taken and will pass one of these gates (a run passes one of them at most), with what they need of its caps: at most so many.
create function ops_private.ready_at(gates bigint[], at_most int) returns table (run_id uuid, amount numeric) language sql stable security definer set search_path = '' as $$
  select x.run_id, x.amount from (
    (select r.run_id, r.gate_amounts[1] from ops.runs as r where r.status = 'queued' and r.blocked_gate is null and r.not_before is null and cardinality(r.gate_ids) >= 1 and r.gate_ids[1] = any (gates) limit at_most)
    union all
    (select r.run_id, r.gate_amounts[2] from ops.runs as r where r.status = 'queued' and r.blocked_gate is null and r.not_before is null and cardinality(r.gate_ids) >= 2 and r.gate_ids[2] = any (gates) limit at_most)
    union all
    (select r.run_id, r.gate_amounts[3] from ops.runs as r where r.status = 'queued' and r.blocked_gate is null and r.not_before is null and cardinality(r.gate_ids) >= 3 and r.gate_ids[3] = any (gates) limit at_most)
    union all
    (select r.run_id, r.gate_amounts[4] from ops.runs as r where r.status = 'queued' and r.blocked_gate is null and r.not_before is null and cardinality(r.gate_ids) >= 4 and r.gate_ids[4] = any (gates) limit at_most)
  ) as x (run_id, amount) limit at_most
$$;

-- What the ready runs at a limit will take of it. Beyond a thousand they are not counted: a claim parks what is too much.
create function ops_private.ready_need(reached ops_private.gate_limit) returns numeric language sql stable security definer set search_path = '' as $$
  select coalesce(sum(ops_private.need(reached.unit, r.amount, reached.total)), 0)
  from ops_private.ready_at(reached.inner_ids, case when reached.unit in ('leases', 'starts', 'runs') then greatest(0, least(1000, ceil(reached.room)))::int else 1000 end) as r
$$;

-- The first limit of a gate that has no room for one more run that passes these gates, after those that are ready; no row: there is room.
create function ops_private.full_limit(gate bigint, gate_ids bigint[], amounts numeric[]) returns table (unit text, opens_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select l.unit, l.opens_at
  from ops_private.limits_at(array[gate], clock_timestamp()) as l
  cross join lateral (select l.room - ops_private.ready_need(l) as room) as free
  where free.room <= 0 or free.room < ops_private.need(l.unit, ops_private.asked_of(l, full_limit.gate_ids, full_limit.amounts), l.total)
  limit 1
$$;

-- Of runs that wait at a gate, in their order: the first ones that together fit what its caps still give. Who does not fit holds
-- back those behind, so that a large one comes to its turn.
create function ops_private.fitting(gate bigint, waiting uuid[]) returns uuid[] language sql stable security definer set search_path = '' as $$
  with tried as (
    select w.run_id, w.nth, sum(ops_private.need(l.unit, ops_private.asked_of(l, r.gate_ids, r.gate_amounts), l.total)) over (partition by l.cap_id order by w.nth) <= free.room as fits
    from ops_private.limits_at(array[gate], clock_timestamp()) as l
    cross join lateral (select l.room - ops_private.ready_need(l) as room) as free
    cross join unnest(waiting) with ordinality as w (run_id, nth) join ops.runs as r on r.run_id = w.run_id)
  select coalesce(array_agg(w.run_id order by w.nth), '{}') from unnest(waiting) with ordinality as w (run_id, nth)
  where not exists (select from tried as t where not t.fits and t.nth <= w.nth)
$$;

-- Lets as many parked runs through as their gates have room for beyond those that are ready, and notes when time alone will
-- open what stays shut. Answers how many went through. The caller has locked the gates.
create function ops_private.unpark(gates bigint[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  -- One instant for what is open and for when it opens: between two, a gate could open unseen.
  moment constant timestamptz := clock_timestamp();
  gate ops_private.gates;
  room int;
  let uuid[];
  through int := 0;
begin
  for gate in select * from ops_private.gates as g where g.gate_id = any (gates) order by g.gate_id loop
    if exists (select from ops.runs as r where r.status = 'queued' and r.blocked_gate = gate.gate_id) then
      select coalesce(min(case when l.room <= 0 then 0 when l.unit in ('leases', 'starts', 'runs') then greatest(0, least(1000, floor(l.room - ops_private.ready_need(l)))) end), 1000) into room
      from ops_private.limits_at(array[gate.gate_id], moment) as l;
      let := array(select p.run_id from ops.runs as p where p.status = 'queued' and p.blocked_gate = gate.gate_id order by p.priority, p.run_id limit room for update skip locked);
      if gate.kind = 'cap' and room > 0 then
        let := ops_private.fitting(gate.gate_id, let);
      end if;
      if cardinality(let) > 0 then
        update ops.runs as r set blocked_gate = null, queue_reason = null where r.run_id = any (let);
        perform ops_private.wake(array(select distinct r.lane_id from ops.runs as r where r.run_id = any (let)));
        through := through + cardinality(let);
      end if;
    end if;
    perform ops_private.note_opening(gate.gate_id, moment);
  end loop;
  return through;
end
$$;

-- When time alone may open the gate for those that wait at it: the next start by its rate, the end of a cap's window.
create function ops_private.note_opening(gate bigint, moment timestamptz) returns void language sql security definer set search_path = '' as $$
  update ops_private.gates as g set opens_at = n.opens_at
  from (select case when exists (select from ops.runs as r where r.status = 'queued' and r.blocked_gate = gate)
    then (select min(l.opens_at) from ops_private.limits_at(array[gate], moment) as l) end as opens_at) as n
  where g.gate_id = gate and (g.kind = 'cap' or g.start_seconds is not null or g.opens_at is not null) and g.opens_at is distinct from n.opens_at
$$;
-- lock_run: what writes to the run's own row locks that first, before hold. Only for who was given the token of its lease, which is looked at and not locked,
-- so that nobody else makes the holder wait; for others null, and hold says why.
create function ops_private.lock_run(run uuid, token uuid) returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  locked ops.runs;
begin
  select * into locked from ops.runs as r where r.run_id = run and exists (select from ops.leases as l where l.run_id = run and l.lease_token = token) for no key update;
  return locked;
end
$$;

-- hold: the fence of every executor write. Locks and answers the caller's live lease, on the clock read after the lock was
-- taken; otherwise raises not_found or lease_lost.
create function ops_private.hold(run uuid, token uuid) returns ops.leases
language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  lease ops.leases;
begin
  if me.type is distinct from 'executor' then
    perform ops_private.fail('forbidden', 'Only an executor writes to a run that it holds.', 'Use an executor token (lcx_…).');
  end if;
  select * into lease from ops.leases as l where l.run_id = run and l.lease_token = token and l.executor_id = me.id for update;
  if found and lease.expires_at > clock_timestamp() then
    return lease;
  end if;
  if not exists (select from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.fail('lease_lost', 'The lease has ended or belongs to another attempt.', 'Stop the work and write nothing more.');
end
$$;

-- Wakes one waiter per lane that is armed; the payload is the lane's id. Not `for update`: other creations hold the lane
-- (runs_hold_their_lanes_and_environments), and two at once would each leave the waking to the other.
create function ops_private.wake(lanes bigint[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  lane bigint;
begin
  for lane in
    update ops_private.lanes as l set armed = false where l.lane_id = any (array(
      select a.lane_id from ops_private.lanes as a where a.lane_id = any (lanes) and a.armed order by a.lane_id for no key update skip locked))
    returning l.lane_id
  loop
    perform pg_notify('ops_lane', lane::text);
  end loop;
end
$$;

-- Takes runs from their gates: deletes the leases, where they have one, and lets others through. A queued run that ends makes room
-- too, since create_run parks behind ready runs. The caller has locked runs and leases, and, where it ends several runs in one
-- transaction, the gates of all of them (and may say which: `gates`).
create function ops_private.end_leases(runs uuid[], gates bigint[] default null) returns void language plpgsql security definer set search_path = '' as $$
begin
  if gates is null then
    gates := ops_private.gates_of(runs);
    perform ops_private.lock_gates(gates);
  end if;
  delete from ops.leases as l where l.run_id = any (runs);
  if cardinality(gates) > 0 then
    -- Whoever was ready and ends now must not be counted as ready below.
    update ops.runs as r set not_before = 'infinity' where r.run_id = any (runs) and r.status = 'queued' and r.blocked_gate is null and r.not_before is null;
    perform ops_private.unpark(gates);
  end if;
end
$$;

-- A run whose work was told to stop ends so, whatever its executor says: canceled where that was asked for or a cap is used up,
-- failed where its time was up. Null: nobody told it to. The caller has locked run and lease.
create function ops_private.end_if_stopped(run ops.runs, lease ops.leases) returns ops.runs language plpgsql security definer set search_path = '' as $$
begin
  if run.cancel_requested_at is not null then
    return ops_private.finalize_run(run.run_id, 'canceled', 'canceled', coalesce(run.cancel_reason, 'The run was canceled.'));
  elsif lease.stop_code is not null then
    return ops_private.finalize_run(run.run_id, case lease.stop_code when 'timeout' then 'failed' else 'canceled' end, lease.stop_code, lease.stop_reason);
  end if;
  return null;
end
$$;

-- timeout_seconds counts from the first start, over all attempts.
create function ops_private.timeout_reason(run ops.runs) returns text language sql immutable set search_path = '' as $$
  select format('It did not end within %s s of its start (timeout_seconds).', run.timeout_seconds)
$$;
-- What a lease used is settled in the transaction that deletes it, whoever does: into the window in which it was claimed.
--   runs     1 for each attempt
--   seconds  from claim to end, on the database's clock
--   others   what was metered: reported with heartbeats, or in the metrics of phases; where nothing was, what was reserved
-- A release gives back what it reserved, as it gives back the attempt.
create function ops_private.settle_cap() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  amount numeric := case old.unit
    when 'runs' then old.reserved
    when 'seconds' then greatest(0, extract(epoch from clock_timestamp() - old.claimed_at))
    else coalesce(ops_private.metered(old), old.reserved) end;
begin
  if amount > 0 then
    insert into ops.cap_usage as u (cap_id, organization_id, project_id, environment_id, period_start, settled_amount)
    select c.cap_id, c.organization_id, c.project_id, c.environment_id, old.period_start, amount from ops.caps as c where c.cap_id = old.cap_id  -- none where the cap itself is deleted
    on conflict (cap_id, period_start) do update set settled_amount = u.settled_amount + excluded.settled_amount, updated_at = clock_timestamp();
  end if;
  return null;
end
$$;

-- A figure that an executor reports, null where it is none. What is beyond any real use is cut: no figure may overflow what it is added to.
create function ops_private.figure(report jsonb, key text) returns numeric language sql immutable set search_path = '' as $$
  select case when jsonb_typeof(report -> key) = 'number' then least(greatest(round((report ->> key)::numeric, 6), 0), 1e18) end
$$;

-- rows, bytes, cost: the larger of what heartbeats reported and what the phases of this lease say in their metrics.
create function ops_private.metered(held ops_private.lease_caps) returns numeric language sql stable security definer set search_path = '' as $$
  select greatest(held.used, (
    select sum(ops_private.figure(p.metrics, held.unit)) from ops.run_phases as p where p.run_id = held.run_id and p.started_at >= held.claimed_at))
$$;
create trigger a_lease_settles_its_caps after delete on ops_private.lease_caps for each row execute function ops_private.settle_cap();
-- finalize_run: the one terminal function. claimed|running → succeeded|failed|canceled, queued → failed|canceled. The caller has
-- locked the run (and its lease). Ends the lease, closes the phases with an event each, writes the one terminal event, last.
create function ops_private.finalize_run(run uuid, status text, error_code text default null, error_message text default null, output_manifest jsonb default null, data jsonb default '{}')
returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  ended ops.runs;
  phase ops.run_phases;
  moment timestamptz;
begin
  perform ops_private.end_leases(array[run]);
  for phase in select * from ops.run_phases as p where p.run_id = run and p.status in ('pending', 'running') order by p.position for update loop
    if phase.status = 'running' and status = 'failed' then
      update ops.run_phases as p set status = 'failed', finished_at = clock_timestamp(), error_code = coalesce(p.error_code, finalize_run.error_code),
        error_message = coalesce(p.error_message, left(finalize_run.error_message, 10000))
      where p.run_id = run and p.name = phase.name;
      perform ops_private.append_event(run, 'PHASE_FAILED', 'error', phase.name, coalesce(error_message, format('Phase %s failed with its run.', phase.name)),
        jsonb_build_object('attempt', phase.attempt, 'error_code', error_code));
    else
      update ops.run_phases as p set status = 'skipped', finished_at = clock_timestamp(), error_code = case when phase.status = 'running' then finalize_run.error_code end
      where p.run_id = run and p.name = phase.name;
      perform ops_private.append_event(run, 'PHASE_SKIPPED', 'info', phase.name, format('Phase %s was skipped: the run %s.', phase.name, case status when 'failed' then 'failed' else 'was canceled' end));
    end if;
  end loop;
  moment := clock_timestamp();
  update ops.runs as r set status = finalize_run.status, error_code = finalize_run.error_code, error_message = left(finalize_run.error_message, 10000),
    output_manifest = coalesce(finalize_run.output_manifest, r.output_manifest), finished_at = moment, duration_seconds = extract(epoch from moment - r.started_at), blocked_gate = null, not_before = null, queue_reason = null
  where r.run_id = run returning * into ended;
  perform ops_private.append_event(run, 'RUN_' || upper(status), case status when 'failed' then 'error' when 'canceled' then 'warn' else 'info' end, null,
    case status when 'succeeded' then 'The run succeeded.' when 'canceled' then coalesce(error_message, 'The run was canceled.') else coalesce(error_message, 'The run failed.') end,
    jsonb_strip_nulls(jsonb_build_object('error_code', error_code)) || coalesce(data, '{}'));
  perform ops_private.runs_ended(array[run]);
  return ended;
end
$$;

-- requeue: claimed|running → queued. Phases that were under way or failed begin again; what succeeded stays.
create function ops_private.requeue(run uuid, delay interval, keep_attempt boolean, event text, level text, message text, data jsonb default '{}')
returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  queued ops.runs;
  phase text;
begin
  if not keep_attempt then
    -- A release settles what was metered, not what was reserved: the next lease reserves again.
    update ops_private.lease_caps as l set reserved = 0 where l.run_id = run;
  end if;
  perform ops_private.end_leases(array[run]);
  for phase in select p.name from ops.run_phases as p where p.run_id = run and p.status in ('running', 'failed', 'skipped') order by p.position for update loop
    update ops.run_phases as p set status = 'pending', started_at = null, finished_at = null, error_code = null, error_message = null, output_sha256 = null
    where p.run_id = run and p.name = phase;
    perform ops_private.append_event(run, 'PHASE_RESET', 'info', phase, format('Phase %s will begin again.', phase));
  end loop;
  update ops.runs as r set status = 'queued', executor_id = null, claimed_at = null, attempt = case when keep_attempt then r.attempt else r.attempt - 1 end,
    not_before = case when delay > interval '0' then clock_timestamp() + delay end, queue_reason = case when delay > interval '0' then 'retrying' end
  where r.run_id = run returning * into queued;
  perform ops_private.append_event(run, event, level, null, message, data);
  if queued.not_before is null then
    perform ops_private.wake(array[queued.lane_id]);
  end if;
  return queued;
end
$$;

-- Full jitter over an exponential bound: 2, 4, 8 … at most 300 seconds.
create function ops_private.backoff(attempt int) returns interval language sql volatile set search_path = '' as $$
  select make_interval(secs => greatest(0.5, random() * least(300, power(2, least(attempt, 9)))))
$$;
-- The sweep: leases that ran out by the database's clock, at least `stale` ago. `lock_expired` locks such runs and their leases,
-- skipping what somebody else holds right now, and looks again at what it locked, so a run that just finished or was just
-- renewed is left alone. The caller then locks their gates and calls `end_expired`.
create function ops_private.lock_expired(stale interval, lanes bigint[], at_most int) returns uuid[]
language plpgsql security definer set search_path = '' as $$
declare
  latest timestamptz := clock_timestamp() - stale;
  found_runs uuid[];
begin
  found_runs := array(select l.run_id from ops.leases as l where l.expires_at <= latest and (lanes is null or l.lane_id = any (lanes)) order by l.expires_at limit at_most);
  found_runs := array(select r.run_id from ops.runs as r where r.run_id = any (found_runs) and r.status in ('claimed', 'running') for no key update skip locked);
  return array(select l.run_id from ops.leases as l where l.run_id = any (found_runs) and l.expires_at <= latest for update skip locked);
end
$$;

create function ops_private.end_expired(expired uuid[]) returns table (requeued int, ended int)
language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
  lease ops.leases;
begin
  requeued := 0;
  ended := 0;
  for run in select * from ops.runs as r where r.run_id = any (expired) order by r.run_id loop
    begin
      select * into lease from ops.leases as l where l.run_id = run.run_id;
      perform ops_private.append_event(run.run_id, 'LEASE_EXPIRED', 'warn', lease.phase, 'The executor gave no sign of life within its lease.',
        jsonb_build_object('executor_id', lease.executor_id, 'attempt', lease.attempt, 'expired_at', lease.expires_at));
      if (ops_private.end_if_stopped(run, lease)).run_id is not null then
        ended := ended + 1;
      elsif lease.deadline_at <= clock_timestamp() then
        perform ops_private.finalize_run(run.run_id, 'failed', 'timeout', ops_private.timeout_reason(run));
        ended := ended + 1;
      elsif run.attempt >= run.max_attempts then
        perform ops_private.finalize_run(run.run_id, 'failed', 'lease_exhausted', format('Its executors stopped responding; attempt %s was the last.', run.attempt));
        ended := ended + 1;
      else
        perform ops_private.requeue(run.run_id, interval '0', true, 'RUN_REQUEUED', 'warn', 'Queued again after a lost lease.', jsonb_build_object('attempt', run.attempt));
        requeued := requeued + 1;
      end if;
    exception when data_exception or integrity_constraint_violation then
      -- Whatever a run holds that cannot be stored, it stops neither the others nor the scheduler.
      raise warning 'the lease of run % could not be ended: %', run.run_id, sqlerrm;
    end;
  end loop;
  return next;
end
$$;

-- requeue_stale_runs(stale_minutes): the scheduler, executors (their environments are swept at each claim anyway) and admins.
create function ops_private.requeue_stale_runs(stale_minutes numeric) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  expired uuid[];
  swept record;
  environments uuid[];
  lanes bigint[];
begin
  if coalesce(stale_minutes, 0) < 0 then
    perform ops_private.fail('invalid_input', 'stale_minutes is not negative.');
  end if;
  if me.type is distinct from 'service' then
    environments := ops_private.visible_environments(case me.type when 'executor' then 0 else 4 end);
    if cardinality(environments) = 0 then
      perform ops_private.fail('forbidden', 'To sweep stale runs needs the role admin, an executor, or the scheduler.');
    end if;
    lanes := array(select l.lane_id from ops_private.lanes as l where l.environment_id = any (environments));
  end if;
  expired := ops_private.lock_expired(make_interval(secs => coalesce(stale_minutes, 0) * 60), lanes, 1000);
  perform ops_private.lock_gates(ops_private.gates_of(expired));
  select * into swept from ops_private.end_expired(expired);
  if me.type in ('user', 'token') then
    perform ops_private.audit(r.environment_id, 'run.requeued', 'run', r.run_id::text, null, jsonb_build_object('stale_minutes', stale_minutes)) from ops.runs as r where r.run_id = any (expired) order by r.run_id;
  end if;
  return jsonb_build_object('requeued', swept.requeued, 'ended', swept.ended);
end
$$;
create function ops.requeue_stale_runs(stale_minutes numeric default 0) returns jsonb language sql set search_path = '' as 'select ops_private.requeue_stale_runs($1)';
grant execute on function ops_private.requeue_stale_runs(numeric), ops.requeue_stale_runs(numeric) to authenticated, ops_token;
-- A key of caps is a word of the contract; a concurrency key any text, but not a long one: an index holds it.
create function ops_private.is_gate_key(kind text, key text) returns boolean language sql immutable set search_path = '' as $$
  select case kind when 'cap' then key ~ '^[a-z][a-z0-9_.:-]{0,126}$' else length(key) between 1 and 300 end is true
$$;
-- The id of a gate, made where it is missing. Locks no gate that exists: the caller locks all of its gates, sorted.
create function ops_private.gate_of(environment uuid, kind text, key text, max_leases int default null) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  found_gate bigint;
begin
  select g.gate_id into found_gate from ops_private.gates as g where g.environment_id = environment and g.kind = gate_of.kind and g.key = gate_of.key;
  if not found then
    if not ops_private.is_gate_key(gate_of.kind, gate_of.key) then
      perform ops_private.fail('invalid_input', 'A cap key is a word of lower-case letters, digits and _.:-, at most 127 long; a concurrency key has 1 to 200 characters.');
    end if;
    insert into ops_private.gates (environment_id, kind, key, max_leases) values (environment, gate_of.kind, gate_of.key, gate_of.max_leases)
    on conflict on constraint one_gate_per_key do nothing;
    select g.gate_id into found_gate from ops_private.gates as g where g.environment_id = environment and g.kind = gate_of.kind and g.key = gate_of.key;
  end if;
  return found_gate;
end
$$;

create type ops_private.lane_key as (environment_id uuid, queue text, labels text[]);
create function ops_private.labels_are_words(labels text[]) returns boolean language sql immutable set search_path = '' as $$
  select not exists (select from unnest(labels) as l where l is null or l !~ '^[a-z0-9][a-z0-9._:/-]{0,62}$')
$$;
create function ops_private.is_lane(lane ops_private.lane_key) returns boolean language sql immutable set search_path = '' as $$
  select lane.queue ~ '^[a-z][a-z0-9_]{0,62}$' and cardinality(lane.labels) <= 40 and ops_private.labels_are_words(lane.labels)
$$;
-- Makes the lanes that are missing. Before any gate is locked, and in one order: who makes several never waits in a circle.
-- Not `do update`: it would lock the lane against other creates, which hold its key, and gates. What is no lane is left to lane_of.
create function ops_private.open_lanes(wanted ops_private.lane_key[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into ops_private.lanes (environment_id, queue, labels)
  select distinct w.environment_id, w.queue, w.labels from unnest(wanted) as w
  where ops_private.is_lane(w) and not exists (select from ops_private.lanes as l where l.environment_id = w.environment_id and l.queue = w.queue and l.labels = w.labels) order by 1, 2, 3
  on conflict on constraint one_lane_per_queue_and_labels do nothing;
end
$$;
create function ops_private.lane_of(environment uuid, queue text, labels text[]) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  found_lane bigint;
begin
  select l.lane_id into found_lane from ops_private.lanes as l where l.environment_id = environment and l.queue = lane_of.queue and l.labels = lane_of.labels;
  if not found then
    if ops_private.is_lane((environment, queue, labels)::ops_private.lane_key) is not true then
      perform ops_private.fail('invalid_input', 'queue is a word of lower-case letters, digits and underscores; labels are at most 40 lower-case words (letters, digits and ._:/-).');
    end if;
    perform ops_private.open_lanes(array[(environment, queue, labels)::ops_private.lane_key]);
    select l.lane_id into found_lane from ops_private.lanes as l where l.environment_id = environment and l.queue = lane_of.queue and l.labels = lane_of.labels;
  end if;
  return found_lane;
end
$$;

-- Brings a run's gates to it: its concurrency key, the limits of its template, the caps that it or its spec names. Four at most.
create function ops_private.with_gates(run ops.runs, concurrency_limit int) returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  limited boolean := exists (select from ops.job_templates as t where t.template_id = run.template_id and (t.max_active is not null or t.max_starts is not null));
  gates bigint[] := '{}';
  amounts numeric[] := '{}';
  cap record;
begin
  -- Missing gates are made in the order of their kinds and keys, as everywhere (open_gates).
  for cap in select e ->> 'key' as key, max((e ->> 'amount')::numeric) as amount from jsonb_array_elements(run.caps) as e group by 1 order by 1 loop
    gates := gates || ops_private.gate_of(run.environment_id, 'cap', cap.key);
    amounts := array_append(amounts, cap.amount);
  end loop;
  if run.concurrency_key is not null then
    gates := gates || ops_private.gate_of(run.environment_id, 'concurrency', run.concurrency_key, coalesce(concurrency_limit, 1));
    amounts := array_append(amounts, null);
  end if;
  if limited then
    gates := gates || ops_private.gate_of(run.environment_id, 'template', run.template_id::text);
    amounts := array_append(amounts, null);
  end if;
  if cardinality(gates) > 4 then
    perform ops_private.fail('invalid_input', 'A run passes four gates at most: its concurrency key, the limits of its template, its caps.', 'Name fewer caps.');
  end if;
  select coalesce(array_agg(g.id order by g.id), '{}'), coalesce(array_agg(g.amount order by g.id), '{}') into run.gate_ids, run.gate_amounts from unnest(gates, amounts) as g (id, amount);
  return run;
end
$$;

-- Gates take on the limits that were stated last. The caller has locked the gates.
create function ops_private.set_limits(run ops.runs, concurrency_limit int) returns void language plpgsql security definer set search_path = '' as $$
declare
  changed bigint[];
begin
  with stated as (
    select g.gate_id, case g.kind when 'template' then t.max_active else coalesce(concurrency_limit, g.max_leases) end as max_leases, t.per_seconds::double precision / t.max_starts as start_seconds
    from ops_private.gates as g left join ops.job_templates as t on g.kind = 'template' and t.template_id = run.template_id
    where g.gate_id = any (run.gate_ids) and g.kind in ('template', 'concurrency')),
  changes as (
    update ops_private.gates as g set max_leases = s.max_leases, start_seconds = s.start_seconds from stated as s
    where g.gate_id = s.gate_id and (g.max_leases is distinct from s.max_leases or g.start_seconds is distinct from s.start_seconds) returning g.gate_id)
  select array_agg(c.gate_id) into changed from changes as c;
  if changed is not null then
    perform ops_private.unpark(changed);
  end if;
end
$$;

-- enqueue: inserts a queued run with its head, phases and RUN_CREATED. Parks it at once where one of its gates is full: live
-- leases and ready runs are counted under the gate's lock. A run with a debounce key takes the place of those with this key
-- that were never started, and the time at which the first of them would have started, so that a stream of them delays none
-- for ever; they end `superseded`. Locks runs that it supersedes, then all gates. Internal: the caller has authorised.
create function ops_private.enqueue(run ops.runs, spec jsonb, concurrency_limit int default null) returns ops.runs
language plpgsql security definer set search_path = '' as $$
declare
  gate ops_private.gates;
  passed bigint[];
  shut record;
  older uuid[] := '{}';
  replaced uuid;
  queued ops.runs;
begin
  run.run_id := ops_private.uuid_v7();
  run.timeout_seconds := coalesce(run.timeout_seconds, (spec ->> 'timeout_seconds')::int);
  run.caps := coalesce(run.caps, '[]') || coalesce(spec -> 'caps', '[]');
  run.lane_id := ops_private.lane_of(run.environment_id, run.queue, run.labels);
  run := ops_private.with_gates(run, concurrency_limit);
  if run.debounce_key is not null then
    -- One at a time for each key; whoever came with the same idempotency key meanwhile is not superseded by itself.
    perform ops_private.take_lock('debounce ' || run.environment_id::text || ' ' || run.debounce_key);
    if exists (select from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = run.idempotency_key) then
      return null;
    end if;
    older := array(select r.run_id from ops.runs as r where r.environment_id = run.environment_id and r.debounce_key = run.debounce_key and r.status = 'queued' and r.started_at is null
      order by r.run_id for no key update skip locked);
    if cardinality(older) > 0 then
      run.run_after := (select case when bool_or(r.run_after is null) then null else least(run.run_after, min(r.run_after)) end from ops.runs as r where r.run_id = any (older));
    end if;
  end if;
  run.not_before := case when run.run_after > clock_timestamp() then run.run_after end;
  if cardinality(run.gate_ids) > 0 or cardinality(older) > 0 then
    passed := ops_private.outer_gates(run.gate_ids);
    perform ops_private.lock_gates(passed || ops_private.gates_of(older));
    foreach replaced in array older loop
      perform ops_private.finalize_run(replaced, 'canceled', 'superseded', 'A newer run with the same debounce key takes its place.', null, jsonb_build_object('superseded_by', run.run_id));
    end loop;
    perform ops_private.set_limits(run, concurrency_limit);
    -- Who waits for its time takes no room; when it has come, a claim parks it where it must.
    for gate in select * from ops_private.gates as g where g.gate_id = any (passed) and run.not_before is null order by g.gate_id loop
      select * into shut from ops_private.full_limit(gate.gate_id, run.gate_ids, run.gate_amounts);
      if found then
        run.blocked_gate := gate.gate_id;
        run.queue_reason := ops_private.limit_reason(gate, shut.unit, run.template_key);
        update ops_private.gates as g set opens_at = shut.opens_at where g.gate_id = gate.gate_id and g.opens_at is null and shut.opens_at is not null;
        exit;
      end if;
    end loop;
  end if;
  run.created_at := clock_timestamp();
  run.status := 'queued';
  run.attempt := 0;
  run.failed_checks := 0;
  run.duration_seconds := null;
  insert into ops.runs select run.* on conflict (environment_id, idempotency_key) where idempotency_key is not null do nothing returning * into queued;
  if not found then
    return null;
  end if;
  insert into ops_private.run_heads (run_id, environment_id) values (queued.run_id, queued.environment_id);
  insert into ops.run_phases (run_id, name, environment_id, position, type, depends_on)
  select queued.run_id, p.phase ->> 'name', queued.environment_id, p.position, p.phase ->> 'type',
    coalesce((select array_agg(d) from jsonb_array_elements_text(p.phase -> 'depends_on') as d), '{}')
  from jsonb_array_elements(spec -> 'phases') with ordinality as p (phase, position);
  perform ops_private.append_event(queued.run_id, 'RUN_CREATED', 'info', null, format('Queued by %s.', coalesce(queued.triggered_by, queued.trigger)),
    jsonb_strip_nulls(jsonb_build_object('trigger', queued.trigger, 'template_key', queued.template_key, 'template_version', queued.template_version,
      'spec_sha256', queued.spec_sha256, 'repairs_run_id', queued.repairs_run_id)));
  if queued.blocked_gate is null and queued.not_before is null then
    perform ops_private.wake(array[queued.lane_id]);
  end if;
  return queued;
end
$$;

-- What the same idempotency key must be the same of.
create function ops_private.request_hash(request jsonb) returns text language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to((request - 'idempotency_key')::text, 'UTF8')), 'hex')
$$;

-- create_run(request): operators; with a spec of its own that names a connection, editors. The same idempotency_key answers the same run (created = false); with another request, idempotency_conflict.
create function ops_private.create_run(request jsonb) returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  me ops_private.principal := ops_private.me();
  run ops.runs;
  queued ops.runs;
  template ops.job_templates;
  environment ops.environments;
  spec jsonb;
  hash text := case when request ->> 'idempotency_key' is not null then ops_private.request_hash(request) end;
begin
  perform ops_private.require((request ->> 'environment_id')::uuid, 'operator', 'start a run');
  if pg_column_size(request) > 16 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'The request of a run has at most 16 MB.', 'Put what is large into an artifact.');
  end if;
  select * into environment from ops.environments as e where e.environment_id = (request ->> 'environment_id')::uuid;
  if request ->> 'template_key' is not null then
    select * into template from ops.job_templates as t where t.project_id = environment.project_id and t.template_key = request ->> 'template_key';
    if not found then
      perform ops_private.fail('not_found', format('There is no template %s in this project.', request ->> 'template_key'), 'Save it with POST /templates first.');
    end if;
    run.template_id := template.template_id;
    run.template_key := template.template_key;
    run.template_version := coalesce((request ->> 'template_version')::int, template.current_version);
    run.kind := template.kind;
    select v.spec_sha256, coalesce(request ->> 'git_sha', v.git_sha) into run.spec_sha256, run.git_sha
    from ops.job_template_versions as v where v.template_id = template.template_id and v.version = run.template_version;
    if not found then
      perform ops_private.fail('not_found', format('The template %s has no version %s.', run.template_key, run.template_version));
    end if;
  elsif request ->> 'spec_text' is not null then
    run.spec_sha256 := ops_private.store_spec(environment.project_id, request ->> 'spec_text');
    run.kind := 'pipeline';
    run.git_sha := request ->> 'git_sha';
  else
    perform ops_private.fail('invalid_input', 'A run needs template_key or a spec.');
  end if;
  select s.spec into spec from ops.specs as s where s.project_id = environment.project_id and s.spec_sha256 = run.spec_sha256;
  -- To write what is asked of a connection is to write a pipeline, which operators may not.
  if run.template_key is null and exists (select from ops_private.connection_texts(spec)) then
    perform ops_private.require(environment.environment_id, 'editor', 'start a run of a spec of its own that names a connection');
  end if;
  run.project_id := environment.project_id;
  run.environment_id := environment.environment_id;
  run.spec_slug := spec ->> 'name';
  run.parameters := coalesce(request -> 'parameters', '{}');
  run.priority := coalesce((request ->> 'priority')::int, 100);
  run.queue := coalesce(request ->> 'queue', 'default');
  run.labels := array(select distinct l from jsonb_array_elements_text(coalesce(request -> 'labels', '[]')) as l order by l);
  run.run_after := (request ->> 'run_after')::timestamptz;
  run.expires_at := (request ->> 'expires_at')::timestamptz;
  -- Infinity is how a parent waits for its children.
  if not isfinite(run.run_after) or not isfinite(run.expires_at) then
    perform ops_private.fail('invalid_input', 'run_after and expires_at are moments.');
  end if;
  run.concurrency_key := request ->> 'concurrency_key';
  run.debounce_key := request ->> 'debounce_key';
  if run.debounce_key is not null and run.run_after is null then
    run.run_after := clock_timestamp() + make_interval(secs => coalesce((request ->> 'debounce_seconds')::double precision, 0));
  end if;
  run.timeout_seconds := (request ->> 'timeout_seconds')::int;
  run.caps := coalesce(request -> 'caps', '[]');
  run.max_attempts := coalesce((request ->> 'max_attempts')::int, 3);
  run.trigger := case when me.type = 'user' and request ->> 'trigger' = 'manual' then 'manual' else 'api' end;
  run.triggered_by := me.name;
  run.isolated := false;
  run.idempotency_key := request ->> 'idempotency_key';
  run.request_sha256 := hash;
  queued := null;
  if run.idempotency_key is not null then
    select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = run.idempotency_key;
  end if;
  if queued.run_id is null then
    queued := ops_private.enqueue(run, spec, (request ->> 'concurrency_limit')::int);
    if queued.run_id is not null then
      perform ops_private.audit(run.environment_id, 'run.created', 'run', queued.run_id::text, null, jsonb_build_object('spec_slug', run.spec_slug, 'parameters', run.parameters));
      return jsonb_build_object('created', true, 'run', ops_private.run_json(queued));
    end if;
    -- Another call with this key was committed a moment ago.
    select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = run.idempotency_key;
  end if;
  if queued.request_sha256 <> hash then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return jsonb_build_object('created', false, 'run', ops_private.run_json(queued));
end
$$;

-- A request that names its environment by slug, perhaps with the project's, or not at all where the caller sees one: with its id.
create function ops_private.with_environment(request jsonb) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  fitting uuid[];
begin
  if request ->> 'environment_id' is not null then
    return request;
  end if;
  fitting := array(select e.environment_id from ops_private.my_environments() as v join ops.environments as e using (environment_id) join ops.projects as p on p.project_id = v.project_id
    where e.slug = coalesce(request ->> 'environment', e.slug) and p.slug = coalesce(request ->> 'project', p.slug));
  if cardinality(fitting) = 0 then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif cardinality(fitting) > 1 then
    perform ops_private.fail('invalid_input', 'Several environments fit.', 'Name project and environment.');
  end if;
  return request - array['environment', 'project'] || jsonb_build_object('environment_id', fitting[1]);
end
$$;
create function ops.create_run(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.create_run(ops_private.with_environment($1))';
grant execute on function ops_private.with_environment(jsonb), ops_private.create_run(jsonb), ops.create_run(jsonb) to authenticated, ops_token;
-- create_runs(requests): operators. Up to 500 runs in one call, each queued or refused for itself, and answered in order as create_run
-- answers it: { ok: true, created, run }, with ids_only { ok: true, created, run_id }, or { ok: false, error }. Requests that differ in parameters, queue and idempotency key alone
-- are made together: the first by create_run, the others as copies of it; where they pass gates, each finds its own place there. A
-- run that takes another's place (debounce) is refused with send_alone: create_run queues it. Keys are taken in their order, so that
-- callers with the same ones do not wait for each other in a circle. Makes specs, lanes and gates first, then locks all gates.

-- The different requests of a batch, in environments where the caller may start runs. What is no request is left to create_run, which says why.
create type ops_private.batch_request as (environment_id uuid, project_id uuid, queue text, labels text[], request jsonb);
create function ops_private.distinct_requests(requests jsonb) returns setof ops_private.batch_request language plpgsql stable security definer set search_path = '' as $$
begin
  return query select distinct e.environment_id, e.project_id, coalesce(r.request ->> 'queue', 'default'),
    array(select distinct l from jsonb_array_elements_text(case when jsonb_typeof(r.request -> 'labels') = 'array' then r.request -> 'labels' else '[]' end) as l order by l),
    r.request - array['parameters', 'idempotency_key', 'queue', 'labels', 'priority']
  from jsonb_array_elements(requests) as r (request)
  join ops.environments as e on e.environment_id = any ((select ops_private.visible_environments(ops_private.rank('operator')))::uuid[]) and e.environment_id::text = r.request ->> 'environment_id';
end
$$;

-- Makes the gates that are missing, in one order, and locks them all, once and sorted. What is no key of a gate is left to gate_of.
create type ops_private.gate_key as (environment_id uuid, kind text, key text);
create function ops_private.open_gates(wanted ops_private.gate_key[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into ops_private.gates (environment_id, kind, key, max_leases)
  select distinct w.environment_id, w.kind, w.key, case w.kind when 'concurrency' then 1 end from unnest(wanted) as w where ops_private.is_gate_key(w.kind, w.key) order by 1, 2, 3
  on conflict on constraint one_gate_per_key do nothing;
  perform ops_private.lock_gates(ops_private.outer_gates(array(select g.gate_id from unnest(wanted) as w join ops_private.gates as g on (g.environment_id, g.kind, g.key) = (w.environment_id, w.kind, w.key))));
end
$$;

-- Requests that name their environment by slug, or not at all, as `with_environment` has one: each different naming is looked up once.
-- What names none, or several, stays as it is: create_run says why.
create function ops_private.with_environments(requests jsonb) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not exists (select from jsonb_array_elements(requests) as r (request) where r.request ->> 'environment_id' is null) then
    return requests;
  end if;
  return (
    with named as materialized (
      select r.nth, r.request, r.request ->> 'environment' as environment, r.request ->> 'project' as project from jsonb_array_elements(requests) with ordinality as r (request, nth)
    ), fitting as materialized (
      select n.environment, n.project, min(e.environment_id::text) as environment_id
      from (select distinct n.environment, n.project from named as n) as n
      join ops.environments as e on e.environment_id = any ((select ops_private.visible_environments())::uuid[]) and e.slug = coalesce(n.environment, e.slug)
      join ops.projects as p on p.project_id = e.project_id and p.slug = coalesce(n.project, p.slug)
      group by 1, 2 having count(*) = 1)
    select jsonb_agg(case when n.request ->> 'environment_id' is not null or f.environment_id is null then n.request
      else n.request - array['environment', 'project'] || jsonb_build_object('environment_id', f.environment_id) end order by n.nth)
    from named as n left join fitting as f on f.environment is not distinct from n.environment and f.project is not distinct from n.project);
end
$$;

-- What the runs of a batch share with those of other callers, before the first of them is made: specs, then lanes, then gates.
create function ops_private.open_batch(requests jsonb) returns void language plpgsql security definer set search_path = '' as $$
declare
  asked ops_private.batch_request[] := array(select b from ops_private.distinct_requests(requests) as b);
  wanted ops_private.gate_key[];
begin
  insert into ops.specs (project_id, spec_sha256, spec_text, spec)
  select distinct b.project_id, encode(sha256(convert_to(b.request ->> 'spec_text', 'UTF8')), 'hex') as hash, b.request ->> 'spec_text', (b.request ->> 'spec_text')::jsonb
  from unnest(asked) as b where b.request ->> 'template_key' is null and ops_private.is_spec(b.request ->> 'spec_text') order by 1, 2
  on conflict do nothing;
  perform ops_private.open_lanes(array(select (b.environment_id, b.queue, b.labels)::ops_private.lane_key from unnest(asked) as b));
  wanted := array(
    select (b.environment_id, k.kind, k.key)::ops_private.gate_key
    from unnest(asked) as b
    left join ops.job_templates as t on t.project_id = b.project_id and t.template_key = b.request ->> 'template_key'
    left join ops.job_template_versions as v on v.template_id = t.template_id and v.version::text = coalesce(b.request ->> 'template_version', t.current_version::text)
    left join ops.specs as s on s.project_id = b.project_id and s.spec_sha256 = coalesce(v.spec_sha256, encode(sha256(convert_to(b.request ->> 'spec_text', 'UTF8')), 'hex'))
    cross join lateral (
      select 'concurrency', b.request ->> 'concurrency_key'
      union all select 'template', t.template_id::text where t.max_active is not null or t.max_starts is not null
      union all select 'cap', c ->> 'key' from jsonb_array_elements(case when jsonb_typeof(b.request -> 'caps') = 'array' then b.request -> 'caps' else '[]' end || coalesce(s.spec -> 'caps', '[]')) as c) as k (kind, key)
    where k.key is not null);
  if cardinality(wanted) > 0 then
    perform ops_private.open_gates(wanted);
  end if;
end
$$;

create function ops_private.create_run_or_error(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  answer jsonb;
  state text; code text; detail text; remedy text;
begin
  if request ->> 'debounce_key' is not null then
    perform ops_private.fail('send_alone', 'A run with a debounce key is not queued in a batch.', 'Queue it with create_run.');
  end if;
  answer := ops_private.create_run(ops_private.with_environment(request));
  return answer || '{"ok": true}';
exception when others then
  get stacked diagnostics state = returned_sqlstate, code = message_text, detail = pg_exception_detail, remedy = pg_exception_hint;
  return jsonb_build_object('ok', false, 'error', ops_private.error_answer(state, code, detail, remedy));
end
$$;

-- Queues copies of a run that was made in this transaction and passes no gate, one for each request: the event, head and phases are its own too.
-- A request whose idempotency key is taken is left out.
create function ops_private.copy_run(first ops.runs, requests jsonb, nths int[], ids_only boolean) returns table (nth int, answer jsonb) language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  first_json jsonb := ops_private.run_json(first);
  asked_as text := ops_private.request_id();
begin
  return query with wanted as materialized (
    select n.nth, n.run_id, l.queue, l.lane_id, r.request
    from rows from (unnest(nths), ops_private.uuid_v7s(cardinality(nths))) as n (nth, run_id) cross join lateral (select requests -> n.nth - 1) as r (request)
    join ops_private.lanes as l on l.environment_id = first.environment_id and l.queue = coalesce(r.request ->> 'queue', 'default') and l.labels = first.labels
  ), made as (
    insert into ops.runs select (w.run).* from (  -- not a function in `from`: each call would describe the whole table again
      select x.nth, x.request ->> 'idempotency_key' as key, jsonb_populate_record(first, jsonb_build_object('run_id', x.run_id, 'created_at', clock_timestamp(), 'queue', x.queue, 'lane_id', x.lane_id,
        'parameters', coalesce(x.request -> 'parameters', '{}'), 'idempotency_key', x.request -> 'idempotency_key',
        'request_sha256', case when x.request ->> 'idempotency_key' is not null then ops_private.request_hash(x.request) end)) as run
      from wanted as x offset 0) as w
    order by w.key, w.nth on conflict (environment_id, idempotency_key) where idempotency_key is not null do nothing returning run_id, created_at, parameters
  ), heads as (
    insert into ops_private.run_heads (run_id, environment_id, last_seq) select m.run_id, first.environment_id, 1 from made as m
  ), phases as (
    insert into ops.run_phases (run_id, name, environment_id, position, type, depends_on)
    select m.run_id, p.name, p.environment_id, p.position, p.type, p.depends_on from ops.run_phases as p cross join made as m where p.run_id = first.run_id
  ), events as (
    insert into ops.run_events (run_id, seq, environment_id, type, level, message, data)
    select m.run_id, 1, e.environment_id, e.type, e.level, e.message, e.data from ops.run_events as e cross join made as m where e.run_id = first.run_id and e.seq = 1
  ), audited as (
    insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id, after, request_id)
    select p.organization_id, p.project_id, first.environment_id, me.type, me.id, me.name, 'run.created', 'run', m.run_id::text, jsonb_build_object('spec_slug', first.spec_slug, 'parameters', m.parameters), asked_as
    from ops.projects as p cross join made as m where p.project_id = first.project_id
  )
  select w.nth, case when ids_only then jsonb_build_object('ok', true, 'created', true, 'run_id', m.run_id) else jsonb_build_object('ok', true, 'created', true,
    'run', first_json || jsonb_build_object('run_id', m.run_id, 'created_at', m.created_at, 'queue', w.queue, 'parameters', m.parameters)) end
  from wanted as w join made as m using (run_id);
  if first.not_before is null then
    perform ops_private.wake(array(select l.lane_id from ops_private.lanes as l where l.environment_id = first.environment_id and l.labels = first.labels
      and l.queue in (select coalesce(requests -> n - 1 ->> 'queue', 'default') from unnest(nths) as n)));
  end if;
end
$$;

create function ops_private.create_runs(requests jsonb, ids_only boolean) returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set jit = off as $$
declare
  same record;
  nth int;
  copy record;
  first ops.runs;
  answers jsonb[];
begin
  if jsonb_typeof(requests) is distinct from 'array' or jsonb_array_length(requests) not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'requests is an array of 1 to 500 requests.');
  end if;
  requests := ops_private.with_environments(requests);
  perform ops_private.open_batch(requests);
  answers := array_fill(null::jsonb, array[jsonb_array_length(requests)]);
  for same in
    select array_agg(r.nth::int order by r.request ->> 'idempotency_key', r.nth) as nths from jsonb_array_elements(requests) with ordinality as r (request, nth)
    group by r.request - array['parameters', 'idempotency_key', 'queue'] order by min(r.request ->> 'idempotency_key'), min(r.nth)
  loop
    first := null;
    foreach nth in array same.nths loop
      continue when answers[nth] is not null;
      answers[nth] := ops_private.create_run_or_error(requests -> nth - 1);
      if first.run_id is null and (answers[nth] ->> 'created')::boolean then
        select * into first from ops.runs as r where r.run_id = (answers[nth] -> 'run' ->> 'run_id')::uuid;
        continue when cardinality(first.gate_ids) > 0;
        for copy in select * from ops_private.copy_run(first, requests, array(select n from unnest(same.nths) as n where answers[n] is null order by n), ids_only) loop
          answers[copy.nth] := copy.answer;
        end loop;
      end if;
    end loop;
  end loop;
  if ids_only then
    answers := array(select case when a ? 'run' then a - 'run' || jsonb_build_object('run_id', a -> 'run' -> 'run_id') else a end from unnest(answers) with ordinality as x (a, nth) order by x.nth);
  end if;
  return jsonb_build_object('items', to_jsonb(answers));
end
$$;
create function ops.create_runs(requests jsonb, ids_only boolean default false) returns jsonb language sql set search_path = '' as 'select ops_private.create_runs($1, $2)';
grant execute on function ops_private.create_runs(jsonb, boolean), ops.create_runs(jsonb, boolean) to authenticated, ops_token;
-- cancel_run: operators. A queued run ends at once; an active one is told at its next heartbeat and ends when its executor
-- answers, or with its lease. Its child runs go with it: at once where nobody holds their rows, else by the scheduler. A repeat changes nothing; a finished run is run_finished (a canceled one answers itself).
create function ops_private.cancel_run(run uuid, reason text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  found_run ops.runs;
  children uuid[];
begin
  select * into found_run from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(found_run.environment_id, 'operator', 'cancel a run');
  reason := coalesce(nullif(reason, ''), format('Canceled by %s.', me.name));
  if found_run.status = 'canceled' then
    return ops_private.run_json(found_run);
  elsif found_run.status in ('succeeded', 'failed') then
    perform ops_private.fail('run_finished', format('The run has already %s.', found_run.status));
  elsif found_run.cancel_requested_at is null then
    update ops.runs as r set cancel_requested_at = clock_timestamp(), cancel_reason = reason where r.run_id = run returning * into found_run;
    children := ops_private.lock_children(array[run], 1000);
    perform ops_private.lock_gates(ops_private.gates_of(array[run] || children));
    if found_run.status = 'queued' then
      found_run := ops_private.finalize_run(run, 'canceled', 'canceled', reason);
    else
      perform ops_private.append_event(run, 'CANCEL_REQUESTED', 'warn', null, reason);
    end if;
    perform ops_private.cancel_children(children, reason);
    perform ops_private.audit(found_run.environment_id, 'run.canceled', 'run', run::text, null, jsonb_build_object('reason', reason));
  end if;
  return ops_private.run_json(found_run);
end
$$;
create function ops.cancel_run(run_id uuid, reason text default null) returns jsonb language sql set search_path = '' as 'select ops_private.cancel_run($1, $2)';
grant execute on function ops_private.cancel_run(uuid, text), ops.cancel_run(uuid, text) to authenticated, ops_token;
-- The same work as a run that never began: for a run that repeats another, or is part of it.
create function ops_private.not_begun(run ops.runs) returns ops.runs language plpgsql stable set search_path = '' as $$
begin
  run.output_manifest := null;
  run.error_code := null;
  run.error_message := null;
  run.queue_reason := null;
  run.executor_id := null;
  run.schedule_id := null;
  run.backfill_id := null;
  run.scheduled_for := null;
  run.parent_run_id := null;
  run.parent_phase := null;
  run.child_key := null;
  run.run_after := null;
  run.expires_at := null;
  run.claimed_at := null;
  run.started_at := null;
  run.finished_at := null;
  run.cancel_requested_at := null;
  run.cancel_reason := null;
  run.blocked_gate := null;
  run.not_before := null;
  run.idempotency_key := null;
  run.request_sha256 := null;
  run.debounce_key := null;
  return run;
end
$$;

-- retry_run: operators. A finished run is never run again: a new run points at it (repairs_run_id).
--   all     every phase again, reading the inputs that the old run pinned
--   failed  phases that succeeded, and whose definition is still the same, are marked reused with their artifacts; the rest execute
--   verify  as all, into an isolated lake prefix; nothing is published
create function ops_private.retry_run(old_run uuid, mode text, definition text, key text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  old ops.runs;
  run ops.runs;
  queued ops.runs;
  spec jsonb;
begin
  select * into old from ops.runs as r where r.run_id = old_run and r.environment_id = any (ops_private.visible_environments());
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(old.environment_id, case when ops_private.reseals(old) then 'admin' else 'operator' end, 'run it again');
  if mode not in ('all', 'failed', 'verify') or definition not in ('pinned', 'current') then
    perform ops_private.fail('invalid_input', 'mode is all, failed or verify; definition is pinned or current.');
  elsif old.status not in ('succeeded', 'failed', 'canceled') then
    perform ops_private.fail('illegal_transition', format('The run is still %s.', old.status), 'Wait for its end, or cancel it.');
  elsif mode = 'failed' and old.status = 'succeeded' then
    perform ops_private.fail('illegal_transition', 'Nothing failed in this run.', 'Use mode all.');
  elsif mode = 'verify' and (old.status <> 'succeeded' or definition = 'current') then
    perform ops_private.fail('illegal_transition', 'Only a succeeded run with its pinned definition can be verified.');
  end if;
  run := old;
  if definition = 'current' and old.template_id is not null then
    select v.version, v.spec_sha256, v.git_sha into run.template_version, run.spec_sha256, run.git_sha
    from ops.job_templates as t join ops.job_template_versions as v on v.template_id = t.template_id and v.version = t.current_version
    where t.template_id = old.template_id;
  end if;
  select s.spec into spec from ops.specs as s where s.project_id = run.project_id and s.spec_sha256 = run.spec_sha256;
  run.repairs_run_id := old.run_id;
  run.trigger := case mode when 'verify' then 'verify' else 'retry' end;
  run.triggered_by := me.name;
  run.isolated := mode = 'verify';
  run.repair_mode := mode;
  run := ops_private.not_begun(run);
  if mode <> 'verify' then
    -- A repair stands for the run of the schedule or the partition that it repairs; a verification publishes nothing.
    run.schedule_id := old.schedule_id;
    run.backfill_id := old.backfill_id;
    run.scheduled_for := old.scheduled_for;
  end if;
  run.idempotency_key := key;
  run.request_sha256 := encode(sha256(convert_to(jsonb_build_object('repairs', old_run, 'mode', mode, 'definition', definition)::text, 'UTF8')), 'hex');
  if key is not null then
    select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = key;
  end if;
  if queued.run_id is null then
    queued := ops_private.enqueue(run, spec);
    if queued.run_id is null then
      select * into queued from ops.runs as r where r.environment_id = run.environment_id and r.idempotency_key = key;
    else
      if mode = 'failed' then
        perform ops_private.reuse_phases(old.run_id, queued.run_id);
      end if;
      perform ops_private.audit(run.environment_id, 'run.retried', 'run', queued.run_id::text, null, jsonb_build_object('repairs_run_id', old_run, 'mode', mode, 'definition', definition));
    end if;
  end if;
  if queued.request_sha256 <> run.request_sha256 then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return ops_private.run_json(queued);
end
$$;

-- Marks phases as reused where they, and all before them, succeeded in the old run under the same definition (and for validate the same
-- checks); their artifacts are registered again (same bytes).
create function ops_private.reuse_phases(old_run uuid, new_run uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  phase ops.run_phases;
  old_phase ops.run_phases;
  old_spec jsonb := (select s.spec from ops.runs as r join ops.specs as s using (project_id, spec_sha256) where r.run_id = old_run);
  new_spec jsonb := (select s.spec from ops.runs as r join ops.specs as s using (project_id, spec_sha256) where r.run_id = new_run);
begin
  for phase in select * from ops.run_phases as p where p.run_id = new_run order by p.position loop
    select * into old_phase from ops.run_phases as p where p.run_id = old_run and p.name = phase.name and p.status in ('succeeded', 'reused');
    continue when not found or old_phase.output_sha256 is null
      or (select x from jsonb_array_elements(old_spec -> 'phases') as x where x ->> 'name' = phase.name) <> (select x from jsonb_array_elements(new_spec -> 'phases') as x where x ->> 'name' = phase.name)
      or phase.type = 'validate' and old_spec -> 'quality' is distinct from new_spec -> 'quality'
      or exists (select from ops.run_phases as d where d.run_id = new_run and d.name = any (phase.depends_on) and d.status <> 'reused');
    update ops.run_phases as p set status = 'reused', started_at = old_phase.started_at, finished_at = old_phase.finished_at,
      input_sha256 = old_phase.input_sha256, output_sha256 = old_phase.output_sha256, metrics = old_phase.metrics
    where p.run_id = new_run and p.name = phase.name;
    insert into ops.run_artifacts (run_id, environment_id, phase, name, kind, content_type, byte_size, sha256, metadata)
    select new_run, a.environment_id, a.phase, a.name, a.kind, a.content_type, a.byte_size, a.sha256, a.metadata
    from ops.run_artifacts as a where a.run_id = old_run and a.phase = phase.name;
    perform ops_private.append_event(new_run, 'PHASE_REUSED', 'info', phase.name, 'Its output is taken over from an earlier run.', jsonb_build_object('output_sha256', old_phase.output_sha256, 'from_run_id', old_run));
  end loop;
end
$$;
create function ops.retry_run(run_id uuid, mode text default 'all', definition text default 'pinned', idempotency_key text default null) returns jsonb
language sql set search_path = '' as 'select ops_private.retry_run($1, $2, $3, $4)';
grant execute on function ops_private.retry_run(uuid, text, text, text), ops.retry_run(uuid, text, text, text) to authenticated, ops_token;
-- runs_ended: what the end of runs sets in motion, in the transaction that ended them, after their last event. Set-based. It locks
-- no gate and waits for no row that another transaction may hold: what needs that is left to the tick.
create function ops_private.runs_ended(ended uuid[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  found_runs record;
begin
  select array_agg(distinct r.parent_run_id) filter (where r.parent_run_id is not null) as parents, array_agg(r.run_id) filter (where r.status = 'failed') as failed,
    array_agg(distinct r.schedule_id) filter (where r.status = 'failed' and r.schedule_id is not null) as schedules into found_runs
  from ops.runs as r where r.run_id = any (ended);
  if found_runs.parents is not null then
    perform ops_private.wake_parents(found_runs.parents);
  end if;
  if found_runs.failed is not null then
    perform ops_private.tell_failed_runs(found_runs.failed);
  end if;
  perform ops_private.tell_lineage_of(ended);
  -- Nobody appends any more: the lease is gone, so no row of a log is held.
  update ops_private.log_heads as h set compact_after = clock_timestamp() where h.run_id = any (ended);
  insert into ops_private.runs_to_score (run_id) select unnest(ended) on conflict do nothing;
  if found_runs.schedules is not null then
    perform ops_private.pause_failing(found_runs.schedules);
  end if;
end
$$;
-- Fair share: a project's turn comes by its live leases divided by its weight, and who would have the least after one more goes
-- first. What an idle project does not take, others do. Counts only leases in these lanes: who serves others competes there.
create function ops_private.lane_shares(lanes bigint[]) returns table (lane_id bigint, project_id uuid, live numeric, weight int) language sql stable security definer set search_path = '' as $$
  with mine as materialized (
    select l.lane_id, p.project_id, p.weight, (select count(*) from ops.leases as x where x.lane_id = l.lane_id) as live
    from ops_private.lanes as l join ops.environments as e using (environment_id) join ops.projects as p using (project_id) where l.lane_id = any (lanes))
  select m.lane_id, m.project_id, sum(m.live) over (partition by m.project_id), m.weight from mine as m
$$;

-- The next ready runs of several projects, each in its turn; within a project by priority, then age.
create function ops_private.fair_runs(lanes bigint[], at_most int) returns table (run_id uuid, turn numeric, priority int) language sql stable security definer set search_path = '' as $$
  select q.run_id, (s.live + row_number() over (partition by s.project_id order by q.priority, q.run_id)) / s.weight as turn, q.priority
  from ops_private.lane_shares(lanes) as s cross join lateral (
    select r.run_id, r.priority from ops.runs as r where r.lane_id = s.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
    order by r.priority, r.run_id limit at_most) as q
  order by turn, priority, run_id limit at_most
$$;

-- Locks up to `at_most` ready runs of these lanes, skipping what others hold: the best over all lanes, in fair turns where they
-- belong to several projects.
create function ops_private.lock_ready(lanes bigint[], at_most int) returns uuid[] language plpgsql security definer set search_path = '' as $$
declare
  shared boolean := (select count(distinct e.project_id) from ops_private.lanes as l join ops.environments as e using (environment_id) where l.lane_id = any (lanes)) > 1;
  candidates uuid[] := '{}';
  lane bigint;
begin
  if shared then
    -- More than are wanted: other claimers hold some of the first.
    candidates := array(select r.run_id from ops_private.fair_runs(lanes, at_most + 25) as f join ops.runs as r on r.run_id = f.run_id
      where r.status = 'queued' and r.blocked_gate is null and r.not_before is null order by f.turn, f.priority, f.run_id limit at_most for update of r skip locked);
  elsif at_most > 1 and cardinality(lanes) > 1 then
    candidates := array(select r.run_id from unnest(lanes) as l (lane_id) cross join lateral (
        select q.run_id, q.priority from ops.runs as q where q.lane_id = l.lane_id and q.status = 'queued' and q.blocked_gate is null and q.not_before is null
        order by q.priority, q.run_id limit at_most) as r
      order by r.priority, r.run_id limit at_most);
    candidates := array(select r.run_id from ops.runs as r where r.run_id = any (candidates) and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
      order by r.priority, r.run_id for update skip locked);
  end if;
  -- What others held is made up for, lane by lane.
  for lane in
    select l.lane_id from unnest(lanes) as l (lane_id) cross join lateral (
      select r.priority, r.run_id from ops.runs as r where r.lane_id = l.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
      order by r.priority, r.run_id limit 1) as head
    where cardinality(candidates) < at_most
    order by case when shared then (select (s.live + 1) / s.weight from ops_private.lane_shares(lanes) as s where s.lane_id = l.lane_id) end, head.priority, head.run_id
  loop
    exit when cardinality(candidates) >= at_most;
    candidates := candidates || array(
      select r.run_id from ops.runs as r where r.lane_id = lane and r.status = 'queued' and r.blocked_gate is null and r.not_before is null and not r.run_id = any (candidates)
      order by r.priority, r.run_id limit at_most - cardinality(candidates) for update skip locked);
  end loop;
  return candidates;
end
$$;

-- Takes those candidates, in order, that find room at every gate, and parks each other one on the first that is full. The caller
-- has locked runs and gates; live leases are counted here, in a statement after those locks.
create function ops_private.pass_gates(candidates uuid[], gates bigint[], moment timestamptz, out taken uuid[], out limits ops_private.gate_limit[])
language plpgsql security definer set search_path = '' as $$
declare
  run record;
  shut record;
begin
  taken := '{}';
  limits := array(select l from ops_private.limits_at(gates, moment) as l);
  for run in select r.run_id, r.gate_ids, r.gate_amounts, r.template_key from unnest(candidates) with ordinality as c (run_id, nth) join ops.runs as r on r.run_id = c.run_id order by c.nth loop
    select l.gate_id, l.unit into shut from unnest(limits) as l join unnest(run.gate_ids, run.gate_amounts) as g (gate_id, amount) on g.gate_id = any (l.inner_ids)
    where l.room <= 0 or l.room < ops_private.need(l.unit, g.amount, l.total) order by l.gate_id limit 1;
    if found then
      update ops.runs as r set blocked_gate = shut.gate_id, queue_reason = (select ops_private.limit_reason(g, shut.unit, run.template_key) from ops_private.gates as g where g.gate_id = shut.gate_id)
      where r.run_id = run.run_id;
    else
      taken := taken || run.run_id;
      if cardinality(run.gate_ids) > 0 then
        limits := array(select (l.gate_id, l.inner_ids, l.cap_id, l.unit, l.total, l.room - case when g.gate_id is null then 0 else ops_private.need(l.unit, g.amount, l.total) end, l.starts_at, l.opens_at)::ops_private.gate_limit
          from unnest(limits) as l left join unnest(run.gate_ids, run.gate_amounts) as g (gate_id, amount) on g.gate_id = any (l.inner_ids));
      end if;
    end if;
  end loop;
end
$$;

-- What the holder of new leases is told of each, in order; as json, which is text from the start (jsonb would be built anew at each level).
-- Row by row on purpose: the statistics of leases may be those of an empty queue, and a join over
-- such a guess reads everything once for each run.
create function ops_private.claims_json(taken uuid[], share_specs boolean) returns json language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_agg(json_build_object(
      'run', (select row_to_json(w) from (select r.run_id, r.project_id, r.environment_id, r.status, r.template_key, r.template_version, r.spec_slug, r.spec_sha256, r.git_sha, r.parameters, r.trigger,
        r.scheduled_for, r.input_manifest, r.attempt, r.max_attempts, r.isolated, r.parent_run_id, r.repairs_run_id, r.repair_mode, r.created_at, r.claimed_at, r.started_at) as w),
      'spec', case when not share_specs then (select s.spec from ops.specs as s where s.project_id = r.project_id and s.spec_sha256 = r.spec_sha256) end,
      'lease_token', l.lease_token, 'lease_expires_at', l.expires_at, 'lease_seconds', l.lease_seconds, 'attempt', l.attempt, 'fence', l.fence::text,
      'phases', (select coalesce(json_agg(row_to_json(w) order by w.position), '[]') from (select p.name, p.type, p.status, p.position, p.attempt, p.depends_on, p.started_at, p.finished_at, p.input_sha256, p.output_sha256, p.metrics, p.checkpoint, p.error_code, p.error_message from ops.run_phases as p where p.run_id = c.run_id) as w)) order by c.nth)
    from unnest(taken) with ordinality as c (run_id, nth) join ops.runs as r on r.run_id = c.run_id
    cross join lateral (select x.* from ops.leases as x where x.run_id = c.run_id limit 1) as l);
end
$$;

-- The specs of new leases, each once: by its hash, whichever project holds it.
create function ops_private.specs_json(taken uuid[]) returns json language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_object_agg(s.spec_sha256, s.spec)
    from (select r.spec_sha256, min(r.project_id::text)::uuid as project_id from ops.runs as r where r.run_id = any (taken) group by 1) as u join ops.specs as s using (project_id, spec_sha256));
end
$$;

-- claim_runs: executors. queued → claimed (→ running at once with `start`), exactly within every gate's limit. One transaction: sweep and promote a little,
-- lock candidates (skipping what others hold), lock all their gates once (with those that time has opened), count live leases
-- in a later statement, take what fits and park the rest on its first full gate. Answers { items, again, retry_after_ms }; where
-- the sweep had to lock gates it answers `again`, because a second pass over gates in one transaction could deadlock. Times
-- are compared with a variable, not with clock_timestamp() itself, which no index condition may hold.
create function ops_private.claim_runs(max_runs int, queues text[], labels text[], lease_seconds int, only_run uuid, version text, hostname text, start boolean, share_specs boolean) returns json
language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  me ops_private.principal := ops_private.me();
  environments uuid[];
  lanes bigint[];
  moment timestamptz := clock_timestamp();
  stale uuid[];
  candidates uuid[] := '{}';
  taken uuid[] := '{}';
  late ops.runs;
  gates bigint[];
  limits ops_private.gate_limit[] := '{}';
  moved int := 0;
  armed boolean;
begin
  if me.type is distinct from 'executor' then
    perform ops_private.fail('forbidden', 'Only an executor claims runs.', 'Use an executor token (lcx_…).');
  elsif max_runs is null or max_runs not between 1 and 100 or lease_seconds is null or lease_seconds not between 1 and 600 or queues is null or labels is null
    or pg_column_size(queues) + pg_column_size(labels) > 16384 then
    perform ops_private.fail('invalid_input', 'max_runs is 1 to 100, lease_seconds 1 to 600; queues and labels are arrays, of 16 kB together.');
  end if;
  queues := coalesce((select array(select q from unnest(claim_runs.queues) as q where q = any (e.allowed_queues)) from ops.executors as e where e.executor_id = me.id and e.allowed_queues is not null), queues);
  update ops.executors as e set last_seen_at = clock_timestamp(), version = coalesce(left(claim_runs.version, 100), e.version), hostname = coalesce(left(claim_runs.hostname, 255), e.hostname), queues = claim_runs.queues, labels = claim_runs.labels
  where e.executor_id = (select x.executor_id from ops.executors as x where x.executor_id = me.id
    and (x.last_seen_at is null or x.last_seen_at < clock_timestamp() - interval '10 seconds' or x.queues <> claim_runs.queues or x.labels <> claim_runs.labels) for no key update skip locked);
  if exists (select from ops.executors as e where e.executor_id = me.id and e.draining_since is not null) then
    return json_build_object('items', '[]'::json, 'again', false, 'retry_after_ms', 5000);
  end if;
  environments := ops_private.visible_environments();
  select coalesce(array_agg(l.lane_id), '{}'), coalesce(bool_and(l.armed), true) into lanes, armed
  from ops_private.lanes as l where l.environment_id = any (environments) and l.queue = any (claim_runs.queues) and l.labels <@ claim_runs.labels;

  if exists (select from ops.leases as l where l.expires_at <= moment and l.lane_id = any (lanes)) then
    stale := ops_private.lock_expired(interval '0', lanes, 10);
    gates := ops_private.gates_of(stale);
    perform ops_private.lock_gates(gates);
    perform ops_private.end_expired(stale);
    if cardinality(gates) > 0 then
      return json_build_object('items', '[]'::json, 'again', true, 'retry_after_ms', 0);
    end if;
  end if;
  -- Lane by lane: what another tenant has waiting must not be read.
  update ops.runs as r set not_before = null, queue_reason = null where r.run_id = any (array(
    select w.run_id from unnest(lanes) as l (lane_id) cross join lateral (
      select d.run_id from ops.runs as d where d.lane_id = l.lane_id and d.status = 'queued' and d.not_before <= moment order by d.not_before limit 100 for update skip locked) as w limit 100));

  if only_run is not null then
    candidates := array(select r.run_id from ops.runs as r where r.run_id = only_run and r.status = 'queued' and r.blocked_gate is null and r.not_before is null and r.lane_id = any (lanes) for update skip locked);
  else
    candidates := ops_private.lock_ready(lanes, max_runs);
  end if;

  gates := array(select g from unnest(ops_private.gates_of(candidates) || ops_private.opening_gates(environments, moment, 20)) as g group by g order by g);
  perform ops_private.lock_gates(gates);
  moment := clock_timestamp();
  for late in select * from ops.runs as r where r.run_id = any (candidates)
      and (r.expires_at <= moment or r.started_at + make_interval(secs => r.timeout_seconds) <= moment) loop
    if late.expires_at <= moment then
      perform ops_private.finalize_run(late.run_id, 'canceled', 'expired', 'It was not started before its expires_at.');
    else
      perform ops_private.finalize_run(late.run_id, 'failed', 'timeout', ops_private.timeout_reason(late));
    end if;
    candidates := array_remove(candidates, late.run_id);
    moved := moved + 1;
  end loop;
  if cardinality(gates) = 0 then
    taken := candidates;
  else
    select p.taken, p.limits into taken, limits from ops_private.pass_gates(candidates, gates, moment) as p;
    moved := moved + cardinality(candidates) - cardinality(taken);
  end if;

  if cardinality(taken) = 0 then
    -- What was parked on one gate may have left room at its other one; time may have opened others.
    moved := moved + ops_private.unpark(gates);
    -- `for update` is refused while a creation is under way in the lane (it holds the lane's key): what wakes nobody is committed
    -- before the lane is armed, or sees it armed. So a claim that finds its lanes armed before it looks has missed nothing.
    update ops_private.lanes as l set armed = true where l.lane_id = any (array(select a.lane_id from ops_private.lanes as a where a.lane_id = any (lanes) and not a.armed order by a.lane_id for update skip locked));
    return json_build_object('items', '[]'::json, 'again', moved > 0, 'retry_after_ms', case when armed then 1000 else 100 end);
  end if;

  insert into ops.leases (run_id, environment_id, lane_id, executor_id, attempt, lease_seconds, claimed_at, expires_at, deadline_at)
  select r.run_id, r.environment_id, r.lane_id, me.id, r.attempt + 1, claim_runs.lease_seconds, moment, clock_timestamp() + make_interval(secs => claim_runs.lease_seconds),
    coalesce(r.started_at, moment) + make_interval(secs => r.timeout_seconds)
  from unnest(taken) with ordinality as c (run_id, nth) join ops.runs as r on r.run_id = c.run_id order by c.nth;
  if cardinality(gates) > 0 then
    insert into ops_private.lease_gates (gate_id, run_id) select g, r.run_id from ops.runs as r cross join unnest(r.gate_ids) as g where r.run_id = any (taken);
    insert into ops_private.lease_caps (cap_id, run_id, period_start, unit, reserved, claimed_at)
    select l.cap_id, r.run_id, l.starts_at, l.unit, ops_private.need(l.unit, g.amount, l.total), moment
    from ops.runs as r cross join unnest(r.gate_ids, r.gate_amounts) as g (gate_id, amount) join unnest(limits) as l on g.gate_id = any (l.inner_ids) and l.cap_id is not null
    where r.run_id = any (taken);
    update ops_private.gates as g set next_start_at = moment + make_interval(secs => g.start_seconds) where g.gate_id = any (ops_private.gates_of(taken)) and g.start_seconds is not null;
  end if;
  with claimed as (
    update ops.runs as r set status = case when start then 'running' else 'claimed' end, attempt = r.attempt + 1, executor_id = me.id, claimed_at = moment, queue_reason = null,
      started_at = case when start then coalesce(r.started_at, moment) else r.started_at end where r.run_id = any (taken) returning r.run_id, r.attempt
  ), heads as (
    update ops_private.run_heads as h set last_seq = h.last_seq + 1 + start::int where h.run_id = any (taken) returning h.run_id, h.environment_id, h.last_seq - start::int as claimed_seq
  )
  insert into ops.run_events (run_id, seq, environment_id, type, message, data)
  select h.run_id, h.claimed_seq + e.place, h.environment_id, e.type, e.message, e.data
  from heads as h join claimed as c using (run_id) cross join lateral (values
    (0, 'RUN_CLAIMED', format('Claimed by %s.', me.name), jsonb_build_object('executor_id', me.id, 'executor', me.name, 'attempt', c.attempt)),
    (1, 'RUN_STARTED', format('Attempt %s began.', c.attempt), jsonb_build_object('attempt', c.attempt))) as e (place, type, message, data)
  where e.place = 0 or start order by h.run_id, e.place;
  -- Room that this claim left at its gates goes to runs that were parked there.
  perform ops_private.unpark(gates);
  if share_specs then
    return json_build_object('again', false, 'retry_after_ms', 0, 'items', ops_private.claims_json(taken, true), 'specs', ops_private.specs_json(taken));
  end if;
  return json_build_object('again', false, 'retry_after_ms', 0, 'items', ops_private.claims_json(taken, false));
end
$$;
alter function ops_private.claim_runs(int, text[], text[], int, uuid, text, text, boolean, boolean) set jit = off;

create function ops.claim_runs(max_runs int default 1, queues text[] default '{default}', labels text[] default '{}', lease_seconds int default 30, run_id uuid default null, version text default null, hostname text default null, start boolean default false, share_specs boolean default false)
returns json language sql set search_path = '' as 'select ops_private.claim_runs($1, $2, $3, $4, $5, $6, $7, $8, $9)';
-- claim_run(executor_id): the case of one; answers the claim, or null.
create function ops_private.claim_run(executor uuid, lease_seconds int) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  if (ops_private.me()).id is distinct from executor then
    perform ops_private.fail('forbidden', 'The token belongs to another executor.');
  end if;
  return ops_private.claim_runs(1, (select e.queues from ops.executors as e where e.executor_id = executor), '{}', lease_seconds, null, null, null, false, false)::jsonb -> 'items' -> 0;
end
$$;
create function ops.claim_run(executor_id uuid, lease_seconds int default 30) returns jsonb language sql set search_path = '' as 'select ops_private.claim_run($1, $2)';
grant execute on function ops_private.claim_runs(int, text[], text[], int, uuid, text, text, boolean, boolean), ops.claim_runs(int, text[], text[], int, uuid, text, text, boolean, boolean),
  ops_private.claim_run(uuid, int), ops.claim_run(uuid, int) to authenticated, ops_token;
-- start_run: the lease holder. claimed → running; a repeat changes nothing. Locks run, lease, head.
create function ops_private.start_run(run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
begin
  found_run := ops_private.lock_run(run, token);
  lease := ops_private.hold(run, token);
  if found_run.status = 'claimed' then
    update ops.runs as r set status = 'running', started_at = coalesce(r.started_at, clock_timestamp()) where r.run_id = run returning * into found_run;
    perform ops_private.append_event(run, 'RUN_STARTED', 'info', null, format('Attempt %s began.', lease.attempt), jsonb_build_object('attempt', lease.attempt));
  end if;
  return ops_private.run_state(found_run);
end
$$;
create function ops.start_run(run_id uuid, lease_token uuid) returns jsonb language sql set search_path = '' as 'select ops_private.start_run($1, $2)';
grant execute on function ops_private.start_run(uuid, uuid), ops.start_run(uuid, uuid) to authenticated, ops_token;
-- What a heartbeat finds that must stop the work: the run's timeout, or a cap that is used up while this lease uses more of it
-- than it reserved (who stays within its reservation is never stopped). Meters rows, bytes and cost on the way.
create function ops_private.reason_to_stop(lease ops.leases, usage jsonb, out code text, out reason text) language plpgsql security definer set search_path = '' as $$
begin
  if lease.deadline_at <= clock_timestamp() then
    code := 'timeout';
    reason := (select ops_private.timeout_reason(r) from ops.runs as r where r.run_id = lease.run_id);
    return;
  end if;
  update ops_private.lease_caps as c set used = case c.unit
      when 'runs' then null
      when 'seconds' then extract(epoch from clock_timestamp() - c.claimed_at)
      else greatest(ops_private.metered(c), ops_private.figure(usage, c.unit)) end
  where c.run_id = lease.run_id;
  select 'cap_exceeded', format('The cap %s is used up: %s of %s %s in this %s.', c.cap_key, trim_scale(u.amount), trim_scale(c.limit_amount), c.unit, c.period) into code, reason
  from ops_private.lease_caps as l join ops.caps as c on c.cap_id = l.cap_id
  cross join lateral (select ops_private.cap_settled(l.cap_id, l.period_start) + ops_private.cap_reserved(l.cap_id, l.period_start) as amount) as u
  where l.run_id = lease.run_id and l.used > l.reserved and c.enabled and u.amount > c.limit_amount limit 1;
end
$$;

-- heartbeat_run: the lease holder. Renews the lease by the database's clock, meters, and tells the holder to stop: for a
-- cancellation, a timeout, a cap. Once told, beats prolong the lease no more than a minute beyond, so a run whose executor does
-- not heed ends with its lease. `usage` counts rows, bytes and cost since the claim. Locks only the lease, then the head.
create function ops_private.heartbeat_run(run uuid, token uuid, phase text, lease_seconds int, usage jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  grace constant interval := interval '60 seconds';
  lease ops.leases := ops_private.hold(run, token);
  found_run ops.runs;
  stop record;
begin
  if lease_seconds not between 1 and 600 or length(heartbeat_run.phase) > 63 then
    perform ops_private.fail('invalid_input', 'lease_seconds is 1 to 600; phase is the name of one.');
  end if;
  select * into found_run from ops.runs as r where r.run_id = run;
  if lease.stop_code is null then
    if found_run.cancel_requested_at is not null then
      lease.stop_code := 'canceled';
      lease.stop_reason := found_run.cancel_reason;
    elsif lease.deadline_at <= clock_timestamp() or exists (select from ops_private.lease_caps as c where c.run_id = run) then
      select * into stop from ops_private.reason_to_stop(lease, usage);
      if stop.code is not null then
        perform ops_private.append_event(run, 'RUN_STOPPING', 'warn', null, stop.reason, jsonb_build_object('error_code', stop.code));
      end if;
      lease.stop_code := stop.code;
      lease.stop_reason := stop.reason;
    end if;
    lease.stop_at := case when lease.stop_code is not null then clock_timestamp() end;
  end if;
  update ops.leases as l set heartbeat_at = clock_timestamp(), lease_seconds = coalesce(heartbeat_run.lease_seconds, l.lease_seconds), phase = coalesce(heartbeat_run.phase, l.phase),
    stop_code = lease.stop_code, stop_reason = lease.stop_reason, stop_at = lease.stop_at,
    expires_at = greatest(l.expires_at, least(lease.stop_at + grace, clock_timestamp() + make_interval(secs => coalesce(heartbeat_run.lease_seconds, l.lease_seconds))))
  where l.run_id = run returning * into lease;
  update ops.executors as e set last_seen_at = clock_timestamp()
  where e.executor_id = (select x.executor_id from ops.executors as x where x.executor_id = lease.executor_id and x.last_seen_at < clock_timestamp() - interval '10 seconds' for no key update skip locked);
  return jsonb_build_object('lease_expires_at', lease.expires_at, 'cancel_requested', lease.stop_code is not null, 'cancel_reason', lease.stop_reason, 'stop_code', lease.stop_code);
end
$$;
create function ops.heartbeat_run(run_id uuid, lease_token uuid, phase text default null, lease_seconds int default null, usage jsonb default '{}') returns jsonb
language sql set search_path = '' as 'select ops_private.heartbeat_run($1, $2, $3, $4, $5)';
grant execute on function ops_private.heartbeat_run(uuid, uuid, text, int, jsonb), ops.heartbeat_run(uuid, uuid, text, int, jsonb) to authenticated, ops_token;
-- Those of these events that may not be appended, and why: payload_too_large or invalid_input. One call for many: a call costs more than an event.
create function ops_private.refused_events(events jsonb[]) returns table (nth bigint, code text) language plpgsql immutable set search_path = '' as $$
begin  -- not in SQL, which would be planned anew at each call
  return query select * from (
    select e.nth, case
      when octet_length((e.event -> 'data')::text) > 65536 or octet_length(e.event ->> 'message') > 32768 then 'payload_too_large'
      when e.event ->> 'event_id' is null or e.event ->> 'type' is null or e.event ->> 'type' !~ '^[A-Z][A-Z0-9_]*$' or length(e.event ->> 'type') > 63 or length(e.event ->> 'phase') > 63
        or e.event ->> 'type' ~ '^(RUN|LEASE|PHASE|CANCEL|ARTIFACT|DATASET|QUALITY|INPUTS|SECRETS)_' and e.event ->> 'type' <> 'PHASE_PROGRESS' then 'invalid_input' end as code
    from unnest(events) with ordinality as e (event, nth)) as judged where judged.code is not null;
end
$$;

-- append_events: the lease holder. Numbers follow on without gaps, in the order given; an event_id that is already there is
-- written once (the same event) or refused (another one, event_conflict). Types that the control plane writes are refused.
create function ops_private.append_events(run uuid, token uuid, events jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  head ops_private.run_heads;
  added int;
  refused text;
begin
  if jsonb_typeof(events) is distinct from 'array' or jsonb_array_length(events) not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'events is an array of 1 to 500 events.');
  end if;
  select r.code into refused from ops_private.refused_events(array(select jsonb_array_elements(events))) as r order by r.code desc limit 1;
  if refused = 'payload_too_large' then
    perform ops_private.fail('payload_too_large', 'The data of an event has at most 65536 bytes.', 'Register an artifact instead.');
  elsif refused is not null then
    perform ops_private.fail('invalid_input', 'An event needs event_id and a type that the control plane does not write itself.');
  end if;
  select * into head from ops_private.run_heads as h where h.run_id = run for update;
  if exists (
    select from jsonb_array_elements(events) as e group by (e ->> 'event_id')::uuid having count(distinct e) > 1
  ) or exists (
    select from jsonb_array_elements(events) as e join ops.run_events as x on x.run_id = run and x.reported and x.event_id = (e ->> 'event_id')::uuid
    where x.type <> e ->> 'type' or x.message <> coalesce(e ->> 'message', '') or x.data <> coalesce(e -> 'data', '{}') or x.level <> coalesce(e ->> 'level', 'info') or x.phase is distinct from e ->> 'phase'
  ) then
    perform ops_private.fail('event_conflict', 'This event_id was used for another event.');
  end if;
  with fresh as (
    select distinct on ((e.event ->> 'event_id')::uuid) e.event, e.nth from jsonb_array_elements(events) with ordinality as e (event, nth)
    where not exists (select from ops.run_events as x where x.run_id = run and x.reported and x.event_id = (e.event ->> 'event_id')::uuid)
    order by (e.event ->> 'event_id')::uuid, e.nth)
  insert into ops.run_events (run_id, seq, event_id, reported, environment_id, type, level, phase, message, data)
  select run, head.last_seq + row_number() over (order by f.nth), (f.event ->> 'event_id')::uuid, true, head.environment_id, f.event ->> 'type',
    coalesce(f.event ->> 'level', 'info'), f.event ->> 'phase', coalesce(f.event ->> 'message', ''), coalesce(f.event -> 'data', '{}')
  from fresh as f;
  get diagnostics added = row_count;
  update ops_private.run_heads as h set last_seq = h.last_seq + added where h.run_id = run and added > 0;
  return jsonb_build_object('last_seq', head.last_seq + added);
end
$$;
create function ops.append_events(run_id uuid, lease_token uuid, events jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.append_events($1, $2, $3)';
grant execute on function ops_private.append_events(uuid, uuid, jsonb), ops.append_events(uuid, uuid, jsonb) to authenticated, ops_token;
-- set_phase: the lease holder of a running run. pending → running | skipped; running → succeeded | failed | running (progress, checkpoint);
-- failed → running (a retry inside the lease). The same status again writes no second event. Locks lease, phase, head.
create function ops_private.set_phase(run uuid, token uuid, name text, patch jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  phase ops.run_phases;
  before text;
  target text := patch ->> 'status';
begin
  select * into phase from ops.run_phases as p where p.run_id = run and p.name = set_phase.name for update;
  if not found then
    perform ops_private.fail('not_found', format('The run has no phase %s.', name));
  elsif (select r.status from ops.runs as r where r.run_id = run) <> 'running' then
    perform ops_private.fail('illegal_transition', 'The run was not started.', 'Call start first.');
  end if;
  before := phase.status;
  if target is null or target not in ('running', 'succeeded', 'failed', 'skipped') then
    perform ops_private.fail('invalid_input', 'status is running, succeeded, failed or skipped.');
  elsif not (before = target or before = 'pending' and target in ('running', 'skipped') or before = 'running' and target in ('succeeded', 'failed') or before = 'failed' and target = 'running') then
    perform ops_private.fail('illegal_transition', format('The phase %s does not go from %s to %s.', name, before, target));
  elsif target = 'running' and exists (select from ops.run_phases as d where d.run_id = run and d.name = any (phase.depends_on) and d.status in ('pending', 'running')) then
    perform ops_private.fail('illegal_transition', format('A phase before %s has not ended.', name));
  elsif octet_length(patch ->> 'message') > 32768 then
    perform ops_private.fail('payload_too_large', 'message has at most 32,768 bytes.');
  elsif before = target and target <> 'running' then
    return ops_private.phase_json(phase);
  end if;
  update ops.run_phases as p set
    status = target,
    attempt = p.attempt + (before <> 'running' and target = 'running')::int,
    started_at = case when before <> 'running' and target = 'running' then clock_timestamp() else p.started_at end,
    finished_at = case when target = 'running' then null else clock_timestamp() end,
    input_sha256 = coalesce(patch ->> 'input_sha256', p.input_sha256),
    output_sha256 = coalesce(patch ->> 'output_sha256', p.output_sha256),
    metrics = p.metrics || coalesce(patch -> 'metrics', '{}'),
    checkpoint = coalesce(patch -> 'checkpoint', p.checkpoint),
    checkpoint_at = case when patch -> 'checkpoint' is null then p.checkpoint_at else clock_timestamp() end,
    error_code = case when target = 'running' then null else coalesce(patch ->> 'error_code', p.error_code) end,
    error_message = case when target = 'running' then null else coalesce(left(patch ->> 'error_message', 10000), p.error_message) end
  where p.run_id = run and p.name = set_phase.name returning * into phase;
  if before <> target then
    perform ops_private.append_event(run, case target when 'running' then 'PHASE_STARTED' else 'PHASE_' || upper(target) end, case target when 'failed' then 'error' else 'info' end, name,
      coalesce(patch ->> 'message', phase.error_message, format('Phase %s %s.', name, case target when 'running' then 'started' when 'skipped' then 'was skipped' else target end)),
      jsonb_strip_nulls(jsonb_build_object('attempt', phase.attempt, 'output_sha256', case when target = 'succeeded' then phase.output_sha256 end, 'error_code', phase.error_code)));
  end if;
  return ops_private.phase_json(phase);
end
$$;
create function ops.set_phase(run_id uuid, lease_token uuid, name text, patch jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.set_phase($1, $2, $3, $4)';
grant execute on function ops_private.set_phase(uuid, uuid, text, jsonb), ops.set_phase(uuid, uuid, text, jsonb) to authenticated, ops_token;
create table ops.datasets (
  dataset_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null constraint dataset_name_is_schema_and_table check (name ~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'),
  layer text constraint layer_is_known check (layer in ('bronze', 'silver', 'gold')),
  current_version int not null default 0,
  -- Files of versions below it may have been removed: nobody is pinned to them any more.
  kept_from int not null default 1,
  -- The fence of the last writer that registered: an older one is refused.
  fence bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint dataset_name_is_unique_in_its_environment unique (environment_id, name)
);

create table ops.dataset_versions (
  dataset_id uuid not null references ops.datasets,
  version int not null constraint versions_count_from_one check (version >= 1),
  environment_id uuid not null,
  run_id uuid not null references ops.runs,
  phase text not null,
  table_version bigint not null,
  format text not null constraint format_is_known check (format in ('delta', 'iceberg')),
  location text not null,
  content_sha256 text not null constraint content_is_named_by_its_hash check (content_sha256 ~ '^[0-9a-f]{64}$'),
  row_count bigint not null,
  byte_size bigint not null,
  columns jsonb not null,
  -- What its SQL read, by column where that is known (contracts/lineage.ts, tableLineage); null where no SQL made it.
  lineage jsonb constraint lineage_is_an_object check (jsonb_typeof(lineage) = 'object'),
  -- Of when its data are: data_time.
  data_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (dataset_id, version),
  constraint a_run_publishes_a_dataset_once unique (dataset_id, run_id),
  constraint one_registration_per_table_version unique (dataset_id, table_version)
);
create index dataset_versions_by_run on ops.dataset_versions (run_id);

-- Who may commit to a table right now. Held as long as that run's lease lives, so it cannot leak. `fence` is new with every
-- holder, whatever its lease's age: put-if-absent on the table's log then refuses whoever held it before.
create table ops_private.publish_intents (
  dataset_id uuid primary key references ops.datasets,
  run_id uuid not null references ops.runs,
  phase text not null,
  lease_fence bigint not null,
  fence bigint not null,
  base_table_version bigint not null,
  -- Of when the data are that it will publish.
  data_at timestamptz not null,
  began_at timestamptz not null default clock_timestamp()
);
create index publish_intents_by_run on ops_private.publish_intents (run_id);
alter table ops_private.publish_intents enable row level security;
alter table ops_private.publish_intents force row level security;

do $$
declare
  name text;
begin
  foreach name in array array['datasets', 'dataset_versions'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create trigger dataset_versions_never_change before update or delete on ops.dataset_versions for each row execute function ops_private.refuse_change();

create view ops.dataset_version_list with (security_invoker = true) as
  select d.dataset_id, d.environment_id, d.name, d.layer, v.version, d.current_version, d.kept_from, v.table_version::text, v.format, v.location, v.content_sha256,
    v.row_count::text, v.byte_size::text, v.columns, v.run_id, v.data_at, v.created_at
  from ops.datasets as d join ops.dataset_versions as v using (dataset_id);
create view ops.dataset_list with (security_invoker = true) as
  select dataset_id, environment_id, name, layer, version, table_version, format, location, content_sha256, row_count, byte_size, columns, run_id, data_at, created_at
  from ops.dataset_version_list where version = current_version;
grant select on ops.dataset_version_list, ops.dataset_list to authenticated, ops_token, ops_sql;

-- The version that a reference names: a number, a moment, or nothing (the one that readers follow).
create function ops_private.version_at(of ops.datasets, reference text) returns int language sql stable set search_path = '' as $$
  select case when reference = '' then of.current_version when reference ~ '^\d+$' then reference::int
    else (select max(v.version) from ops.dataset_versions as v where v.dataset_id = of.dataset_id and v.created_at <= reference::timestamptz) end
$$;

-- pin_inputs: the lease holder. Which version of each dataset this run reads: what its input manifest holds already (its own, or
-- that of the run it repeats), else the registered version now, which is then recorded. `silver.t@3` is the third version that was
-- registered, `silver.t@2026-11-20T00:00:00Z` the one that readers followed at that moment. Locks run, lease, datasets of the past, head.
create function ops_private.pin_inputs(run uuid, token uuid, datasets text[], sources jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  pinned jsonb;
  fresh jsonb;
  fresh_sources jsonb;
begin
  if exists (select from unnest(datasets) as n where n is null or n !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}(@([1-9]\d{0,8}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)))?$') then
    perform ops_private.fail('invalid_input', 'datasets names tables as schema.table, schema.table@VERSION or schema.table@TIME.');
  elsif cardinality(datasets) > 2000 or pg_column_size(sources) > 1048576 then
    perform ops_private.fail('payload_too_large', 'datasets has at most 2,000 names, sources at most 1 MB.');
  end if;
  found_run := ops_private.lock_run(run, token);
  lease := ops_private.hold(run, token);
  -- A cleanup either sees this run's pin, or this run sees what it has given up.
  perform from ops.datasets as d where d.environment_id = lease.environment_id
    and d.name in (select split_part(n, '@', 1) from unnest(datasets) as n where n like '%@%') order by d.name for share;
  pinned := coalesce(found_run.input_manifest -> 'datasets', '{}');
  select coalesce(jsonb_object_agg(wanted.n, jsonb_build_object('version', v.version, 'table_version', v.table_version::text, 'content_sha256', v.content_sha256, 'run_id', v.run_id)), '{}') into fresh
  from unnest(pin_inputs.datasets) as wanted (n)
  join ops.datasets as d on d.environment_id = lease.environment_id and d.name = split_part(wanted.n, '@', 1)
  join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = ops_private.version_at(d, split_part(wanted.n, '@', 2))
  where v.version >= d.kept_from and not pinned ? wanted.n;
  -- What is read now is of now: the claim began before the reading did.
  select coalesce(jsonb_object_agg(s.key, case when jsonb_typeof(s.value) = 'object' then s.value || jsonb_build_object('read_at', lease.claimed_at) else s.value end), '{}') into fresh_sources
  from jsonb_each(coalesce(pin_inputs.sources, '{}')) as s where not coalesce(found_run.input_manifest -> 'sources', '{}') ? s.key;
  if fresh <> '{}' or fresh_sources <> '{}' then
    update ops.runs as r set input_manifest = jsonb_build_object('datasets', pinned || fresh, 'sources', coalesce(r.input_manifest -> 'sources', '{}') || fresh_sources)
    where r.run_id = run returning * into found_run;
    perform ops_private.append_event(run, 'INPUTS_PINNED', 'info', null, 'The versions that this run reads are recorded.',
      jsonb_build_object('datasets', (select count(*) from jsonb_object_keys(fresh)), 'sources', (select coalesce(jsonb_agg(k), '[]') from jsonb_object_keys(fresh_sources) as k)));
    if not found_run.isolated then
      perform ops_private.note_reads(found_run, array(select jsonb_object_keys(fresh)));
    end if;
  end if;
  return jsonb_build_object(
    'datasets', (select coalesce(jsonb_agg((to_jsonb(v) - array['environment_id', 'current_version', 'kept_from']) || jsonb_build_object('pinned_as', wanted.n) order by wanted.n), '[]')
      from (select distinct n from unnest(pin_inputs.datasets) as n) as wanted join ops.dataset_version_list as v
        on v.environment_id = lease.environment_id and v.name = split_part(wanted.n, '@', 1) and v.version >= v.kept_from
        and v.version = (found_run.input_manifest -> 'datasets' -> wanted.n ->> 'version')::int),
    'missing', (select coalesce(jsonb_agg(n order by n), '[]') from unnest(pin_inputs.datasets) as n where not exists (
      select from ops.datasets as d where d.environment_id = lease.environment_id and d.name = split_part(n, '@', 1)
        and (found_run.input_manifest -> 'datasets' -> n ->> 'version')::int >= d.kept_from)),
    'sources', coalesce(found_run.input_manifest -> 'sources', '{}'));
end
$$;
create function ops.pin_inputs(run_id uuid, lease_token uuid, datasets text[] default '{}', sources jsonb default '{}') returns jsonb
language sql set search_path = '' as 'select ops_private.pin_inputs($1, $2, $3, $4)';
grant execute on function ops_private.pin_inputs(uuid, uuid, text[], jsonb), ops.pin_inputs(uuid, uuid, text[], jsonb) to authenticated, ops_token;
-- How old the data of a dataset may be: what the current version of each pipeline promises (its `freshness`). Written by save_template.
create table ops.freshness_targets (
  template_id uuid not null references ops.job_templates,
  dataset text not null constraint dataset_name_is_schema_and_table check (dataset ~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'),
  project_id uuid not null references ops.projects,
  table_group text constraint table_group_is_a_word check (table_group ~ '^[a-z][a-z0-9_]{0,62}$'),
  max_age_seconds int not null,
  late_after_seconds int not null,
  primary key (template_id, dataset),
  constraint late_comes_before_breached check (late_after_seconds between 1 and max_age_seconds)
);
create index freshness_targets_of_a_project on ops.freshness_targets (project_id, dataset);
alter table ops.freshness_targets enable row level security;
alter table ops.freshness_targets force row level security;
create policy members_see_their_projects on ops.freshness_targets for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
grant select on ops.freshness_targets to authenticated, ops_token, ops_sql;

-- The tables that the ingest phases of a pipeline land, as datasets.
create function ops_private.landed_tables(spec jsonb) returns table (dataset text, value jsonb) language sql immutable set search_path = '' as $$
  select coalesce(p.value -> 'config' ->> 'target', 'bronze') || '.' || (t.value ->> 'name'), t.value
  from jsonb_array_elements(spec -> 'phases') as p cross join lateral jsonb_array_elements(p.value -> 'config' -> 'tables') as t
  where p.value ->> 'type' = 'ingest'
$$;

-- A promise for a table group is one for each of its tables that the pipeline lands; one for a dataset by name goes before it.
create function ops_private.set_freshness_targets(template ops.job_templates, spec jsonb) returns void language sql security definer set search_path = '' as $$
  delete from ops.freshness_targets as t where t.template_id = template.template_id;
  insert into ops.freshness_targets (template_id, dataset, project_id, table_group, max_age_seconds, late_after_seconds)
  select distinct on (d.dataset) template.template_id, d.dataset, template.project_id, coalesce(f.value ->> 'group', d.table_group), (f.value ->> 'max_age_seconds')::int,
    coalesce((f.value ->> 'late_after_seconds')::int, greatest(1, ((f.value ->> 'max_age_seconds')::bigint * 4 / 5)::int))
  from jsonb_array_elements(coalesce(spec -> 'freshness', '[]')) as f
  cross join lateral (
    select f.value ->> 'dataset' as dataset, (select t.value ->> 'group' from ops_private.landed_tables(spec) as t where t.dataset = f.value ->> 'dataset') as table_group where f.value ? 'dataset'
    union all select t.dataset, f.value ->> 'group' from ops_private.landed_tables(spec) as t where not f.value ? 'dataset' and t.value ->> 'group' = f.value ->> 'group') as d
  order by d.dataset, f.value ? 'dataset' desc
$$;

-- Of when the data of the tables are that a run writes: the oldest of what it read. What it read outside the lake is as old as the claim under which it was
-- read; a table of the lake, as old as that version says; a run that read nothing, as old as its start. Tables that the run writes itself
-- (it merges into them), and earlier versions that were asked for by number or moment, make nothing old.
create function ops_private.data_time(run ops.runs, writes uuid[]) returns timestamptz language sql stable security definer set search_path = '' as $$
  -- What the items of a for_each phase read stands in the manifests of their runs.
  with manifests as (select run.input_manifest as manifest union all select c.input_manifest from ops.runs as c where c.parent_run_id = run.run_id)
  select coalesce(least(
    (select min(v.data_at) from manifests as m cross join lateral jsonb_each(m.manifest -> 'datasets') as i
      join ops.datasets as d on d.environment_id = run.environment_id and d.name = i.key
      join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = (i.value ->> 'version')::int
    where i.key not like '%@%' and not d.dataset_id = any (writes)
      and not exists (select from ops.dataset_versions as o where o.dataset_id = d.dataset_id and o.run_id = run.run_id)),
    (select min((s.value ->> 'read_at')::timestamptz) from manifests as m cross join lateral jsonb_each(m.manifest -> 'sources') as s where jsonb_typeof(s.value) = 'object')), run.started_at, clock_timestamp())
$$;

-- Datasets with a target, as they are at this moment. Of several pipelines that promise, the strictest counts. `cadence_seconds` is the median time between the
-- last ten versions, from three on; the next one is expected a whole number of cadences after the last, so one that was missed is expected at the next beat.
-- A breach is forecast where that comes too late.
create view ops.freshness_list with (security_invoker = true) as
  select d.dataset_id, d.environment_id, d.name, d.layer, d.current_version as version, v.run_id, v.data_at, v.created_at as published_at,
    t.table_group, t.late_after_seconds, t.max_age_seconds, x.late_at, x.breach_at,
    case when n.now >= x.breach_at then 'breached' when n.now >= x.late_at then 'late' else 'ok' end as state,
    c.seconds as cadence_seconds, x.expected_at, case when n.now < x.breach_at and x.expected_at > x.breach_at then x.breach_at end as forecast_breach_at
  from ops.datasets as d
  join ops.environments as e on e.environment_id = d.environment_id
  join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = d.current_version
  cross join lateral (select min(f.max_age_seconds) as max_age_seconds, min(f.late_after_seconds) as late_after_seconds,
      (array_agg(f.table_group order by f.max_age_seconds) filter (where f.table_group is not null))[1] as table_group from ops.freshness_targets as f where f.project_id = e.project_id and f.dataset = d.name) as t
  cross join lateral (select now() as now) as n
  left join lateral (
    select percentile_cont(0.5) within group (order by g.gap) as seconds from (
      select extract(epoch from w.created_at - lag(w.created_at) over (order by w.version))::double precision as gap
      from ops.dataset_versions as w where w.dataset_id = d.dataset_id and w.version > d.current_version - 10) as g
    having count(g.gap) >= 2) as c on true
  cross join lateral (select v.data_at + make_interval(secs => t.late_after_seconds) as late_at, v.data_at + make_interval(secs => t.max_age_seconds) as breach_at,
    case when c.seconds > 0 then v.created_at + make_interval(secs => c.seconds * greatest(1, ceil(extract(epoch from n.now - v.created_at)::double precision / c.seconds))) end as expected_at) as x
  where t.max_age_seconds is not null;
grant select on ops.freshness_list to authenticated, ops_token, ops_sql;

-- What the monitor has seen: a row for each change of a dataset's state. What alert rules read; the last row of a dataset is what was said of it last.
create table ops.freshness_signals (
  signal_id bigint generated always as identity primary key,
  environment_id uuid not null references ops.environments,
  dataset_id uuid not null references ops.datasets,
  dataset text not null,
  state text not null constraint state_is_known check (state in ('ok', 'late', 'breached')),
  forecast boolean not null,
  data_at timestamptz not null,
  breach_at timestamptz not null,
  run_id uuid not null,
  created_at timestamptz not null default clock_timestamp()
);
create index freshness_signals_of_a_dataset on ops.freshness_signals (dataset_id, signal_id desc);
create index freshness_signals_of_an_environment on ops.freshness_signals (environment_id, signal_id desc);
alter table ops.freshness_signals enable row level security;
alter table ops.freshness_signals force row level security;
create policy members_see_their_environments on ops.freshness_signals for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.freshness_signals to authenticated, ops_token, ops_sql;

-- When the monitor last looked: a row of its own, since the tick holds the scheduler's while gates wait.
create table ops_private.freshness_monitor (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  looked_at timestamptz not null default '-infinity'
);
alter table ops_private.freshness_monitor enable row level security;
alter table ops_private.freshness_monitor force row level security;
insert into ops_private.freshness_monitor default values;

-- check_freshness: the scheduler. Records every change since it last looked, at most every twenty seconds, one caller at a time. A dataset that was
-- always fresh says nothing. Answers how many signals it recorded. What has just broken its promise is told to the project's webhook: one message for a table
-- group (or a dataset of none), naming those that broke it, and none while others of the group had broken it before: who was told knows.
create function ops_private.check_freshness() returns int language plpgsql security definer set search_path = '' as $$
declare
  recorded int;
begin
  perform ops_private.require_service('watch the freshness of datasets');
  perform from ops_private.freshness_monitor as m where m.only_row and m.looked_at <= clock_timestamp() - interval '20 seconds' for update skip locked;
  if not found then
    return 0;
  end if;
  update ops_private.freshness_monitor as m set looked_at = clock_timestamp() where m.only_row;
  with watched as materialized (
    select l.*, l.forecast_breach_at is not null as forecast, e.project_id, e.slug as environment, coalesce(before.state, 'ok') as state_before, coalesce(before.forecast, false) as forecast_before
    from ops.freshness_list as l join ops.environments as e on e.environment_id = l.environment_id and e.deleted_at is null
    left join lateral (select s.state, s.forecast from ops.freshness_signals as s where s.dataset_id = l.dataset_id order by s.signal_id desc limit 1) as before on true),
  turned as (
    insert into ops.freshness_signals (environment_id, dataset_id, dataset, state, forecast, data_at, breach_at, run_id)
    select w.environment_id, w.dataset_id, w.name, w.state, w.forecast, w.data_at, w.breach_at, w.run_id
    from watched as w where (w.state, w.forecast) is distinct from (w.state_before, w.forecast_before)
    returning signal_id),
  breaches as (
    select b.project_id, b.environment, b.table_group, max(b.layer) as layer, count(*) as datasets, min(b.breach_at) as breach_at,
      jsonb_agg(jsonb_build_object('dataset', b.name, 'data_at', b.data_at, 'breach_at', b.breach_at, 'max_age_seconds', b.max_age_seconds, 'run_id', b.run_id) order by b.breach_at, b.name) as each
    from watched as b where b.state = 'breached' group by b.project_id, b.environment_id, b.environment, b.table_group, case when b.table_group is null then b.dataset_id end
    having bool_and(b.state_before <> 'breached')),
  told as (
    insert into ops.webhook_deliveries (project_id, type, payload)
    select b.project_id, 'dataset.breached', jsonb_build_object('type', 'dataset.breached', 'timestamp', clock_timestamp(), 'data', jsonb_build_object(
      'project', p.slug, 'environment', b.environment, 'table_group', b.table_group, 'breach_at', b.breach_at, 'datasets', b.datasets,
      'first', jsonb_path_query_array(b.each, '$[0 to 19]'), 'path', case when b.datasets = 1 then '/datasets/' || (b.each -> 0 ->> 'dataset') else '/datasets' end,
      'route', ops_private.route(b.project_id, 'dataset.breached', b.layer, b.environment)))
    from breaches as b join ops.webhooks as w on w.project_id = b.project_id and w.enabled and 'dataset.breached' = any (w.events) join ops.projects as p on p.project_id = b.project_id)
  select count(*) into recorded from turned;
  return recorded;
end
$$;
create function ops.check_freshness() returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.check_freshness())';
grant execute on function ops_private.check_freshness(), ops.check_freshness() to ops_token;
-- What is made of what: tables of the lake and of other systems (nodes), the jobs that read and write them, and the edges between
-- datasets and between their columns. Filled by the product's own runs as they publish (note_lineage) and by OpenLineage events of
-- others (record_lineage). A row stands for a relation, not for an event: what is told again changes `seen_at`, so the graph grows
-- with what there is and not with how often it ran.
create table ops.lineage_datasets (
  node_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  -- As OpenLineage names it; a table of this environment's lake is (lineage_home, schema.table), whatever its path was called.
  namespace text not null constraint namespace_is_short check (octet_length(namespace) between 1 and 512),
  name text not null constraint name_is_short check (octet_length(name) between 1 and 1024),
  -- [{ name, type }] of the newest event that told them; null where none did. Those of a table of the lake are in dataset_versions.
  columns jsonb,
  columns_at timestamptz not null default '-infinity',
  seen_at timestamptz not null,
  constraint one_node_per_name unique (environment_id, namespace, name)
);
create index lineage_datasets_by_age on ops.lineage_datasets (environment_id, seen_at);

create table ops.lineage_jobs (
  lineage_job_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  namespace text not null constraint job_namespace_is_short check (octet_length(namespace) between 1 and 512),
  name text not null constraint job_name_is_short check (octet_length(name) between 1 and 1024),
  -- The run that was told of last, a run of this product or of another; null where the event named none.
  last_run_id uuid,
  state text constraint lineage_state_is_known check (state in ('START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER')),
  producer text,
  seen_at timestamptz not null,
  constraint one_job_per_name unique (environment_id, namespace, name)
);
create index lineage_jobs_by_age on ops.lineage_jobs (environment_id, seen_at);

-- A job's events may name its inputs and its outputs one by one and out of order: an edge is made when both are known.
create table ops.lineage_io (
  environment_id uuid not null,
  lineage_job_id uuid not null references ops.lineage_jobs on delete cascade,
  node_id uuid not null references ops.lineage_datasets on delete cascade,
  direction text not null constraint io_direction_is_known check (direction in ('input', 'output')),
  seen_at timestamptz not null,
  primary key (lineage_job_id, direction, node_id)
);
create index lineage_io_of_an_environment on ops.lineage_io (environment_id);
create index lineage_io_of_a_dataset on ops.lineage_io (node_id, direction, seen_at desc);

create table ops.lineage_edges (
  environment_id uuid not null,
  source_id uuid not null references ops.lineage_datasets on delete cascade,
  target_id uuid not null references ops.lineage_datasets on delete cascade,
  lineage_job_id uuid not null references ops.lineage_jobs on delete cascade,
  seen_at timestamptz not null,
  primary key (source_id, target_id, lineage_job_id)
);
create index lineage_edges_of_an_environment on ops.lineage_edges (environment_id);
create index lineage_edges_upstream on ops.lineage_edges (target_id, source_id);
create index lineage_edges_of_a_job on ops.lineage_edges (lineage_job_id);

-- What a column is made of, as OpenLineage says it: subtype of a DIRECT transformation, or of an INDIRECT one. A source that decides
-- which rows there are (a filter, a join) has target_column ''.
create table ops.lineage_columns (
  environment_id uuid not null,
  source_id uuid not null references ops.lineage_datasets on delete cascade,
  source_column text not null constraint source_column_is_short check (octet_length(source_column) between 1 and 512),
  target_id uuid not null references ops.lineage_datasets on delete cascade,
  target_column text not null constraint target_column_is_short check (octet_length(target_column) <= 512),
  kind text not null constraint column_kind_is_short check (length(kind) between 1 and 60),
  direct boolean not null,
  lineage_job_id uuid not null references ops.lineage_jobs on delete cascade,
  seen_at timestamptz not null,
  primary key (target_id, target_column, source_id, source_column, lineage_job_id, kind)
);
create index lineage_columns_of_an_environment on ops.lineage_columns (environment_id);
create index lineage_columns_downstream on ops.lineage_columns (source_id, source_column);
create index lineage_columns_of_a_job on ops.lineage_columns (lineage_job_id);

do $$
declare
  name text;
begin
  foreach name in array array['lineage_datasets', 'lineage_jobs', 'lineage_io', 'lineage_edges', 'lineage_columns'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- Who reads a dataset, the newest first by seen_at.
create view ops.lineage_reader_list with (security_invoker = true) as
  select i.node_id, i.environment_id, j.lineage_job_id, j.namespace, j.name, j.last_run_id, j.state, j.producer, i.seen_at
  from ops.lineage_io as i join ops.lineage_jobs as j using (lineage_job_id) where i.direction = 'input';
grant select on ops.lineage_reader_list to authenticated, ops_token, ops_sql;

-- The namespace of the tables of an environment's lake, and of the jobs that are its pipelines.
create function ops_private.lineage_home(environment uuid) returns text language sql immutable set search_path = '' as $$
  select 'lakehouse://' || environment
$$;

-- A namespace as it is compared: without user and password, lower case, with the port that is meant; s3a is s3, postgresql postgres.
create function ops_private.lineage_namespace(written text) returns text language sql immutable set search_path = '' as $$
  select case when n.text ~ '^postgres://[^/:]+$' then n.text || ':5432' when n.text ~ '^file:/*(localhost)?$' then 'file' else n.text end
  from (select rtrim(regexp_replace(regexp_replace(regexp_replace(lower(written), '^(\w+)://[^/@]*@', '\1://'), '^postgresql://', 'postgres://'), '^s3[an]://', 's3://'), '/') as text) as n
$$;

-- The table of this environment's lake that a name means: by its home, or by a path that ends in the environment's folder and the table's; else null.
create function ops_private.own_table(environment uuid, namespace text, name text) returns text language sql immutable set search_path = '' as $$
  select case when namespace = ops_private.lineage_home(environment) then substring(name from '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$')
    else array_to_string(regexp_match(name, '(?:^|/)' || environment || '/([a-z][a-z0-9_]{0,62})/([a-z][a-z0-9_]{0,62})/?$'), '.') end
$$;
-- begin_publish: the lease holder, by a running phase. Takes the right to commit to tables, all or none, before anything is put into
-- their logs. Answers for each the fence to commit with and the registered version to build on (-1: none): commits after that one
-- were never registered. A table that another live lease holds is table_busy, one that failed a check of this run is refused. A repeat under the same lease answers the same.
-- With retain_hours, versions that nobody followed since and that no unfinished run reads are given up for good: files that only they
-- need may be removed. kept_from_table_version is the oldest version whose files must stay.
-- Locks lease, then the datasets by name.
create function ops_private.begin_publish(run uuid, token uuid, phase text, datasets text[], retain_hours int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  ids uuid[];
  busy record;
  read_at timestamptz;
  maintains boolean := exists (select from ops.run_phases as p where p.run_id = run and p.name = begin_publish.phase and p.type = 'maintain');
begin
  if cardinality(datasets) not between 1 and 2000 or exists (select from unnest(datasets) as n where n is null or n !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$') then
    perform ops_private.fail('invalid_input', 'datasets names 1 to 2000 tables as schema.table.');
  elsif (select r.isolated from ops.runs as r where r.run_id = run) then
    perform ops_private.fail('illegal_transition', 'A verification publishes nothing.');
  elsif not exists (select from ops.run_phases as p where p.run_id = run and p.name = begin_publish.phase and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'A dataset is published by a running phase.');
  elsif retain_hours not between 1 and 87600 then
    perform ops_private.fail('invalid_input', 'retain_hours is between 1 and 87600.');
  end if;
  perform ops_private.refuse_failed_quality(run, datasets);
  insert into ops.datasets (environment_id, name) select lease.environment_id, n from unnest(datasets) as n group by n order by n
  on conflict on constraint dataset_name_is_unique_in_its_environment do nothing;
  perform from ops.datasets as d where d.environment_id = lease.environment_id and d.name = any (datasets) order by d.name for update;
  ids := array(select d.dataset_id from ops.datasets as d where d.environment_id = lease.environment_id and d.name = any (datasets));
  select d.name, i.run_id into busy from ops_private.publish_intents as i join ops.datasets as d using (dataset_id)
  join ops.leases as l on l.run_id = i.run_id and l.fence = i.lease_fence and l.expires_at > clock_timestamp()
  where i.dataset_id = any (ids) and i.run_id <> run order by d.name limit 1;
  if found then
    perform ops_private.fail('table_busy', format('Run %s is publishing %s right now.', busy.run_id, busy.name), 'Wait for its end, then ask again.');
  end if;
  read_at := (select ops_private.data_time(r, ids) from ops.runs as r where r.run_id = run);
  -- Who takes care of a table writes the rows that it has: they are as old as they were.
  insert into ops_private.publish_intents as i (dataset_id, run_id, phase, lease_fence, fence, base_table_version, data_at)
  select d.dataset_id, run, begin_publish.phase, lease.fence, nextval('ops_private.fence'), coalesce(v.table_version, -1), coalesce(case when maintains then v.data_at end, read_at)
  from ops.datasets as d left join lateral (select w.table_version, w.data_at from ops.dataset_versions as w where w.dataset_id = d.dataset_id order by w.table_version desc limit 1) as v on true
  where d.dataset_id = any (ids)
  on conflict (dataset_id) do update set run_id = excluded.run_id, phase = excluded.phase, lease_fence = excluded.lease_fence, fence = excluded.fence,
    base_table_version = excluded.base_table_version, data_at = excluded.data_at, began_at = clock_timestamp()
  where i.run_id <> excluded.run_id or i.lease_fence <> excluded.lease_fence or i.phase <> excluded.phase;
  if retain_hours is not null then
    -- The unfinished runs are read once, not for each table.
    with read as materialized (
      select split_part(p.key, '@', 1) as name, min((p.value ->> 'version')::int) as version from ops.runs as r cross join lateral jsonb_each(r.input_manifest -> 'datasets') as p
      where r.environment_id = lease.environment_id and r.status in ('queued', 'claimed', 'running') group by 1)
    update ops.datasets as d set kept_from = kept.version from (
      select n.dataset_id, least(coalesce(ops_private.version_at(n, (clock_timestamp() - make_interval(hours => retain_hours))::text), 1), r.version) as version
      from ops.datasets as n left join read as r on r.name = n.name where n.dataset_id = any (ids)) as kept
    where d.dataset_id = kept.dataset_id and kept.version > d.kept_from;
  end if;
  return jsonb_build_object('items', (select jsonb_agg(jsonb_build_object('name', d.name, 'fence', i.fence::text, 'base_table_version', i.base_table_version::text,
      'kept_from_table_version', coalesce((select v.table_version::text from ops.dataset_versions as v where v.dataset_id = d.dataset_id and v.version = d.kept_from), '-1')) order by d.name)
    from ops_private.publish_intents as i join ops.datasets as d using (dataset_id) where i.dataset_id = any (ids)));
end
$$;
create function ops.begin_publish(run_id uuid, lease_token uuid, phase text, datasets text[], retain_hours int default null) returns jsonb language sql set search_path = '' as 'select ops_private.begin_publish($1, $2, $3, $4, $5)';

-- publish_dataset: the lease holder that began it. Registers a committed table version as the dataset's current one, once a run and
-- dataset, and gives the table free; a repeat answers the same. Whoever has lost the table since is lease_lost. Locks lease, dataset, head.
create function ops_private.publish_dataset(run uuid, token uuid, dataset jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  target ops.datasets;
  made ops.dataset_versions;
  intent ops_private.publish_intents;
begin
  if (select r.isolated from ops.runs as r where r.run_id = run) then
    perform ops_private.fail('illegal_transition', 'A verification publishes nothing.');
  elsif not exists (select from ops.run_phases as p where p.run_id = run and p.name = dataset ->> 'phase' and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'A dataset is published by a running phase.');
  end if;
  perform ops_private.refuse_failed_quality(run, array[dataset ->> 'name']);
  perform ops_private.check_table_lineage(dataset -> 'lineage');
  select * into target from ops.datasets as d where d.environment_id = lease.environment_id and d.name = dataset ->> 'name' for update;
  select * into made from ops.dataset_versions as v where v.dataset_id = target.dataset_id and v.run_id = run;
  if not found then
    select * into intent from ops_private.publish_intents as i where i.dataset_id = target.dataset_id;
    if intent.run_id is distinct from run then
      perform ops_private.fail(case when intent.run_id is null then 'illegal_transition' else 'lease_lost' end, 'This run does not hold the table.', 'Call begin_publish before the commit.');
    elsif intent.lease_fence <> lease.fence then
      perform ops_private.fail('illegal_transition', 'The table was taken under another lease of this run.', 'Call begin_publish before the commit.');
    elsif exists (select from ops.dataset_versions as v where v.dataset_id = target.dataset_id and v.table_version >= (dataset ->> 'table_version')::bigint) then
      perform ops_private.fail('conflict', 'A version of this table at least as new is already registered.');
    end if;
    insert into ops.dataset_versions (dataset_id, version, environment_id, run_id, phase, table_version, format, location, content_sha256, row_count, byte_size, columns, lineage, data_at)
    values (target.dataset_id, target.current_version + 1, lease.environment_id, run, dataset ->> 'phase', (dataset ->> 'table_version')::bigint, dataset ->> 'format', dataset ->> 'location',
      dataset ->> 'content_sha256', (dataset ->> 'row_count')::bigint, (dataset ->> 'byte_size')::bigint, dataset -> 'columns', nullif(dataset -> 'lineage', 'null'), intent.data_at) returning * into made;
    update ops.datasets as d set current_version = made.version, fence = intent.fence, layer = coalesce(dataset ->> 'layer', d.layer), updated_at = clock_timestamp() where d.dataset_id = target.dataset_id;
    perform ops_private.append_event(run, 'DATASET_PUBLISHED', 'info', dataset ->> 'phase', format('%s version %s: %s rows.', target.name, made.version, made.row_count),
      jsonb_build_object('dataset', target.name, 'version', made.version, 'table_version', made.table_version, 'content_sha256', made.content_sha256));
    perform ops_private.note_lineage(made, target.name);
  end if;
  delete from ops_private.publish_intents as i where i.dataset_id = target.dataset_id and i.run_id = run;
  return (select to_jsonb(v) - array['environment_id', 'current_version', 'kept_from'] from ops.dataset_version_list as v where v.dataset_id = made.dataset_id and v.version = made.version);
end
$$;
create function ops.publish_dataset(run_id uuid, lease_token uuid, dataset jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.publish_dataset($1, $2, $3)';
grant execute on function ops_private.begin_publish(uuid, uuid, text, text[], int), ops.begin_publish(uuid, uuid, text, text[], int),
  ops_private.publish_dataset(uuid, uuid, jsonb), ops.publish_dataset(uuid, uuid, jsonb) to authenticated, ops_token;
-- What each check of a run's validate phase found: the history of a dataset's quality. Counts only, never the content of rows.
create table ops.quality_results (
  result_id bigint generated always as identity primary key,
  environment_id uuid not null,
  run_id uuid not null references ops.runs,
  phase text not null,
  position int not null,
  dataset text not null,
  "check" text not null constraint check_is_a_word check ("check" ~ '^[a-z][a-z0-9_]{0,62}$'),
  label text not null constraint label_is_short check (length(label) between 1 and 500),
  severity text not null constraint severity_is_known check (severity in ('warn', 'quarantine', 'fail')),
  verdict text not null constraint verdict_is_known check (verdict in ('pass', 'warn', 'quarantine', 'fail')),
  wrong bigint not null constraint wrong_is_not_negative check (wrong >= 0),
  seen bigint not null constraint seen_is_not_negative check (seen >= 0),
  facts jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  constraint one_result_per_check_of_a_phase unique (run_id, phase, position)
);
create index quality_results_of_a_dataset on ops.quality_results (environment_id, dataset, result_id desc);
create index quality_results_of_an_environment on ops.quality_results (environment_id, result_id desc);
alter table ops.quality_results enable row level security;
alter table ops.quality_results force row level security;
create policy members_see_their_environments on ops.quality_results for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.quality_results to authenticated, ops_token, ops_sql;

-- A table with a check that failed in this run is not published, whatever the executor says.
create function ops_private.refuse_failed_quality(run uuid, datasets text[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  failed record;
begin
  select q.dataset, q.label into failed from ops.quality_results as q where q.run_id = run and q.verdict = 'fail' and q.dataset = any (datasets) order by q.dataset, q.position limit 1;
  if found then
    perform ops_private.fail('illegal_transition', format('A check of %s failed in this run: %s.', failed.dataset, failed.label), 'Correct the source or the SQL and run it again.');
  end if;
end
$$;

-- record_quality: the lease holder, by a running phase. Stores what its checks found; another try of the phase replaces what the one before
-- had found. A verification repeats a run for its hashes and leaves no history. Locks lease, head, run.
create function ops_private.record_quality(run uuid, token uuid, phase text, results jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  counts record;
begin
  if not exists (select from ops.run_phases as p where p.run_id = run and p.name = record_quality.phase and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'Checks are reported by a running phase.');
  elsif jsonb_typeof(results) is distinct from 'array' or jsonb_array_length(results) > 5000 then
    perform ops_private.fail('invalid_input', 'results is a list of at most 5,000.');
  elsif pg_column_size(results) > 4 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'results has at most 4 MB.', 'Give fewer facts.');
  elsif exists (select from jsonb_array_elements(results) as r where jsonb_typeof(r) <> 'object' or coalesce(r ->> 'dataset', '') !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'
      or coalesce(r ->> 'check', '') !~ '^[a-z][a-z0-9_]{0,62}$' or coalesce(length(r ->> 'label'), 0) not between 1 and 500 or coalesce(r ->> 'severity', '') not in ('warn', 'quarantine', 'fail')
      or coalesce(r ->> 'verdict', '') not in ('pass', 'warn', 'quarantine', 'fail') or coalesce(r ->> 'wrong', '') !~ '^\d{1,18}$' or coalesce(r ->> 'seen', '') !~ '^\d{1,18}$') then
    perform ops_private.fail('invalid_input', 'A result has dataset, check, label, severity, verdict, and how many rows are wrong and were seen.');
  end if;
  if (select r.isolated from ops.runs as r where r.run_id = run) then
    return jsonb_build_object('recorded', 0, 'failed', 0);
  end if;
  delete from ops.quality_results as q where q.run_id = run and q.phase = record_quality.phase;
  insert into ops.quality_results (environment_id, run_id, phase, position, dataset, "check", label, severity, verdict, wrong, seen, facts)
  select lease.environment_id, run, record_quality.phase, e.ordinality, e.value ->> 'dataset', e.value ->> 'check', e.value ->> 'label', e.value ->> 'severity', e.value ->> 'verdict',
    (e.value ->> 'wrong')::bigint, (e.value ->> 'seen')::bigint, coalesce(e.value -> 'facts', '{}')
  from jsonb_array_elements(results) with ordinality as e;
  select count(*) as all_of_them, count(*) filter (where q.verdict = 'pass') as passed, count(*) filter (where q.verdict = 'warn') as warned,
    count(*) filter (where q.verdict = 'quarantine') as quarantined, count(*) filter (where q.verdict = 'fail') as failed into counts
  from ops.quality_results as q where q.run_id = run and q.phase = record_quality.phase;
  update ops.runs as r set failed_checks = n.wrong from (select count(*)::int as wrong from ops.quality_results as q where q.run_id = run and q.verdict <> 'pass') as n
  where r.run_id = run and r.failed_checks <> n.wrong;
  perform ops_private.append_event(run, 'QUALITY_CHECKED', case when counts.failed > 0 then 'error' when counts.warned + counts.quarantined > 0 then 'warn' else 'info' end, record_quality.phase,
    format('%s of %s checks passed, %s warned, %s quarantined, %s failed.', counts.passed, counts.all_of_them, counts.warned, counts.quarantined, counts.failed),
    jsonb_build_object('checks', counts.all_of_them, 'passed', counts.passed, 'warned', counts.warned, 'quarantined', counts.quarantined, 'failed', counts.failed));
  return jsonb_build_object('recorded', counts.all_of_them, 'failed', counts.failed);
end
$$;
create function ops.record_quality(run_id uuid, lease_token uuid, phase text, results jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.record_quality($1, $2, $3, $4)';
grant execute on function ops_private.record_quality(uuid, uuid, text, jsonb), ops.record_quality(uuid, uuid, text, jsonb) to authenticated, ops_token;
-- check_receipt: the store vouches for bytes with a receipt, keyed by a secret that SQL shares with it: sha256(key || sha256(key || 'environment:sha256:size')).
create function ops_private.check_receipt(environment uuid, hash text, byte_size bigint, receipt text) returns void language plpgsql security definer set search_path = '' as $$
declare
  key bytea;
begin
  select decode(s.value, 'hex') into key from ops_private.settings as s where s.key = 'storage_receipt_key';
  if key is null or receipt is distinct from encode(sha256(key || sha256(key || convert_to(environment || ':' || hash || ':' || byte_size, 'UTF8'))), 'hex') then
    perform ops_private.fail('forbidden', 'The receipt is not of this store.', 'Upload the bytes with PUT /objects/{sha256}.');
  end if;
end
$$;

-- record_object: a registered object was really received and hashed, whoever calls, since the store's receipt comes with it.
create function ops_private.record_object(environment uuid, hash text, byte_size bigint, receipt text) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.object_stored(environment, hash);
  perform ops_private.check_receipt(environment, hash, record_object.byte_size, receipt);
  perform ops_private.keep_object(hash);
  insert into ops.objects (environment_id, sha256, byte_size) values (environment, hash, record_object.byte_size) on conflict do nothing;
  if found and (ops_private.me()).type <> 'executor' then
    perform ops_private.audit(environment, 'object.stored', 'object', hash, null, jsonb_build_object('byte_size', record_object.byte_size::text));
  end if;
  return jsonb_build_object('sha256', hash, 'byte_size', byte_size::text);
end
$$;
create function ops.record_object(environment_id uuid, sha256 text, byte_size bigint, receipt text) returns jsonb language sql set search_path = '' as 'select ops_private.record_object($1, $2, $3, $4)';

-- object_stored: has this environment these bytes? Executors of it, and operators.
create function ops_private.object_stored(environment uuid, hash text) returns boolean language plpgsql stable security definer set search_path = '' as $$
begin
  if hash !~ '^[0-9a-f]{64}$' then
    perform ops_private.fail('invalid_input', 'A SHA-256 is 64 lower-case hex digits.');
  elsif (ops_private.me()).type = 'executor' then
    perform ops_private.require(environment, null, 'store bytes');
  else
    perform ops_private.require(environment, 'operator', 'store bytes');
  end if;
  return exists (select from ops.objects as o where o.environment_id = environment and o.sha256 = hash);
end
$$;
create function ops.object_stored(environment_id uuid, sha256 text) returns boolean language sql stable set search_path = '' as 'select ops_private.object_stored($1, $2)';

-- register_artifact: the lease holder, once the bytes are stored. The same phase, name and hash again answers the same artifact.
create function ops_private.register_artifact(run uuid, token uuid, artifact jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  made ops.run_artifacts;
begin
  if artifact ->> 'phase' is not null and not exists (select from ops.run_phases as p where p.run_id = run and p.name = artifact ->> 'phase') then
    perform ops_private.fail('not_found', format('The run has no phase %s.', artifact ->> 'phase'));
  elsif not exists (select from ops.objects as o where o.environment_id = lease.environment_id and o.sha256 = artifact ->> 'sha256' and o.byte_size = (artifact ->> 'byte_size')::bigint) then
    perform ops_private.fail('object_missing', 'The store has no such bytes of that size.', 'Upload them with PUT /objects/{sha256}, then register the artifact.');
  end if;
  insert into ops.run_artifacts (run_id, environment_id, phase, name, kind, content_type, byte_size, sha256, metadata)
  values (run, lease.environment_id, artifact ->> 'phase', artifact ->> 'name', artifact ->> 'kind', artifact ->> 'content_type', (artifact ->> 'byte_size')::bigint, artifact ->> 'sha256', coalesce(artifact -> 'metadata', '{}'))
  on conflict on constraint one_artifact_per_name_and_content do nothing returning * into made;
  if found then
    perform ops_private.append_event(run, 'ARTIFACT_REGISTERED', 'info', made.phase, made.name,
      jsonb_build_object('artifact_id', made.artifact_id, 'kind', made.kind, 'byte_size', made.byte_size::text, 'sha256', made.sha256));
  else
    select * into made from ops.run_artifacts as a
    where a.run_id = run and a.phase is not distinct from artifact ->> 'phase' and a.name = artifact ->> 'name' and a.sha256 = artifact ->> 'sha256';
  end if;
  return ops_private.artifact_json(made);
end
$$;
create function ops.register_artifact(run_id uuid, lease_token uuid, artifact jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.register_artifact($1, $2, $3)';
grant execute on function ops_private.record_object(uuid, text, bigint, text), ops.record_object(uuid, text, bigint, text), ops_private.object_stored(uuid, text), ops.object_stored(uuid, text),
  ops_private.register_artifact(uuid, uuid, jsonb), ops.register_artifact(uuid, uuid, jsonb) to authenticated, ops_token;
-- A report that ends the lease is answered once and the answer kept: a repeat with the same lease (its first answer was lost)
-- gets it again, until a later lease of the run has been ended by its holder. A lease that was swept leaves none: lease_lost.
create function ops_private.recorded_end(run uuid, token uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select h.ended_answer from ops_private.run_heads as h
  where h.run_id = run and h.ended_lease_token = token and h.environment_id = any (ops_private.visible_environments())
$$;
create function ops_private.record_end(token uuid, ended ops.runs) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  answer jsonb := ops_private.run_state(ended);
begin
  update ops_private.run_heads as h set ended_lease_token = token, ended_answer = answer where h.run_id = ended.run_id;
  return answer;
end
$$;

-- complete_run: the lease holder. running → succeeded, once every phase has ended well; a run whose cancellation was asked for ends canceled.
create function ops_private.complete_run(run uuid, token uuid, output_manifest jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  stopped ops.runs;
  answer jsonb;
  open_phase text;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  stopped := ops_private.end_if_stopped(found_run, lease);
  if stopped.run_id is not null then
    return ops_private.record_end(token, stopped);
  end if;
  select string_agg(p.name || ' is ' || p.status, ', ' order by p.position) into open_phase from ops.run_phases as p where p.run_id = run and p.status in ('pending', 'running', 'failed');
  if found_run.status <> 'running' or open_phase is not null then
    perform ops_private.fail('illegal_transition', coalesce('Not every phase has ended well: ' || open_phase || '.', 'The run was not started.'));
  end if;
  return ops_private.record_end(token, ops_private.finalize_run(run, 'succeeded', null, null, coalesce(complete_run.output_manifest, '{}')));
end
$$;
create function ops.complete_run(run_id uuid, lease_token uuid, output_manifest jsonb default '{}') returns jsonb language sql set search_path = '' as 'select ops_private.complete_run($1, $2, $3)';

-- fail_run: the lease holder. claimed|running → queued after a backoff while attempts are left, else failed (at once when permanent);
-- canceled where that was asked for.
create function ops_private.fail_run(run uuid, token uuid, error_code text, error_message text, error_data jsonb, permanent boolean, retry_after_seconds double precision) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  stopped ops.runs;
  answer jsonb;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  if error_code is null or error_code !~ '^[a-z][a-z0-9_]{0,62}$' then
    perform ops_private.fail('invalid_input', 'error_code is a word of lower-case letters, digits and underscores.');
  elsif pg_column_size(error_data) > 8192 then
    error_data := ops_private.shortened(error_data); -- the failure itself is told in any case
  end if;
  stopped := ops_private.end_if_stopped(found_run, lease);
  if stopped.run_id is not null then
    return ops_private.record_end(token, stopped);
  elsif permanent or found_run.attempt >= found_run.max_attempts or lease.deadline_at <= clock_timestamp() then
    return ops_private.record_end(token, ops_private.finalize_run(run, 'failed', fail_run.error_code, fail_run.error_message, null, fail_run.error_data));
  end if;
  return ops_private.record_end(token, ops_private.requeue(run, coalesce(make_interval(secs => retry_after_seconds), ops_private.backoff(found_run.attempt)), true, 'RUN_REQUEUED', 'error', coalesce(error_message, 'The attempt failed.'),
    jsonb_build_object('error_code', error_code, 'attempt', found_run.attempt, 'max_attempts', found_run.max_attempts) || coalesce(error_data, '{}')));
end
$$;
create function ops.fail_run(run_id uuid, lease_token uuid, error_code text, error_message text, error_data jsonb default '{}', permanent boolean default false, retry_after_seconds double precision default null) returns jsonb
language sql set search_path = '' as 'select ops_private.fail_run($1, $2, $3, $4, $5, $6, $7)';

create function ops_private.with_labels(labels text[], more text[]) returns text[] language sql immutable set search_path = '' as $$
  select array(select distinct l from unnest(labels || more) as l order by l)
$$;

-- release_run: the lease holder gives the run back with its progress. claimed|running → queued. `labels` are what the run needs and
-- this executor lacks: they are added to the run's own, so its lane changes and only who offers them takes it on. Costs no
-- attempt; but after ten releases in a row without progress (no phase succeeded, no checkpoint, no new label) each further
-- one does and waits, so a run that nobody can do ends `failed` with release_limit. Locks run and lease, opens the new lane,
-- then locks gates, phases, head.
create function ops_private.release_run(run uuid, token uuid, reason text, labels text[]) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  free_releases constant int := 10;
  found_run ops.runs;
  lease ops.leases;
  stopped ops.runs;
  answer jsonb;
  needs text[];
  idle int := 0;
  released ops.runs;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  stopped := ops_private.end_if_stopped(found_run, lease);
  if stopped.run_id is not null then
    return ops_private.record_end(token, stopped);
  end if;
  if lease.deadline_at <= clock_timestamp() then
    return ops_private.record_end(token, ops_private.finalize_run(run, 'failed', 'timeout', ops_private.timeout_reason(found_run)));
  end if;
  needs := array(select distinct l from unnest(release_run.labels) as l where not l = any (found_run.labels));
  if not ops_private.labels_are_words(release_run.labels) or cardinality(needs) + cardinality(found_run.labels) > 40 then
    perform ops_private.fail('invalid_input', 'labels are lower-case words (letters, digits and ._:/-), at most 40 of a run.');
  end if;
  if cardinality(needs) > 0 then
    found_run.labels := ops_private.with_labels(found_run.labels, needs);
    update ops.runs as r set labels = found_run.labels, lane_id = ops_private.lane_of(r.environment_id, r.queue, found_run.labels) where r.run_id = run;
  elsif not exists (select from ops.run_phases as p where p.run_id = run and (p.status = 'succeeded' and p.finished_at >= lease.claimed_at or p.checkpoint_at >= lease.claimed_at)) then
    idle := 1 + (select h.idle_releases from ops_private.run_heads as h where h.run_id = run);
  end if;
  if idle > free_releases and found_run.attempt >= found_run.max_attempts then
    return ops_private.record_end(token, ops_private.finalize_run(run, 'failed', 'release_limit',
      format('Executors gave it back %s times in a row without progress; the last said: %s', idle, left(coalesce(reason, 'released'), 500))));
  end if;
  released := ops_private.requeue(run, case when idle > free_releases then ops_private.backoff(idle - free_releases) else interval '0' end, idle > free_releases,
    'RUN_RELEASED', 'info', left(coalesce(reason, 'released'), 500), case when cardinality(needs) > 0 then jsonb_build_object('needs', needs) else '{}' end);
  update ops_private.run_heads as h set idle_releases = idle where h.run_id = run;
  return ops_private.record_end(token, released);
end
$$;
create function ops.release_run(run_id uuid, lease_token uuid, reason text default 'released', labels text[] default '{}') returns jsonb language sql set search_path = '' as 'select ops_private.release_run($1, $2, $3, $4)';
grant execute on function ops_private.complete_run(uuid, uuid, jsonb), ops.complete_run(uuid, uuid, jsonb),
  ops_private.fail_run(uuid, uuid, text, text, jsonb, boolean, double precision), ops.fail_run(uuid, uuid, text, text, jsonb, boolean, double precision),
  ops_private.release_run(uuid, uuid, text, text[]), ops.release_run(uuid, uuid, text, text[]) to authenticated, ops_token;
create table ops_private.scheduler (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  last_tick_at timestamptz,
  last_gate bigint not null default 0  -- where the look at parked runs goes on
);
alter table ops_private.scheduler enable row level security;
alter table ops_private.scheduler force row level security;
insert into ops_private.scheduler default values;

-- Gates at which runs wait, after this one: a step of the index for each gate, however many runs wait there.
create function ops_private.some_blocked_gates(after bigint, at_most int) returns bigint[] language sql stable security definer set search_path = '' as $$
  with recursive step (gate_id) as (
    (select r.blocked_gate from ops.runs as r where r.status = 'queued' and r.blocked_gate > after order by r.blocked_gate limit 1)
    union all
    select (select r.blocked_gate from ops.runs as r where r.status = 'queued' and r.blocked_gate > s.gate_id order by r.blocked_gate limit 1) from step as s where s.gate_id is not null
  )
  select coalesce(array_agg(b.gate_id), '{}') from (select s.gate_id from step as s where s.gate_id is not null limit at_most) as b
$$;

-- tick: the scheduler's secret (CRON_SECRET) only. Safe from many callers at once: makes partitions ahead, sweeps, ends runs that
-- waited too long, promotes runs whose time has come, reconciles parking. Each part is bounded; the next tick goes on. Runs are
-- locked first (skipping what others hold), then all gates once, then all is done. Making a partition locks the whole table
-- of events, so a tick that made one does nothing else.
create function ops_private.tick() returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  stale uuid[];
  swept record;
  late uuid[];
  expired uuid;
  promoted bigint[];
  parked bigint[];
  next_gate bigint;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler ticks.', 'Send CRON_SECRET as Bearer token.');
  end if;
  if ops_private.ensure_event_partitions() > 0 then
    return jsonb_build_object('requeued', 0, 'ended', 0, 'promoted', 0);
  end if;
  stale := ops_private.lock_expired(interval '0', null, 200);
  late := array(select r.run_id from ops.runs as r where r.status = 'queued' and r.expires_at <= moment order by r.expires_at limit 200 for no key update skip locked);
  with due as (
    update ops.runs as r set not_before = null, queue_reason = null where r.run_id = any (array(
      select w.run_id from ops.runs as w where w.status = 'queued' and w.not_before <= moment and not w.run_id = any (late) order by w.not_before limit 1000 for update skip locked))
    returning r.lane_id)
  select array_agg(d.lane_id) into promoted from due as d;
  parked := ops_private.some_blocked_gates((select s.last_gate from ops_private.scheduler as s), 500);
  next_gate := case when cardinality(parked) = 500 then parked[500] else 0 end;
  parked := parked || array(select g.gate_id from ops_private.gates as g where g.opens_at <= moment order by g.opens_at limit 500);
  perform ops_private.lock_gates(parked || ops_private.gates_of(stale || late));
  select * into swept from ops_private.end_expired(stale);
  foreach expired in array late loop
    perform ops_private.finalize_run(expired, 'canceled', 'expired', 'It was not started before its expires_at.');
  end loop;
  perform ops_private.unpark(parked);
  perform ops_private.wake(promoted);
  update ops_private.scheduler as s set last_tick_at = clock_timestamp(), last_gate = next_gate where s.only_row;
  return jsonb_build_object('requeued', swept.requeued, 'ended', swept.ended + cardinality(late), 'promoted', coalesce(cardinality(promoted), 0));
end
$$;
create function ops.tick() returns jsonb language sql set search_path = '' as 'select ops_private.tick()';

-- health: the scheduler's secret. Reads little, whatever the history.
create function ops_private.health() returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  schema_version text;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the service reads its health.');
  end if;
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute 'select max(version) from supabase_migrations.schema_migrations' into schema_version;
  end if;
  return jsonb_build_object('schema_version', schema_version,
    'queue_depth', (select count(*) from (select from ops.runs as r where r.status = 'queued' limit 10000) as waiting),
    'scheduler_lag_seconds', (select round(extract(epoch from clock_timestamp() - s.last_tick_at), 3) from ops_private.scheduler as s));
end
$$;
create function ops.health() returns jsonb language sql stable set search_path = '' as 'select ops_private.health()';
grant execute on function ops_private.tick(), ops.tick(), ops_private.health(), ops.health() to ops_token;
-- What schedules and backfills share: a queued run of a template, and the end of many runs at once.

-- Puts the words of a fire into every `${{ schedule.WORD }}` of the parameters, and the spec's defaults where nothing is given. The
-- words are times and dates, so the text of a JSON value stays one.
create function ops_private.fill_parameters(parameters jsonb, spec jsonb, words jsonb) returns jsonb language plpgsql immutable set search_path = '' as $$
declare
  filled text := parameters::text;
  word record;
begin
  for word in select key, value from jsonb_each_text(words) loop
    filled := regexp_replace(filled, '\$\{\{\s*schedule\.' || word.key || '\s*\}\}', word.value, 'g');
  end loop;
  return coalesce((select jsonb_object_agg(p.key, p.value -> 'default') from jsonb_each(spec #> '{parameters,properties}') as p where p.value ? 'default'), '{}') || filled::jsonb;
end
$$;

-- RFC 3339 in UTC, to the second.
create function ops_private.wire_time(moment timestamptz) returns text language sql immutable set search_path = '' as $$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

create function ops_private.schedule_words(nominal timestamptz, time_zone text) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('nominal_time', ops_private.wire_time(nominal), 'nominal_date', to_char(nominal at time zone time_zone, 'YYYY-MM-DD'))
$$;

-- Queues a run of run.template_id, in run.template_version or the current one. The caller has authorised, and said in `run` where,
-- for whom and with what. Locks the run's gates; null where its idempotency key has been used.
create function ops_private.enqueue_template(run ops.runs, words jsonb) returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  spec jsonb;
begin
  select t.project_id, t.template_key, t.kind, v.version, v.spec_sha256, v.git_sha, s.spec, s.spec ->> 'name'
  into strict run.project_id, run.template_key, run.kind, run.template_version, run.spec_sha256, run.git_sha, spec, run.spec_slug
  from ops.job_templates as t
  join ops.job_template_versions as v on v.template_id = t.template_id and v.version = coalesce(run.template_version, t.current_version)
  join ops.specs as s on s.project_id = v.project_id and s.spec_sha256 = v.spec_sha256
  where t.template_id = run.template_id;
  run.parameters := ops_private.fill_parameters(run.parameters, spec, words);
  run.isolated := false;
  return ops_private.enqueue(run, spec);
end
$$;

-- Cancels open runs: a queued one ends at once, an active one is told at its next heartbeat; with `terminate` it ends at once too,
-- and its executor finds its lease gone. Ended runs are left alone. Locks runs, leases and the gates of all of them: the caller
-- holds no gate and locks none afterwards.
create function ops_private.cancel_all(runs uuid[], reason text, terminate boolean default false) returns int language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
  done int := 0;
begin
  runs := array(select r.run_id from ops.runs as r where r.run_id = any (runs) and r.status in ('queued', 'claimed', 'running') order by r.run_id for no key update);
  perform from ops.leases as l where l.run_id = any (runs) order by l.run_id for update;
  perform ops_private.lock_gates(ops_private.gates_of(runs));
  for run in select * from ops.runs as r where r.run_id = any (runs) order by r.run_id loop
    continue when run.cancel_requested_at is not null and not terminate;
    update ops.runs as r set cancel_requested_at = coalesce(r.cancel_requested_at, clock_timestamp()), cancel_reason = reason where r.run_id = run.run_id;
    if terminate or run.status = 'queued' then
      perform ops_private.finalize_run(run.run_id, 'canceled', 'canceled', reason);
    else
      perform ops_private.append_event(run.run_id, 'CANCEL_REQUESTED', 'warn', null, reason);
    end if;
    done := done + 1;
  end loop;
  return done;
end
$$;
-- report_runs(reports): executors. Many writes of many runs that they hold, in one call. A report is { run_id, lease_token, report_id?,
-- writes: [{ type, … }] }; its writes are applied in order, whole or not at all, and mean what the functions of one write mean.
-- Each report is answered for itself, in order: { run_id, ok: true, status, … } or { run_id, ok: false, error }.
--
-- Reports that only start, run phases, append events and complete (`plain_reports`) are applied together, set-based; every
-- other one by the single functions, each within a savepoint. Locks all runs, all leases, opens lanes, then locks all gates of runs that may end, each
-- sorted; then phases and heads, which nobody locks without run or lease. A run that is not held is only read.
--
-- A repeat is answered what the first was answered: by `report_id`, until the run's next report; a report whose last write
-- ends the lease also by its lease.
create type ops_private.run_report as (nth int, run_id uuid, lease_token uuid, report_id uuid, writes jsonb, may_end boolean, ends boolean);

-- One write of a report, by the function that does it alone. Answers what that one answers.
create function ops_private.apply_write(run uuid, token uuid, write jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  case write ->> 'type'
    when 'start' then return ops_private.start_run(run, token);
    when 'phase' then return ops_private.set_phase(run, token, write ->> 'name', write -> 'patch');
    when 'events' then return ops_private.append_events(run, token, write -> 'events');
    when 'artifact' then return ops_private.register_artifact(run, token, write -> 'artifact');
    when 'inputs' then return ops_private.pin_inputs(run, token, array(select jsonb_array_elements_text(coalesce(write -> 'datasets', '[]'))), coalesce(write -> 'sources', '{}'));
    when 'heartbeat' then return ops_private.heartbeat_run(run, token, write ->> 'phase', (write ->> 'lease_seconds')::int, write -> 'usage');
    when 'logs' then return ops_private.append_logs(run, token, write -> 'chunks');
    when 'complete' then return ops_private.complete_run(run, token, coalesce(write -> 'output_manifest', '{}'));
    when 'fail' then return ops_private.fail_run(run, token, write ->> 'error_code', write ->> 'error_message', coalesce(write -> 'error_data', '{}'),
      coalesce((write ->> 'permanent')::boolean, false), (write ->> 'retry_after_seconds')::double precision);
    when 'release' then return ops_private.release_run(run, token, coalesce(write ->> 'reason', 'released'), array(select jsonb_array_elements_text(coalesce(write -> 'labels', '[]'))));
    else perform ops_private.fail('invalid_input', format('There is no write of type %s.', coalesce(write ->> 'type', 'null')));
  end case;
end
$$;

-- The writes of reports, one a row.
create function ops_private.writes_of(asked ops_private.run_report[]) returns table (run_id uuid, nth bigint, type text, name text, target text, patch jsonb, body jsonb)
language plpgsql immutable set search_path = '' as $$
begin
  return query select a.run_id, w.nth, w.body ->> 'type', w.body ->> 'name', w.body -> 'patch' ->> 'status', w.body -> 'patch', w.body
  from unnest(asked) as a cross join jsonb_array_elements(case when jsonb_typeof(a.writes) = 'array' then a.writes else '[]' end) with ordinality as w (body, nth);
end
$$;

-- Which of these reports the set-based way takes: of a run that is reported once here, was not asked to be cancelled, and whose
-- writes are steps forward only (start, which comes first; pending → running → succeeded; events; complete, which comes last). It must take
-- nothing that the single functions refuse; what it leaves, they judge. An event_id that is already there fails its insert, and
-- they judge all. The caller holds the leases. Tables are read by `run_id = any (ids)`: no plan may read their history. Joins are by hash:
-- a generic plan expects ten rows, and comparing each of 400 writes with each of 100 runs would cost more than all else.
create function ops_private.plain_reports(asked ops_private.run_report[]) returns uuid[] language plpgsql stable security definer set search_path = '' set enable_nestloop = off as $$
declare
  ids uuid[] := array(select a.run_id from unnest(asked) as a);
begin
  return (with writes as materialized (
      select * from ops_private.writes_of(asked)
    ), asks as materialized (
      select a.run_id, r.status = 'running' or a.writes -> 0 ->> 'type' = 'start' as started, jsonb_array_length(a.writes) as last, a.writes -> -1 ->> 'type' = 'complete' as completes
      from unnest(asked) as a join (select x.run_id, x.status, x.cancel_requested_at from ops.runs as x where x.run_id = any (ids)) as r using (run_id)
      where jsonb_typeof(a.writes) = 'array' and r.cancel_requested_at is null
    ), phases as materialized (
      select run_id, p.status, p.name, p.depends_on, m.begins, m.ends, m.moves
      from (select x.run_id, x.name, x.status, x.depends_on from ops.run_phases as x where x.run_id = any (ids)) as p
      full join (select w.run_id, w.name, min(w.nth) filter (where w.target = 'running') as begins, min(w.nth) filter (where w.target = 'succeeded') as ends, count(*) as moves
        from writes as w where w.type = 'phase' group by 1, 2) as m using (run_id, name)
    ), events as materialized (
      select row_number() over () as nth, w.run_id, e.event
      from writes as w cross join jsonb_array_elements(case when w.type = 'events' and jsonb_typeof(w.body -> 'events') = 'array' then w.body -> 'events' else '[]' end) as e (event)
    ), refused as (
      select w.run_id from writes as w join asks as a using (run_id) where not coalesce(case w.type
        when 'start' then w.nth = 1
        when 'phase' then a.started and w.patch - array['status', 'input_sha256', 'output_sha256', 'metrics', 'message'] = '{}' and coalesce(jsonb_typeof(w.patch -> 'metrics') = 'object', true)
        when 'events' then jsonb_typeof(w.body -> 'events') = 'array' and jsonb_array_length(w.body -> 'events') between 1 and 500
        when 'complete' then a.started and w.nth = a.last and coalesce(jsonb_typeof(w.body -> 'output_manifest') = 'object', true)
      end, false)
      union all  -- a phase begins once, then ends once
      select p.run_id from phases as p where p.moves > 0 and not coalesce(p.moves = num_nonnulls(p.begins, p.ends)
        and case when p.begins is null then p.status = 'running' else p.status = 'pending' and coalesce(p.begins < p.ends, true) end, false)
      union all  -- it begins after those before it
      select p.run_id from phases as p join phases as d on d.run_id = p.run_id and d.name = any (p.depends_on)
      where p.begins is not null and d.status in ('pending', 'running') and not coalesce(d.ends < p.begins, false)
      union all  -- a run is complete when every phase has ended well
      select p.run_id from phases as p join asks as a using (run_id) where a.completes and p.ends is null and p.status in ('pending', 'running', 'failed')
      union all
      select e.run_id from ops_private.refused_events(array(select e.event from events as e order by e.nth)) as f join events as e using (nth)
      union all  -- it was answered already
      select h.run_id from ops_private.run_heads as h where h.run_id = any (ids) and h.report_id = any (array(select a.report_id from unnest(asked) as a))
      union all
      select l.run_id from ops.leases as l where l.run_id = any (ids) and l.stop_code is not null
    )
    select coalesce(array_agg(a.run_id), '{}') from asks as a where a.last > 0 and not exists (select from refused as r where r.run_id = a.run_id));
end
$$;

-- Applies plain reports, each table in one statement; `gates` are those of the runs that end. Answers { run_id: answer }.
create function ops_private.apply_plain_reports(asked ops_private.run_report[], gates bigint[]) returns jsonb language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
declare
  moment timestamptz := clock_timestamp();
  ids uuid[] := array(select a.run_id from unnest(asked) as a);
  ended uuid[] := array(select a.run_id from unnest(asked) as a where a.ends);
  going uuid[] := array(select a.run_id from unnest(asked) as a where not a.ends);
  begun uuid[];
  answers jsonb;
begin
  with started as (
    update ops.runs as r set status = 'running', started_at = coalesce(r.started_at, moment)
    where r.status = 'claimed' and r.run_id = any (array(select a.run_id from unnest(asked) as a where a.writes -> 0 ->> 'type' = 'start'))
    returning r.run_id)
  select coalesce(array_agg(s.run_id), '{}') into begun from started as s;
  perform ops_private.end_leases(ended, gates);

  with writes as materialized (
    select * from ops_private.writes_of(asked)
  ), phases as (
    update ops.run_phases as p set
      status = case when s.succeeded is null then 'running' else 'succeeded' end,
      attempt = p.attempt + (s.running is not null)::int,
      started_at = case when s.running is null then p.started_at else moment end,
      finished_at = case when s.succeeded is null then null else moment end,
      input_sha256 = coalesce(s.succeeded ->> 'input_sha256', s.running ->> 'input_sha256', p.input_sha256),
      output_sha256 = coalesce(s.succeeded ->> 'output_sha256', s.running ->> 'output_sha256', p.output_sha256),
      metrics = p.metrics || coalesce(s.running -> 'metrics', '{}') || coalesce(s.succeeded -> 'metrics', '{}'),
      error_code = case when s.running is null then p.error_code end,
      error_message = case when s.running is null then p.error_message end
    from (
      select w.run_id, w.name, (array_agg(w.patch) filter (where w.target = 'running'))[1] as running, (array_agg(w.patch) filter (where w.target = 'succeeded'))[1] as succeeded
      from writes as w where w.type = 'phase' group by 1, 2) as s
    where p.run_id = any (ids) and p.run_id = s.run_id and p.name = s.name
    returning p.run_id, p.name, p.attempt, p.output_sha256, p.error_code, p.error_message
  ), ends as (
    update ops.runs as r set status = 'succeeded', output_manifest = coalesce(a.writes -> -1 -> 'output_manifest', '{}'), error_code = null, error_message = null, finished_at = moment, duration_seconds = extract(epoch from moment - r.started_at), queue_reason = null
    from unnest(asked) as a where r.run_id = any (ended) and r.run_id = a.run_id
    returning r.run_id, r.status, r.attempt, r.finished_at, r.error_code
  ), states as materialized (
    select r.run_id, r.attempt, jsonb_build_object('run_id', r.run_id, 'status', r.status, 'attempt', r.attempt, 'finished_at', r.finished_at, 'error_code', r.error_code) as state from (
      select * from ends union all
      select r.run_id, r.status, r.attempt, r.finished_at, r.error_code from ops.runs as r where r.run_id = any (going)) as r
  ), lines as materialized (
    select l.*, row_number() over (partition by l.run_id order by l.nth, l.sub_nth) as line, count(*) over (partition by l.run_id) as lines from (
      select s.run_id, 1::bigint as nth, 0::bigint as sub_nth, gen_random_uuid() as event_id, false as reported, 'RUN_STARTED' as type, 'info' as level, null::text as phase,
        format('Attempt %s began.', s.attempt) as message, jsonb_build_object('attempt', s.attempt) as data
      from states as s join unnest(begun) as b (run_id) using (run_id)
      union all
      select w.run_id, w.nth, 0, gen_random_uuid(), false, case w.target when 'running' then 'PHASE_STARTED' else 'PHASE_SUCCEEDED' end, 'info', p.name,
        coalesce(w.patch ->> 'message', p.error_message, format('Phase %s %s.', p.name, case w.target when 'running' then 'started' else 'succeeded' end)),
        jsonb_strip_nulls(jsonb_build_object('attempt', p.attempt, 'output_sha256', case w.target when 'succeeded' then p.output_sha256 end, 'error_code', p.error_code))
      from writes as w join phases as p using (run_id, name) where w.type = 'phase'
      union all
      select w.run_id, w.nth, e.nth, (e.event ->> 'event_id')::uuid, true, e.event ->> 'type', coalesce(e.event ->> 'level', 'info'), e.event ->> 'phase', coalesce(e.event ->> 'message', ''), coalesce(e.event -> 'data', '{}')
      from writes as w cross join jsonb_array_elements(w.body -> 'events') with ordinality as e (event, nth) where w.type = 'events'
      union all
      select w.run_id, w.nth, 0, gen_random_uuid(), false, 'RUN_SUCCEEDED', 'info', null, 'The run succeeded.', '{}' from writes as w where w.type = 'complete'
    ) as l
  ), heads as (
    update ops_private.run_heads as h set last_seq = h.last_seq + coalesce(l.lines, 0),
      ended_lease_token = case when a.ends then a.lease_token else h.ended_lease_token end,
      ended_answer = case when a.ends then s.state else h.ended_answer end,
      report_id = coalesce(a.report_id, h.report_id),
      report_answer = case when a.report_id is null then h.report_answer else s.state || '{"ok": true, "answers": []}' end
    from unnest(asked) as a join states as s using (run_id) left join lines as l on l.run_id = a.run_id and l.line = 1
    where h.run_id = any (ids) and h.run_id = a.run_id
    returning h.run_id, h.environment_id, h.last_seq - coalesce(l.lines, 0) as before
  ), written as (
    insert into ops.run_events (run_id, seq, event_id, reported, environment_id, type, level, phase, message, data)
    select l.run_id, h.before + l.line, l.event_id, l.reported, h.environment_id, l.type, l.level, l.phase, l.message, l.data from lines as l join heads as h using (run_id) order by l.run_id, l.line
  )
  select jsonb_object_agg(s.run_id, s.state || '{"ok": true, "answers": []}') into answers from states as s;

  if cardinality(ended) > 0 then
    perform ops_private.runs_ended(ended);
  end if;
  return answers;
end
$$;

-- `answers`: what the writes of type artifact, inputs and heartbeat are answered, in order; the other writes are answered by the state.
create function ops_private.report_answer(state jsonb, answers jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select state || jsonb_build_object('ok', true, 'answers', answers)
$$;

-- One report by the single functions, within a savepoint. Errors of the request are its answer; those of the database end the whole call.
create function ops_private.apply_report(report ops_private.run_report) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  write jsonb;
  answer jsonb;
  answers jsonb := '[]';
  state text; code text; detail text; remedy text;
begin
  if jsonb_typeof(report.writes) is distinct from 'array' or jsonb_array_length(report.writes) not between 1 and 1000 then
    perform ops_private.fail('invalid_input', 'writes is an array of 1 to 1000 writes.');
  end if;
  select case when h.report_id = report.report_id then h.report_answer
      when report.ends and h.ended_lease_token = report.lease_token then ops_private.report_answer(h.ended_answer, '[]') end into answer
  from ops_private.run_heads as h where h.run_id = report.run_id and h.environment_id = any (ops_private.visible_environments());
  if answer is not null then
    return answer;
  end if;
  for write in select w from jsonb_array_elements(report.writes) as w loop
    answer := ops_private.apply_write(report.run_id, report.lease_token, write);
    if write ->> 'type' in ('artifact', 'inputs', 'heartbeat') then
      answers := answers || jsonb_build_array(answer);
    end if;
  end loop;
  answer := (select ops_private.report_answer(ops_private.run_state(r), answers) from ops.runs as r where r.run_id = report.run_id);
  update ops_private.run_heads as h set report_id = report.report_id, report_answer = answer where h.run_id = report.run_id and report.report_id is not null;
  return answer;
exception when others then
  get stacked diagnostics state = returned_sqlstate, code = message_text, detail = pg_exception_detail, remedy = pg_exception_hint;
  return jsonb_build_object('run_id', report.run_id, 'ok', false, 'error', ops_private.error_answer(state, code, detail, remedy));
end
$$;

-- The lanes of runs that are released with labels: opened before gates are locked, since who creates a run opens its lane first and
-- waits for its gates then.
create function ops_private.open_released_lanes(asked ops_private.run_report[], held uuid[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from unnest(asked) as a where a.may_end and a.writes @> '[{"type": "release"}]') then
    return;
  end if;
  perform ops_private.open_lanes(array(
    select distinct (r.environment_id, r.queue, ops_private.with_labels(r.labels, n.labels))::ops_private.lane_key
    from unnest(asked) as a join ops.runs as r on r.run_id = a.run_id
    cross join jsonb_array_elements(case when a.may_end then a.writes else '[]' end) as w (body)
    cross join lateral (select array(select jsonb_array_elements_text(case when jsonb_typeof(w.body -> 'labels') = 'array' then w.body -> 'labels' else '[]' end)) as labels) as n
    where a.run_id = any (held) and w.body ->> 'type' = 'release' and ops_private.labels_are_words(n.labels)));
end
$$;

-- Of these runs those whose live lease a report names. By hash, as above: comparing each report with each lease cost a tenth of all.
create function ops_private.held_runs(asked ops_private.run_report[], among uuid[], executor uuid) returns uuid[] language plpgsql volatile security definer set search_path = '' set enable_nestloop = off as $$
begin
  return array(select l.run_id from unnest(asked) as a join (
      select x.run_id, x.lease_token from ops.leases as x where x.run_id = any (among) and x.executor_id = executor and x.expires_at > clock_timestamp()) as l using (run_id, lease_token));
end
$$;

-- One plan for all calls, by index: a plan that was made while the tables were small would read them whole when they are not.
create function ops_private.report_runs(reports jsonb) returns json language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set jit = off as $$
declare
  me ops_private.principal := ops_private.me();
  asked ops_private.run_report[];
  report ops_private.run_report;
  held uuid[];
  ending bigint[];
  plain uuid[];
  by_run jsonb := '{}';
  by_nth jsonb[] := '{}';
begin
  if me.type is distinct from 'executor' then
    perform ops_private.fail('forbidden', 'Only an executor writes to a run that it holds.', 'Use an executor token (lcx_…).');
  elsif jsonb_typeof(reports) is distinct from 'array' or jsonb_array_length(reports) not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'reports is an array of 1 to 500 reports.');
  elsif pg_column_size(reports) > 4 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'The reports of one call have at most 4 MB.', 'Send fewer at once.');
  end if;
  asked := array(select (r.nth, (r.report ->> 'run_id')::uuid, (r.report ->> 'lease_token')::uuid, (r.report ->> 'report_id')::uuid, r.report -> 'writes',
      r.report -> 'writes' @> '[{"type": "complete"}]' or r.report -> 'writes' @> '[{"type": "fail"}]' or r.report -> 'writes' @> '[{"type": "release"}]',
      coalesce(r.report -> 'writes' -> -1 ->> 'type' in ('complete', 'fail', 'release'), false))::ops_private.run_report
    from jsonb_array_elements(reports) with ordinality as r (report, nth));

  held := ops_private.held_runs(asked, array(select a.run_id from unnest(asked) as a), me.id);
  held := array(select r.run_id from ops.runs as r where r.run_id = any (held) order by r.run_id for no key update);
  perform from ops.leases as l where l.run_id = any (held) order by l.run_id for update;
  held := ops_private.held_runs(asked, held, me.id);
  perform ops_private.open_released_lanes(asked, held);
  ending := ops_private.gates_of(array(select a.run_id from unnest(asked) as a where a.may_end and a.run_id = any (held)));
  if cardinality(ending) > 0 then
    perform ops_private.lock_gates(ending);
  end if;

  begin
    plain := ops_private.plain_reports(array(select a from unnest(asked) as a where a.run_id in (select h from unnest(held) as h)
      and a.run_id in (select b.run_id from unnest(asked) as b group by b.run_id having count(*) = 1)));
    if cardinality(plain) > 0 then
      by_run := ops_private.apply_plain_reports(array(select a from unnest(asked) as a where a.run_id in (select p from unnest(plain) as p)), ending);
    end if;
  exception when data_exception or integrity_constraint_violation then
    by_run := '{}';  -- one of them holds what no column takes: the savepoints find out which
  end;
  if cardinality(plain) = cardinality(asked) and by_run <> '{}' then
    return json_build_object('items', (select json_agg(by_run -> a.run_id::text order by a.nth) from unnest(asked) as a));
  end if;
  foreach report in array asked loop
    by_nth[report.nth] := by_run -> report.run_id::text;
  end loop;
  -- In the order of runs, as above: a repeat locks a run that was not held.
  for report in select a.* from unnest(asked) as a where coalesce(not by_run ? a.run_id::text, true) order by a.run_id, a.nth loop
    by_nth[report.nth] := ops_private.apply_report(report);
  end loop;
  return json_build_object('items', to_jsonb(by_nth));
end
$$;
create function ops.report_runs(reports jsonb) returns json language sql set search_path = '' as 'select ops_private.report_runs($1)';
grant execute on function ops_private.report_runs(jsonb), ops.report_runs(jsonb) to authenticated, ops_token;
-- A cap as the wire has it, with its use in the window of now. `over` is what it is above its limit: overruns happen between beats.
create function ops_private.cap_json(cap ops.caps) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(cap) - 'gate_id' || jsonb_build_object('scope', case when cap.environment_id is not null then 'environment' when cap.project_id is not null then 'project' else 'organization' end, 'limit_amount', trim_scale(cap.limit_amount)::text, 'used', trim_scale(ops_private.cap_settled(cap.cap_id, w.starts_at))::text,
    'reserved', trim_scale(round(ops_private.cap_reserved(cap.cap_id, w.starts_at), 6))::text, 'window_starts_at', w.starts_at, 'resets_at', w.ends_at)
  from ops_private.window_of(cap.period, cap.time_zone, clock_timestamp()) as w
$$;

-- The caps that the caller sees: those of its environments, and those over their projects and organizations.
create function ops_private.visible_caps() returns setof ops.caps language plpgsql stable security definer set search_path = '' as $$
declare
  environments uuid[] := ops_private.visible_environments();
  projects uuid[] := ops_private.visible_projects();
  organizations uuid[] := ops_private.visible_organizations();
begin
  return query select c.* from ops.caps as c where c.organization_id = any (organizations)
    and (c.project_id is null or c.environment_id is null and c.project_id = any (projects) or c.environment_id = any (environments));
end
$$;

-- list_caps: by key, those that the caller sees, or of them those that hold in one environment; `after` is the last one of the page before.
create function ops_private.list_caps(environment uuid, after_key text, after_cap uuid, at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  project uuid := (select e.project_id from ops.environments as e where e.environment_id = environment and e.environment_id = any (ops_private.visible_environments()));
begin
  if environment is not null and project is null then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  end if;
  return (select coalesce(jsonb_agg(ops_private.cap_json(c) order by c.cap_key, c.cap_id), '[]') from (
    select x.cap_id from ops_private.visible_caps() as x
    where (environment is null or coalesce(x.environment_id, environment) = environment and coalesce(x.project_id, project) = project
        and x.organization_id = (select ops_private.organization_of(project)))
      and (after_key is null or (x.cap_key, x.cap_id) > (after_key, after_cap))
    order by x.cap_key, x.cap_id limit least(at_most, 201)) as page join ops.caps as c on c.cap_id = page.cap_id);
end
$$;
create function ops.list_caps(environment_id uuid default null, after_key text default null, after_cap_id uuid default null, max_items int default 50) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_caps($1, $2, $3, $4)';

-- The cap, where the caller sees it; raises not_found.
create function ops_private.seen_cap(cap uuid) returns ops.caps language plpgsql stable security definer set search_path = '' as $$
declare
  found_cap ops.caps;
begin
  select * into found_cap from ops_private.visible_caps() as c where c.cap_id = cap;
  if not found then
    perform ops_private.fail('not_found', 'There is no such cap, or you may not see it.');
  end if;
  return found_cap;
end
$$;
create function ops_private.get_cap(cap uuid) returns jsonb language sql stable security definer set search_path = '' as $$ select ops_private.cap_json(ops_private.seen_cap(cap)) $$;
create function ops.get_cap(cap_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_cap($1)';

-- The gate under whose lock the caps of a key in a scope are counted, made where it is missing.
create function ops_private.cap_gate(organization uuid, project uuid, environment uuid, cap_key text) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  found_gate bigint;
begin
  if environment is not null then
    return ops_private.gate_of(environment, 'cap', cap_key);
  end if;
  if not ops_private.is_gate_key('cap', cap_gate.cap_key) then
    perform ops_private.fail('invalid_input', 'A cap key is a word of lower-case letters, digits and _.:-, at most 127 long.');
  end if;
  insert into ops_private.gates (project_id, organization_id, kind, key) values (project, case when project is null then organization end, 'cap', cap_key) on conflict do nothing;
  select g.gate_id into found_gate from ops_private.gates as g where g.key = cap_key and (g.project_id = project or project is null and g.organization_id = organization);
  return found_gate;
end
$$;

-- The gates of a key that hold in an environment; sorted.
create function ops_private.cap_gates(environment uuid, cap_key text) returns bigint[] language sql stable security definer set search_path = '' as $$
  select array(select g.gate_id from ops.environments as e join ops.projects as p on p.project_id = e.project_id
    join ops_private.gates as g on g.kind = 'cap' and g.key = cap_gates.cap_key and (g.environment_id = e.environment_id or g.project_id = p.project_id or g.organization_id = p.organization_id)
    where e.environment_id = environment order by g.gate_id)
$$;

-- save_cap: admins of what it holds: an environment, a project, an organization. Makes a cap, or changes limit and state of one
-- (cap_id). A new cap holds every claim from its commit on, of runs that were queued before too. Runs that wait under its key get
-- through at once where there is room now; a smaller limit stops nothing that keeps within its reservation. Locks the gate of the key.
create function ops_private.save_cap(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before ops.caps;
  wanted ops.caps;
  saved ops.caps;
begin
  if request ->> 'cap_id' is not null then
    before := ops_private.seen_cap((request ->> 'cap_id')::uuid);
    wanted := before;
  else
    if num_nonnulls(request ->> 'environment_id', request ->> 'project_id', request ->> 'organization_id') <> 1 then
      perform ops_private.fail('invalid_input', 'A cap holds one environment, one project or one organization.', 'Name exactly one of environment_id, project_id, organization_id.');
    end if;
    wanted.environment_id := (request ->> 'environment_id')::uuid;
    wanted.project_id := coalesce((request ->> 'project_id')::uuid, (select e.project_id from ops.environments as e where e.environment_id = wanted.environment_id));
    wanted.organization_id := coalesce((request ->> 'organization_id')::uuid, ops_private.organization_of(wanted.project_id));
    wanted.cap_key := request ->> 'cap_key';
  end if;
  perform ops_private.require_over(wanted.organization_id, wanted.project_id, wanted.environment_id, 'admin', 'change a cap');
  if before.cap_id is null and not exists (select from pg_catalog.pg_timezone_names as z where z.name = coalesce(request ->> 'time_zone', 'UTC')) then
    perform ops_private.fail('invalid_input', format('There is no time zone %s.', request ->> 'time_zone'), 'Use an IANA name, such as Europe/Berlin.');
  end if;
  if before.cap_id is null then
    wanted.gate_id := ops_private.cap_gate(wanted.organization_id, wanted.project_id, wanted.environment_id, wanted.cap_key);
  end if;
  perform ops_private.lock_gates(array[wanted.gate_id]);
  if before.cap_id is null then
    insert into ops.caps (organization_id, project_id, environment_id, gate_id, cap_key, unit, period, time_zone, limit_amount, enabled)
    values (wanted.organization_id, wanted.project_id, wanted.environment_id, wanted.gate_id, wanted.cap_key, request ->> 'unit', request ->> 'period', coalesce(request ->> 'time_zone', 'UTC'), (request ->> 'limit_amount')::numeric, coalesce((request ->> 'enabled')::boolean, true))
    on conflict on constraint one_cap_per_key_and_period do nothing returning * into saved;
    if not found then
      perform ops_private.fail('conflict', 'There is a cap with this key, unit and period already.', 'Change that one.');
    end if;
  else
    update ops.caps as c set limit_amount = coalesce((request ->> 'limit_amount')::numeric, c.limit_amount), enabled = coalesce((request ->> 'enabled')::boolean, c.enabled), updated_at = clock_timestamp()
    where c.cap_id = before.cap_id returning * into saved;
  end if;
  perform ops_private.unpark(array[wanted.gate_id]);
  perform ops_private.audit(saved.environment_id, case when before.cap_id is null then 'cap.created' else 'cap.changed' end, 'cap', saved.cap_id::text, case when before.cap_id is not null then to_jsonb(before) end, to_jsonb(saved), saved.project_id, saved.organization_id);
  return ops_private.cap_json(saved);
end
$$;
create function ops.save_cap(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.save_cap($1)';

-- delete_cap: admins of what it holds. Its use goes with it; runs under its key wait for it no more.
create function ops_private.delete_cap(cap uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.caps := ops_private.seen_cap(cap);
begin
  perform ops_private.require_over(old.organization_id, old.project_id, old.environment_id, 'admin', 'delete a cap');
  perform ops_private.lock_gates(array[old.gate_id]);
  delete from ops.caps as c where c.cap_id = cap;
  perform ops_private.unpark(array[old.gate_id]);
  perform ops_private.audit(old.environment_id, 'cap.deleted', 'cap', cap::text, to_jsonb(old), null, old.project_id, old.organization_id);
  return true;
end
$$;
create function ops.delete_cap(cap_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_cap($1)';

-- cap_allow: operators and executors: may so much be used now, under every cap with this key that holds here? Answers the tightest of them. For
-- the holder of a lease a yes also reserves it, in the window of the claim, until the lease ends; a repeat reserves again.
-- Locks the lease, then the gates of the key.
create function ops_private.cap_allow(cap_key text, amount numeric, environment uuid, run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  lease ops.leases;
  gate bigint;
  passed bigint[];
  tightest record;
  allowed boolean;
begin
  if amount is null or amount < 0 or amount = 'NaN' or cap_key is null then
    perform ops_private.fail('invalid_input', 'cap_key and an amount that is not negative are needed.');
  end if;
  if token is not null then
    lease := ops_private.hold(run, token);
    environment := lease.environment_id;
    passed := ops_private.cap_gates(environment, cap_key);
    -- Where no cap has this key there is nothing to reserve, and no gate is made.
    if cardinality(passed) > 0 then
      gate := ops_private.gate_of(environment, 'cap', cap_key);
      passed := ops_private.cap_gates(environment, cap_key);
      perform ops_private.lock_gates(passed);
    end if;
  elsif me.type = 'executor' and environment = any (ops_private.visible_environments()) then
    null;  -- it may ask where it works
  else
    perform ops_private.require(environment, 'operator', 'ask for room under a cap');
  end if;
  passed := coalesce(passed, ops_private.cap_gates(environment, cap_key));
  select c.*, x.starts_at, x.ends_at, x.settled, x.reserved, c.limit_amount - x.settled - x.reserved as room into tightest
  from ops.caps as c left join ops_private.lease_caps as l on l.cap_id = c.cap_id and l.run_id = lease.run_id
  cross join lateral ops_private.window_of(c.period, c.time_zone, coalesce(l.period_start, clock_timestamp())) as w
  cross join lateral (select w.starts_at, w.ends_at, ops_private.cap_settled(c.cap_id, w.starts_at) as settled, ops_private.cap_reserved(c.cap_id, w.starts_at) as reserved) as x
  where c.gate_id = any (passed) and c.enabled
  order by c.limit_amount - x.settled - x.reserved, c.cap_id limit 1;
  if tightest.cap_id is null then
    return jsonb_build_object('allowed', true, 'cap_id', null, 'unit', null, 'used', '0', 'reserved', '0', 'limit', null, 'resets_at', null);
  end if;
  allowed := amount <= tightest.room and tightest.room > 0;
  if allowed and lease.run_id is not null then
    insert into ops_private.lease_gates (gate_id, run_id) values (gate, run) on conflict do nothing;
    insert into ops_private.lease_caps as l (cap_id, run_id, period_start, unit, reserved, claimed_at)
    select c.cap_id, run, w.starts_at, c.unit, amount, lease.claimed_at from ops.caps as c cross join lateral ops_private.window_of(c.period, c.time_zone, clock_timestamp()) as w
    where c.gate_id = any (passed) and c.enabled
    on conflict (cap_id, run_id) do update set reserved = l.reserved + excluded.reserved;
  end if;
  return jsonb_build_object('allowed', allowed, 'cap_id', tightest.cap_id, 'unit', tightest.unit, 'used', trim_scale(tightest.settled)::text,
    'reserved', trim_scale(round(tightest.reserved + case when allowed and lease.run_id is not null then amount else 0 end, 6))::text, 'limit', trim_scale(tightest.limit_amount)::text, 'resets_at', tightest.ends_at);
end
$$;
create function ops.cap_allow(cap_key text, amount numeric default 1, environment_id uuid default null, run_id uuid default null, lease_token uuid default null) returns jsonb
language sql set search_path = '' as 'select ops_private.cap_allow($1, $2, $3, $4, $5)';
grant execute on function ops_private.list_caps(uuid, text, uuid, int), ops.list_caps(uuid, text, uuid, int), ops_private.get_cap(uuid), ops.get_cap(uuid), ops_private.save_cap(jsonb), ops.save_cap(jsonb),
  ops_private.delete_cap(uuid), ops.delete_cap(uuid), ops_private.cap_allow(text, numeric, uuid, uuid, uuid), ops.cap_allow(text, numeric, uuid, uuid, uuid) to authenticated, ops_token;
-- What a run prints. Lines are numbered per run, 1..n without gaps; a chunk holds whole lines of one phase, attempt and stream,
-- joined by line feeds. Chunks are a buffer: when the run has ended they become one artifact per phase and are deleted, so this
-- table holds live runs only and needs no partitions, but an eager vacuum.
create table ops.run_log_chunks (
  run_id uuid not null references ops.runs,
  chunk_id uuid not null,
  environment_id uuid not null,
  phase text,
  attempt int not null,
  stream text not null constraint stream_is_known check (stream in ('stdout', 'stderr', 'engine')),
  -- Of all its lines, as its writer said; null: each line says it itself (log_level).
  level text constraint log_level_is_known check (level in ('debug', 'info', 'warn', 'error')),
  first_line int not null constraint lines_count_from_one check (first_line >= 1),
  -- 0: came after the limit, was counted and dropped; the row stays, so that a repeat is not counted again, of the first 10,000 lines.
  line_count int not null constraint line_count_is_not_negative check (line_count >= 0),
  text text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (run_id, chunk_id)
) with (autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02);
create index run_log_chunks_by_line on ops.run_log_chunks (run_id, first_line) where line_count > 0;

-- One narrow row a run that ever wrote a line. `compact_after` is set when the run has ended and its chunks wait to be compacted.
create table ops_private.log_heads (
  run_id uuid primary key references ops.runs,
  environment_id uuid not null,
  last_line int not null default 0,
  byte_size bigint not null default 0,
  dropped_lines bigint not null default 0,
  compact_after timestamptz,
  compact_tries int not null default 0
) with (fillfactor = 50);
create index log_heads_to_compact on ops_private.log_heads (compact_after) where compact_after is not null;

-- The compacted log of a phase: an artifact whose lines are those of the chunks. `blocks` are places to begin reading: the first
-- line of each block and its offset in bytes.
create table ops_private.log_files (
  run_id uuid not null references ops.runs,
  phase text,
  artifact_id uuid not null references ops.run_artifacts,
  line_count int not null,
  blocks jsonb not null,
  constraint one_file_per_phase unique nulls not distinct (run_id, phase)
);
-- Where artifacts are removed, each asks who refers to it.
create index log_files_by_artifact on ops_private.log_files (artifact_id);

alter table ops.run_log_chunks enable row level security;
alter table ops.run_log_chunks force row level security;
create policy members_see_their_environments on ops.run_log_chunks for select to authenticated, ops_token, ops_sql
  using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.run_log_chunks to authenticated, ops_token, ops_sql;
alter table ops_private.log_heads enable row level security;
alter table ops_private.log_heads force row level security;
alter table ops_private.log_files enable row level security;
alter table ops_private.log_files force row level security;

-- log_level: what the beginning of a line says of its weight, null where nothing. The same as contracts/log-level.ts, which says why.
-- Most lines are answered without a regular expression, each of which costs Postgres as much as a hundred searches for a word: where only
-- words of one level stand in the line, it can be no other.
create function ops_private.log_level(line text) returns text language plpgsql immutable strict set search_path = '' as $$
declare
  head text := left(case when strpos(line, E'\x1b') > 0 then regexp_replace(line, E'\x1b\\[[0-9;]*m', '', 'g') else line end, 120);
  low text := lower(head collate "C");
  error boolean := strpos(low, 'err') > 0 or strpos(low, 'fatal') > 0 or strpos(low, 'critical') > 0 or strpos(low, 'severe') > 0 or strpos(low, 'panic') > 0 or strpos(low, 'exception') > 0;
  warn boolean := strpos(low, 'warn') > 0;
  info boolean := strpos(low, 'info') > 0 or strpos(low, 'notice') > 0;
  debug boolean := strpos(low, 'debug') > 0 or strpos(low, 'trace') > 0;
  words constant text := 'trace|debug|info|notice|warn|warning|err|error|severe|critical|fatal|panic';
  word text;
begin
  case error::int + warn::int + info::int + debug::int
    when 0 then
      return null;
    when 1 then
      if strpos(head, case when error then ' ERROR ' when warn then ' WARN ' when info then ' INFO ' else ' DEBUG ' end) > 0 then
        return case when error then 'error' when warn then 'warn' when info then 'info' else 'debug' end;
      end if;
    else null;
  end case;
  if strpos(head, 'level') > 0 or strpos(head, 'severity') > 0 or strpos(head, 'lvl') > 0 then
    word := substring(head from '(?:level|severity|lvl)"?[=:] ?"?(' || words || ')(?:[^A-Za-z0-9_]|$)');
  end if;
  word := lower(coalesce(word, substring(head from '^[^A-Za-z]*(' || words || '|Error|Warning|Fatal)(?:[ :|]|\]|$)'),
    substring(head from '(?:^|[^A-Za-z0-9_])(' || upper(words) || ')(?:[^A-Za-z0-9_]|$)')));
  return case
    when word is null then case when head ~ '^(?:Traceback \(most|[A-Za-z_.]*(?:Error|Exception):)' then 'error' end
    when word in ('trace', 'debug') then 'debug'
    when word in ('info', 'notice') then 'info'
    when word in ('warn', 'warning') then 'warn'
    else 'error' end;
end
$$;
-- What became of each nominal time, exactly once: the primary key. A buffered one becomes started, superseded or dropped; every other
-- outcome is final.
create table ops.schedule_fires (
  schedule_id uuid not null references ops.schedules,
  nominal_time timestamptz not null,
  environment_id uuid not null,
  outcome text not null constraint outcome_is_known check (outcome in ('started', 'buffered', 'skipped_overlap', 'superseded', 'missed', 'dropped')),
  manual boolean not null default false,
  reason text,
  run_id uuid references ops.runs,
  fired_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  primary key (schedule_id, nominal_time),
  constraint what_started_has_a_run check ((outcome = 'started') = (run_id is not null)),
  constraint only_what_waits_is_unsettled check ((outcome = 'buffered') = (settled_at is null))
);
create index schedule_fires_waiting on ops.schedule_fires (schedule_id, nominal_time) where outcome = 'buffered';
create index schedule_fires_by_run on ops.schedule_fires (run_id) where run_id is not null;
alter table ops.schedule_fires enable row level security;
alter table ops.schedule_fires force row level security;
create policy members_see_their_environments on ops.schedule_fires for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.schedule_fires to authenticated, ops_token, ops_sql;

create view ops.schedule_list with (security_invoker = true) as
  select s.schedule_id, s.environment_id, s.name, t.template_key, s.template_version, s.cron, s.time_zone, s.parameters, s.queue, s.labels, s.priority, s.max_attempts, s.jitter_seconds,
    s.start_at, s.end_at, s.overlap, s.catch_up, s.catchup_window_seconds, s.pause_on_failure, s.paused_at, s.paused_by, s.paused_note,
    case when s.paused_at is null then s.next_time end as next_time, s.created_by, s.created_at, s.updated_at
  from ops.schedules as s join ops.job_templates as t using (template_id) where s.deleted_at is null;
grant select on ops.schedule_list to authenticated, ops_token, ops_sql;

create function ops_private.schedule_json(schedule uuid) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(l) from ops.schedule_list as l where l.schedule_id = schedule
$$;

-- The delay of one nominal time: below `jitter_seconds`, always the same for the same schedule and time, and unlike another schedule's.
create function ops_private.jitter(schedule uuid, nominal timestamptz, jitter_seconds int) returns interval language sql immutable set search_path = '' as $$
  select make_interval(secs => jitter_seconds * ((get_byte(h, 0) * 65536 + get_byte(h, 1) * 256 + get_byte(h, 2)) / 16777216.0))
  from sha256(uuid_send(schedule) || int8send(extract(epoch from nominal)::bigint)) as h
$$;

-- An entry of the audit log that the schedule itself is the author of.
create function ops_private.audit_by_schedule(schedule ops.schedules, action text, object_type text, object_id text, after jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id, after)
  select p.organization_id, p.project_id, e.environment_id, 'schedule', schedule.schedule_id, schedule.name, action, object_type, object_id, after
  from ops.environments as e join ops.projects as p using (project_id) where e.environment_id = schedule.environment_id
$$;
-- append_logs: the lease holder. Lines get the run's next numbers, in the order given. A chunk_id that is already there is written
-- once (the same lines) or refused (others, conflict). Beyond the limit of a run (setting log_limit_bytes, else 256 MB) lines are
-- counted and dropped, and one line says so. A chunk counts as 100 bytes at least, since its row takes those. Locks lease, log head.
create function ops_private.append_logs(run uuid, token uuid, chunks jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  head ops_private.log_heads;
  most bigint := coalesce((select s.value::bigint from ops_private.settings as s where s.key = 'log_limit_bytes'), 268435456);
  chunk record;
  known ops.run_log_chunks;
  lines int;
  size int;
begin
  if jsonb_typeof(chunks) is distinct from 'array' or jsonb_array_length(chunks) not between 1 and 100 then
    perform ops_private.fail('invalid_input', 'chunks is an array of 1 to 100 chunks.');
  elsif exists (select from jsonb_array_elements(chunks) as c where octet_length(c ->> 'text') > 262144) then
    perform ops_private.fail('payload_too_large', 'The text of a chunk has at most 262144 bytes.', 'Send more chunks.');
  elsif exists (select from jsonb_array_elements(chunks) as c where c ->> 'chunk_id' is null or c ->> 'text' is null or c ->> 'stream' is null) then
    perform ops_private.fail('invalid_input', 'A chunk needs chunk_id, stream and text.');
  elsif exists (select from jsonb_array_elements(chunks) as c where c ->> 'phase' is not null and not exists (select from ops.run_phases as p where p.run_id = run and p.name = c ->> 'phase')) then
    perform ops_private.fail('not_found', 'The run has no such phase.');
  end if;
  insert into ops_private.log_heads (run_id, environment_id) values (run, lease.environment_id) on conflict do nothing;
  select * into head from ops_private.log_heads as h where h.run_id = run for update;
  for chunk in
    -- A last line feed ends the last line; it begins no empty one.
    select (c.value ->> 'chunk_id')::uuid as id, c.value ->> 'phase' as phase, c.value ->> 'stream' as stream, c.value ->> 'level' as level, regexp_replace(c.value ->> 'text', '\n\Z', '') as text
    from jsonb_array_elements(chunks) with ordinality as c order by c.ordinality
  loop
    select * into known from ops.run_log_chunks as k where k.run_id = run and k.chunk_id = chunk.id;
    if found then
      if known.line_count > 0 and (known.text, known.stream, known.phase, known.level) is distinct from (chunk.text, chunk.stream, chunk.phase, chunk.level) then
        perform ops_private.fail('conflict', 'This chunk_id was used for other lines.', 'Give every chunk its own UUID.');
      end if;
      continue;
    end if;
    lines := length(chunk.text) - length(replace(chunk.text, E'\n', '')) + 1;
    size := greatest(octet_length(chunk.text), 100);
    if head.dropped_lines > 0 or head.byte_size + size > most then
      if head.dropped_lines = 0 then
        insert into ops.run_log_chunks (run_id, chunk_id, environment_id, phase, attempt, stream, level, first_line, line_count, text)
        values (run, gen_random_uuid(), head.environment_id, chunk.phase, lease.attempt, 'engine', 'warn', head.last_line + 1, 1,
          format('The log of this run has reached its limit of %s bytes: what follows is counted, not kept.', most));
        head.last_line := head.last_line + 1;
      end if;
      head.dropped_lines := head.dropped_lines + lines;
      continue when head.dropped_lines > 10000; -- their rows would have no end either; a repeat of one is counted again
      lines := 0;
      chunk.text := '';
    end if;
    insert into ops.run_log_chunks (run_id, chunk_id, environment_id, phase, attempt, stream, level, first_line, line_count, text)
    values (run, chunk.id, head.environment_id, chunk.phase, lease.attempt, chunk.stream, chunk.level, head.last_line + 1, lines, chunk.text);
    head.last_line := head.last_line + lines;
    head.byte_size := head.byte_size + case when lines > 0 then size else 0 end;
  end loop;
  update ops_private.log_heads as h set last_line = head.last_line, byte_size = head.byte_size, dropped_lines = head.dropped_lines where h.run_id = run;
  return jsonb_build_object('last_line', head.last_line, 'dropped_lines', head.dropped_lines::text);
end
$$;
create function ops.append_logs(run_id uuid, lease_token uuid, chunks jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.append_logs($1, $2, $3)';
grant execute on function ops_private.append_logs(uuid, uuid, jsonb), ops.append_logs(uuid, uuid, jsonb) to authenticated, ops_token;
-- explain_run: whoever sees the run. Why is it not running (or not ending)? Every rule that holds it back, each with the row that
-- does: { rule, detail, remedy, row }. Never empty. Reads little: what it counts, it counts to a bound.

create function ops_private.reason(rule text, detail text, remedy text, held_by jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_array(jsonb_build_object('rule', rule, 'detail', detail, 'remedy', remedy, 'row', coalesce(held_by, '{}')))
$$;

-- Gates that have no room for it: where it waits, and where it would wait next. Whoever is ready before it counts too at the gate where it waits.
create function ops_private.explain_gates(run ops.runs) returns jsonb language sql stable security definer set search_path = '' as $$
  with shut as (
    select g, l, ops_private.asked_of(l, run.gate_ids, run.gate_amounts) as amount, l.room - case when g.gate_id = run.blocked_gate then ops_private.ready_need(l) else 0 end as room
    from unnest(ops_private.outer_gates(run.gate_ids)) as p (gate_id) join ops_private.gates as g on g.gate_id = p.gate_id
    cross join lateral ops_private.limits_at(array[g.gate_id], clock_timestamp()) as l
  ), told as (
    select s.*, (s.g).kind as kind, case (s.g).kind when 'template' then coalesce(run.template_key, 'its template') else (s.g).key end as name,
      jsonb_build_object('kind', 'gate', 'gate_id', (s.g).gate_id, 'gate_kind', (s.g).kind, 'key', case (s.g).kind when 'template' then run.template_key else (s.g).key end, 'waits_here', coalesce((s.g).gate_id = run.blocked_gate, false)) as gate
    from shut as s where s.room <= 0 or s.room < ops_private.need((s.l).unit, s.amount, (s.l).total)
  )
  select coalesce(jsonb_agg(x.reason -> 0 order by x.waits_here desc, x.gate_id), '[]') from (
    select coalesce((t.g).gate_id = run.blocked_gate, false) as waits_here, (t.g).gate_id, case
      when (t.l).cap_id is not null then (select ops_private.reason('cap',
        format('The cap %s of the %s allows %s %s in this %s: %s are used and %s reserved by runs that are active%s.', c.cap_key, u ->> 'scope', trim_scale(c.limit_amount), c.unit, c.period, u ->> 'used', u ->> 'reserved',
          case when t.amount is not null and c.unit <> 'runs' then format('; this run needs %s', trim_scale(t.amount)) else '' end),
        format('Wait until %s, when the window ends, or let an admin raise the cap.', to_char((t.l).opens_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), t.gate || u || jsonb_build_object('kind', 'cap'))
        from ops.caps as c cross join lateral ops_private.cap_json(c) as u where c.cap_id = (t.l).cap_id)
      when (t.l).unit = 'starts' then ops_private.reason('rate', format('Runs of %s start %s s apart at least; the next may start at %s.', t.name, trim_scale(round((t.g).start_seconds::numeric, 3)), coalesce((t.g).next_start_at::text, 'any time, after the one that is ready')),
        'Wait, or raise limits.max_starts in the pipeline.', t.gate || jsonb_build_object('next_start_at', (t.g).next_start_at, 'start_seconds', (t.g).start_seconds))
      else ops_private.reason('gate', format('At most %s of %s may be active at once, and %s are%s.', (t.g).max_leases, t.name, (t.g).max_leases - (t.l).room, case when t.room < (t.l).room then format('; %s more are ready before it', (t.l).room - t.room) else '' end),
        'Wait for one of the runs that hold it to end, cancel one, or raise the limit.', t.gate || jsonb_build_object('max_leases', (t.g).max_leases, 'held_by', (
          select coalesce(jsonb_agg(jsonb_build_object('run_id', h.run_id, 'executor_id', h.executor_id, 'expires_at', h.expires_at)), '[]')
          from (select l.run_id, l.executor_id, l.expires_at from ops_private.lease_gates as x join ops.leases as l using (run_id) where x.gate_id = (t.g).gate_id order by l.claimed_at limit 10) as h)))
      end as reason
    from told as t) as x
$$;

-- Is there an executor that could take it? Names only those of projects that the caller sees, and the queues of those.
create function ops_private.explain_executors(run ops.runs) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  seen uuid[] := ops_private.visible_projects();
  them record;
begin
  with all_of_them as materialized (
    select e.executor_id, e.name, e.project_id = any (seen) as named, e.last_seen_at, coalesce(e.last_seen_at >= clock_timestamp() - interval '90 seconds', false) as online, run.queue = any (e.queues) as serves,
      array(select l from unnest(run.labels) as l where not l = any (e.labels)) as missing, e.draining_since is not null as draining, e.queues
    from ops.executor_environments as x join ops.executors as e using (executor_id)
    where x.environment_id = run.environment_id and e.deleted_at is null limit 1000)
  select count(*) as all_of_them, count(*) filter (where online) as online, count(*) filter (where online and serves) as serving, count(*) filter (where online and serves and missing = '{}') as fit,
    count(*) filter (where online and serves and missing = '{}' and draining) as draining, max(last_seen_at) as last_seen_at,
    (array_agg(to_jsonb(missing) order by cardinality(missing)) filter (where online and serves))[1] as missing,
    array(select distinct q from all_of_them as o cross join unnest(o.queues) as q where o.online and o.named order by q) as queues,
    coalesce(jsonb_agg(jsonb_build_object('executor_id', executor_id, 'name', name)) filter (where named), '[]') as names
  into them from all_of_them;
  if them.all_of_them = 0 then
    return ops_private.reason('executors', 'No executor serves this environment.', 'Register an executor for it and start one.', jsonb_build_object('kind', 'environment', 'environment_id', run.environment_id));
  elsif them.online = 0 then
    return ops_private.reason('executors', format('No executor of this environment is online; the last was seen %s.', coalesce(them.last_seen_at::text, 'never')), 'Start an executor, or look why they stopped.',
      jsonb_build_object('kind', 'executors', 'executors', them.names, 'last_seen_at', them.last_seen_at));
  elsif them.serving = 0 then
    return ops_private.reason('executors', format('No executor that is online serves the queue %s%s.', run.queue, case when them.queues <> '{}' then '; they serve ' || array_to_string(them.queues, ', ') else '' end), format('Start one with the queue %s.', run.queue),
      jsonb_build_object('kind', 'executors', 'executors', them.names, 'queue', run.queue, 'queues', them.queues));
  elsif them.fit = 0 then
    return ops_private.reason('executors', format('No executor that is online offers all of its labels: the nearest lacks %s.', (select string_agg(m, ', ') from jsonb_array_elements_text(them.missing) as m)), 'Start one that offers these labels.',
      jsonb_build_object('kind', 'executors', 'executors', them.names, 'missing_labels', them.missing));
  elsif them.draining = them.fit then
    return ops_private.reason('executors', 'Every executor that could take it is draining.', 'Wait for the new ones to start, or end the drain.', jsonb_build_object('kind', 'executors', 'executors', them.names));
  end if;
  return '[]';
end
$$;

-- Its place: who is before it in its lane, and whether other projects are to be served first.
create function ops_private.explain_place(run ops.runs) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  ahead int := (select count(*) from (select from ops.runs as r where r.lane_id = run.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
    and (r.priority, r.run_id) < (run.priority, run.run_id) limit 1000) as a);
  lane jsonb := jsonb_build_object('kind', 'lane', 'queue', run.queue, 'labels', to_jsonb(run.labels), 'ahead', ahead);
  share jsonb;
begin
  -- Projects that share an executor with this environment, have something ready, and have less than their share.
  with mine as (
    select p.project_id, p.weight, (select count(*) from ops.leases as l join ops.environments as e using (environment_id) where e.project_id = p.project_id) as live from ops.projects as p where p.project_id = run.project_id
  ), others as (
    select e.project_id, p.weight, (select count(*) from ops.leases as l join ops.environments as n using (environment_id) where n.project_id = e.project_id) as live
    from ops.environments as e join ops.projects as p using (project_id)
    where e.project_id <> run.project_id and e.environment_id in (
        select y.environment_id from ops.executor_environments as x join ops.executor_environments as y using (executor_id) where x.environment_id = run.environment_id)
      and exists (select from ops_private.lanes as l join ops.runs as r on r.lane_id = l.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null where l.environment_id = e.environment_id)
    group by e.project_id, p.weight
  )
  select jsonb_build_object('kind', 'project', 'project_id', m.project_id, 'weight', m.weight, 'live', m.live, 'projects_before', count(*)) into share
  from mine as m join others as o on (o.live + 1)::numeric / o.weight < (m.live + 1)::numeric / m.weight group by m.project_id, m.weight, m.live;
  return case when share is null then '[]' else ops_private.reason('fair_share', format('The executors are shared: %s other projects have less than their share of live runs (this one has %s at weight %s).', share ->> 'projects_before', share ->> 'live', share ->> 'weight'),
      'Wait for their turn to pass, or change the weights of the projects.', share) end
    || case when ahead > 0 then ops_private.reason('queue_position', format('%s%s runs of its lane are before it by priority and age.', ahead, case when ahead = 1000 then ' or more' else '' end), 'Wait, add executors, or give it a lower priority number.', lane)
      else ops_private.reason('ready', 'It is the next one of its lane: whichever executor has a free slot takes it.', 'Wait for a slot, or add executors.', lane) end;
end
$$;

-- For an active run: who holds it.
create function ops_private.explain_lease(run ops.runs) returns jsonb language sql stable security definer set search_path = '' as $$
  select case when l.expires_at > clock_timestamp() then ops_private.reason('lease_held', format('Attempt %s is held by %s; the last heartbeat was %s s ago and the lease ends in %s s.', l.attempt, e.name, round(extract(epoch from clock_timestamp() - l.heartbeat_at)), round(extract(epoch from l.expires_at - clock_timestamp()))),
      'It is under way: its events and logs tell more.', held.lease)
    else ops_private.reason('lease_expired', format('Its executor %s gave no sign of life since %s.', e.name, l.heartbeat_at), 'The next claim or tick queues it again.', held.lease) end
    || case when l.stop_code is null or l.stop_code = 'canceled' then '[]' else ops_private.reason('stopping', l.stop_reason, 'It ends when its executor answers, or with its lease.', held.lease) end
  from ops.leases as l join ops.executors as e using (executor_id)
  cross join lateral (select jsonb_build_object('kind', 'lease', 'executor_id', l.executor_id, 'attempt', l.attempt, 'phase', l.phase, 'heartbeat_at', l.heartbeat_at, 'expires_at', l.expires_at, 'stop_code', l.stop_code) as lease) as held
  where l.run_id = run.run_id
$$;

create function ops_private.explain_run(run_id uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  moment timestamptz := clock_timestamp();
  run ops.runs;
  reasons jsonb := '[]';
  children int;
begin
  select * into run from ops.runs as r where r.run_id = explain_run.run_id and r.environment_id = any (ops_private.visible_environments());
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  if run.finished_at is not null then
    reasons := ops_private.reason('finished', format('It ended %s at %s%s.', run.status, run.finished_at, coalesce(' with ' || run.error_code, '')), 'Run it again as a new run.', jsonb_build_object('kind', 'run', 'run_id', run.run_id, 'error_code', run.error_code));
  else
    if run.cancel_requested_at is not null then
      reasons := reasons || ops_private.reason('cancel_requested', coalesce(run.cancel_reason, 'Its cancellation was asked for.'), 'It ends when its executor answers, or with its lease.', jsonb_build_object('kind', 'run', 'cancel_requested_at', run.cancel_requested_at));
    end if;
    children := (select count(*) from (select from ops.runs as c where c.parent_run_id = run.run_id and c.finished_at is null limit 1000) as c);
    if children > 0 then
      reasons := reasons || ops_private.reason('children', format('%s of its child runs have not ended.', children), 'Look at the child runs.', jsonb_build_object('kind', 'runs', 'parent_run_id', run.run_id, 'open', children));
    end if;
  end if;
  if run.status in ('claimed', 'running') then
    reasons := reasons || coalesce(ops_private.explain_lease(run), '[]');
  elsif run.status = 'queued' then
    if run.expires_at <= moment then
      reasons := reasons || ops_private.reason('expired', format('It was to start before %s.', run.expires_at), 'The next claim or tick ends it canceled, with the code expired.', jsonb_build_object('kind', 'run', 'expires_at', run.expires_at));
    end if;
    if run.not_before is not null then
      reasons := reasons || case when run.attempt > 0 and run.not_before is distinct from run.run_after
        then ops_private.reason('backoff', format('Attempt %s of %s ended; the next may start at %s.', run.attempt, run.max_attempts, run.not_before), 'Wait for that time.', jsonb_build_object('kind', 'run', 'not_before', run.not_before, 'attempt', run.attempt))
        else ops_private.reason('run_after', format('It may start at %s.', run.not_before), case when run.debounce_key is null then 'Wait for that time.' else 'Wait for that time: newer runs with its debounce key may still take its place.' end, jsonb_build_object('kind', 'run', 'run_after', run.run_after, 'debounce_key', run.debounce_key)) end;
    end if;
    reasons := reasons || ops_private.explain_gates(run) || ops_private.explain_executors(run);
    if run.not_before is null and run.blocked_gate is null then
      reasons := reasons || ops_private.explain_place(run);
    elsif run.blocked_gate is not null and not reasons @> '[{"row": {"waits_here": true}}]' then
      reasons := reasons || ops_private.reason('gate', 'The gate at which it waited has room now.', 'The next claim, end of a run or tick lets it through.', jsonb_build_object('kind', 'gate', 'gate_id', run.blocked_gate, 'waits_here', true));
    end if;
    if run.expires_at > moment then
      reasons := reasons || ops_private.reason('expires_at', format('It ends canceled if it has not started before %s.', run.expires_at), 'Nothing, or cancel it now.', jsonb_build_object('kind', 'run', 'expires_at', run.expires_at));
    end if;
  end if;
  return jsonb_build_object('run_id', run.run_id, 'status', run.status, 'at', moment, 'reasons', reasons);
end
$$;
create function ops.explain_run(run_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.explain_run($1)';
grant execute on function ops_private.explain_run(uuid), ops.explain_run(uuid) to authenticated, ops_token;
-- create_schedule, update_schedule, delete_schedule: editors. The fields are those of contracts/schedule.ts; whether cron can be read is
-- checked there, and again by the tick, which pauses a schedule that it cannot read.

-- The schedule with the given fields taken over and checked against its project.
create function ops_private.schedule_with(schedule ops.schedules, fields jsonb) returns ops.schedules language plpgsql stable security definer set search_path = '' as $$
begin
  schedule := jsonb_populate_record(schedule, (select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(fields) as f
    where f.key in ('name', 'cron', 'time_zone', 'parameters', 'template_version', 'queue', 'labels', 'priority', 'max_attempts', 'jitter_seconds', 'start_at', 'end_at', 'overlap', 'catch_up', 'catchup_window_seconds', 'pause_on_failure')));
  if fields ->> 'template_key' is not null then
    select t.template_id into schedule.template_id from ops.job_templates as t join ops.environments as e using (project_id)
    where e.environment_id = schedule.environment_id and t.template_key = fields ->> 'template_key';
    if not found then
      perform ops_private.fail('not_found', format('There is no template %s in this project.', fields ->> 'template_key'), 'Save it with POST /templates first.');
    end if;
  end if;
  if schedule.template_version is not null and not exists (select from ops.job_template_versions as v where v.template_id = schedule.template_id and v.version = schedule.template_version) then
    perform ops_private.fail('not_found', format('The template has no version %s.', schedule.template_version));
  end if;
  schedule.cron := btrim(regexp_replace(schedule.cron, '\s+', ' ', 'g'));
  schedule.labels := array(select distinct l from unnest(schedule.labels) as l order by l);
  if schedule.time_zone !~ '^[A-Za-z]' then
    perform ops_private.fail('invalid_input', 'time_zone is an IANA name, such as Europe/Brussels.');
  end if;
  perform now() at time zone schedule.time_zone;
  return schedule;
exception
  when invalid_parameter_value then  -- what PostgreSQL raises for a zone that it does not know
    perform ops_private.fail('invalid_input', format('The database knows no time zone %s.', schedule.time_zone));
end
$$;

create function ops_private.create_schedule(schedule jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  made ops.schedules;
begin
  perform ops_private.require((schedule ->> 'environment_id')::uuid, 'editor', 'create a schedule');
  made := jsonb_populate_record(null::ops.schedules, jsonb_build_object('schedule_id', gen_random_uuid(), 'environment_id', schedule -> 'environment_id',
    'time_zone', 'UTC', 'parameters', '{}'::jsonb, 'queue', 'default', 'labels', '[]'::jsonb, 'priority', 100, 'max_attempts', 3, 'jitter_seconds', 0, 'overlap', 'skip',
    'catch_up', 'latest', 'catchup_window_seconds', 86400, 'created_by', (ops_private.me()).name));
  made := ops_private.schedule_with(made, schedule);
  made.created_at := clock_timestamp();
  made.updated_at := made.created_at;
  made.after_time := made.created_at;
  made.failures_since := made.created_at;
  made.next_at := made.created_at;
  insert into ops.schedules select made.*;
  perform ops_private.audit(made.environment_id, 'schedule.created', 'schedule', made.schedule_id::text, null, ops_private.schedule_json(made.schedule_id));
  return ops_private.schedule_json(made.schedule_id);
exception
  when unique_violation then
    perform ops_private.fail('conflict', format('There is already a schedule named %s in this environment.', schedule ->> 'name'), 'Choose another name, or change that one.');
end
$$;

-- The schedule, locked, where the caller has the role. `for no key update`: runs that name it may be made meanwhile.
create function ops_private.lock_schedule(schedule uuid, role text, action text) returns ops.schedules language plpgsql security definer set search_path = '' as $$
declare
  locked ops.schedules;
begin
  select * into locked from ops.schedules as s where s.schedule_id = schedule and s.deleted_at is null and s.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such schedule, or you may not see it.');
  end if;
  perform ops_private.require(locked.environment_id, role, action);
  return locked;
end
$$;

-- A change of the times begins anew from now: what the old times had due before counts as settled.
create function ops_private.update_schedule(schedule uuid, patch jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'editor', 'change a schedule');
  changed ops.schedules := ops_private.schedule_with(old, patch);
  before jsonb := ops_private.schedule_json(schedule);
  replanned boolean := (changed.cron, changed.time_zone, changed.start_at, changed.end_at) is distinct from (old.cron, old.time_zone, old.start_at, old.end_at);
begin
  update ops.schedules as s set template_id = changed.template_id, template_version = changed.template_version, name = changed.name, cron = changed.cron, time_zone = changed.time_zone,
    parameters = changed.parameters, queue = changed.queue, labels = changed.labels, priority = changed.priority, max_attempts = changed.max_attempts, jitter_seconds = changed.jitter_seconds,
    start_at = changed.start_at, end_at = changed.end_at, overlap = changed.overlap, catch_up = changed.catch_up, catchup_window_seconds = changed.catchup_window_seconds,
    pause_on_failure = changed.pause_on_failure, updated_at = clock_timestamp(),
    after_time = case when replanned then clock_timestamp() else s.after_time end, next_time = case when replanned then null else s.next_time end,
    next_at = case when replanned then clock_timestamp() when s.next_time is null then s.next_at else s.next_time + ops_private.jitter(s.schedule_id, s.next_time, changed.jitter_seconds) end
  where s.schedule_id = schedule;
  if changed is distinct from old then
    perform ops_private.audit(old.environment_id, 'schedule.changed', 'schedule', schedule::text, before, ops_private.schedule_json(schedule));
  end if;
  return ops_private.schedule_json(schedule);
exception
  when unique_violation then
    perform ops_private.fail('conflict', format('There is already a schedule named %s in this environment.', patch ->> 'name'), 'Choose another name.');
end
$$;

-- What waits is dropped; runs that were made go on. A repeat is not_found.
create function ops_private.delete_schedule(schedule uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'editor', 'delete a schedule');
  before jsonb := ops_private.schedule_json(schedule);
begin
  update ops.schedules as s set deleted_at = clock_timestamp(), next_time = null, next_at = null where s.schedule_id = schedule;
  update ops.schedule_fires as f set outcome = 'dropped', reason = 'The schedule was deleted.', settled_at = clock_timestamp() where f.schedule_id = schedule and f.outcome = 'buffered';
  perform ops_private.audit(old.environment_id, 'schedule.deleted', 'schedule', schedule::text, before, null);
  return before;
end
$$;

create function ops.create_schedule(schedule jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.create_schedule($1)';
create function ops.update_schedule(schedule_id uuid, patch jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.update_schedule($1, $2)';
create function ops.delete_schedule(schedule_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.delete_schedule($1)';
grant execute on function ops_private.create_schedule(jsonb), ops.create_schedule(jsonb), ops_private.update_schedule(uuid, jsonb), ops.update_schedule(uuid, jsonb),
  ops_private.delete_schedule(uuid), ops.delete_schedule(uuid) to authenticated, ops_token;
-- pause_schedule, resume_schedule: operators. A repeat changes nothing. While paused nothing fires and nothing that waits is started;
-- nominal times that pass meanwhile are not caught up.
create function ops_private.pause_schedule(schedule uuid, note text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'operator', 'pause a schedule');
begin
  if old.paused_at is null then
    update ops.schedules as s set paused_at = clock_timestamp(), paused_by = (ops_private.me()).name, paused_note = nullif(note, ''), updated_at = clock_timestamp() where s.schedule_id = schedule;
    perform ops_private.audit(old.environment_id, 'schedule.paused', 'schedule', schedule::text, null, jsonb_build_object('note', note));
  end if;
  return ops_private.schedule_json(schedule);
end
$$;

create function ops_private.resume_schedule(schedule uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.schedules := ops_private.lock_schedule(schedule, 'operator', 'resume a schedule');
begin
  if old.paused_at is not null then
    update ops.schedules as s set paused_at = null, paused_by = null, paused_note = null, updated_at = clock_timestamp(), after_time = clock_timestamp(), next_time = null,
      next_at = clock_timestamp(), failures_since = clock_timestamp()
    where s.schedule_id = schedule;
    perform ops_private.audit(old.environment_id, 'schedule.resumed', 'schedule', schedule::text, jsonb_build_object('note', old.paused_note), null);
  end if;
  return ops_private.schedule_json(schedule);
end
$$;

-- The schedule pauses itself. The caller has locked its row.
create function ops_private.pause_itself(schedule ops.schedules, note text) returns void language plpgsql security definer set search_path = '' as $$
begin
  update ops.schedules as s set paused_at = clock_timestamp(), paused_by = s.name, paused_note = note, updated_at = clock_timestamp() where s.schedule_id = schedule.schedule_id;
  perform ops_private.audit_by_schedule(schedule, 'schedule.paused', 'schedule', schedule.schedule_id::text, jsonb_build_object('note', note));
end
$$;

-- Pauses schedules whose last `pause_on_failure` runs that came to an end of their own (since it was resumed) all failed. Called when
-- a run failed, where it skips a schedule that somebody holds, and again before each fire, which holds it.
create function ops_private.pause_failing(schedules uuid[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  schedule ops.schedules;
begin
  for schedule in select * from ops.schedules as s where s.schedule_id = any (schedules) and s.pause_on_failure is not null and s.paused_at is null and s.deleted_at is null
    order by s.schedule_id for no key update skip locked
  loop
    if (select count(*) = schedule.pause_on_failure and bool_and(last.status = 'failed') from (
        select r.status from ops.runs as r where r.schedule_id = schedule.schedule_id and r.status in ('succeeded', 'failed') and not r.isolated and r.created_at > schedule.failures_since
        order by r.run_id desc limit schedule.pause_on_failure) as last) then
      perform ops_private.pause_itself(schedule, format('Its last %s failed.', case schedule.pause_on_failure when 1 then 'run' else schedule.pause_on_failure || ' runs' end));
    end if;
  end loop;
end
$$;

create function ops.pause_schedule(schedule_id uuid, note text default null) returns jsonb language sql set search_path = '' as 'select ops_private.pause_schedule($1, $2)';
create function ops.resume_schedule(schedule_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.resume_schedule($1)';
grant execute on function ops_private.pause_schedule(uuid, text), ops.pause_schedule(uuid, text), ops_private.resume_schedule(uuid), ops.resume_schedule(uuid) to authenticated, ops_token;
create function ops_private.lines_of(text text) returns text[] language sql immutable strict set search_path = '' as $$ select case when text = '' then array[''] else string_to_array(text, E'\n') end $$;

-- read_logs: whoever sees the run. One page of lines between `after` and `before`, from the first one up (order asc) or from the
-- last one down (desc), of one phase, attempt or stream where named; with `search`, the lines that hold that text, or with `pattern`
-- those that fit that regular expression (whatever the case of letters, unless `match_case`), with `level` those of it or worse, and
-- (unless `count` is false) how many of all lines do. A page has at most `limit` lines and 1 MB of text, but at least one line. A
-- pattern is bounded by its length, has no reference back (Postgres walks the others without going back), and by the call's time limit.
-- Once the run is compacted it answers the files instead, which lib/ops/log-files.ts reads by the same rules: one
-- statement sees either all chunks or all files. Visibility first: what follows reads one run of a visible environment.
create function ops_private.read_logs(run uuid, query jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  after int := coalesce((query ->> 'after')::int, 0);
  before int := coalesce((query ->> 'before')::int, 2147483647);
  descending boolean := coalesce(query ->> 'order', 'asc') = 'desc';
  most int := least(coalesce((query ->> 'limit')::int, 200), 1000);
  only_phase text := query ->> 'phase';
  only_attempt int := (query ->> 'attempt')::int;
  only_stream text := query ->> 'stream';
  match_case boolean := coalesce((query ->> 'match_case')::boolean, false);
  pattern text := query ->> 'pattern';
  needle text := case when pattern is not null then null when match_case then query ->> 'search' else lower(query ->> 'search' collate pg_catalog.pg_c_utf8) end;
  levels text[] := (array['debug', 'info', 'warn', 'error'])[array_position(array['debug', 'info', 'warn', 'error'], query ->> 'level'):];
  -- A line without any of these is of none of the levels: most of a search for errors.
  hints text[] := array['%err%', '%fatal%', '%critical%', '%severe%', '%panic%', '%exception%', '%traceback%'] || case when 'warn' = any (levels) then array['%warn%'] end
    || case when 'info' = any (levels) then array['%info%', '%notice%'] end || case when 'debug' = any (levels) then array['%debug%', '%trace%'] end;
  folding boolean := not match_case and (needle is not null or pattern is not null);
  narrowed boolean := needle is not null or pattern is not null or levels is not null;
  counting boolean := narrowed and coalesce((query ->> 'count')::boolean, true);
  head ops_private.log_heads;
  chunks refcursor;
  chunk ops.run_log_chunks;
  folded text;
  hits int[];
  lines text[];
  here record;
  pages jsonb[] := '{}';
  taken int := 0;
  bytes bigint := 0;
  more boolean := false;
  matching int := 0;
begin
  if not exists (select from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  elsif length(pattern) > 5000 or pattern ~ '\\[1-9]' then
    perform ops_private.fail('invalid_pattern', 'It is longer than 5000 characters, or refers back to what it found.');
  elsif pattern is not null then
    begin
      perform regexp_like('', pattern);
    exception when invalid_regular_expression then
      perform ops_private.fail('invalid_pattern', sqlerrm);
    end;
  end if;
  select * into head from ops_private.log_heads as h where h.run_id = run;
  if exists (select from ops_private.log_files as f where f.run_id = run) then
    return jsonb_build_object('total_lines', head.last_line, 'dropped_lines', head.dropped_lines::text, 'files',
      (select jsonb_agg(jsonb_build_object('phase', f.phase, 'sha256', a.sha256, 'byte_size', a.byte_size::text, 'line_count', f.line_count, 'blocks', f.blocks) order by f.phase)
       from ops_private.log_files as f join ops.run_artifacts as a using (artifact_id) where f.run_id = run and (only_phase is null or f.phase = only_phase)));
  end if;
  -- A search counts in all chunks; without, a page begins at the chunk that holds its first line.
  if descending then
    open chunks for select * from ops.run_log_chunks as c where c.run_id = run and c.line_count > 0 and (counting or c.first_line < before)
      and (only_phase is null or c.phase = only_phase) and (only_attempt is null or c.attempt = only_attempt) and (only_stream is null or c.stream = only_stream)
      order by c.first_line desc;
  else
    open chunks for select * from ops.run_log_chunks as c where c.run_id = run and c.line_count > 0
      and c.first_line >= case when counting then 1 else coalesce((select max(f.first_line) from ops.run_log_chunks as f where f.run_id = run and f.line_count > 0 and f.first_line <= after + 1), 1) end
      and (only_phase is null or c.phase = only_phase) and (only_attempt is null or c.attempt = only_attempt) and (only_stream is null or c.stream = only_stream)
      order by c.first_line;
  end if;
  loop
    fetch chunks into chunk;
    exit when not found or not counting and (more or (descending and chunk.first_line + chunk.line_count - 1 <= after) or (not descending and chunk.first_line >= before));
    if narrowed then
      folded := case when folding then lower(chunk.text collate pg_catalog.pg_c_utf8) else chunk.text end;
      continue when needle is not null and strpos(folded, needle) = 0 or chunk.level <> all (levels);
      continue when levels is not null and chunk.level is null and not lower(chunk.text collate "C") like any (hints);
      hits := array(
        select l.nth::int from unnest(ops_private.lines_of(folded), case when levels is not null and chunk.level is null then ops_private.lines_of(chunk.text) end) with ordinality as l (text, raw, nth)
        where (needle is null or strpos(l.text, needle) > 0) and (pattern is null or l.text ~ (pattern collate pg_catalog.pg_c_utf8))
          and (levels is null or chunk.level is not null or lower(l.raw collate "C") like any (hints) and ops_private.log_level(l.raw) = any (levels)));
      matching := matching + cardinality(hits);
    end if;
    -- What is only counted is not taken apart further: most of a search.
    continue when more or chunk.first_line >= before or chunk.first_line + chunk.line_count - 1 <= after;
    lines := ops_private.lines_of(chunk.text);
    with wanted as (
      select chunk.first_line + h.nth - 1 as line, lines[h.nth] as text
      from unnest(case when narrowed then hits else array(select generate_subscripts(lines, 1)) end) as h (nth)
      where chunk.first_line + h.nth - 1 > after and chunk.first_line + h.nth - 1 < before
      order by case when descending then -h.nth else h.nth end limit most - taken + 1
    ), measured as (
      select w.*, row_number() over w + taken as place, sum(octet_length(w.text)) over w + bytes as bytes
      from wanted as w window w as (order by case when descending then -w.line else w.line end)
    ), fitting as (
      select m.* from measured as m where m.place <= most and (m.bytes <= 1000000 or m.place = 1)
    )
    select jsonb_agg(jsonb_build_object('line', f.line, 'phase', chunk.phase, 'attempt', chunk.attempt, 'stream', chunk.stream, 'level', coalesce(chunk.level, ops_private.log_level(f.text)), 'text', f.text,
        'created_at', to_char(chunk.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by f.place) as items,
      count(*)::int as line_count, max(f.bytes) as bytes, (select count(*) from measured) > count(*) as more
    into here from fitting as f;
    if here.line_count > 0 then
      pages := pages || here.items;
      taken := taken + here.line_count;
      bytes := here.bytes;
    end if;
    more := here.more;
  end loop;
  return jsonb_build_object('total_lines', coalesce(head.last_line, 0), 'dropped_lines', coalesce(head.dropped_lines, 0)::text, 'matching_lines', case when counting then matching end, 'more', more,
    'items', (select coalesce(jsonb_agg(i.value order by p.nth, i.nth), '[]') from unnest(pages) with ordinality as p (items, nth) cross join jsonb_array_elements(p.items) with ordinality as i (value, nth)));
end
$$;
create function ops.read_logs(run_id uuid, query jsonb default '{}') returns jsonb language sql stable set search_path = '' as 'select ops_private.read_logs($1, $2)';
grant execute on function ops_private.read_logs(uuid, jsonb), ops.read_logs(uuid, jsonb) to authenticated, ops_token;

-- read_heads: the web process's own principal (CRON_SECRET). How far these runs are, in numbers only: one small query an interval
-- tells all streams of the process which of them have something to read, each then by its own right.
create function ops_private.read_heads(runs uuid[]) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the service reads how far runs are.');
  end if;
  return (select coalesce(jsonb_object_agg(h.run_id, jsonb_build_object('last_seq', h.last_seq, 'last_line', coalesce(l.last_line, 0), 'over', r.status in ('succeeded', 'failed', 'canceled'))), '{}')
    from ops_private.run_heads as h join ops.runs as r using (run_id) left join ops_private.log_heads as l using (run_id) where h.run_id = any (runs));
end
$$;
create function ops.read_heads(runs uuid[]) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_heads($1)';
grant execute on function ops_private.read_heads(uuid[]), ops.read_heads(uuid[]) to ops_token;
-- Compaction, by the scheduler: take_logs hands out runs that have ended, read_log_chunks gives their lines, the scheduler stores a
-- file per phase, compact_logs registers the files and deletes the chunks in one transaction. Many callers, or one that dies
-- anywhere, do the same work again: the same chunks give the same bytes, and the first compact_logs wins.

-- take_logs: runs whose logs wait, at most so many, with their phases. Who does not finish one within a minute finds it again,
-- after two the next time, and so on up to an hour. Locks log heads, skipping what another caller takes.
create function ops_private.take_logs(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  answer jsonb;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler compacts logs.');
  end if;
  with taken as (
    update ops_private.log_heads as h set compact_tries = h.compact_tries + 1, compact_after = clock_timestamp() + make_interval(secs => least(3600, 60 * power(2, least(h.compact_tries, 6))))
    where h.run_id = any (array(select w.run_id from ops_private.log_heads as w where w.compact_after <= clock_timestamp() order by w.compact_after limit least(at_most, 100) for update skip locked))
    returning h.run_id, h.environment_id)
  select coalesce(jsonb_agg(jsonb_build_object('run_id', t.run_id, 'environment_id', t.environment_id,
    'phases', (select coalesce(jsonb_agg(distinct c.phase), '[]') from ops.run_log_chunks as c where c.run_id = t.run_id and c.line_count > 0))), '[]')
  into answer from taken as t;
  return answer;
end
$$;
create function ops.take_logs(at_most int) returns jsonb language sql set search_path = '' as 'select ops_private.take_logs($1)';

-- read_log_chunks: the scheduler. Chunks of a phase (null: outside any) after a line, in order, about 2 MB of them.
create function ops_private.read_log_chunks(run uuid, phase text, after int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler compacts logs.');
  end if;
  return (
    with sized as (
      select c.chunk_id, sum(octet_length(c.text)) over (order by c.first_line) - octet_length(c.text) as before
      from (select * from ops.run_log_chunks as k where k.run_id = run and k.line_count > 0 and k.phase is not distinct from read_log_chunks.phase and k.first_line > after order by k.first_line limit 2000) as c)
    select coalesce(jsonb_agg(jsonb_build_object('first_line', c.first_line, 'attempt', c.attempt, 'stream', c.stream, 'level', c.level, 'text', c.text,
      'created_at', to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by c.first_line), '[]')
    from sized as s join ops.run_log_chunks as c on c.run_id = run and c.chunk_id = s.chunk_id where s.before < 2000000);
end
$$;
create function ops.read_log_chunks(run_id uuid, phase text, after int) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_log_chunks($1, $2, $3)';

-- compact_logs: the scheduler. Registers the files (each with the store's receipt) as artifacts of kind log, without an event, since
-- the terminal one is the last, and deletes the chunks. False where nothing waits any more. Locks the log head.
create function ops_private.compact_logs(run uuid, files jsonb) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  head ops_private.log_heads;
  file record;
  artifact uuid;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler compacts logs.');
  end if;
  select * into head from ops_private.log_heads as h where h.run_id = run for update;
  if head.compact_after is null then
    return false;
  elsif exists (
    select from (select c.phase, sum(c.line_count) as lines from ops.run_log_chunks as c where c.run_id = run and c.line_count > 0 group by c.phase) as stored
    full join (select f ->> 'phase' as phase, (f ->> 'line_count')::bigint as lines from jsonb_array_elements(files) as f) as given
      on coalesce(given.phase, '') = coalesce(stored.phase, '')
    where given.lines is distinct from stored.lines
  ) then
    perform ops_private.fail('conflict', 'The files do not hold the lines of the chunks.');
  end if;
  for file in select * from jsonb_to_recordset(files) as f (phase text, sha256 text, byte_size bigint, receipt text, line_count int, blocks jsonb) loop
    perform ops_private.check_receipt(head.environment_id, file.sha256, file.byte_size, file.receipt);
    perform ops_private.keep_object(file.sha256);
    insert into ops.objects (environment_id, sha256, byte_size) values (head.environment_id, file.sha256, file.byte_size) on conflict do nothing;
    insert into ops.run_artifacts (run_id, environment_id, phase, name, kind, content_type, byte_size, sha256, metadata)
    values (run, head.environment_id, file.phase, coalesce(file.phase, 'run') || '.log', 'log', 'text/plain; charset=utf-8', file.byte_size, file.sha256, jsonb_build_object('lines', file.line_count))
    on conflict on constraint one_artifact_per_name_and_content do nothing;
    select a.artifact_id into artifact from ops.run_artifacts as a
    where a.run_id = run and a.phase is not distinct from file.phase and a.name = coalesce(file.phase, 'run') || '.log' and a.sha256 = file.sha256;
    insert into ops_private.log_files (run_id, phase, artifact_id, line_count, blocks) values (run, file.phase, artifact, file.line_count, file.blocks);
  end loop;
  delete from ops.run_log_chunks as c where c.run_id = run;
  update ops_private.log_heads as h set compact_after = null where h.run_id = run;
  return true;
end
$$;
create function ops.compact_logs(run_id uuid, files jsonb) returns boolean language sql set search_path = '' as 'select ops_private.compact_logs($1, $2)';
grant execute on function ops_private.take_logs(int), ops.take_logs(int), ops_private.read_log_chunks(uuid, text, int), ops.read_log_chunks(uuid, text, int),
  ops_private.compact_logs(uuid, jsonb), ops.compact_logs(uuid, jsonb) to ops_token;
-- due_schedules: the scheduler. Schedules whose time has come (or whose next time is not worked out yet), and those with a fire that
-- waits while nothing runs any more; the longest due first. Read only.
create function ops_private.due_schedules(at_most int) returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  moment timestamptz := clock_timestamp();
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler fires schedules.', 'Send CRON_SECRET as Bearer token.');
  end if;
  return jsonb_build_object('now', moment, 'items', coalesce((
    select jsonb_agg(jsonb_build_object('schedule_id', d.schedule_id, 'cron', d.cron, 'time_zone', d.time_zone, 'start_at', d.start_at, 'end_at', d.end_at, 'after_time', d.after_time) order by d.next_at)
    from (
      (select s.* from ops.schedules as s where s.paused_at is null and s.deleted_at is null and s.next_at <= moment order by s.next_at limit at_most)
      union
      (select s.* from ops.schedules as s where s.paused_at is null and s.deleted_at is null
        and exists (select from ops.schedule_fires as f where f.schedule_id = s.schedule_id and f.outcome = 'buffered')
        and not exists (select from ops.runs as r where r.schedule_id = s.schedule_id and r.status in ('queued', 'claimed', 'running')) limit at_most)) as d), '[]'));
end
$$;

-- Starts the run of one nominal time, and settles it. The caller holds the schedule and has decided.
create function ops_private.start_fire(schedule ops.schedules, nominal timestamptz) returns void language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
begin
  run := ops_private.run_of_schedule(schedule, nominal);
  run.trigger := 'schedule';
  run.triggered_by := schedule.name;
  run := ops_private.enqueue_template(run, ops_private.schedule_words(nominal, schedule.time_zone));
  insert into ops.schedule_fires as f (schedule_id, nominal_time, environment_id, outcome, run_id, settled_at)
  values (schedule.schedule_id, nominal, schedule.environment_id, 'started', run.run_id, clock_timestamp())
  on conflict (schedule_id, nominal_time) do update set outcome = 'started', run_id = excluded.run_id, settled_at = excluded.settled_at where f.outcome = 'buffered';
  if not found then
    perform ops_private.fail('conflict', 'This nominal time is settled already.');  -- undoes the run
  end if;
  perform ops_private.audit_by_schedule(schedule, 'run.created', 'run', run.run_id::text, jsonb_build_object('spec_slug', run.spec_slug, 'scheduled_for', nominal));
end
$$;

-- A run as the schedule describes it, not queued yet.
create function ops_private.run_of_schedule(schedule ops.schedules, nominal timestamptz) returns ops.runs language plpgsql immutable set search_path = '' as $$
declare
  run ops.runs;
begin
  run.environment_id := schedule.environment_id;
  run.template_id := schedule.template_id;
  run.template_version := schedule.template_version;
  run.parameters := schedule.parameters;
  run.queue := schedule.queue;
  run.labels := schedule.labels;
  run.priority := schedule.priority;
  run.max_attempts := schedule.max_attempts;
  run.schedule_id := schedule.schedule_id;
  run.scheduled_for := nominal;
  return run;
end
$$;

create function ops_private.settle_fires(schedule ops.schedules, nominal_times timestamptz[], outcome text, reason text) returns void language sql security definer set search_path = '' as $$
  insert into ops.schedule_fires (schedule_id, nominal_time, environment_id, outcome, reason, settled_at)
  select schedule.schedule_id, n, schedule.environment_id, settle_fires.outcome, settle_fires.reason, case when settle_fires.outcome <> 'buffered' then clock_timestamp() end from unnest(nominal_times) as n
$$;

-- overlap: what happens to times that are to run, while earlier runs of the schedule may still go on. Answers how many runs it started.
--   skip           not run            buffer_one     one waits, the first         buffer_all   all wait, in order (at most 1,000)
--   allow_all      run at once        cancel_other   cancels the others, and waits for their end; of several, the newest
--                                     terminate_other  the same, but the others end at once
-- What is canceled and what is started locks gates, so never both in one transaction: the start follows in the next call.
create function ops_private.apply_overlap(schedule ops.schedules, nominal_times timestamptz[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  open_runs uuid[] := array(select r.run_id from ops.runs as r where r.schedule_id = schedule.schedule_id and r.status in ('queued', 'claimed', 'running'));
  waiting timestamptz[] := array(select f.nominal_time from ops.schedule_fires as f where f.schedule_id = schedule.schedule_id and f.outcome = 'buffered' order by f.nominal_time);
  waits int := cardinality(waiting);
  busy boolean := cardinality(open_runs) > 0;
  started int := 0;
  nominal timestamptz;
  newest timestamptz := nominal_times[cardinality(nominal_times)];
begin
  if schedule.overlap in ('cancel_other', 'terminate_other') and newest is not null then
    update ops.schedule_fires as f set outcome = 'superseded', reason = 'A later time took its place.', settled_at = clock_timestamp() where f.schedule_id = schedule.schedule_id and f.outcome = 'buffered';
    perform ops_private.settle_fires(schedule, nominal_times[1 : cardinality(nominal_times) - 1], 'superseded', 'A later time took its place.');
    if busy then
      perform ops_private.cancel_all(open_runs, format('Schedule %s begins its next run.', schedule.name), schedule.overlap = 'terminate_other');
      perform ops_private.settle_fires(schedule, array[newest], 'buffered', 'Waits for the end of the run before.');
      return 0;
    end if;
    perform ops_private.start_fire(schedule, newest);
    return 1;
  end if;
  foreach nominal in array waiting loop
    exit when busy and schedule.overlap <> 'allow_all';
    perform ops_private.start_fire(schedule, nominal);
    busy := true;
    waits := waits - 1;
    started := started + 1;
  end loop;
  foreach nominal in array nominal_times loop
    if not busy or schedule.overlap = 'allow_all' then
      perform ops_private.start_fire(schedule, nominal);
      busy := true;
      started := started + 1;
    elsif schedule.overlap = 'buffer_one' and waits < 1 or schedule.overlap = 'buffer_all' and waits < 1000 then
      perform ops_private.settle_fires(schedule, array[nominal], 'buffered', 'Waits for the end of the run before.');
      waits := waits + 1;
    else
      perform ops_private.settle_fires(schedule, array[nominal], 'skipped_overlap', case when schedule.overlap = 'skip' then 'The run before had not ended.' else 'The run before had not ended, and enough waited already.' end);
    end if;
  end loop;
  return started;
end
$$;

-- fire_schedule: the scheduler. `nominal_times` are those after `expected_after`, in order and without a gap, as far as the caller looked
-- ahead; `next_time` is the one that follows (null: there is none). Settles each that is due by the database's clock, once, and moves
-- the schedule on, in one transaction. Of many callers one gets the schedule; the others, and a repeat, change nothing (moved =
-- false). A time is late 5 minutes after it was due; `catch_up` decides over late ones. What cannot be queued pauses the schedule.
create function ops_private.fire_schedule(schedule uuid, expected_after timestamptz, nominal_times timestamptz[], next_time timestamptz, problem text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  moment timestamptz := clock_timestamp();
  found_schedule ops.schedules;
  window_seconds interval;
  due timestamptz[];
  newest timestamptz;
  missed timestamptz[];
  upcoming timestamptz;
  started int;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler fires schedules.', 'Send CRON_SECRET as Bearer token.');
  end if;
  nominal_times := coalesce(nominal_times, '{}');
  select * into found_schedule from ops.schedules as s where s.schedule_id = schedule and s.after_time = expected_after and s.paused_at is null and s.deleted_at is null for no key update skip locked;
  if not found then
    return jsonb_build_object('moved', false, 'settled', 0, 'started', 0);
  end if;
  perform ops_private.pause_failing(array[schedule]);
  if exists (select from ops.schedules as s where s.schedule_id = schedule and s.paused_at is not null) then
    return jsonb_build_object('moved', true, 'settled', 0, 'started', 0);
  elsif problem is not null then
    perform ops_private.pause_itself(found_schedule, problem);
    return jsonb_build_object('moved', true, 'settled', 0, 'started', 0);
  elsif exists (select from unnest(nominal_times || next_time) with ordinality as n (at, nth) left join unnest(nominal_times || next_time) with ordinality as b (at, nth) on b.nth = n.nth - 1
      where n.at <= coalesce(b.at, expected_after)) then
    perform ops_private.fail('invalid_input', 'Nominal times come in order, after those that are settled.');
  end if;
  window_seconds := make_interval(secs => found_schedule.catchup_window_seconds);
  select coalesce(array_agg(n.at order by n.at) filter (where n.due), '{}'), min(n.at) filter (where not n.due) into due, upcoming from (
    select u.at, bool_and(u.at + ops_private.jitter(schedule, u.at, found_schedule.jitter_seconds) <= moment) over (order by u.at) as due from unnest(nominal_times) as u (at)) as n;
  upcoming := coalesce(upcoming, next_time);
  newest := case when upcoming + ops_private.jitter(schedule, upcoming, found_schedule.jitter_seconds) <= moment then upcoming else due[cardinality(due)] end;
  missed := array(select u.at from unnest(due) as u (at), ops_private.jitter(schedule, u.at, found_schedule.jitter_seconds) as j
    where u.at + j < moment - interval '5 minutes' and (found_schedule.catch_up = 'none' or found_schedule.catch_up = 'latest' and u.at < newest or u.at + j < moment - window_seconds) order by u.at);
  perform ops_private.settle_fires(found_schedule, missed, 'missed', case found_schedule.catch_up when 'none' then 'Late, and nothing is caught up.' when 'latest' then 'Late, and only the latest within the window is caught up.' else 'Late by more than the catch-up window.' end);
  begin
    started := ops_private.apply_overlap(found_schedule, array(select u.at from unnest(due) as u (at) where not u.at = any (missed) order by u.at));
  exception
    -- Not what passes by itself: serialization, deadlock, cancellation, shutdown, a lock or resource not to be had.
    when others then
      if sqlstate ~ '^(40|53|55|57|58)' then
        raise;
      end if;
      perform ops_private.pause_itself(found_schedule, left('Its run could not be queued: ' || coalesce(nullif(case when sqlstate like 'PT%' then sqlerrm else null end, ''), 'error ' || sqlstate), 500));
      return jsonb_build_object('moved', true, 'settled', cardinality(missed), 'started', 0);
  end;
  update ops.schedules as s set after_time = coalesce(due[cardinality(due)], s.after_time), next_time = upcoming, next_at = upcoming + ops_private.jitter(schedule, upcoming, s.jitter_seconds) where s.schedule_id = schedule;
  return jsonb_build_object('moved', true, 'settled', cardinality(due), 'started', started);
end
$$;

create function ops.due_schedules(at_most int default 100) returns jsonb language sql set search_path = '' as 'select ops_private.due_schedules($1)';
create function ops.fire_schedule(schedule_id uuid, expected_after timestamptz, nominal_times timestamptz[], next_time timestamptz default null, problem text default null) returns jsonb
language sql set search_path = '' as 'select ops_private.fire_schedule($1, $2, $3, $4, $5)';
grant execute on function ops_private.due_schedules(int), ops.due_schedules(int), ops_private.fire_schedule(uuid, timestamptz, timestamptz[], timestamptz, text),
  ops.fire_schedule(uuid, timestamptz, timestamptz[], timestamptz, text) to ops_token;
-- run_schedule: operators. One run now, as the schedule describes it, beside what runs already and whether or not it is paused; its
-- nominal time is this moment. The same idempotency_key answers the same run (created = false).
create function ops_private.run_schedule(schedule uuid, key text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_schedule ops.schedules := ops_private.lock_schedule(schedule, 'operator', 'run a schedule now');
  me ops_private.principal := ops_private.me();
  -- Never a whole second: those are cron's.
  nominal timestamptz := date_trunc('second', clock_timestamp()) + make_interval(secs => greatest(1, extract(milliseconds from clock_timestamp())::int % 1000) / 1000.0);
  run ops.runs := ops_private.run_of_schedule(found_schedule, nominal);
  queued ops.runs;
  hash text := encode(sha256(convert_to('run_schedule ' || schedule, 'UTF8')), 'hex');
begin
  if key is not null then
    select * into queued from ops.runs as r where r.environment_id = found_schedule.environment_id and r.idempotency_key = key;
  end if;
  if queued.run_id is null then
    run.trigger := case me.type when 'user' then 'manual' else 'api' end;
    run.triggered_by := me.name;
    run.idempotency_key := key;
    run.request_sha256 := hash;
    queued := ops_private.enqueue_template(run, ops_private.schedule_words(nominal, found_schedule.time_zone));
    if queued.run_id is not null then
      insert into ops.schedule_fires (schedule_id, nominal_time, environment_id, outcome, manual, run_id, settled_at) values (schedule, nominal, found_schedule.environment_id, 'started', true, queued.run_id, clock_timestamp());
      perform ops_private.audit(found_schedule.environment_id, 'run.created', 'run', queued.run_id::text, null, jsonb_build_object('spec_slug', queued.spec_slug, 'schedule_id', schedule));
      return jsonb_build_object('created', true, 'run', ops_private.run_json(queued));
    end if;
    -- Another call with this key was committed a moment ago.
    select * into queued from ops.runs as r where r.environment_id = found_schedule.environment_id and r.idempotency_key = key;
  end if;
  if queued.request_sha256 is distinct from hash then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return jsonb_build_object('created', false, 'run', ops_private.run_json(queued));
end
$$;
create function ops.run_schedule(schedule_id uuid, idempotency_key text default null) returns jsonb language sql set search_path = '' as 'select ops_private.run_schedule($1, $2)';
grant execute on function ops_private.run_schedule(uuid, text), ops.run_schedule(uuid, text) to authenticated, ops_token;
-- One partition of a backfill: pending → started (its run), skipped (what is there need not be made again) or canceled; once.
create table ops.backfill_items (
  backfill_id uuid not null references ops.backfills,
  partition_start timestamptz not null,
  partition_end timestamptz not null,
  environment_id uuid not null,
  outcome text not null default 'pending' constraint outcome_is_known check (outcome in ('pending', 'started', 'skipped', 'canceled')),
  reason text,
  run_id uuid references ops.runs,
  settled_at timestamptz,
  primary key (backfill_id, partition_start),
  constraint it_ends_after_it_starts check (partition_end > partition_start),
  constraint what_started_has_a_run check ((outcome = 'started') = (run_id is not null)),
  constraint only_what_is_pending_is_unsettled check ((outcome = 'pending') = (settled_at is null))
);
create index backfill_items_pending on ops.backfill_items (backfill_id, partition_start) where outcome = 'pending';
create index backfill_items_by_run on ops.backfill_items (run_id) where run_id is not null;
alter table ops.backfill_items enable row level security;
alter table ops.backfill_items force row level security;
create policy members_see_their_environments on ops.backfill_items for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.backfill_items to authenticated, ops_token, ops_sql;

create view ops.backfill_item_list with (security_invoker = true) as
  select i.backfill_id, i.environment_id, i.partition_start, i.partition_end, i.outcome, i.reason, i.run_id, r.status as run_status, i.settled_at
  from ops.backfill_items as i left join ops.runs as r using (run_id);

-- Counts of partitions; a canceled one is one whose run was canceled, or that never got a run.
create function ops_private.backfill_progress(backfill uuid) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('pending', count(*) filter (where i.outcome = 'pending'), 'skipped', count(*) filter (where i.outcome = 'skipped'),
    'queued', count(*) filter (where r.status = 'queued'), 'running', count(*) filter (where r.status in ('claimed', 'running')), 'succeeded', count(*) filter (where r.status = 'succeeded'),
    'failed', count(*) filter (where r.status = 'failed'), 'canceled', count(*) filter (where r.status = 'canceled' or i.outcome = 'canceled'))
  from ops.backfill_items as i left join ops.runs as r using (run_id) where i.backfill_id = backfill
$$;
grant execute on function ops_private.backfill_progress(uuid) to authenticated, ops_token, ops_sql;

create view ops.backfill_list with (security_invoker = true) as
  select b.backfill_id, b.environment_id, t.template_key, b.template_version, b.schedule_id, b.cron, b.time_zone, b.range_start, b.range_end, b.parameters, b.start_parameter, b.end_parameter,
    b.reprocess, b.direction, b.max_active, b.priority, b.queue, b.labels, b.max_attempts, b.status, b.note, b.total,
    coalesce(b.final_progress, ops_private.backfill_progress(b.backfill_id)) as progress, b.created_by, b.created_at, b.finished_at
  from ops.backfills as b join ops.job_templates as t using (template_id);
grant select on ops.backfill_item_list, ops.backfill_list to authenticated, ops_token, ops_sql;

create function ops_private.backfill_json(backfill uuid) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(l) from ops.backfill_list as l where l.backfill_id = backfill
$$;

-- What is there of each partition, by its newest run: missing | active | succeeded | failed | canceled. Verifications do not count.
create function ops_private.partition_states(environment uuid, template uuid, starts timestamptz[]) returns table (partition_start timestamptz, state text)
language sql stable security definer set search_path = '' as $$
  select s.at, coalesce(case when r.status in ('queued', 'claimed', 'running') then 'active' else r.status end, 'missing')
  from unnest(starts) as s (at) left join lateral (
    select n.status from ops.runs as n where n.environment_id = environment and n.template_id = template and n.scheduled_for = s.at and not n.isolated order by n.run_id desc limit 1) as r on true
$$;

-- Why such a partition gets no run, or null where it gets one.
--   none                 only where there never was a run       missing_only   also where the run was canceled
--   missing_and_failed   also where the run failed              all            everywhere; but never beside a run under way
create function ops_private.skip_reason(reprocess text, state text) returns text language sql immutable set search_path = '' as $$
  select case
    when state = 'active' then 'Its run is under way.'
    when state = 'missing' or reprocess = 'all' then null
    when reprocess = 'none' then 'It has a run already: ' || state || '.'
    when state = 'succeeded' or state = 'failed' and reprocess = 'missing_only' then 'Its run ' || state || ' already.' end
$$;
-- A for_each phase fans out: each of its items is a child run, which executes that one phase with the item as a parameter. The parent
-- gives its lease back while they run (queued, not_before infinity) and joins them when all have ended.

-- The run that executes an item: the parent's own child, else, where the parent repairs another run's failures, that run's child if
-- it succeeded with the same definition and parameters.
create function ops_private.child_of(parent ops.runs, phase text, key text, hash text, parameters jsonb) returns ops.runs
language plpgsql stable security definer set search_path = '' as $$
declare
  child ops.runs;
  repaired ops.runs;
begin
  select * into child from ops.runs as r where r.parent_run_id = parent.run_id and r.parent_phase = child_of.phase and r.child_key = child_of.key;
  if not found and parent.repair_mode = 'failed' then
    select * into repaired from ops.runs as r where r.run_id = parent.repairs_run_id;
    child := ops_private.child_of(repaired, phase, key, hash, parameters);
    if child.status is distinct from 'succeeded' or child.spec_sha256 <> hash or child.parameters <> child_of.parameters then
      return null;
    end if;
  end if;
  return child;
end
$$;

-- Whether children have the parent's own parameters, but for the item, which is one of the phase's list: parameters name connections, and who executes a
-- run must not open others than its author wrote.
create function ops_private.are_items(parent ops.runs, phase text, children jsonb) returns boolean language plpgsql stable security definer set search_path = '' as $$
declare
  each jsonb := (select p -> 'for_each' from ops.specs as s cross join lateral jsonb_array_elements(s.spec -> 'phases') as p
    where s.project_id = parent.project_id and s.spec_sha256 = parent.spec_sha256 and p ->> 'name' = are_items.phase);
  taking text := each ->> 'parameter';
  items jsonb := coalesce(each -> 'items', parent.parameters -> (each ->> 'items_from'), '[]');
begin
  return jsonb_typeof(items) = 'array' and not exists (
    select from jsonb_array_elements(children) as c cross join lateral (select c -> 'parameters') as own (parameters)
    where own.parameters - array[taking] <> parent.parameters - array[taking]
      or taking is not null and (own.parameters -> taking is null or own.parameters -> taking not in (select jsonb_array_elements(items))));
end
$$;

-- create_children: the lease holder, for a running phase. One run an item, once however often it is asked; what the parent's phases
-- before it have made is reused, its pinned inputs are the children's too. Answers the run of every item. Locks run, lease, the gate
-- of the fan-out, heads.
create function ops_private.create_children(run uuid, token uuid, phase text, spec_text text, children jsonb, max_active int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  parent ops.runs;
  lease ops.leases;
  child ops.runs;
  wanted record;
  hash text;
  made int := 0;
  items jsonb := '[]';
begin
  parent := ops_private.lock_run(run, token);
  lease := ops_private.hold(run, token);
  if jsonb_typeof(children) is distinct from 'array' or jsonb_array_length(children) not between 1 and 1000 or max_active not between 1 and 1000
    or exists (select from jsonb_array_elements(children) as c where coalesce(length(c ->> 'key'), 0) not between 1 and 200 or jsonb_typeof(c -> 'parameters') is distinct from 'object')
    or (select count(distinct c ->> 'key') from jsonb_array_elements(children) as c) <> jsonb_array_length(children) then
    perform ops_private.fail('invalid_input', 'children is an array of 1 to 1000 items {key, parameters}, each key once; max_active is 1 to 1000.');
  elsif parent.parent_run_id is not null then
    perform ops_private.fail('illegal_transition', 'A child run has no children of its own.');
  elsif not exists (select from ops.run_phases as p where p.run_id = run and p.name = create_children.phase and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'A running phase fans out.');
  elsif not ops_private.are_items(parent, phase, children) then
    perform ops_private.fail('invalid_input', 'A child has the parameters of its parent, and one item of the for_each phase in its place.');
  end if;
  hash := ops_private.store_spec(parent.project_id, spec_text);
  for wanted in select c.child ->> 'key' as key, c.child -> 'parameters' as parameters from jsonb_array_elements(children) with ordinality as c (child, nth) order by c.nth loop
    child := ops_private.child_of(parent, phase, wanted.key, hash, wanted.parameters);
    if child.run_id is null then
      child := ops_private.not_begun(parent);
      child.parent_run_id := run;
      child.parent_phase := phase;
      child.child_key := wanted.key;
      child.repairs_run_id := null;
      child.repair_mode := null;
      child.trigger := 'parent';
      -- A template's limit counts its runs, not their parts: these would wait for their own parent.
      child.template_id := null;
      child.spec_sha256 := hash;
      child.parameters := wanted.parameters;
      child.concurrency_key := case when max_active is not null then format('for_each:%s:%s', run, phase) end;
      child := ops_private.enqueue(child, spec_text::jsonb, max_active);
      perform ops_private.reuse_phases(run, child.run_id);
      made := made + 1;
    end if;
    items := items || jsonb_build_object('key', wanted.key, 'run_id', child.run_id, 'status', child.status,
      'output_sha256', (select p.output_sha256 from ops.run_phases as p where p.run_id = child.run_id and p.name = create_children.phase), 'error_code', child.error_code, 'error_message', child.error_message);
  end loop;
  if made > 0 then
    perform ops_private.append_event(run, 'PHASE_FANNED_OUT', 'info', phase, format('%s child runs, %s of them new.', jsonb_array_length(children), made), jsonb_build_object('children', jsonb_array_length(children), 'created', made));
  end if;
  return jsonb_build_object('items', items);
end
$$;
create function ops.create_children(run_id uuid, lease_token uuid, phase text, spec_text text, children jsonb, max_active int default null) returns jsonb
language sql set search_path = '' as 'select ops_private.create_children($1, $2, $3, $4, $5, $6)';

-- wait_for_children: the lease holder gives the run back until its children have ended; costs no attempt. claimed|running → queued.
-- Where none is open, or the run is to stop, it is a release like any other.
create function ops_private.wait_for_children(run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  answer jsonb;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  if found_run.cancel_requested_at is not null or lease.stop_code is not null or lease.deadline_at <= clock_timestamp()
    or not exists (select from ops.runs as c where c.parent_run_id = run and c.status in ('queued', 'claimed', 'running')) then
    return ops_private.release_run(run, token, 'No child run is open any more.', '{}');
  end if;
  found_run := ops_private.requeue(run, interval 'infinity', false, 'RUN_WAITS', 'info', 'Waits for its child runs.');
  update ops.runs as r set queue_reason = 'waiting for child runs' where r.run_id = run and r.not_before = 'infinity' returning * into found_run;
  return ops_private.record_end(token, (select r from ops.runs as r where r.run_id = run));
end
$$;
create function ops.wait_for_children(run_id uuid, lease_token uuid) returns jsonb language sql set search_path = '' as 'select ops_private.wait_for_children($1, $2)';

-- Lets parents go on whose children have all ended. Never waits: a parent or child that ends at this very moment is left to the tick.
create function ops_private.wake_parents(parents uuid[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  lanes bigint[];
begin
  with woken as (
    update ops.runs as p set not_before = null, queue_reason = null where p.run_id = any (array(
      select w.run_id from ops.runs as w where w.run_id = any (parents) and w.status = 'queued' and w.not_before = 'infinity'
        and not exists (select from ops.runs as c where c.parent_run_id = w.run_id and c.status in ('queued', 'claimed', 'running')) for no key update skip locked))
    returning p.lane_id)
  select array_agg(woken.lane_id) into lanes from woken;
  perform ops_private.wake(lanes);
  return coalesce(cardinality(lanes), 0);
end
$$;

-- Open children of runs, locked; those that somebody else holds right now are left out.
create function ops_private.lock_children(parents uuid[], at_most int) returns uuid[] language sql security definer set search_path = '' as $$
  select array(select c.run_id from ops.runs as c where c.parent_run_id = any (parents) and c.status in ('queued', 'claimed', 'running') and c.cancel_requested_at is null
    order by c.run_id limit at_most for no key update skip locked)
$$;
-- The caller has locked the children and all their gates.
create function ops_private.cancel_children(children uuid[], reason text) returns void language plpgsql security definer set search_path = '' as $$
declare
  child ops.runs;
begin
  for child in update ops.runs as c set cancel_requested_at = clock_timestamp(), cancel_reason = reason where c.run_id = any (children) returning c.* loop
    if child.status = 'queued' then
      perform ops_private.finalize_run(child.run_id, 'canceled', 'canceled', reason);
    else
      perform ops_private.append_event(child.run_id, 'CANCEL_REQUESTED', 'warn', null, reason);
    end if;
  end loop;
end
$$;

-- settle_children: the scheduler. Wakes parents that nobody woke, cancels children whose parent has ended or is to end. Both are
-- found by steps over an index of what is open, however many runs have ended.
create function ops_private.settle_children() returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  parents uuid[];
  orphans uuid[];
  woken int;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler settles child runs.', 'Send CRON_SECRET as Bearer token.');
  end if;
  woken := ops_private.wake_parents(array(select r.run_id from ops.runs as r where r.status = 'queued' and r.not_before = 'infinity' limit 10000));
  with recursive step (parent_run_id) as (
    (select c.parent_run_id from ops.runs as c where c.parent_run_id is not null and c.status in ('queued', 'claimed', 'running') order by c.parent_run_id limit 1)
    union all
    select (select c.parent_run_id from ops.runs as c where c.parent_run_id > s.parent_run_id and c.status in ('queued', 'claimed', 'running') order by c.parent_run_id limit 1)
    from step as s where s.parent_run_id is not null)
  select array_agg(p.run_id) into parents from step as s join ops.runs as p on p.run_id = s.parent_run_id
  where p.cancel_requested_at is not null or p.status in ('succeeded', 'failed', 'canceled');
  orphans := ops_private.lock_children(parents, 500);
  perform ops_private.lock_gates(ops_private.gates_of(orphans));
  perform ops_private.cancel_children(orphans, 'The run that it is a part of has ended.');
  return jsonb_build_object('woken', woken, 'canceled', cardinality(orphans));
end
$$;
create function ops.settle_children() returns jsonb language sql set search_path = '' as 'select ops_private.settle_children()';
grant execute on function ops_private.create_children(uuid, uuid, text, text, jsonb, int), ops.create_children(uuid, uuid, text, text, jsonb, int),
  ops_private.wait_for_children(uuid, uuid), ops.wait_for_children(uuid, uuid) to authenticated, ops_token;
grant execute on function ops_private.settle_children(), ops.settle_children() to ops_token;
-- preview_backfill, create_backfill: operators. `request` has the fields of contracts/backfill.ts; the partitions begin at `starts` and
-- end where the next begins, the last at range_end (lib/ops/backfills.ts works them out from cron).

-- The request as a row, checked; internal.
create function ops_private.backfill_of(request jsonb, starts timestamptz[]) returns ops.backfills language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  backfill ops.backfills;
  current_version int;
begin
  perform ops_private.require((request ->> 'environment_id')::uuid, 'operator', 'start a backfill');
  backfill := jsonb_populate_record(null::ops.backfills, (select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(request) as f
    where f.key in ('environment_id', 'template_version', 'schedule_id', 'cron', 'time_zone', 'range_start', 'range_end', 'parameters', 'start_parameter', 'end_parameter',
      'reprocess', 'direction', 'max_active', 'priority', 'queue', 'labels', 'max_attempts', 'idempotency_key')));
  select t.template_id, t.current_version into backfill.template_id, current_version from ops.job_templates as t join ops.environments as e using (project_id)
  where e.environment_id = backfill.environment_id and t.template_key = request ->> 'template_key';
  backfill.template_version := coalesce(backfill.template_version, current_version);
  if backfill.template_id is null or not exists (select from ops.job_template_versions as v where v.template_id = backfill.template_id and v.version = backfill.template_version) then
    perform ops_private.fail('not_found', format('There is no template %s, or no such version of it, in this project.', request ->> 'template_key'));
  elsif backfill.schedule_id is not null and not exists (select from ops.schedules as s where s.schedule_id = backfill.schedule_id and s.environment_id = backfill.environment_id) then
    perform ops_private.fail('not_found', 'There is no such schedule in this environment.');
  elsif coalesce(cardinality(starts), 0) not between 1 and 10000 then
    perform ops_private.fail('invalid_input', format('A backfill has 1 to 10,000 partitions; this range has %s.', coalesce(cardinality(starts), 0)), 'Choose another range, or several backfills.');
  elsif starts[1] < backfill.range_start or starts[cardinality(starts)] >= backfill.range_end
      or exists (select from unnest(starts, starts[2:]) as s (at, next) where s.at >= s.next or s.at is null) then
    perform ops_private.fail('invalid_input', 'Partitions come in order and lie in the range.');
  end if;
  perform now() at time zone backfill.time_zone;
  backfill.backfill_id := ops_private.uuid_v7();
  backfill.labels := array(select distinct l from unnest(backfill.labels) as l order by l);
  backfill.status := 'active';
  backfill.total := cardinality(starts);
  backfill.created_by := me.name;
  backfill.created_at := clock_timestamp();
  backfill.advanced_at := backfill.created_at - interval '1 second';
  backfill.request_sha256 := encode(sha256(convert_to(((request - 'idempotency_key') || jsonb_build_object('starts', starts))::text, 'UTF8')), 'hex');
  return backfill;
exception
  when invalid_parameter_value then
    perform ops_private.fail('invalid_input', format('The database knows no time zone %s.', request ->> 'time_zone'));
end
$$;

create function ops_private.preview_backfill(request jsonb, starts timestamptz[]) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  backfill ops.backfills := ops_private.backfill_of(request, starts);
begin
  return (
    with planned as materialized (
      select p.partition_start as at, lead(p.partition_start, 1, backfill.range_end) over (order by p.partition_start) as until, p.state, ops_private.skip_reason(backfill.reprocess, p.state) as skip_reason
      from ops_private.partition_states(backfill.environment_id, backfill.template_id, starts) as p)
    select jsonb_build_object('total', count(*), 'to_run', count(*) filter (where skip_reason is null), 'template_version', backfill.template_version, 'present', jsonb_build_object(
        'missing', count(*) filter (where state = 'missing'), 'active', count(*) filter (where state = 'active'), 'succeeded', count(*) filter (where state = 'succeeded'),
        'failed', count(*) filter (where state = 'failed'), 'canceled', count(*) filter (where state = 'canceled')),
      'first', (select jsonb_agg(jsonb_build_object('partition_start', f.at, 'partition_end', f.until, 'state', f.state, 'skip_reason', f.skip_reason) order by f.nth)
        from (select p.*, row_number() over (order by case backfill.direction when 'oldest_first' then extract(epoch from p.at) else -extract(epoch from p.at) end) as nth from planned as p) as f where f.nth <= 100))
    from planned);
end
$$;

-- The same idempotency_key answers the same backfill (created = false); with another request, idempotency_conflict.
create function ops_private.create_backfill(request jsonb, starts timestamptz[]) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  backfill ops.backfills := ops_private.backfill_of(request, starts);
  old ops.backfills;
begin
  insert into ops.backfills select backfill.* on conflict on constraint one_idempotency_key_one_backfill do nothing;
  if not found then
    select * into old from ops.backfills as b where b.environment_id = backfill.environment_id and b.idempotency_key = backfill.idempotency_key;
    if old.request_sha256 <> backfill.request_sha256 then
      perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
    end if;
    return jsonb_build_object('created', false, 'backfill', ops_private.backfill_json(old.backfill_id));
  end if;
  insert into ops.backfill_items (backfill_id, partition_start, partition_end, environment_id, outcome, reason, settled_at)
  select backfill.backfill_id, p.partition_start, lead(p.partition_start, 1, backfill.range_end) over (order by p.partition_start), backfill.environment_id,
    case when k.reason is null then 'pending' else 'skipped' end, k.reason, case when k.reason is not null then clock_timestamp() end
  from ops_private.partition_states(backfill.environment_id, backfill.template_id, starts) as p,
    ops_private.skip_reason(backfill.reprocess, p.state) as k (reason);
  perform ops_private.audit(backfill.environment_id, 'backfill.created', 'backfill', backfill.backfill_id::text, null, request - 'idempotency_key' || jsonb_build_object('total', backfill.total));
  return jsonb_build_object('created', true, 'backfill', ops_private.backfill_json(backfill.backfill_id));
end
$$;

create function ops.preview_backfill(request jsonb, starts timestamptz[]) returns jsonb language sql stable set search_path = '' as 'select ops_private.preview_backfill($1, $2)';
create function ops.create_backfill(request jsonb, starts timestamptz[]) returns jsonb language sql set search_path = '' as 'select ops_private.create_backfill($1, $2)';
grant execute on function ops_private.preview_backfill(jsonb, timestamptz[]), ops.preview_backfill(jsonb, timestamptz[]),
  ops_private.create_backfill(jsonb, timestamptz[]), ops.create_backfill(jsonb, timestamptz[]) to authenticated, ops_token;
-- pause_backfill, resume_backfill, cancel_backfill: operators. active ⇄ paused → canceled; a repeat changes nothing, and what has
-- ended stays so (illegal_transition). While paused no run is made; those that were made go on. To cancel drops what is pending, and
-- cancels the runs that are open: queued ones at once, active ones at their next heartbeat.
create function ops_private.set_backfill_status(backfill uuid, wanted text, note text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.backfills;
begin
  select * into old from ops.backfills as b where b.backfill_id = backfill and b.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such backfill, or you may not see it.');
  end if;
  perform ops_private.require(old.environment_id, 'operator', 'control a backfill');
  if old.status = wanted then
    return ops_private.backfill_json(backfill);
  elsif old.status in ('canceled', 'completed') then
    perform ops_private.fail('illegal_transition', format('The backfill is %s.', old.status));
  end if;
  update ops.backfills as b set status = wanted, note = nullif(set_backfill_status.note, ''), finished_at = case wanted when 'canceled' then clock_timestamp() end where b.backfill_id = backfill;
  if wanted = 'canceled' then
    update ops.backfill_items as i set outcome = 'canceled', reason = 'The backfill was canceled.', settled_at = clock_timestamp() where i.backfill_id = backfill and i.outcome = 'pending';
    perform ops_private.cancel_all(array(select r.run_id from ops.runs as r where r.backfill_id = backfill and r.status in ('queued', 'claimed', 'running')), 'Its backfill was canceled.');
  end if;
  perform ops_private.audit(old.environment_id, 'backfill.' || case wanted when 'active' then 'resumed' else wanted end, 'backfill', backfill::text, jsonb_build_object('status', old.status), jsonb_build_object('status', wanted, 'note', note));
  return ops_private.backfill_json(backfill);
end
$$;
create function ops.pause_backfill(backfill_id uuid, note text default null) returns jsonb language sql set search_path = '' as 'select ops_private.set_backfill_status($1, ''paused'', $2)';
create function ops.resume_backfill(backfill_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.set_backfill_status($1, ''active'', null)';
create function ops.cancel_backfill(backfill_id uuid, note text default null) returns jsonb language sql set search_path = '' as 'select ops_private.set_backfill_status($1, ''canceled'', $2)';
grant execute on function ops_private.set_backfill_status(uuid, text, text), ops.pause_backfill(uuid, text), ops.resume_backfill(uuid), ops.cancel_backfill(uuid, text) to authenticated, ops_token;
-- advance_backfill: the scheduler. Takes the active backfill that waited longest (skipping what others hold) and makes runs for its next
-- partitions, as many as it may have open at once; at most 50 a call. A partition is looked at again first: what came into being since is
-- skipped. Item and run are written in one transaction under the backfill's lock, so a crash or a repeat neither doubles nor loses
-- one, and open runs never exceed max_active. Completes the backfill when nothing is pending or open. What cannot be queued
-- pauses it. Answers backfill_id null when there is nothing to do.
create function ops_private.advance_backfill() returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  moment timestamptz := clock_timestamp();
  backfill ops.backfills;
  spec jsonb;
  item ops.backfill_items;
  items ops.backfill_items[];
  room int;
  reason text;
  started int := 0;
  skipped int := 0;
  open_runs int;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler advances backfills.', 'Send CRON_SECRET as Bearer token.');
  end if;
  select * into backfill from ops.backfills as b where b.status = 'active' and b.advanced_at <= moment - interval '250 milliseconds' order by b.advanced_at limit 1 for no key update skip locked;
  if not found then
    return jsonb_build_object('backfill_id', null, 'started', 0, 'skipped', 0);
  end if;
  select s.spec into strict spec from ops.job_template_versions as v join ops.specs as s on s.project_id = v.project_id and s.spec_sha256 = v.spec_sha256
  where v.template_id = backfill.template_id and v.version = backfill.template_version;
  select count(*) into open_runs from ops.runs as r where r.backfill_id = backfill.backfill_id and r.status in ('queued', 'claimed', 'running');
  room := least(50, backfill.max_active - open_runs);
  items := array(
    (select i from ops.backfill_items as i where backfill.direction = 'oldest_first' and i.backfill_id = backfill.backfill_id and i.outcome = 'pending' order by i.partition_start limit 200)
    union all
    (select i from ops.backfill_items as i where backfill.direction = 'newest_first' and i.backfill_id = backfill.backfill_id and i.outcome = 'pending' order by i.partition_start desc limit 200));
  begin
    foreach item in array items loop
      exit when started >= room;
      select ops_private.skip_reason(backfill.reprocess, p.state) into reason from ops_private.partition_states(backfill.environment_id, backfill.template_id, array[item.partition_start]) as p;
      if reason is not null then
        update ops.backfill_items as i set outcome = 'skipped', reason = advance_backfill.reason, settled_at = clock_timestamp() where i.backfill_id = item.backfill_id and i.partition_start = item.partition_start;
        skipped := skipped + 1;
      else
        perform ops_private.start_item(backfill, item, spec);
        started := started + 1;
      end if;
    end loop;
  exception
    -- Not what passes by itself: serialization, deadlock, cancellation, shutdown, a lock or resource not to be had.
    when others then
      if sqlstate ~ '^(40|53|55|57|58)' then
        raise;
      end if;
      update ops.backfills as b set status = 'paused', note = left('A run could not be queued: ' || case when sqlstate like 'PT%' then sqlerrm else 'error ' || sqlstate end, 500) where b.backfill_id = backfill.backfill_id;
      return jsonb_build_object('backfill_id', backfill.backfill_id, 'started', 0, 'skipped', 0);
  end;
  if open_runs + started = 0 and not exists (select from ops.backfill_items as i where i.backfill_id = backfill.backfill_id and i.outcome = 'pending') then
    update ops.backfills as b set status = 'completed', finished_at = clock_timestamp(), note = null, final_progress = ops_private.backfill_progress(b.backfill_id) where b.backfill_id = backfill.backfill_id;
  else
    -- With room left it is looked at again at once, after those that have waited longer.
    update ops.backfills as b set advanced_at = clock_timestamp() - case when started + skipped > 0 and open_runs + started < b.max_active then interval '250 milliseconds' else interval '0' end
    where b.backfill_id = backfill.backfill_id;
  end if;
  return jsonb_build_object('backfill_id', backfill.backfill_id, 'started', started, 'skipped', skipped);
end
$$;

-- Makes the run of one partition. The bounds go into the parameters that the backfill names: a local date where the pipeline declares
-- `format: date`, else the moment.
create function ops_private.start_item(backfill ops.backfills, item ops.backfill_items, spec jsonb) returns void language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
begin
  run.environment_id := backfill.environment_id;
  run.template_id := backfill.template_id;
  run.template_version := backfill.template_version;
  run.parameters := backfill.parameters || coalesce((
    select jsonb_object_agg(p.name, case spec #>> array['parameters', 'properties', p.name, 'format'] when 'date' then to_char(p.at at time zone backfill.time_zone, 'YYYY-MM-DD') else ops_private.wire_time(p.at) end)
    from (values (backfill.start_parameter, item.partition_start), (backfill.end_parameter, item.partition_end)) as p (name, at) where p.name is not null), '{}');
  run.queue := backfill.queue;
  run.labels := backfill.labels;
  run.priority := backfill.priority;
  run.max_attempts := backfill.max_attempts;
  run.backfill_id := backfill.backfill_id;
  run.scheduled_for := item.partition_start;
  run.trigger := 'backfill';
  run.triggered_by := backfill.created_by;
  run := ops_private.enqueue_template(run, ops_private.schedule_words(item.partition_start, backfill.time_zone));
  update ops.backfill_items as i set outcome = 'started', run_id = run.run_id, settled_at = clock_timestamp() where i.backfill_id = item.backfill_id and i.partition_start = item.partition_start and i.outcome = 'pending';
  if not found then
    perform ops_private.fail('conflict', 'This partition is settled already.');  -- undoes the run
  end if;
end
$$;
create function ops.advance_backfill() returns jsonb language sql set search_path = '' as 'select ops_private.advance_backfill()';
grant execute on function ops_private.advance_backfill(), ops.advance_backfill() to ops_token;
-- Alert rules, and what they found. A rule's condition is one of a closed list (contracts/alert.ts) and is judged by the tick on what the database holds anyway
-- (78_judge_alerts.sql). A rule has one notification for each subject (a pipeline, a dataset, an executor, a cap), which fires, is acknowledged, snoozed and
-- resolved, and fires again: what it has seen is counted there, so that the table does not grow with time.
create table ops.alert_rules (
  alert_rule_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null constraint alert_rule_has_a_name check (char_length(name) between 1 and 200),
  condition jsonb not null constraint alert_kind_is_known check (condition ->> 'kind' in ('run_failed', 'run_slow', 'run_waiting', 'run_signal', 'run_warned', 'dataset_stale', 'executor_offline', 'cap_used')),
  for_minutes int not null default 0 constraint it_holds_for_a_week_at_most check (for_minutes between 0 and 10080),
  severity text not null default 'warning' constraint severity_is_known check (severity in ('info', 'warning', 'critical')),
  enabled boolean not null default true,
  version int not null default 1,
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  -- When the tick looks next, when it last could judge, and why it could not since.
  look_at timestamptz not null default clock_timestamp(),
  judged_at timestamptz,
  problem text,
  constraint rule_name_is_unique_in_its_environment unique (environment_id, name)
) with (fillfactor = 50);

-- `holds_since` says whether the condition holds now, whatever the status; `announced`, whether it was last told that it does. Pending is what holds, but not yet for as long as
-- its rule says.
create table ops.notifications (
  notification_id uuid primary key default ops_private.uuid_v7(),
  environment_id uuid not null references ops.environments,
  alert_rule_id uuid not null references ops.alert_rules on delete cascade,
  subject text not null,
  run_id uuid references ops.runs,
  title text not null,
  path text not null,
  layer text,
  status text not null default 'pending' constraint status_is_known check (status in ('pending', 'firing', 'acknowledged', 'snoozed', 'resolved')),
  holds_since timestamptz,
  announced boolean not null default false,
  occurrences int not null default 0 constraint it_occurs_or_not check (occurrences >= 0),
  snoozed_until timestamptz,
  marked_by text,
  marked_at timestamptz,
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  fired_at timestamptz,
  resolved_at timestamptz,
  constraint one_notification_per_rule_and_subject unique (alert_rule_id, subject),
  constraint what_was_never_seen_to_hold_is_pending check ((fired_at is null) = (occurrences = 0) and (fired_at is not null or status = 'pending')),
  constraint what_is_pending_holds check (status <> 'pending' or holds_since is not null),
  constraint a_snooze_has_an_end check ((status = 'snoozed') = (snoozed_until is not null)),
  constraint resolved_says_when check (status <> 'resolved' or resolved_at is not null)
) with (fillfactor = 50);
create index notifications_newest on ops.notifications (environment_id, fired_at desc, notification_id desc) where fired_at is not null;
create index notifications_by_run on ops.notifications (run_id) where run_id is not null;

-- How the runs of each pipeline last ended, so that a rule need not search the history: failures in a row, the run that ended last, what it warned of. Written
-- by the tick where it scores what has ended (note_ends), in the order of ends. Verifications and parts of a run do not count.
create table ops_private.pipeline_ends (
  environment_id uuid not null,
  pipeline text not null,
  last_run uuid not null,
  last_finished_at timestamptz not null,
  succeeded_at timestamptz,
  failures int not null,
  warnings text[] not null,
  primary key (environment_id, pipeline)
);
alter table ops_private.pipeline_ends enable row level security;
alter table ops_private.pipeline_ends force row level security;

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

-- The inbox: what has fired. Once resolved, what begins to hold again is still resolved until it has held for as long as its rule says.
create view ops.notification_list with (security_invoker = true) as
  select n.notification_id, n.environment_id, n.alert_rule_id, r.name as rule, r.severity, n.subject, n.title, n.path, n.run_id, case n.status when 'pending' then 'resolved' else n.status end as status,
    n.holds_since, n.occurrences, n.snoozed_until, n.marked_by, n.marked_at, n.first_seen_at, n.last_seen_at, n.fired_at, n.resolved_at
  from ops.notifications as n join ops.alert_rules as r on r.alert_rule_id = n.alert_rule_id
  where n.fired_at is not null;
grant select on ops.notification_list to authenticated, ops_token, ops_sql;
-- Who answers for what in a project (table B): areas with their owners, signals, channels, and the rules that bring each signal to an area. The first rule that holds
-- decides. Written as a whole by apply_control_plane (92_control_plane.sql), in the form of contracts/routing.ts; read by whatever sends a signal.
create table ops.routing_areas (
  project_id uuid not null references ops.projects,
  area text not null constraint area_is_a_word check (area ~ '^[a-z][a-z0-9_]{0,62}$'),
  title text not null,
  primary_owner text not null constraint primary_is_an_alias check (primary_owner ~ '^[a-z][a-z0-9-]{0,38}$'),
  secondary_owner text not null constraint secondary_is_an_alias check (secondary_owner ~ '^[a-z][a-z0-9-]{0,38}$'),
  surface text not null,
  paths text[] not null,
  primary key (project_id, area),
  constraint nobody_falls_back_to_themselves check (primary_owner <> secondary_owner)
);
create table ops.routing_channels (
  project_id uuid not null references ops.projects,
  channel text not null constraint channel_is_a_word check (channel ~ '^[a-z][a-z0-9_]{0,62}$'),
  kind text not null constraint channel_kind_is_known check (kind in ('webhook', 'pull_request', 'issue')),
  title text not null,
  primary key (project_id, channel)
);
create table ops.routing_signals (
  project_id uuid not null references ops.projects,
  signal text not null constraint signal_is_noun_and_verb check (signal ~ '^[a-z]+\.[a-z_]+$'),
  title text not null,
  severity text not null constraint signal_severity_is_known check (severity in ('info', 'warning', 'critical')),
  source text not null,
  primary key (project_id, signal)
);
-- The rules in their order. What a rule does not name (null) holds always.
create table ops.routing_matrix (
  project_id uuid not null references ops.projects,
  position int not null,
  name text not null constraint rule_is_a_word check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  signals text[] constraint signals_are_some check (cardinality(signals) >= 1),
  layers text[] constraint layers_are_known check (cardinality(layers) >= 1 and layers <@ '{bronze,silver,gold,none}'),
  environments text[] constraint environments_are_some check (cardinality(environments) >= 1),
  area text not null,
  channel text not null,
  primary key (project_id, position),
  constraint rule_name_is_unique_in_its_project unique (project_id, name),
  constraint a_rule_leads_to_an_area foreign key (project_id, area) references ops.routing_areas,
  constraint a_rule_leads_to_a_channel foreign key (project_id, channel) references ops.routing_channels
);
create index routing_matrix_by_area on ops.routing_matrix (project_id, area);
create index routing_matrix_by_channel on ops.routing_matrix (project_id, channel);

do $$
declare
  name text;
begin
  foreach name in array array['routing_areas', 'routing_channels', 'routing_signals', 'routing_matrix'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_projects on ops.%I for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- The matrix of a project as contracts/routing.ts has it; null where it has none.
create function ops_private.routing(project uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'areas', (select jsonb_object_agg(a.area, jsonb_build_object('title', a.title, 'primary', a.primary_owner, 'secondary', a.secondary_owner, 'surface', a.surface, 'paths', a.paths))
      from ops.routing_areas as a where a.project_id = routing.project),
    'channels', (select jsonb_object_agg(c.channel, jsonb_build_object('kind', c.kind, 'title', c.title)) from ops.routing_channels as c where c.project_id = routing.project),
    'signals', (select jsonb_object_agg(s.signal, jsonb_build_object('title', s.title, 'severity', s.severity, 'source', s.source)) from ops.routing_signals as s where s.project_id = routing.project),
    'rules', jsonb_agg(jsonb_build_object('name', m.name, 'when', jsonb_strip_nulls(jsonb_build_object('signal', m.signals, 'layer', m.layers, 'environment', m.environments)),
      'area', m.area, 'channel', m.channel) order by m.position))
  from ops.routing_matrix as m where m.project_id = routing.project having count(*) > 0
$$;

-- Which rule takes what: a row for every signal, layer and environment that the rules tell apart; environments that none of them names are one, `other`. A rule is null
-- where none holds.
create function ops_private.routes(project uuid) returns table (signal text, layer text, environment text, rule int) language sql stable security definer set search_path = '' as $$
  select s.signal, l.layer, e.environment, (
    select min(m.position) from ops.routing_matrix as m where m.project_id = routes.project
      and (m.signals is null or s.signal = any (m.signals)) and (m.layers is null or l.layer = any (m.layers)) and (m.environments is null or e.environment = any (m.environments)))
  from ops.routing_signals as s cross join unnest('{bronze,silver,gold,none}'::text[]) as l (layer)
  cross join (select 'other' union select unnest(m.environments) from ops.routing_matrix as m where m.project_id = routes.project) as e (environment)
  where s.project_id = routes.project
$$;

-- What the rules say of a signal, to be sent with it: { rule, area, channel, severity, primary, secondary }. Null where the project has no matrix, or no such signal.
create function ops_private.route(project uuid, signal text, layer text, environment text) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('rule', m.name, 'area', m.area, 'channel', m.channel, 'severity', s.severity, 'primary', a.primary_owner, 'secondary', a.secondary_owner)
  from ops.routing_signals as s join ops.routing_matrix as m using (project_id) join ops.routing_areas as a using (project_id, area)
  where s.project_id = route.project and s.signal = route.signal
    and (m.signals is null or route.signal = any (m.signals)) and (m.layers is null or coalesce(route.layer, 'none') = any (m.layers))
    and (m.environments is null or case when exists (select from ops.routing_matrix as o where o.project_id = route.project and route.environment = any (o.environments))
      then route.environment else 'other' end = any (m.environments))
  order by m.position limit 1
$$;

-- Refuses a stored matrix in which a rule is never asked, or a signal comes to nobody. The bounds keep the product of its parts small.
create function ops_private.check_routing(project uuid) returns void language plpgsql stable security definer set search_path = '' as $$
declare
  wrong text;
begin
  if (select count(*) from ops.routing_matrix as m where m.project_id = project) > 100 or (select count(*) from ops.routing_signals as s where s.project_id = project) > 100
    or (select count(distinct e) from ops.routing_matrix as m, unnest(m.environments) as e where m.project_id = project) > 20 then
    perform ops_private.fail('invalid_input', 'A routing matrix has at most 100 rules and 100 signals, and tells at most 20 environments apart.');
  end if;
  select string_agg(distinct u.signal, ', ') into wrong from ops.routing_matrix as m, unnest(m.signals) as u (signal)
  where m.project_id = project and not exists (select from ops.routing_signals as s where s.project_id = project and s.signal = u.signal);
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('Rules name signals that are not there: %s.', wrong));
  end if;
  select string_agg(m.name, ', ' order by m.position) into wrong from ops.routing_matrix as m where m.project_id = project and not m.position in (select r.rule from ops_private.routes(project) as r where r.rule is not null);
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('Rules are never asked: %s.', wrong), 'Rules before them decide all that they hold for.');
  end if;
  select string_agg(distinct r.signal, ', ') into wrong from ops_private.routes(project) as r where r.rule is null;
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('Signals come to nobody: %s.', wrong), 'Let a last rule without conditions take them.');
  end if;
end
$$;

-- Makes the matrix of a project what `wanted` says; null removes it. Called by change_control_plane, which has asked for the role. Raises invalid_input.
create function ops_private.put_routing(project uuid, wanted jsonb) returns void language plpgsql security definer set search_path = '' as $$
declare
  old jsonb := ops_private.routing(project);
begin
  delete from ops.routing_matrix as m where m.project_id = project;
  delete from ops.routing_areas as a where a.project_id = project;
  delete from ops.routing_channels as c where c.project_id = project;
  delete from ops.routing_signals as s where s.project_id = project;
  if wanted is not null then
    begin
      insert into ops.routing_areas (project_id, area, title, primary_owner, secondary_owner, surface, paths)
      select project, a.key, a.value ->> 'title', a.value ->> 'primary', a.value ->> 'secondary', a.value ->> 'surface', array(select jsonb_array_elements_text(a.value -> 'paths')) from jsonb_each(wanted -> 'areas') as a;
      insert into ops.routing_channels (project_id, channel, kind, title) select project, c.key, c.value ->> 'kind', c.value ->> 'title' from jsonb_each(wanted -> 'channels') as c;
      insert into ops.routing_signals (project_id, signal, title, severity, source)
      select project, s.key, s.value ->> 'title', s.value ->> 'severity', s.value ->> 'source' from jsonb_each(wanted -> 'signals') as s;
      insert into ops.routing_matrix (project_id, position, name, signals, layers, environments, area, channel)
      select project, r.position, r.rule ->> 'name', ops_private.texts_of(r.rule -> 'when' -> 'signal'), ops_private.texts_of(r.rule -> 'when' -> 'layer'), ops_private.texts_of(r.rule -> 'when' -> 'environment'),
        r.rule ->> 'area', r.rule ->> 'channel' from jsonb_array_elements(wanted -> 'rules') with ordinality as r (rule, position);
    exception when integrity_constraint_violation or invalid_parameter_value then
      perform ops_private.fail('invalid_input', format('The routing matrix is not right: %s.', sqlerrm));
    end;
    perform ops_private.check_routing(project);
  end if;
  perform ops_private.audit(null, 'routing.saved', 'project', project::text, old, ops_private.routing(project), project);
end
$$;
create function ops_private.texts_of(list jsonb) returns text[] language sql immutable set search_path = '' as $$
  select case when list is not null then array(select jsonb_array_elements_text(list)) end
$$;
-- One webhook per project, and the log of what was sent to it. A delivery is written in the transaction of what it tells, and
-- sent by the web process (lib/ops/tick/webhooks.ts), which signs it; the database holds no key. The URL may hold a secret of
-- its own, so only those who administer the whole project see it.
create table ops.webhooks (
  project_id uuid primary key references ops.projects,
  url text not null constraint url_is_http check (url ~ '^https?://[^\s@/?#]+([/?#]\S*)?$' and octet_length(url) <= 2000),
  enabled boolean not null default true,
  events text[] not null default '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}'
    constraint webhook_events_are_known check (events <@ '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}' and cardinality(events) >= 1),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

create table ops.webhook_deliveries (
  delivery_id uuid primary key default ops_private.uuid_v7(),
  project_id uuid not null references ops.projects,
  run_id uuid references ops.runs,
  executor_id uuid references ops.executors,
  type text not null constraint delivery_type_is_known check (type in ('run.failed', 'dataset.breached', 'executor.offline', 'executor.online', 'alert.firing', 'alert.resolved', 'webhook.test')),
  payload jsonb not null,
  status text not null default 'pending' constraint delivery_status_is_known check (status in ('pending', 'delivered', 'failed')),
  attempts int not null default 0,
  max_attempts int not null default 8,
  next_attempt_at timestamptz default clock_timestamp(),
  -- Who took it has until then to say how it went; later another may take it.
  sending_until timestamptz,
  last_status int,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint only_a_pending_delivery_waits check ((status = 'pending') = (next_attempt_at is not null)),
  constraint only_a_pending_delivery_is_being_sent check (status = 'pending' or sending_until is null),
  constraint delivery_finished_only_when_ended check ((status = 'pending') = (finished_at is null))
);
create index webhook_deliveries_due on ops.webhook_deliveries (project_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_newest on ops.webhook_deliveries (project_id, delivery_id desc);
create index webhook_deliveries_by_executor on ops.webhook_deliveries (executor_id) where executor_id is not null;
create unique index one_delivery_per_failed_run on ops.webhook_deliveries (run_id) where run_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['webhooks', 'webhook_deliveries'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy admins_of_the_project on ops.%I for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.governed_projects(4))::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- put_webhook: admins of the project. Makes it, or changes it; a repeat changes nothing. What waits goes to the new address. The audit
-- log names the host only: the rest of a URL may be a secret.
create function ops_private.put_webhook(project uuid, url text, enabled boolean, events text[]) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.webhooks;
  present ops.webhooks;
begin
  perform ops_private.require_project(project, 'admin', 'set the webhook');
  if url is null or url !~ '^https?://[^\s@/?#]+([/?#]\S*)?$' or octet_length(url) > 2000 then
    perform ops_private.fail('invalid_input', 'The URL begins with https://, holds no user name, and has at most 2,000 bytes.');
  elsif events is null or cardinality(events) = 0 or not events <@ '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}' then
    perform ops_private.fail('invalid_input', 'events names at least one of run.failed, dataset.breached, executor.offline, executor.online, alert.firing, alert.resolved.');
  end if;
  select * into old from ops.webhooks as w where w.project_id = project for update;
  insert into ops.webhooks as w (project_id, url, enabled, events) values (project, put_webhook.url, coalesce(put_webhook.enabled, true), put_webhook.events)
  on conflict (project_id) do update set url = excluded.url, enabled = excluded.enabled, events = excluded.events, updated_at = clock_timestamp()
    where (w.url, w.enabled, w.events) is distinct from (excluded.url, excluded.enabled, excluded.events)
  returning * into present;
  if not found then
    return to_jsonb(old);
  end if;
  perform ops_private.audit(null, 'webhook.saved', 'webhook', project::text, ops_private.webhook_audit(old), ops_private.webhook_audit(present), project);
  return to_jsonb(present);
end
$$;
create function ops_private.webhook_audit(webhook ops.webhooks) returns jsonb language sql immutable set search_path = '' as $$
  select case when webhook.project_id is not null then jsonb_build_object('host', substring(webhook.url from '^https?://([^/?#]+)'),
    'url_sha256', encode(sha256(convert_to(webhook.url, 'UTF8')), 'hex'), 'enabled', webhook.enabled, 'events', webhook.events) end
$$;

-- delete_webhook: admins of the project. Its log stays; what still waits is given up at the next tick. A repeat answers false.
create function ops_private.delete_webhook(project uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.webhooks;
begin
  perform ops_private.require_project(project, 'admin', 'delete the webhook');
  delete from ops.webhooks as w where w.project_id = project returning * into old;
  if not found then
    return false;
  end if;
  perform ops_private.audit(null, 'webhook.deleted', 'webhook', project::text, ops_private.webhook_audit(old), null, project);
  return true;
end
$$;

create function ops_private.delivery_json(delivery ops.webhook_deliveries) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(delivery) - 'sending_until'
$$;

-- test_webhook: admins of the project. Sends a message that says only that it is a test.
create function ops_private.test_webhook(project uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  made ops.webhook_deliveries;
begin
  perform ops_private.require_project(project, 'admin', 'test the webhook');
  if not exists (select from ops.webhooks as w where w.project_id = project and w.enabled) then
    perform ops_private.fail('not_found', 'The project has no enabled webhook.', 'Set it with PUT /webhook.');
  end if;
  insert into ops.webhook_deliveries (project_id, type, payload)
  select p.project_id, 'webhook.test', jsonb_build_object('type', 'webhook.test', 'timestamp', clock_timestamp(), 'data', jsonb_build_object('project', p.slug, 'message', 'This is a test.'))
  from ops.projects as p where p.project_id = project returning * into made;
  perform ops_private.audit(null, 'webhook.tested', 'webhook', project::text, null, jsonb_build_object('delivery_id', made.delivery_id), project);
  return ops_private.delivery_json(made);
end
$$;

-- retry_delivery: admins of the project. failed → pending, with eight more tries and the same id; a pending one is due at once. One that
-- arrived is not sent again.
create function ops_private.retry_delivery(delivery uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_delivery ops.webhook_deliveries;
begin
  select * into found_delivery from ops.webhook_deliveries as d where d.delivery_id = delivery and d.project_id = any (ops_private.visible_projects()) for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such delivery, or you may not see it.');
  end if;
  perform ops_private.require_project(found_delivery.project_id, 'admin', 'send it again');
  if found_delivery.status = 'delivered' then
    perform ops_private.fail('illegal_transition', 'It has arrived.');
  elsif not exists (select from ops.webhooks as w where w.project_id = found_delivery.project_id and w.enabled) then
    perform ops_private.fail('not_found', 'The project has no enabled webhook.', 'Set it with PUT /webhook.');
  end if;
  update ops.webhook_deliveries as d set status = 'pending', next_attempt_at = least(d.next_attempt_at, clock_timestamp()), finished_at = null,
    max_attempts = case d.status when 'failed' then d.attempts + 8 else d.max_attempts end
  where d.delivery_id = delivery returning * into found_delivery;
  perform ops_private.audit(null, 'webhook.retried', 'webhook', found_delivery.project_id::text, null, jsonb_build_object('delivery_id', delivery), found_delivery.project_id);
  return ops_private.delivery_json(found_delivery);
end
$$;

create function ops.put_webhook(project_id uuid, url text, enabled boolean default true, events text[] default '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}') returns jsonb
language sql set search_path = '' as 'select ops_private.put_webhook($1, $2, $3, $4)';
create function ops.delete_webhook(project_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_webhook($1)';
create function ops.test_webhook(project_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.test_webhook($1)';
create function ops.retry_delivery(delivery_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.retry_delivery($1)';
grant execute on function ops_private.put_webhook(uuid, text, boolean, text[]), ops.put_webhook(uuid, text, boolean, text[]),
  ops_private.delete_webhook(uuid), ops.delete_webhook(uuid), ops_private.test_webhook(uuid), ops.test_webhook(uuid),
  ops_private.retry_delivery(uuid), ops.retry_delivery(uuid) to authenticated, ops_token;
-- What makes a delivery, and how it is taken and settled.

-- Called by runs_ended: one delivery for each run that ended failed, where the project's webhook wants it. A verification is
-- somebody's experiment: nobody is woken for it. A child run is a part: its parent tells, if it fails.
create function ops_private.tell_failed_runs(ended uuid[]) returns void language sql security definer set search_path = '' as $$
  insert into ops.webhook_deliveries (project_id, run_id, type, payload)
  select r.project_id, r.run_id, 'run.failed', jsonb_build_object('type', 'run.failed', 'timestamp', r.finished_at, 'data', jsonb_build_object(
    'run_id', r.run_id, 'project', p.slug, 'environment', e.slug, 'pipeline', r.spec_slug, 'template_key', r.template_key, 'trigger', r.trigger, 'attempt', r.attempt,
    'error_code', r.error_code, 'error_message', left(r.error_message, 500), 'created_at', r.created_at, 'started_at', r.started_at, 'finished_at', r.finished_at,
    'path', '/runs/' || r.run_id, 'route', ops_private.route(r.project_id, 'run.failed', (select s.spec ->> 'layer' from ops.specs as s where s.project_id = r.project_id and s.spec_sha256 = r.spec_sha256), e.slug)))
  from ops.runs as r
  join ops.webhooks as w on w.project_id = r.project_id and w.enabled and 'run.failed' = any (w.events)
  join ops.projects as p on p.project_id = r.project_id join ops.environments as e on e.environment_id = r.environment_id
  where r.run_id = any (ended) and r.status = 'failed' and not r.isolated and r.parent_run_id is null
  on conflict (run_id) where run_id is not null do nothing
$$;

-- Since when the scheduler watches without a gap: when nobody ticked, executors could not report either.
create table ops_private.executor_watch (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  watching_since timestamptz not null default clock_timestamp(),
  watched_at timestamptz not null default clock_timestamp()
);
alter table ops_private.executor_watch enable row level security;
alter table ops_private.executor_watch force row level security;
insert into ops_private.executor_watch default values;

-- watch_executors: the scheduler. Notes once an outage that an executor which was online went silent, and that it came back; tells
-- both to the project's webhook. One that was asked to drain may leave without a word. After a gap of its own of 75 s (a restart, a stopped
-- control plane) it gives executors 90 s to show themselves before it calls any of them silent.
create function ops_private.watch_executors() returns int language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  since timestamptz;
  changed int;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler watches executors.');
  end if;
  update ops_private.executor_watch as w set watched_at = moment, watching_since = case when w.watched_at < moment - interval '75 seconds' then moment else w.watching_since end
  where w.only_row returning w.watching_since into since;
  with seen as (
    select x.executor_id, ops.status(x) = 'offline' as silent from ops.executors as x
    where x.deleted_at is null and x.last_seen_at is not null
      and (x.offline_since is null and ops.status(x) = 'offline' and x.draining_since is null and since <= moment - interval '90 seconds' or x.offline_since is not null and ops.status(x) <> 'offline')
    limit 200 for no key update skip locked),
  turned as (
    update ops.executors as x set offline_since = case when s.silent then x.last_seen_at end from seen as s where x.executor_id = s.executor_id
    returning x.*, s.silent, case when s.silent then 'executor.offline' else 'executor.online' end as event),
  told as (
    insert into ops.webhook_deliveries (project_id, executor_id, type, payload)
    select t.project_id, t.executor_id, t.event, jsonb_build_object('type', t.event, 'timestamp', clock_timestamp(), 'data', jsonb_build_object(
      'executor_id', t.executor_id, 'executor', t.name, 'project', p.slug, 'last_seen_at', t.last_seen_at, 'hostname', t.hostname, 'version', t.version,
      'active_runs', (select count(*) from ops.leases as l where l.executor_id = t.executor_id), 'path', '/executors/' || t.executor_id, 'route', ops_private.route(t.project_id, t.event, null, null)))
    from turned as t join ops.webhooks as w on w.project_id = t.project_id and w.enabled and t.event = any (w.events) join ops.projects as p on p.project_id = t.project_id)
  select count(*) into changed from turned;
  return changed;
end
$$;

-- take_deliveries: the scheduler. Takes what is due, each organization's oldest, then each one's second, at most four at once for a project, so that one slow
-- receiver, or an organization that has much to tell, holds up nobody else; each for 60 s, in which the taker tells how it went. Gives up what has no enabled webhook any more.
create function ops_private.take_deliveries(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  taken jsonb;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler sends deliveries.');
  elsif at_most is null or at_most not between 1 and 100 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 100.');
  end if;
  update ops.webhook_deliveries as d set status = 'failed', next_attempt_at = null, sending_until = null, finished_at = moment, last_error = 'The project has no enabled webhook any more.'
  where d.delivery_id = any (array(
    select o.delivery_id from ops.webhook_deliveries as o where o.status = 'pending' and (o.sending_until is null or o.sending_until <= moment)
      and not exists (select from ops.webhooks as w where w.project_id = o.project_id and w.enabled) limit 1000 for update skip locked));
  with due as materialized (
    select t.delivery_id from (
      select d.delivery_id, d.next_attempt_at, row_number() over (partition by p.organization_id order by d.next_attempt_at) as turn
      from ops.webhooks as w join ops.projects as p on p.project_id = w.project_id cross join lateral (
        select q.delivery_id, q.next_attempt_at from ops.webhook_deliveries as q
        where q.project_id = w.project_id and q.status = 'pending' and q.next_attempt_at <= moment and (q.sending_until is null or q.sending_until <= moment)
        order by q.next_attempt_at
        limit greatest(0, 4 - (select count(*) from ops.webhook_deliveries as b where b.project_id = w.project_id and b.status = 'pending' and b.sending_until > moment))) as d
      where w.enabled) as t
    order by t.turn, t.next_attempt_at limit at_most),
  locked as materialized (
    select d.delivery_id from ops.webhook_deliveries as d where d.delivery_id in (select x.delivery_id from due as x)
      and d.status = 'pending' and d.next_attempt_at <= moment and (d.sending_until is null or d.sending_until <= moment) for update skip locked),
  sent as (
    update ops.webhook_deliveries as d set attempts = d.attempts + 1, sending_until = moment + interval '60 seconds', next_attempt_at = moment + interval '60 seconds'
    from locked as l where d.delivery_id = l.delivery_id returning d.*)
  select coalesce(jsonb_agg(jsonb_build_object('delivery_id', s.delivery_id, 'attempt', s.attempts, 'url', w.url, 'payload', s.payload) order by s.delivery_id), '[]') into taken
  from sent as s join ops.webhooks as w using (project_id);
  return taken;
end
$$;

-- settle_delivery: the scheduler. The outcome of one attempt: an HTTP status, or an error where there was no answer. 2xx → delivered; else
-- pending with a growing wait (1, 3, 9 … minutes and up to half as much again, about a day for all eight tries), and failed after the
-- last. An attempt that is not the present one changes nothing: false.
create function ops_private.settle_delivery(delivery uuid, attempt int, http_status int, error text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  arrived boolean := coalesce(http_status between 200 and 299, false);
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler settles deliveries.');
  end if;
  update ops.webhook_deliveries as d set last_status = http_status, last_error = case when not arrived then left(error, 500) end, sending_until = null,
    status = case when arrived then 'delivered' when d.attempts >= d.max_attempts then 'failed' else 'pending' end,
    next_attempt_at = case when not arrived and d.attempts < d.max_attempts then clock_timestamp() + ops_private.delivery_backoff(8 - (d.max_attempts - d.attempts)) end,
    finished_at = case when arrived or d.attempts >= d.max_attempts then clock_timestamp() end
  where d.delivery_id = delivery and d.attempts = attempt and d.status = 'pending' and d.sending_until is not null;
  return found;
end
$$;
create function ops_private.delivery_backoff(attempt int) returns interval language sql volatile set search_path = '' as $$
  select make_interval(secs => 60 * power(3, least(greatest(attempt, 1), 8) - 1) * (1 + random() * 0.5))
$$;

create function ops.watch_executors() returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.watch_executors())';
create function ops.take_deliveries(at_most int default 20) returns jsonb language sql set search_path = '' as 'select ops_private.take_deliveries($1)';
create function ops.settle_delivery(delivery_id uuid, attempt int, http_status int default null, error text default null) returns boolean
language sql set search_path = '' as 'select ops_private.settle_delivery($1, $2, $3, $4)';
grant execute on function ops_private.watch_executors(), ops.watch_executors(), ops_private.take_deliveries(int), ops.take_deliveries(int),
  ops_private.settle_delivery(uuid, int, int, text), ops.settle_delivery(uuid, int, int, text) to ops_token;
-- One verb on many runs, as a job: the runs are found once, at its creation, and then worked off in slices by the tick, each item
-- in a savepoint, as the one who asked: their role counts when an item's turn comes, and the audit log names them.
create table ops.bulk_jobs (
  bulk_id uuid primary key default ops_private.uuid_v7(),
  -- Where it looked; whoever sees all of them sees the job.
  environment_ids uuid[] not null constraint it_looked_somewhere check (cardinality(environment_ids) >= 1),
  verb text not null constraint verb_is_known check (verb in ('cancel', 'retry')),
  options jsonb not null,
  filter jsonb not null,
  status text not null default 'running' constraint bulk_status_is_known check (status in ('running', 'finished', 'aborted')),
  total int not null,
  created_by_type text not null constraint creator_is_known check (created_by_type in ('user', 'token')),
  created_by uuid not null,
  created_by_name text,
  idempotency_key text,
  request_sha256 text not null,
  turn_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint bulk_finished_only_when_ended check ((status = 'running') = (finished_at is null)),
  constraint one_idempotency_key_one_bulk_job unique (created_by, idempotency_key)
);
create index bulk_jobs_running on ops.bulk_jobs (turn_at) where status = 'running';

create table ops.bulk_items (
  bulk_id uuid not null references ops.bulk_jobs,
  position int not null,
  run_id uuid not null references ops.runs,
  environment_id uuid not null,
  status text not null default 'pending' constraint item_status_is_known check (status in ('pending', 'done', 'skipped', 'refused')),
  code text,
  new_run_id uuid references ops.runs,
  finished_at timestamptz,
  primary key (bulk_id, position),
  constraint item_finished_only_when_ended check ((status = 'pending') = (finished_at is null))
);
create index bulk_items_pending on ops.bulk_items (bulk_id, position) where status = 'pending';
-- Where runs are removed, each asks who refers to it.
create index bulk_items_by_run on ops.bulk_items (run_id);
create index bulk_items_by_new_run on ops.bulk_items (new_run_id) where new_run_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['bulk_jobs', 'bulk_items'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create policy members_see_jobs_of_their_environments on ops.bulk_jobs for select to authenticated, ops_token, ops_sql
  using (environment_ids <@ (select ops_private.visible_environments())::uuid[]);
create policy members_see_their_environments on ops.bulk_items for select to authenticated, ops_token, ops_sql
  using (environment_id = any ((select ops_private.visible_environments())::uuid[]));

-- Counted, never kept beside the items: a job has at most 10,000.
create view ops.bulk_list with (security_invoker = true) as
  select j.bulk_id, j.environment_ids, j.verb, j.options, j.filter, j.status, j.total, n.done, n.skipped, n.refused, j.created_by_name as created_by, j.created_at, j.finished_at
  from ops.bulk_jobs as j cross join lateral (
    select count(*) filter (where i.status = 'done')::int as done, count(*) filter (where i.status = 'skipped')::int as skipped, count(*) filter (where i.status = 'refused')::int as refused
    from ops.bulk_items as i where i.bulk_id = j.bulk_id) as n;
grant select on ops.bulk_list to authenticated, ops_token, ops_sql;

create function ops_private.bulk_json(job uuid) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(l) from ops.bulk_list as l where l.bulk_id = job
$$;

-- The runs that a filter means, newest first, at most one more than `at_most`, none before `first_run`. The words are those of the runs list, and run_ids.
create function ops_private.runs_of_filter(filter jsonb, environments uuid[], statuses text[], at_most int, first_run uuid default null) returns uuid[]
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  search text := nullif(btrim(filter ->> 'search'), '');
  pattern text := '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  hex text := replace(lower(search), '-', '');
  ids uuid[] := case when filter ? 'run_ids' then array(select i::uuid from jsonb_array_elements_text(filter -> 'run_ids') as i) end;
  id_from uuid;
  id_to uuid;
begin
  if hex ~ '^[0-9a-f]{4,32}$' then
    id_from := rpad(hex, 32, '0')::uuid;
    id_to := rpad(hex, 32, 'f')::uuid;
  end if;
  return array(
    select f.run_id from unnest(environments) as e (environment_id) cross join lateral (
      select r.run_id from ops.runs as r
      where r.environment_id = e.environment_id and r.status = any (statuses)
        and (ids is null or r.run_id = any (ids)) and (first_run is null or r.run_id >= first_run)
        and (not filter ? 'template_key' or r.template_key = filter ->> 'template_key')
        and (not filter ? 'kind' or r.kind = filter ->> 'kind')
        and (not filter ? 'trigger' or r.trigger = filter ->> 'trigger')
        and (not filter ? 'executor_id' or r.executor_id = (filter ->> 'executor_id')::uuid)
        and (not filter ? 'repairs_run_id' or r.repairs_run_id = (filter ->> 'repairs_run_id')::uuid)
        and (not filter ? 'parent_run_id' or r.parent_run_id = (filter ->> 'parent_run_id')::uuid)
        and (not filter ? 'schedule_id' or r.schedule_id = (filter ->> 'schedule_id')::uuid)
        and (not filter ? 'backfill_id' or r.backfill_id = (filter ->> 'backfill_id')::uuid)
        and (not filter ? 'error_code' or r.error_code = filter ->> 'error_code')
        and (not filter ? 'created_after' or r.created_at >= (filter ->> 'created_after')::timestamptz)
        and (not filter ? 'created_before' or r.created_at < (filter ->> 'created_before')::timestamptz)
        and (not filter ? 'label' or r.labels @> array[filter ->> 'label'])
        and (not filter ? 'tag' or r.template_id in (select t.template_id from ops.job_templates as t where filter ->> 'tag' = any (t.tags)))
        and (not filter ? 'checks' or (r.failed_checks > 0) = (filter ->> 'checks' = 'failed'))
        and (not filter ? 'min_duration_seconds' or r.duration_seconds >= (filter ->> 'min_duration_seconds')::float8)
        and (not filter ? 'max_duration_seconds' or r.duration_seconds <= (filter ->> 'max_duration_seconds')::float8)
        and (search is null or r.spec_slug ilike pattern or r.error_message ilike pattern or r.run_id between id_from and id_to)
      order by r.run_id desc limit at_most + 1) as f
    order by f.run_id desc limit at_most + 1);
end
$$;

-- count_runs: whoever sees the environment. How many of its newest 5,000 runs fit a filter (without its status), by status; `complete` where no older
-- one could. Costs as much of a million runs as of five thousand.
create function ops_private.count_runs(environment uuid, filter jsonb) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  looked_at constant int := 5000;
  words jsonb := jsonb_strip_nulls(filter) - array['environment_id', 'status'];
  first_run uuid;
begin
  if not environment = any (ops_private.visible_environments()) then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  end if;
  select r.run_id into first_run from ops.runs as r where r.environment_id = environment order by r.run_id desc offset looked_at limit 1;
  return jsonb_build_object('complete', first_run is null or coalesce(ops_private.uuid_at((words ->> 'created_after')::timestamptz) > first_run, false),
    'runs', (select jsonb_object_agg(s.status, cardinality(ops_private.runs_of_filter(words, array[environment], array[s.status], looked_at, first_run)))
      from unnest(array['queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled']) as s (status)));
end
$$;
create function ops.count_runs(environment_id uuid, filter jsonb default '{}') returns jsonb language sql stable set search_path = '' as 'select ops_private.count_runs($1, $2)';
grant execute on function ops_private.count_runs(uuid, jsonb), ops.count_runs(uuid, jsonb) to authenticated, ops_token;

-- create_bulk(request): people and API tokens with the role operator. { filter, verb, mode, definition, reason, limit, dry_run, idempotency_key }.
-- Refuses an empty filter, a word that it does not know, and a filter that more than `limit` runs fit. dry_run only counts. The first slice
-- is done at once. The same idempotency_key answers the same job. Locks the runs of the slice, then their gates.
create function ops_private.create_bulk(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  filter jsonb := jsonb_strip_nulls(coalesce(request -> 'filter', '{}'));
  words constant text[] := array['environment_id', 'status', 'template_key', 'kind', 'trigger', 'executor_id', 'repairs_run_id', 'parent_run_id', 'schedule_id', 'backfill_id', 'error_code', 'label', 'tag', 'checks', 'min_duration_seconds', 'max_duration_seconds', 'search', 'created_after', 'created_before', 'run_ids'];
  verb text := request ->> 'verb';
  mode text := coalesce(request ->> 'mode', 'all');
  definition text := coalesce(request ->> 'definition', 'pinned');
  most int := coalesce((request ->> 'limit')::int, 10000);
  key text := request ->> 'idempotency_key';
  hash text := encode(sha256(convert_to((request - 'idempotency_key')::text, 'UTF8')), 'hex');
  word text;
  environments uuid[];
  statuses text[];
  found_runs uuid[];
  job ops.bulk_jobs;
begin
  if coalesce(me.type, '') not in ('user', 'token') then
    perform ops_private.fail('forbidden', 'Only people and API tokens act on many runs.');
  elsif coalesce(verb, '') not in ('cancel', 'retry') or mode not in ('all', 'failed', 'verify') or definition not in ('pinned', 'current') or most not between 1 and 10000 or jsonb_typeof(filter) <> 'object' then
    perform ops_private.fail('invalid_input', 'verb is cancel or retry; mode is all, failed or verify; definition is pinned or current; limit is 1 to 10,000; filter is an object.');
  end if;
  select w into word from jsonb_object_keys(filter) as w where w <> all (words) limit 1;
  if found then
    perform ops_private.fail('invalid_input', format('The filter does not know %s.', word), 'Use the words of the runs list.');
  elsif not exists (select from jsonb_each_text(filter) as f where btrim(f.value) not in ('', '[]')) then
    perform ops_private.fail('empty_filter', 'The filter is empty: it would mean every run that you see.', 'Say which runs are meant.');
  end if;
  if filter ? 'environment_id' then
    perform ops_private.require((filter ->> 'environment_id')::uuid, 'operator', 'act on many runs');
    environments := array[(filter ->> 'environment_id')::uuid];
  else
    environments := ops_private.visible_environments(2);
    if cardinality(environments) = 0 then
      perform ops_private.fail('forbidden', 'To act on many runs needs the role operator.', 'Ask an admin of the project for that role.');
    end if;
  end if;
  if key is not null then
    select * into job from ops.bulk_jobs as j where j.created_by = me.id and j.idempotency_key = key;
  end if;
  if job.bulk_id is null then
    statuses := case when verb = 'cancel' then array['queued', 'claimed', 'running'] when mode = 'failed' then array['failed', 'canceled']
      when mode = 'verify' then array['succeeded'] else array['succeeded', 'failed', 'canceled'] end;
    if jsonb_array_length(coalesce(filter -> 'status', '[]')) > 0 then
      statuses := array(select s from unnest(statuses) as s where filter -> 'status' ? s);
    end if;
    found_runs := ops_private.runs_of_filter(filter, environments, statuses, most);
    if cardinality(found_runs) > most then
      perform ops_private.fail('too_many_runs', format('More than %s runs fit this filter.', most), 'Narrow it, for example by time.');
    elsif coalesce((request ->> 'dry_run')::boolean, false) then
      return jsonb_build_object('dry_run', true, 'total', cardinality(found_runs));
    end if;
    insert into ops.bulk_jobs (environment_ids, verb, options, filter, total, created_by_type, created_by, created_by_name, idempotency_key, request_sha256)
    values (environments, verb, case verb when 'cancel' then jsonb_strip_nulls(jsonb_build_object('reason', request -> 'reason')) else jsonb_build_object('mode', mode, 'definition', definition) end,
      filter, cardinality(found_runs), me.type, me.id, me.name, key, hash)
    on conflict on constraint one_idempotency_key_one_bulk_job do nothing returning * into job;
    if found then
      insert into ops.bulk_items (bulk_id, position, run_id, environment_id)
      select job.bulk_id, f.nth, r.run_id, r.environment_id from unnest(found_runs) with ordinality as f (run_id, nth) join ops.runs as r on r.run_id = f.run_id;
      perform ops_private.audit(null, 'bulk.created', 'bulk_job', job.bulk_id::text, null, jsonb_build_object('verb', verb, 'filter', filter, 'total', job.total), p.project_id)
      from (select distinct e.project_id from ops.environments as e where e.environment_id = any (environments)) as p;
      perform ops_private.advance_bulk(job, 50);
      return ops_private.bulk_json(job.bulk_id);
    end if;
    select * into job from ops.bulk_jobs as j where j.created_by = me.id and j.idempotency_key = key;  -- another call made it a moment ago
  end if;
  if job.request_sha256 <> hash then
    perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
  end if;
  return ops_private.bulk_json(job.bulk_id);
end
$$;

-- abort_bulk: operators of every environment of the job. running → aborted: what was not done yet is skipped. Waits for the slice
-- under way. A repeat changes nothing; a finished job is illegal_transition.
create function ops_private.abort_bulk(bulk uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  job ops.bulk_jobs;
begin
  select * into job from ops.bulk_jobs as j where j.bulk_id = bulk and j.environment_ids <@ ops_private.visible_environments() for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such job, or you may not see it.');
  elsif not job.environment_ids <@ ops_private.visible_environments(2) then
    perform ops_private.fail('forbidden', 'To abort it needs the role operator in all of its environments.', 'Ask an admin of the project for that role.');
  elsif job.status = 'finished' then
    perform ops_private.fail('illegal_transition', 'The job has finished.');
  elsif job.status = 'running' then
    update ops.bulk_items as i set status = 'skipped', code = 'aborted', finished_at = clock_timestamp() where i.bulk_id = bulk and i.status = 'pending';
    update ops.bulk_jobs as j set status = 'aborted', finished_at = clock_timestamp() where j.bulk_id = bulk;
    perform ops_private.audit(null, 'bulk.aborted', 'bulk_job', bulk::text, null, null, p.project_id)
    from (select distinct e.project_id from ops.environments as e where e.environment_id = any (job.environment_ids)) as p;
  end if;
  return ops_private.bulk_json(bulk);
end
$$;

create function ops.create_bulk(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.create_bulk($1)';
create function ops.abort_bulk(bulk_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.abort_bulk($1)';
grant execute on function ops_private.create_bulk(jsonb), ops.create_bulk(jsonb), ops_private.abort_bulk(uuid), ops.abort_bulk(uuid) to authenticated, ops_token;
-- The principal that a job's creator is now: null where the token has ended, or the person is banned. What they may do is asked again for every item.
create function ops_private.principal_now(type text, id uuid, name text) returns text language sql stable security definer set search_path = '' as $$
  select case type
    when 'user' then (select json_build_object('type', 'user', 'id', u.id, 'name', name) from auth.users as u where u.id = principal_now.id and (u.banned_until is null or u.banned_until <= now()))
    when 'token' then (select json_build_object('type', 'token', 'id', t.api_token_id, 'name', t.name, 'project_id', t.project_id, 'environment_id', t.environment_id, 'role', t.role)
      from ops.api_tokens as t where t.api_token_id = principal_now.id and t.revoked_at is null and t.expires_at > clock_timestamp())
  end::text
$$;

-- One slice of a job, whose row the caller has locked: at most so many items, in order. Locks their runs (skipping what others hold), then
-- all of their gates once, then does each in a savepoint. An item in whose way another transaction stands stays pending. Answers how many it settled.
create function ops_private.advance_bulk(job ops.bulk_jobs, at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  before text := coalesce(current_setting('ops.principal', true), '');
  creator text := ops_private.principal_now(job.created_by_type, job.created_by, job.created_by_name);
  slice uuid[] := array(select i.run_id from ops.bulk_items as i where i.bulk_id = job.bulk_id and i.status = 'pending' order by i.position limit at_most);
  item ops.bulk_items;
  result text;
  settled int := 0;
begin
  if job.verb = 'cancel' then
    slice := array(select r.run_id from ops.runs as r where r.run_id = any (slice) order by r.run_id for no key update skip locked);
  end if;
  perform ops_private.lock_gates(ops_private.gates_of(slice));
  perform set_config('ops.principal', coalesce(creator, ''), true);
  for item in select * from ops.bulk_items as i where i.bulk_id = job.bulk_id and i.status = 'pending' and i.run_id = any (slice) order by i.position loop
    result := 'done';
    begin
      if creator is null then
        perform ops_private.fail('token_invalid', 'Who asked for it may do nothing any more.');
      elsif job.verb = 'retry' then
        item.new_run_id := ops_private.retry_run(item.run_id, job.options ->> 'mode', job.options ->> 'definition', null) ->> 'run_id';
      elsif exists (select from ops.runs as r where r.run_id = item.run_id and r.status = 'canceled') then
        perform ops_private.fail('run_finished', 'It was canceled meanwhile.');
      else
        perform ops_private.cancel_run(item.run_id, job.options ->> 'reason');
      end if;
    exception
      when deadlock_detected or lock_not_available or serialization_failure then
        exit;
      when others then
        -- Our own errors have a code of the contract as message; anything else is a defect, which must not stop the other items.
        if sqlstate not like 'PT%' then
          raise warning 'bulk item % of %: % %', item.position, job.bulk_id, sqlstate, sqlerrm;
        end if;
        item.code := case when sqlstate like 'PT%' then sqlerrm else 'internal' end;
        result := case when item.code in ('run_finished', 'illegal_transition') then 'skipped' else 'refused' end;
    end;
    update ops.bulk_items as i set status = result, code = item.code, new_run_id = item.new_run_id, finished_at = clock_timestamp() where i.bulk_id = job.bulk_id and i.position = item.position;
    settled := settled + 1;
  end loop;
  perform set_config('ops.principal', before, true);
  update ops.bulk_jobs as j set turn_at = clock_timestamp(), status = case when open then 'running' else 'finished' end, finished_at = case when not open then clock_timestamp() end
  from (select exists (select from ops.bulk_items as i where i.bulk_id = job.bulk_id and i.status = 'pending') as open) as o where j.bulk_id = job.bulk_id;
  return settled;
end
$$;

-- advance_bulk_jobs: the scheduler. One slice of the job that waited longest, skipping those that another caller advances.
create function ops_private.advance_bulk_jobs(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  job ops.bulk_jobs;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler advances jobs.');
  elsif at_most is null or at_most not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 500.');
  end if;
  select * into job from ops.bulk_jobs as j where j.status = 'running' order by j.turn_at limit 1 for update skip locked;
  return case when found then ops_private.advance_bulk(job, at_most) else 0 end;
end
$$;
create function ops.advance_bulk_jobs(at_most int default 50) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.advance_bulk_jobs($1))';
grant execute on function ops_private.advance_bulk_jobs(int), ops.advance_bulk_jobs(int) to ops_token;
-- A run's score: how well it went, 0 to 100, out of signals (numbers about the run) and the weights that its project gives them.
-- The formula is in docs/scores.md. Same signals and weights, same score.
create table ops.signal_weights (
  project_id uuid not null references ops.projects,
  signal text not null constraint signal_is_a_word check (signal ~ '^[a-z][a-z0-9_]{0,62}$'),
  weight numeric(12, 6) not null constraint weight_is_not_negative check (weight >= 0),
  updated_at timestamptz not null default now(),
  primary key (project_id, signal)
);

-- Its length is checked beside its pattern, as in run_phases: with {0,62} the pattern was a sixth of scoring.
-- Those that the holder of a run gave it (put_signals). What the control plane derives stands in the breakdown alone.
create table ops.signals (
  run_id uuid not null,
  signal text not null constraint signal_is_a_word check (signal ~ '^[a-z][a-z0-9_]*$' and length(signal) <= 63),
  environment_id uuid not null,
  value double precision not null constraint value_is_a_number check (value between -1e300 and 1e300),
  created_at timestamptz not null default clock_timestamp(),
  primary key (run_id, signal)
);

-- Runs that ended and were not scored yet (runs_ended writes them): the end of a run stays cheap, the tick computes. No foreign key: runs are never deleted.
create table ops_private.runs_to_score (run_id uuid primary key);
alter table ops_private.runs_to_score enable row level security;
alter table ops_private.runs_to_score force row level security;

do $$
declare
  name text;
begin
  foreach name in array array['signal_weights', 'signals', 'run_scores'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create policy members_see_their_projects on ops.signal_weights for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_their_environments on ops.signals for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
create policy members_see_their_environments on ops.run_scores for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));

-- Signals that the control plane derives itself, each with its weight where a project says nothing, the value up to which it is good,
-- and how far beyond that half of its points are lost. A project's own signals weigh 0, are good up to 0, and lose half at 1.
create function ops_private.known_signals() returns table (signal text, weight numeric, good double precision, half double precision) language sql immutable set search_path = '' as $$
  values ('run_failed', 10.0, 0.0::double precision, 0.0::double precision), ('failed_phases', 2.0, 0, 1), ('retries', 1.0, 0, 1), ('duration_ratio', 1.0, 1, 1), ('queue_wait_seconds', 0.5, 0, 300), ('quality_failures', 2.0, 0, 1), ('quality_warnings', 0.5, 0, 1)
$$;

-- What the control plane derives of ended runs, from what no longer changes (the caller has locked the runs), so never stored: the duration is held against the median of the last 20 runs of the same
-- template that had succeeded, of the 40 before this one, and had ended when this one began; from three on.
create function ops_private.derived_signals(ended uuid[]) returns table (run_id uuid, signal text, value double precision) language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
begin
  return query select r.run_id, s.signal, s.value
  from ops.runs as r
  left join lateral (
    select percentile_cont(0.5) within group (order by l.seconds) as seconds, count(*) as runs from (
      select extract(epoch from h.finished_at - h.started_at)::double precision as seconds from (
        select q.run_id, q.status, q.isolated, q.started_at, q.finished_at from ops.runs as q where q.environment_id = r.environment_id and q.template_key = r.template_key and q.run_id < r.run_id order by q.run_id desc limit 40) as h
      where h.status = 'succeeded' and not h.isolated and h.finished_at <= r.started_at order by h.run_id desc limit 20) as l) as usual on true
  left join lateral (
    select count(*) filter (where p.status = 'failed') as failed,
      count(*) filter (where p.error_code = 'quality_failed') as quality_failed,
      sum(ops_private.figure(p.metrics, 'warned')) filter (where p.type = 'validate') as warned
    from ops.run_phases as p where p.run_id = r.run_id) as phases on true
  -- Arrays, not `values`, which prepares its expressions anew for each run.
  cross join lateral unnest(array['run_failed', 'failed_phases', 'retries', 'queue_wait_seconds', 'duration_ratio', 'quality_failures', 'quality_warnings'], array[
    (r.status = 'failed')::int,
    phases.failed,
    greatest(r.attempt - 1, 0),
    greatest(extract(epoch from r.started_at - greatest(r.created_at, r.run_after)), 0),
    case when r.status = 'succeeded' and usual.runs >= 3 then extract(epoch from r.finished_at - r.started_at)::double precision / nullif(usual.seconds, 0) end,
    phases.quality_failed,
    phases.warned]::double precision[]) as s (signal, value)
  where r.run_id = any (ended) and r.status in ('succeeded', 'failed') and s.value is not null;
end
$$;

-- A canceled run says nothing about itself and gets none. score = 100 × (1 − Σ weight × lost ÷ Σ weight), lost = x ÷ (x + half), x = how far the value is beyond what is good. Only signals
-- that the run has count; without any weight the score is 100. The caller has locked the runs. Kept here alone: a score in the run itself would cost a third version of each.
create function ops_private.score_runs(ended uuid[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  scored int;
begin
  with given as (
    select d.run_id, d.signal, d.value from ops_private.derived_signals(ended) as d
    union all select s.run_id, s.signal, s.value from ops.signals as s where s.run_id = any (ended)),
  weighed as (
    select r.run_id, r.environment_id, s.signal, s.value, coalesce(w.weight, k.weight, 0)::double precision as weight,
      case when s.value > coalesce(k.good, 0) then (s.value - coalesce(k.good, 0)) / (s.value - coalesce(k.good, 0) + coalesce(k.half, 1)) else 0 end as lost
    from ops.runs as r join given as s on s.run_id = r.run_id
    left join ops.signal_weights as w on w.project_id = r.project_id and w.signal = s.signal
    left join ops_private.known_signals() as k on k.signal = s.signal
    where r.run_id = any (ended) and r.status in ('succeeded', 'failed')),
  totals as (
    -- All three in one order, in which Postgres sorts the rows once, and not anew for each run.
    select g.run_id, g.environment_id, round((100 * (1 - coalesce(sum(g.weight * g.lost order by g.weight * g.lost desc, g.signal) / nullif(sum(g.weight order by g.weight * g.lost desc, g.signal), 0), 0)))::numeric, 3)::double precision as score,
      jsonb_agg(jsonb_build_object('signal', g.signal, 'value', g.value, 'weight', g.weight, 'lost', round(g.lost::numeric, 6)) order by g.weight * g.lost desc, g.signal) as breakdown
    from weighed as g group by g.run_id, g.environment_id),
  stored as (
    insert into ops.run_scores as c (run_id, environment_id, score, breakdown) select t.run_id, t.environment_id, t.score, t.breakdown from totals as t
    on conflict (run_id) do update set score = excluded.score, breakdown = excluded.breakdown, computed_at = clock_timestamp()
      where (c.score, c.breakdown) is distinct from (excluded.score, excluded.breakdown)
    returning 1)
  select count(*) into scored from totals;
  return scored;
end
$$;

-- score_ended_runs: the scheduler. Scores runs that ended and notes for alert rules how they did, skipping what others hold; the next call goes on.
create function ops_private.score_ended_runs(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  due uuid[];
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler scores all runs.');
  elsif at_most is null or at_most not between 1 and 1000 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 1,000.');
  end if;
  due := array(select q.run_id from ops_private.runs_to_score as q order by q.run_id limit at_most for update skip locked);
  due := array(select r.run_id from ops.runs as r where r.run_id = any (due) order by r.run_id for no key update skip locked);
  perform ops_private.score_runs(due);
  perform ops_private.note_ends(due);
  delete from ops_private.runs_to_score as q where q.run_id = any (due);
  return cardinality(due);
end
$$;

-- compute_run_score: operators. Computes it again, for example after the weights changed. Answers the score with its breakdown.
create function ops_private.compute_run_score(run uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  before jsonb;
begin
  select * into found_run from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(found_run.environment_id, 'operator', 'compute a score');
  if found_run.status not in ('succeeded', 'failed') then
    perform ops_private.fail('illegal_transition', format('The run is %s: only one that succeeded or failed has a score.', found_run.status));
  end if;
  before := jsonb_build_object('score', (select s.score from ops.run_scores as s where s.run_id = run));
  perform ops_private.score_runs(array[run]);
  perform ops_private.audit(found_run.environment_id, 'run.scored', 'run', run::text, before, (select jsonb_build_object('score', s.score) from ops.run_scores as s where s.run_id = run));
  return (select to_jsonb(s) - 'environment_id' from ops.run_scores as s where s.run_id = run);
end
$$;

-- put_signals: the lease holder. Adds its own signals, or changes them: { name: number }, at most 50 a run. Those that the control plane derives are not its to set.
create function ops_private.put_signals(run uuid, token uuid, signals jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  wrong text;
begin
  if jsonb_typeof(signals) is distinct from 'object' then
    perform ops_private.fail('invalid_input', 'signals is an object of numbers.');
  end if;
  select e.key into wrong from jsonb_each(signals) as e
  where e.key !~ '^[a-z][a-z0-9_]{0,62}$' or jsonb_typeof(e.value) <> 'number' or abs((case when jsonb_typeof(e.value) = 'number' then e.value #>> '{}' end)::numeric) > 1e300
    or e.key in (select k.signal from ops_private.known_signals() as k) limit 1;
  if found then
    perform ops_private.fail('invalid_input', format('The signal %s is not a word with a number, or is one that the control plane derives itself.', left(wrong, 70)));
  end if;
  insert into ops.signals as s (run_id, signal, environment_id, value) select run, e.key, lease.environment_id, (e.value #>> '{}')::double precision from jsonb_each(put_signals.signals) as e
  on conflict (run_id, signal) do update set value = excluded.value where s.value <> excluded.value;
  if (select count(*) from ops.signals as s where s.run_id = run) > 50 then
    perform ops_private.fail('invalid_input', 'A run has at most 50 signals.');
  end if;
  return (select coalesce(jsonb_object_agg(s.signal, s.value), '{}') from ops.signals as s where s.run_id = run);
end
$$;

-- The weights that count in a project: its own, and for the others the usual ones.
create function ops_private.signal_weights(project uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('project_id', project, 'weights', jsonb_object_agg(x.signal, x.weight), 'usual', (select jsonb_object_agg(k.signal, k.weight) from ops_private.known_signals() as k))
  from (select coalesce(w.signal, k.signal) as signal, coalesce(w.weight, k.weight)::double precision as weight
    from (select * from ops.signal_weights as o where o.project_id = project) as w full join ops_private.known_signals() as k on k.signal = w.signal) as x
$$;
create function ops_private.get_signal_weights(project uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  end if;
  return ops_private.signal_weights(project);
end
$$;

-- put_signal_weights: editors of the project. Replaces its weights: { signal: weight }; what is not named weighs as usual. Scores that
-- exist stay until they are computed again.
create function ops_private.put_signal_weights(project uuid, weights jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before jsonb;
  after jsonb;
  wrong text;
begin
  perform ops_private.require_project(project, 'editor', 'set the weights of signals');
  if jsonb_typeof(weights) is distinct from 'object' then
    perform ops_private.fail('invalid_input', 'weights is an object of numbers.');
  end if;
  select e.key into wrong from jsonb_each(weights) as e
  where e.key !~ '^[a-z][a-z0-9_]{0,62}$' or jsonb_typeof(e.value) <> 'number' or (case when jsonb_typeof(e.value) = 'number' then e.value #>> '{}' end)::numeric not between 0 and 100000 limit 1;
  if found or (select count(*) from jsonb_object_keys(weights)) > 200 then
    perform ops_private.fail('invalid_input', 'A weight is a number from 0 to 100,000 for the name of a signal; at most 200.');
  end if;
  perform from ops.projects as p where p.project_id = project for no key update;
  before := ops_private.signal_weights(project) -> 'weights';
  delete from ops.signal_weights as w where w.project_id = project;
  insert into ops.signal_weights (project_id, signal, weight) select project, e.key, (e.value #>> '{}')::numeric from jsonb_each(put_signal_weights.weights) as e;
  after := ops_private.signal_weights(project) -> 'weights';
  if before <> after then
    perform ops_private.audit(null, 'signal_weights.saved', 'project', project::text, before, after, project);
  end if;
  return ops_private.signal_weights(project);
end
$$;

create function ops.score_ended_runs(at_most int default 500) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.score_ended_runs($1))';
create function ops.compute_run_score(run_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.compute_run_score($1)';
create function ops.put_signals(run_id uuid, lease_token uuid, signals jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.put_signals($1, $2, $3)';
create function ops.get_signal_weights(project_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_signal_weights($1)';
create function ops.put_signal_weights(project_id uuid, weights jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.put_signal_weights($1, $2)';
grant execute on function ops_private.score_ended_runs(int), ops.score_ended_runs(int) to ops_token;
grant execute on function ops_private.compute_run_score(uuid), ops.compute_run_score(uuid),
  ops_private.put_signals(uuid, uuid, jsonb), ops.put_signals(uuid, uuid, jsonb), ops_private.get_signal_weights(uuid), ops.get_signal_weights(uuid),
  ops_private.put_signal_weights(uuid, jsonb), ops.put_signal_weights(uuid, jsonb) to authenticated, ops_token;
-- The failure inbox: failed runs that nobody has dealt with. A run leaves it when its pipeline succeeds later (of an inline spec: when a run
-- that repeats it does), or when somebody marks it: acknowledged (seen) or waived (accepted, with the reason).
create table ops.failure_marks (
  run_id uuid primary key references ops.runs,
  environment_id uuid not null,
  mark text not null constraint mark_is_known check (mark in ('acknowledged', 'waived')),
  reason text constraint reason_is_short check (length(reason) between 1 and 1000),
  marked_by text,
  marked_at timestamptz not null default clock_timestamp(),
  constraint a_waiver_says_why check (mark <> 'waived' or reason is not null)
);
create index failure_marks_newest on ops.failure_marks (environment_id, marked_at desc);
alter table ops.failure_marks enable row level security;
alter table ops.failure_marks force row level security;
create policy members_see_their_environments on ops.failure_marks for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.failure_marks to authenticated, ops_token, ops_sql;

create function ops_private.failure_json(run ops.runs, mark ops.failure_marks) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('run_id', run.run_id, 'environment_id', run.environment_id, 'spec_slug', run.spec_slug, 'template_key', run.template_key, 'error_code', run.error_code, 'error_message', run.error_message,
    'finished_at', run.finished_at, 'mark', mark.mark, 'reason', mark.reason, 'marked_by', mark.marked_by, 'marked_at', mark.marked_at)
$$;

-- The newest run of a pipeline that succeeded: what failed before it is dealt with, here and on the overview. A verification proves nothing about the present.
create function ops_private.last_success(environment uuid, template_key text) returns uuid language sql stable security definer set search_path = '' as $$
  select r.run_id from ops.runs as r where r.environment_id = environment and r.template_key = last_success.template_key and r.status = 'succeeded' and not r.isolated order by r.run_id desc limit 1
$$;

-- list_failures: whoever sees the environment. open: of its newest 1,000 failed runs those that nothing has settled, the newest first;
-- marked: those that somebody marked, the last mark first. At most 200. When each pipeline last succeeded is looked up once.
create function ops_private.list_failures(environment uuid, state text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not environment = any (ops_private.visible_environments()) then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif state = 'marked' then
    return (select coalesce(jsonb_agg(ops_private.failure_json(r, x.m) order by (x.m).marked_at desc), '[]')
      from (select m from ops.failure_marks as m where m.environment_id = environment order by m.marked_at desc limit 200) as x join ops.runs as r on r.run_id = (x.m).run_id);
  elsif state is distinct from 'open' then
    perform ops_private.fail('invalid_input', 'state is open or marked.');
  end if;
  return (
    with failed as materialized (
      select r from ops.runs as r where r.environment_id = environment and r.status = 'failed' and r.parent_run_id is null and not r.isolated order by r.run_id desc limit 1000
    ), succeeded as materialized (
      select t.template_key, ops_private.last_success(environment, t.template_key) as run_id
      from (select distinct (f.r).template_key from failed as f where (f.r).template_key is not null) as t
    )
    select coalesce(jsonb_agg(ops_private.failure_json(x.r, null) order by (x.r).run_id desc), '[]') from (
      select f.r from failed as f
      where not exists (select from ops.failure_marks as m where m.run_id = (f.r).run_id)
        and not exists (select from succeeded as s where s.template_key = (f.r).template_key and s.run_id > (f.r).run_id)
        and not exists (select from ops.runs as s where s.repairs_run_id = (f.r).run_id and s.status = 'succeeded')
      order by (f.r).run_id desc limit 200) as x);
end
$$;
create function ops.list_failures(environment_id uuid, state text default 'open') returns jsonb language sql stable set search_path = '' as 'select ops_private.list_failures($1, $2)';

-- mark_failure: operators. acknowledged, waived (with a reason), or none, which puts the run back into the inbox. A repeat with the same
-- mark and reason changes nothing. Locks the run's mark.
create function ops_private.mark_failure(run uuid, mark text, reason text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  failed ops.runs;
  before ops.failure_marks;
  saved ops.failure_marks;
begin
  select * into failed from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(failed.environment_id, 'operator', 'mark a failure');
  reason := nullif(btrim(reason), '');
  if mark is null or mark not in ('acknowledged', 'waived', 'none') or length(reason) > 1000 then
    perform ops_private.fail('invalid_input', 'mark is acknowledged, waived or none, and a reason has at most 1,000 characters.');
  elsif mark = 'waived' and reason is null then
    perform ops_private.fail('invalid_input', 'A waiver says why.', 'Give a reason.');
  elsif failed.status <> 'failed' then
    perform ops_private.fail('illegal_transition', format('The run is %s: only a failed one is marked.', failed.status));
  end if;
  select * into before from ops.failure_marks as m where m.run_id = run;
  if mark = 'none' then
    delete from ops.failure_marks as m where m.run_id = run;
  elsif (before.mark, before.reason) is distinct from (mark, reason) then
    insert into ops.failure_marks (run_id, environment_id, mark, reason, marked_by) values (run, failed.environment_id, mark, reason, (ops_private.me()).name)
    on conflict (run_id) do update set mark = excluded.mark, reason = excluded.reason, marked_by = excluded.marked_by, marked_at = clock_timestamp()
    returning * into saved;
  else
    saved := before;
  end if;
  if saved is distinct from before then
    perform ops_private.audit(failed.environment_id, case mark when 'none' then 'failure.reopened' else 'failure.' || mark end, 'run', run::text,
      case when before.run_id is not null then jsonb_build_object('mark', before.mark, 'reason', before.reason) end, case when mark <> 'none' then jsonb_build_object('mark', mark, 'reason', reason) end);
  end if;
  return ops_private.failure_json(failed, saved);
end
$$;
create function ops.mark_failure(run_id uuid, mark text, reason text default null) returns jsonb language sql set search_path = '' as 'select ops_private.mark_failure($1, $2, $3)';
grant execute on function ops_private.list_failures(uuid, text), ops.list_failures(uuid, text), ops_private.mark_failure(uuid, text, text), ops.mark_failure(uuid, text, text) to authenticated, ops_token;
-- The registry of executors: admins of the whole project. Deleting one keeps its row, because runs name it; its name is free again.

create function ops_private.executor_json(executor ops.executors) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(executor) - array['offline_since', 'deleted_at'] || jsonb_build_object('status', ops.status(executor),
    'active_runs', (select count(*) from ops.leases as l where l.executor_id = executor.executor_id),
    'environments', (select coalesce(jsonb_agg(jsonb_build_object('environment_id', e.environment_id, 'slug', e.slug) order by e.slug), '[]')
      from ops.executor_environments as x join ops.environments as e using (environment_id) where x.executor_id = executor.executor_id and e.project_id = executor.project_id))
$$;

-- Where each executor works and how many leases it holds, of what the reader sees; counted here, since a list of leases is cut at a page.
create view ops.executor_load with (security_invoker = true) as
  select x.executor_id, x.project_id, array(select e.slug from ops.executor_environments as w join ops.environments as e using (environment_id) where w.executor_id = x.executor_id order by e.slug) as environments,
    (select count(*) from ops.leases as l where l.executor_id = x.executor_id) as leases
  from ops.executors as x;
grant select on ops.executor_load to authenticated, ops_token, ops_sql;

-- Locks the executor's row for a change. Raises not_found where it is not seen or was deleted, forbidden where the role is too weak.
create function ops_private.executor_to_change(executor uuid, action text) returns ops.executors language plpgsql security definer set search_path = '' as $$
declare
  found_executor ops.executors;
begin
  select * into found_executor from ops.executors as x where x.executor_id = executor and x.deleted_at is null and x.project_id = any (ops_private.visible_projects()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such executor, or you may not see it.');
  end if;
  perform ops_private.require_project(found_executor.project_id, 'admin', action);
  return found_executor;
end
$$;

-- Where an executor works: slugs of its project's environments. What it holds in one that is taken from it ends now.
create function ops_private.set_executor_environments(executor ops.executors, slugs text[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  missing text;
begin
  select s into missing from unnest(slugs) as s where not exists (select from ops.environments as e where e.project_id = executor.project_id and e.slug = s) limit 1;
  if found or cardinality(slugs) = 0 then
    perform ops_private.fail('not_found', coalesce(format('The project has no environment %s.', missing), 'An executor works in at least one environment.'));
  end if;
  delete from ops.executor_environments as x where x.executor_id = executor.executor_id
    and not x.environment_id in (select e.environment_id from ops.environments as e where e.project_id = executor.project_id and e.slug = any (slugs));
  insert into ops.executor_environments (executor_id, environment_id)
  select executor.executor_id, e.environment_id from ops.environments as e where e.project_id = executor.project_id and e.slug = any (slugs) on conflict do nothing;
  update ops.leases as l set expires_at = clock_timestamp() where l.run_id = any (array(
    select m.run_id from ops.leases as m where m.executor_id = executor.executor_id and m.expires_at > clock_timestamp()
      and not exists (select from ops.executor_environments as x where x.executor_id = m.executor_id and x.environment_id = m.environment_id) order by m.run_id for update));
end
$$;

-- create_executor: a name that no living executor of the project has. It can do nothing before it has a token.
create function ops_private.create_executor(project uuid, name text, environments text[], allowed_queues text[]) returns jsonb language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  made ops.executors;
begin
  perform ops_private.require_project(project, 'admin', 'make an executor');
  if coalesce(name, '') !~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$' or not ops_private.are_queues(allowed_queues) then
    perform ops_private.fail('invalid_input', 'name is up to 100 letters, digits, spaces, dots, hyphens and underscores; allowed_queues are 1 to 100 words, or null.');
  end if;
  insert into ops.executors (project_id, name, allowed_queues) values (project, create_executor.name, create_executor.allowed_queues)
  on conflict (project_id, name) where deleted_at is null do nothing returning * into made;
  if not found then
    perform ops_private.fail('conflict', 'The project has an executor of this name.', 'Choose another name.');
  end if;
  perform ops_private.set_executor_environments(made, environments);
  perform ops_private.audit(null, 'executor.created', 'executor', made.executor_id::text, null, ops_private.executor_audit(made), project);
  return ops_private.executor_json(made);
end
$$;
create function ops_private.are_queues(queues text[]) returns boolean language sql immutable set search_path = '' as $$
  select queues is null or cardinality(queues) between 1 and 100 and (select bool_and(coalesce(q ~ '^[a-z][a-z0-9_]{0,62}$', false)) from unnest(queues) as q)
$$;
create function ops_private.executor_audit(executor ops.executors) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('name', j -> 'name', 'allowed_queues', j -> 'allowed_queues', 'draining', executor.draining_since is not null, 'drain_comment', executor.drain_comment, 'environments', (select jsonb_agg(e -> 'slug') from jsonb_array_elements(j -> 'environments') as e))
  from ops_private.executor_json(executor) as j
$$;

-- update_executor(executor_id, patch): { name, allowed_queues, environments, draining, drain_comment }; what is absent stays. A draining executor gets no new
-- runs and finishes those that it has. A repeat changes nothing.
create function ops_private.update_executor(executor uuid, patch jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  changed ops.executors := ops_private.executor_to_change(executor, 'change an executor');
  before jsonb := ops_private.executor_audit(changed);
  after jsonb;
begin
  changed.name := coalesce(patch ->> 'name', changed.name);
  changed.allowed_queues := case when patch -> 'allowed_queues' = 'null' then null when patch ? 'allowed_queues' then array(select q from jsonb_array_elements_text(patch -> 'allowed_queues') as q) else changed.allowed_queues end;
  if changed.name !~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$' or not ops_private.are_queues(changed.allowed_queues) or length(patch ->> 'drain_comment') > 500 then
    perform ops_private.fail('invalid_input', 'name is up to 100 letters, digits, spaces, dots, hyphens and underscores; allowed_queues are 1 to 100 words, or null; drain_comment has at most 500 characters.');
  end if;
  changed.draining_since := case when not coalesce((patch ->> 'draining')::boolean, changed.draining_since is not null) then null else coalesce(changed.draining_since, clock_timestamp()) end;
  changed.drain_comment := case when changed.draining_since is not null then case when patch ? 'drain_comment' then patch ->> 'drain_comment' else changed.drain_comment end end;
  begin
    update ops.executors as x set name = changed.name, allowed_queues = changed.allowed_queues, draining_since = changed.draining_since, drain_comment = changed.drain_comment
    where x.executor_id = executor returning * into changed;
  exception when unique_violation then
    perform ops_private.fail('conflict', 'The project has an executor of this name.', 'Choose another name.');
  end;
  if patch ? 'environments' then
    perform ops_private.set_executor_environments(changed, array(select s from jsonb_array_elements_text(patch -> 'environments') as s));
  end if;
  after := ops_private.executor_audit(changed);
  if before <> after then
    perform ops_private.audit(null, 'executor.changed', 'executor', executor::text, before, after, changed.project_id);
  end if;
  return ops_private.executor_json(changed);
end
$$;

-- delete_executor: its tokens are void at once and its leases end now, so that the sweep gives its runs to others. Runs go on naming it.
create function ops_private.delete_executor(executor uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  gone ops.executors := ops_private.executor_to_change(executor, 'delete an executor');
begin
  update ops.executors as x set deleted_at = clock_timestamp() where x.executor_id = executor;
  update ops.executor_tokens as t set revoked_at = clock_timestamp() where t.executor_id = executor and t.revoked_at is null;
  update ops.leases as l set expires_at = clock_timestamp() where l.run_id = any (array(
    select m.run_id from ops.leases as m where m.executor_id = executor and m.expires_at > clock_timestamp() order by m.run_id for update));
  perform ops_private.audit(null, 'executor.deleted', 'executor', executor::text, ops_private.executor_audit(gone), null, gone.project_id);
  return true;
end
$$;

create function ops_private.executor_token_json(token ops.executor_tokens) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(token) - 'token_sha256'
$$;

-- create_executor_token: whoever calls made the token (lcx_ and 256 random bits) and gives its SHA-256 only. With `overlap_seconds` the tokens
-- that the executor has end so much later, or when they would: a rotation. At most ten at once.
create function ops_private.create_executor_token(executor uuid, token_sha256 text, prefix text, expires_at timestamptz, overlap_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  owner ops.executors := ops_private.executor_to_change(executor, 'make a token');
  made ops.executor_tokens;
begin
  if coalesce(token_sha256, '') !~ '^[0-9a-f]{64}$' or coalesce(prefix, '') !~ '^lcx_[A-Za-z0-9_-]{4,8}$' or coalesce(overlap_seconds, 0) not between 0 and 2592000 then
    perform ops_private.fail('invalid_input', 'token_sha256 is a hash, prefix the beginning of the token, overlap_seconds 0 to 2,592,000.');
  elsif expires_at is null or expires_at not between clock_timestamp() and clock_timestamp() + interval '10 years' then
    perform ops_private.fail('invalid_input', 'expires_at lies within the next ten years.');
  end if;
  if overlap_seconds is not null then
    update ops.executor_tokens as t set expires_at = least(t.expires_at, clock_timestamp() + make_interval(secs => overlap_seconds))
    where t.executor_id = executor and t.revoked_at is null and t.expires_at > clock_timestamp();
  end if;
  if (select count(*) from ops.executor_tokens as t where t.executor_id = executor and t.revoked_at is null and t.expires_at > clock_timestamp()) >= 10 then
    perform ops_private.fail('conflict', 'The executor has ten tokens.', 'Revoke those that are not used.');
  end if;
  insert into ops.executor_tokens (executor_id, prefix, token_sha256, expires_at) values (executor, create_executor_token.prefix, decode(create_executor_token.token_sha256, 'hex'), create_executor_token.expires_at)
  on conflict on constraint executor_token_is_unique do nothing returning * into made;
  if not found then
    perform ops_private.fail('conflict', 'This token exists already.');
  end if;
  perform ops_private.audit(null, 'executor.token_created', 'executor', executor::text, null,
    jsonb_build_object('executor_token_id', made.executor_token_id, 'prefix', made.prefix, 'expires_at', made.expires_at, 'overlap_seconds', overlap_seconds), owner.project_id);
  return ops_private.executor_token_json(made);
end
$$;

-- revoke_executor_token: void from now on. A repeat changes nothing.
create function ops_private.revoke_executor_token(executor uuid, executor_token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  owner ops.executors := ops_private.executor_to_change(executor, 'revoke a token');
  token ops.executor_tokens;
begin
  select * into token from ops.executor_tokens as t where t.executor_token_id = executor_token and t.executor_id = executor for update;
  if not found then
    perform ops_private.fail('not_found', 'The executor has no such token.');
  elsif token.revoked_at is null then
    update ops.executor_tokens as t set revoked_at = clock_timestamp() where t.executor_token_id = executor_token returning * into token;
    perform ops_private.audit(null, 'executor.token_revoked', 'executor', executor::text, null, jsonb_build_object('executor_token_id', executor_token, 'prefix', token.prefix), owner.project_id);
  end if;
  return ops_private.executor_token_json(token);
end
$$;

-- heartbeat_executor: the executor itself. One that has nothing to do says that it lives, and learns whether it should drain.
create function ops_private.heartbeat_executor(executor uuid, version text, hostname text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  present ops.executors;
begin
  if me.type is distinct from 'executor' or me.id is distinct from executor then
    perform ops_private.fail('forbidden', 'Only the executor itself says that it lives.', 'Use its own token (lcx_…).');
  end if;
  update ops.executors as x set last_seen_at = clock_timestamp(), version = coalesce(left(heartbeat_executor.version, 100), x.version), hostname = coalesce(left(heartbeat_executor.hostname, 255), x.hostname)
  where x.executor_id = executor returning * into present;
  return jsonb_build_object('executor_id', executor, 'status', ops.status(present), 'drain_comment', present.drain_comment);
end
$$;

create function ops.create_executor(project_id uuid, name text, environments text[], allowed_queues text[] default null) returns jsonb language sql set search_path = '' as 'select ops_private.create_executor($1, $2, $3, $4)';
create function ops.update_executor(executor_id uuid, patch jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.update_executor($1, $2)';
create function ops.delete_executor(executor_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_executor($1)';
create function ops.create_executor_token(executor_id uuid, token_sha256 text, prefix text, expires_at timestamptz, overlap_seconds int default null) returns jsonb
language sql set search_path = '' as 'select ops_private.create_executor_token($1, $2, $3, $4, $5)';
create function ops.revoke_executor_token(executor_id uuid, executor_token_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.revoke_executor_token($1, $2)';
create function ops.heartbeat_executor(executor_id uuid, version text default null, hostname text default null) returns jsonb language sql set search_path = '' as 'select ops_private.heartbeat_executor($1, $2, $3)';
grant execute on function ops_private.create_executor(uuid, text, text[], text[]), ops.create_executor(uuid, text, text[], text[]), ops_private.update_executor(uuid, jsonb), ops.update_executor(uuid, jsonb),
  ops_private.delete_executor(uuid), ops.delete_executor(uuid), ops_private.create_executor_token(uuid, text, text, timestamptz, int), ops.create_executor_token(uuid, text, text, timestamptz, int),
  ops_private.revoke_executor_token(uuid, uuid), ops.revoke_executor_token(uuid, uuid), ops_private.heartbeat_executor(uuid, text, text), ops.heartbeat_executor(uuid, text, text) to authenticated, ops_token;
-- read_overview: whoever sees the environment. What its runs did between two moments, and in as long a time before them. Counts are
-- walks of the index runs_by_status, one for each status and step, and exact; times are of the newest 1,000 runs that succeeded.

-- The runs made in [from_at, to_at), by status: { status: count } without those of which there is none.
create function ops_private.runs_by_status(environment uuid, from_at timestamptz, to_at timestamptz) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.status, c.runs), '{}') from (
    select s.status, (select count(*) from ops.runs as r where r.environment_id = environment and r.status = s.status and r.run_id >= ops_private.uuid_at(from_at) and r.run_id < ops_private.uuid_at(to_at)) as runs
    from unnest(array['queued', 'claimed', 'running', 'succeeded', 'failed', 'canceled']) as s (status)) as c where c.runs > 0
$$;

-- How long they took and, of first attempts, how long they waited, in seconds; null where no run tells it.
create function ops_private.run_times(environment uuid, from_at timestamptz, to_at timestamptz) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('runs', count(*), 'p50', percentile_cont(0.5) within group (order by t.took), 'p95', percentile_cont(0.95) within group (order by t.took), 'wait_p50', percentile_cont(0.5) within group (order by t.waited))
  from (select extract(epoch from r.finished_at - r.started_at) as took, case when r.attempt = 1 then greatest(extract(epoch from r.started_at - greatest(r.created_at, r.run_after)), 0) end as waited
    from ops.runs as r where r.environment_id = environment and r.status = 'succeeded' and r.run_id >= ops_private.uuid_at(from_at) and r.run_id < ops_private.uuid_at(to_at) order by r.run_id desc limit 1000) as t
$$;

-- What failed, has not succeeded since and nobody has marked, newest first, one for each name: no later run of its template succeeded, or, of
-- an inline spec, none that repeats it; `failures` of its runs failed in the range. Looks at the newest 500 failed runs.
create function ops_private.failing(environment uuid, from_at timestamptz, to_at timestamptz) returns jsonb language sql stable security definer set search_path = '' as $$
  with failed as (
    select r.run_id, r.spec_slug, r.template_key, r.error_code, r.error_message, r.finished_at from ops.runs as r
    where r.environment_id = environment and r.status = 'failed' and r.parent_run_id is null and not exists (select from ops.failure_marks as m where m.run_id = r.run_id) and r.run_id >= ops_private.uuid_at(from_at) and r.run_id < ops_private.uuid_at(to_at) order by r.run_id desc limit 500
  ), newest as (
    select distinct on (f.spec_slug) f.*, count(*) over (partition by f.spec_slug) as failures from failed as f order by f.spec_slug, f.run_id desc
  )
  select coalesce(jsonb_agg(to_jsonb(x) order by x.run_id desc), '[]') from (
    select n.* from newest as n
    where case when n.template_key is not null
        then coalesce(ops_private.last_success(environment, n.template_key) < n.run_id, true)
        else not exists (select from ops.runs as r where r.repairs_run_id = n.run_id and r.status = 'succeeded') end
    order by n.run_id desc limit 20) as x
$$;

create function ops_private.read_overview(environment uuid, from_at timestamptz, to_at timestamptz, step_seconds int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  step interval := make_interval(secs => step_seconds);
  earlier timestamptz := from_at - (to_at - from_at);
begin
  if not environment = any (ops_private.visible_environments()) then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  end if;
  if step_seconds < 1 or to_at <= from_at or (to_at - from_at) > step * 100 then
    perform ops_private.fail('invalid_input', 'The range holds no step, or more than 100.', 'Choose a later end, or a longer step.');
  end if;
  return jsonb_build_object(
    'steps', (select jsonb_agg(jsonb_build_object('starts_at', s.at, 'runs', ops_private.runs_by_status(environment, s.at, least(s.at + step, to_at))) order by s.at) from generate_series(from_at, to_at - interval '1 microsecond', step) as s (at)),
    'before', ops_private.runs_by_status(environment, earlier, from_at),
    'times', ops_private.run_times(environment, from_at, to_at),
    'times_before', ops_private.run_times(environment, earlier, from_at),
    'failing', ops_private.failing(environment, from_at, to_at));
end
$$;
create function ops.read_overview(environment_id uuid, from_at timestamptz, to_at timestamptz, step_seconds int) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_overview($1, $2, $3, $4)';
grant execute on function ops_private.read_overview(uuid, timestamptz, timestamptz, int), ops.read_overview(uuid, timestamptz, timestamptz, int) to authenticated, ops_token;
-- Filters of a list under a name: a person's own, or shared with its project. And what a person chose for itself in a project.
create table ops.saved_views (
  view_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  user_id uuid not null references auth.users (id) on delete cascade,
  list text not null constraint list_is_known check (list in ('runs', 'failures', 'datasets', 'audit')),
  name text not null constraint view_has_a_name check (length(name) between 1 and 100 and name = btrim(name)),
  query text not null constraint query_is_short check (length(query) <= 2000),
  shared boolean not null default false,
  made_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create unique index own_views_differ_by_name on ops.saved_views (user_id, project_id, list, name);
create unique index shared_views_differ_by_name on ops.saved_views (project_id, list, name) where shared;
alter table ops.saved_views enable row level security;
alter table ops.saved_views force row level security;
create policy people_see_their_own_and_shared_views on ops.saved_views for select to authenticated, ops_token, ops_sql
  using (project_id = any ((select ops_private.visible_projects())::uuid[]) and (shared or user_id = (select (ops_private.me()).id)));
grant select on ops.saved_views to authenticated, ops_token, ops_sql;

create table ops.personal_settings (
  user_id uuid not null references auth.users (id) on delete cascade,
  project_id uuid not null references ops.projects,
  key text not null constraint setting_is_known check (key in ('default_view.runs', 'default_view.failures', 'default_view.datasets', 'default_view.audit', 'checklist_dismissed')),
  value text not null constraint setting_is_short check (length(value) <= 200),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (user_id, project_id, key)
);
create index personal_settings_by_project on ops.personal_settings (project_id);
alter table ops.personal_settings enable row level security;
alter table ops.personal_settings force row level security;
create policy people_see_their_own_settings on ops.personal_settings for select to authenticated, ops_token, ops_sql
  using (user_id = (select (ops_private.me()).id) and project_id = any ((select ops_private.visible_projects())::uuid[]));
grant select on ops.personal_settings to authenticated, ops_token, ops_sql;

create function ops_private.view_json(saved ops.saved_views) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(saved) - array['user_id', 'created_at'] || jsonb_build_object('own', saved.user_id is not distinct from (ops_private.me()).id)
$$;

-- A person who sees the project; a token has nothing of its own. Answers its id.
create function ops_private.person_in(project uuid, action text) returns uuid language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  elsif me.type is distinct from 'user' then
    perform ops_private.fail('forbidden', format('Only a person may %s.', action), 'Sign in.');
  end if;
  return me.id;
end
$$;

-- list_views: whoever sees the project. The shared ones and the caller's own (200 of each at most), by name; and the one that the list opens with.
create function ops_private.list_views(project uuid, wanted text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  chosen uuid;
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  end if;
  select v.view_id into chosen from ops.personal_settings as s join ops.saved_views as v on v.view_id::text = s.value
  where s.user_id = me.id and s.project_id = project and s.key = 'default_view.' || wanted and v.project_id = project and v.list = wanted and (v.shared or v.user_id = me.id);
  return jsonb_build_object('default_view_id', chosen, 'items', (select coalesce(jsonb_agg(ops_private.view_json(x.v) order by (x.v).name, (x.v).view_id), '[]') from (
    (select v from ops.saved_views as v where v.user_id = me.id and v.project_id = project and v.list = wanted order by v.name limit 200)
    union (select v from ops.saved_views as v where v.project_id = project and v.list = wanted and v.shared order by v.name limit 200)) as x));
end
$$;
create function ops.list_views(project_id uuid, list text) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_views($1, $2)';

-- save_view: a person's own; to share one needs operator in the whole project, to change one that somebody else has shared, admin. Raises conflict where the
-- name is taken or 200 are kept. What everybody sees is in the audit log. Locks the view.
create function ops_private.save_view(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  person uuid := ops_private.person_in((request ->> 'project_id')::uuid, 'keep views');
  project uuid := (request ->> 'project_id')::uuid;
  share boolean := coalesce((request ->> 'shared')::boolean, false);
  title text := btrim(request ->> 'name');
  before ops.saved_views;
  saved ops.saved_views;
begin
  if request ->> 'view_id' is not null then
    select * into before from ops.saved_views as v where v.view_id = (request ->> 'view_id')::uuid and v.project_id = project and v.list = request ->> 'list' and (v.shared or v.user_id = person) for update;
    if not found then
      perform ops_private.fail('not_found', 'There is no such view, or you may not see it.');
    elsif before.user_id <> person then
      perform ops_private.require_project(project, 'admin', 'change a view of somebody else');
    end if;
  elsif (select count(*) from (select from ops.saved_views as v where v.user_id = person and v.project_id = project and v.list = request ->> 'list' limit 200) as v) = 200 then
    perform ops_private.fail('conflict', 'You keep 200 views of this list.', 'Delete one first.');
  end if;
  if share and before.shared is not true then
    perform ops_private.require_project(project, 'operator', 'share a view');
  end if;
  if coalesce(title, '') = '' or length(title) > 100 or length(request ->> 'query') > 2000 or request ->> 'query' is null then
    perform ops_private.fail('invalid_input', 'A view has a name of 1 to 100 characters, and a query of at most 2,000.');
  end if;
  begin
    if before.view_id is null then
      insert into ops.saved_views (project_id, user_id, list, name, query, shared, made_by) values (project, person, request ->> 'list', title, request ->> 'query', share, (ops_private.me()).name) returning * into saved;
    else
      update ops.saved_views as v set name = title, query = request ->> 'query', shared = share, updated_at = clock_timestamp() where v.view_id = before.view_id returning * into saved;
    end if;
  exception when unique_violation then
    perform ops_private.fail('conflict', format('There is a view %s already.', title), 'Choose another name.');
  end;
  if share or before.shared then
    perform ops_private.audit(null, 'view.saved', 'view', saved.view_id::text, case when before.shared then to_jsonb(before) - 'user_id' end, to_jsonb(saved) - 'user_id', project);
  end if;
  return ops_private.view_json(saved);
end
$$;
create function ops.save_view(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.save_view($1)';

-- delete_view: who made it, or, of a shared one, an admin of the whole project.
create function ops_private.delete_view(view uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  gone ops.saved_views;
begin
  select * into gone from ops.saved_views as v where v.view_id = view and v.project_id = any (ops_private.visible_projects()) and (v.shared or v.user_id = me.id) for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such view, or you may not see it.');
  elsif gone.user_id is distinct from me.id then
    perform ops_private.require_project(gone.project_id, 'admin', 'delete a view of somebody else');
  end if;
  delete from ops.saved_views as v where v.view_id = view;
  if gone.shared then
    perform ops_private.audit(null, 'view.deleted', 'view', view::text, to_jsonb(gone) - 'user_id', null, gone.project_id);
  end if;
  return true;
end
$$;
create function ops.delete_view(view_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_view($1)';

-- put_personal_setting: a person's own, in a project that it sees; null takes it away.
create function ops_private.put_personal_setting(project uuid, key text, value text) returns boolean language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  person uuid := ops_private.person_in(project, 'keep settings');
begin
  if put_personal_setting.value is null then
    delete from ops.personal_settings as s where s.user_id = person and s.project_id = project and s.key = put_personal_setting.key;
  else
    insert into ops.personal_settings (user_id, project_id, key, value) values (person, project, put_personal_setting.key, put_personal_setting.value)
    on conflict (user_id, project_id, key) do update set value = excluded.value, updated_at = clock_timestamp();
  end if;
  return true;
exception when check_violation then
  perform ops_private.fail('invalid_input', 'There is no such setting, or its value is too long.');
  return false;
end
$$;
create function ops.put_personal_setting(project_id uuid, key text, value text) returns boolean language sql set search_path = '' as 'select ops_private.put_personal_setting($1, $2, $3)';
grant execute on function ops_private.list_views(uuid, text), ops.list_views(uuid, text), ops_private.save_view(jsonb), ops.save_view(jsonb), ops_private.delete_view(uuid), ops.delete_view(uuid),
  ops_private.put_personal_setting(uuid, text, text), ops.put_personal_setting(uuid, text, text) to authenticated, ops_token;
-- What alert rules say: their conditions, what meets one now, and what met it in the past.

-- The condition in its one form: the fields of its kind alone, none of them null. Raises invalid_input. The same as contracts/alert.ts says.
create function ops_private.alert_condition(condition jsonb) returns jsonb language plpgsql stable set search_path = '' as $$
declare
  word constant text := '^[a-z][a-z0-9_]{0,62}$';
  needed text[];
  allowed text[];
  wrong text;
begin
  condition := jsonb_strip_nulls(case jsonb_typeof(condition) when 'object' then condition else '{}' end);
  needed := case condition ->> 'kind' when 'run_failed' then '{in_a_row}' when 'run_slow' then '{seconds}' when 'run_waiting' then '{seconds}' when 'run_signal' then '{signal,at_least}'
    when 'run_warned' then '{warning}' when 'dataset_stale' then '{state}' when 'executor_offline' then '{}' when 'cap_used' then '{percent}' end;
  if needed is null then
    perform ops_private.fail('invalid_input', 'condition names its kind: run_failed, run_slow, run_waiting, run_signal, run_warned, dataset_stale, executor_offline or cap_used.');
  end if;
  allowed := needed || case condition ->> 'kind' when 'dataset_stale' then '{dataset,table_group}' when 'executor_offline' then '{executor}' when 'cap_used' then '{cap_key}' else '{pipeline}' end::text[];
  select string_agg(n, ', ') into wrong from unnest(needed) as n where not condition ? n;
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('A condition %s needs %s.', condition ->> 'kind', wrong));
  end if;
  select string_agg(f.key, ', ') into wrong from jsonb_each(condition - 'kind') as f cross join lateral (select f.value #>> '{}' as text, jsonb_typeof(f.value) as type) as v
  where not f.key = any (allowed) or not coalesce(case
    when f.key in ('pipeline', 'table_group', 'signal', 'warning') then v.type = 'string' and v.text ~ word
    when f.key = 'dataset' then v.type = 'string' and v.text ~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'
    when f.key = 'cap_key' then v.type = 'string' and v.text ~ '^[a-z][a-z0-9_.:-]{0,126}$'
    when f.key = 'executor' then v.type = 'string' and char_length(v.text) between 1 and 200
    when f.key = 'state' then v.text in ('late', 'breached')
    when v.type <> 'number' then false
    when f.key = 'at_least' then abs(v.text::numeric) <= 1e300
    else v.text::numeric % 1 = 0 and v.text::numeric between 1 and case f.key when 'in_a_row' then 100 when 'percent' then 1000 else 31622400 end end, false);
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('A condition %s does not take %s so.', condition ->> 'kind', wrong));
  end if;
  return (select jsonb_object_agg(f.key, case jsonb_typeof(f.value) when 'number' then to_jsonb(trim_scale((f.value #>> '{}')::numeric)) else f.value end) from jsonb_each(condition) as f);
end
$$;

create function ops_private.span_words(seconds bigint) returns text language sql immutable set search_path = '' as $$
  select case when seconds % 3600 = 0 then seconds / 3600 || ' h' when seconds % 60 = 0 then seconds / 60 || ' min' else seconds || ' s' end
$$;

-- How these runs, which have ended, leave their pipelines: in the order of ends, whatever the order in which they are noted. Locks the pipelines' rows by name.
create function ops_private.note_ends(ended uuid[]) returns void language sql security definer set search_path = '' as $$
  with runs as materialized (
    select r.run_id, r.environment_id, r.spec_slug, r.status, r.finished_at,
      greatest(p.succeeded_at, max(r.finished_at) filter (where r.status = 'succeeded') over (partition by r.environment_id, r.spec_slug)) as succeeded_at
    from ops.runs as r left join ops_private.pipeline_ends as p on p.environment_id = r.environment_id and p.pipeline = r.spec_slug
    where r.run_id = any (ended) and r.status in ('succeeded', 'failed') and not r.isolated and r.parent_run_id is null),
  ends as materialized (
    select e.environment_id, e.spec_slug, (array_agg(e.run_id order by e.finished_at desc, e.run_id desc))[1] as last_run, max(e.finished_at) as finished_at, max(e.succeeded_at) as succeeded_at,
      count(*) filter (where e.status = 'failed' and e.finished_at > coalesce(e.succeeded_at, '-infinity')) as failures
    from runs as e group by e.environment_id, e.spec_slug)
  insert into ops_private.pipeline_ends as p (environment_id, pipeline, last_run, last_finished_at, succeeded_at, failures, warnings)
  select e.environment_id, e.spec_slug, e.last_run, e.finished_at, e.succeeded_at, e.failures, array(
    select distinct v.data ->> 'warning' from ops.run_events as v where v.run_id = e.last_run and length(v.data ->> 'warning') <= 63 limit 50)
  from ends as e order by e.environment_id, e.spec_slug
  on conflict (environment_id, pipeline) do update set
    failures = excluded.failures + case when excluded.succeeded_at > p.last_finished_at then 0 else p.failures end,
    succeeded_at = greatest(p.succeeded_at, excluded.succeeded_at), last_finished_at = greatest(p.last_finished_at, excluded.last_finished_at),
    last_run = case when excluded.last_finished_at >= p.last_finished_at then excluded.last_run else p.last_run end,
    warnings = case when excluded.last_finished_at >= p.last_finished_at then excluded.warnings else p.warnings end
$$;

-- What meets a condition now, the first 200 by name: the subject, what to read about it, and the run that shows it. What it costs depends on how many pipelines, datasets,
-- executors and caps there are, and on what runs, never on the history; of the runs that wait it looks at the oldest 5,000.
create function ops_private.alert_subjects(environment uuid, condition jsonb) returns table (subject text, run_id uuid, title text, path text, layer text)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  wanted text := condition ->> 'kind';
  project uuid := (select e.project_id from ops.environments as e where e.environment_id = environment);
  organization uuid := ops_private.organization_of(project);
  one text := condition ->> 'pipeline';
  span interval := make_interval(secs => (condition ->> 'seconds')::int);
  moment timestamptz := clock_timestamp();
begin
  if wanted in ('run_failed', 'run_signal', 'run_warned') then
    return query select p.pipeline, p.last_run, x.title, '/runs/' || p.last_run, t.layer
    from ops_private.pipeline_ends as p left join ops.job_templates as t on t.project_id = project and t.template_key = p.pipeline
    cross join lateral (
      select format('%s failed%s: %s', p.pipeline, case when p.failures > 1 then format(' %s times in a row', p.failures) else '' end, r.error_code) as title
        from ops.runs as r where wanted = 'run_failed' and p.failures >= (condition ->> 'in_a_row')::int and r.run_id = p.last_run
      union all select format('%s ended with %s = %s', p.pipeline, s.signal, trim_scale(round(s.value::numeric, 3))) from ops.run_scores as c
        cross join lateral jsonb_to_recordset(c.breakdown) as s (signal text, value double precision)
        where wanted = 'run_signal' and c.run_id = p.last_run and s.signal = condition ->> 'signal' and s.value >= (condition ->> 'at_least')::double precision
      union all select format('%s warned of %s', p.pipeline, condition ->> 'warning') where wanted = 'run_warned' and condition ->> 'warning' = any (p.warnings)) as x
    where p.environment_id = environment and (one is null or p.pipeline = one) order by p.pipeline limit 200;
  elsif wanted in ('run_slow', 'run_waiting') then
    return query select s.spec_slug, s.first_run, format('%s: %s longer than %s', s.spec_slug, case when wanted = 'run_slow' then case s.runs when 1 then 'a run takes' else s.runs || ' runs take' end
        else case s.runs when 1 then 'a run waits' else s.runs || ' runs wait' end end, ops_private.span_words((condition ->> 'seconds')::bigint)), '/runs/' || s.first_run, t.layer
    from (
      select a.spec_slug, (array_agg(a.run_id order by a.since, a.run_id))[1] as first_run, count(*) as runs from (
        (select r.spec_slug, r.run_id, r.started_at as since, r.isolated, r.parent_run_id from ops.runs as r where wanted = 'run_slow' and r.environment_id = environment and r.status = 'running' order by r.run_id limit 5000)
        union all
        (select r.spec_slug, r.run_id, greatest(r.created_at, r.run_after, r.not_before), r.isolated, r.parent_run_id from ops.runs as r where wanted = 'run_waiting' and r.environment_id = environment and r.status = 'queued'
          and r.run_id < ops_private.uuid_at(moment - span) order by r.run_id limit 5000)) as a
      where a.since <= moment - span and not a.isolated and a.parent_run_id is null and (one is null or a.spec_slug = one) group by a.spec_slug) as s
    left join ops.job_templates as t on t.project_id = project and t.template_key = s.spec_slug order by s.spec_slug limit 200;
  elsif wanted = 'dataset_stale' then
    return query select d.name, null::uuid, format('%s %s', d.name, case s.state when 'late' then 'is late' else 'is older than promised' end), '/datasets/' || d.name, d.layer
    from (select distinct f.dataset from ops.freshness_targets as f where f.project_id = project and (not condition ? 'table_group' or f.table_group = condition ->> 'table_group')
      and (not condition ? 'dataset' or f.dataset = condition ->> 'dataset')) as w
    join ops.datasets as d on d.environment_id = environment and d.name = w.dataset
    cross join lateral (select f.state from ops.freshness_signals as f where f.dataset_id = d.dataset_id order by f.signal_id desc limit 1) as s
    where s.state = 'breached' or s.state = condition ->> 'state' order by d.name limit 200;
  elsif wanted = 'executor_offline' then
    return query select x.name, null::uuid, format('The executor %s gives no sign of life', x.name), '/executors/' || x.executor_id, null::text
    from ops.executor_environments as e join ops.executors as x on x.executor_id = e.executor_id
    where e.environment_id = environment and x.deleted_at is null and x.offline_since is not null and x.draining_since is null and (not condition ? 'executor' or x.name = condition ->> 'executor') order by x.name limit 200;
  elsif wanted = 'cap_used' then
    return query select u.subject, null::uuid, format('The cap %s is used to %s %% or more', u.subject, condition ->> 'percent'), '/caps', null::text
    from (select format('%s (%s a %s, %s)', c.cap_key, c.unit, c.period, case when c.environment_id is not null then 'environment' when c.project_id is not null then 'project' else 'organization' end) as subject, c.limit_amount,
        ops_private.cap_settled(c.cap_id, w.starts_at) + ops_private.cap_reserved(c.cap_id, w.starts_at) as used
      from ops.caps as c cross join lateral ops_private.window_of(c.period, c.time_zone, moment) as w
      where c.organization_id = organization and c.enabled and coalesce(c.environment_id, environment) = environment and coalesce(c.project_id, project) = project
        and (not condition ? 'cap_key' or c.cap_key = condition ->> 'cap_key')) as u
    where u.used * 100 >= u.limit_amount * (condition ->> 'percent')::numeric order by u.subject limit 200;
  end if;
end
$$;

-- When a condition held since that moment, as far as the history tells it: of the newest 5,000 runs, the same of the monitor's signals, the windows of caps. Without end where it goes on.
create function ops_private.alert_episodes(environment uuid, condition jsonb, since timestamptz) returns table (subject text, started timestamptz, ended timestamptz)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  wanted text := condition ->> 'kind';
  project uuid := (select e.project_id from ops.environments as e where e.environment_id = environment);
  one text := condition ->> 'pipeline';
  span interval := make_interval(secs => (condition ->> 'seconds')::int);
begin
  if wanted in ('run_failed', 'run_signal', 'run_warned') then
    return query with judged as (
      select r.spec_slug, r.run_id, r.finished_at, case wanted when 'run_failed' then r.status = 'failed'
        when 'run_signal' then exists (select from ops.run_scores as c cross join lateral jsonb_to_recordset(c.breakdown) as s (signal text, value double precision)
          where c.run_id = r.run_id and s.signal = condition ->> 'signal' and s.value >= (condition ->> 'at_least')::double precision)
        else exists (select from ops.run_events as v where v.run_id = r.run_id and v.data ->> 'warning' = condition ->> 'warning') end as bad
      from (select * from ops.runs as n where n.environment_id = environment and n.run_id >= ops_private.uuid_at(since) and (one is null or n.template_key = one)
        order by n.run_id desc limit case wanted when 'run_warned' then 500 else 5000 end) as r
      where r.status in ('succeeded', 'failed') and not r.isolated and r.parent_run_id is null),
    streaks as (
      select j.*, count(*) filter (where not j.bad) over (partition by j.spec_slug order by j.finished_at, j.run_id rows unbounded preceding) as streak from judged as j)
    select s.spec_slug, (array_agg(s.finished_at order by s.finished_at, s.run_id))[coalesce((condition ->> 'in_a_row')::int, 1)],
      (select min(j.finished_at) from judged as j where j.spec_slug = s.spec_slug and not j.bad and j.finished_at > max(s.finished_at))
    from streaks as s where s.bad group by s.spec_slug, s.streak having count(*) >= coalesce((condition ->> 'in_a_row')::int, 1);
  elsif wanted in ('run_slow', 'run_waiting') then
    return query select a.spec_slug, a.began + span, a.ended from (
      select r.spec_slug, case wanted when 'run_slow' then r.started_at else greatest(r.created_at, r.run_after) end as began,
        case wanted when 'run_slow' then r.finished_at else coalesce(r.claimed_at, r.finished_at) end as ended
      from ops.runs as r where r.environment_id = environment and r.run_id >= ops_private.uuid_at(since) and (one is null or r.template_key = one) and not r.isolated and r.parent_run_id is null
      order by r.run_id desc limit 5000) as a
    where coalesce(a.ended, clock_timestamp()) - a.began >= span;
  elsif wanted = 'dataset_stale' then
    return query with turns as (
      select f.dataset, f.created_at, f.state = 'breached' or f.state = condition ->> 'state' as bad from ops.freshness_signals as f
      where f.environment_id = environment and f.created_at >= since and (not condition ? 'dataset' or f.dataset = condition ->> 'dataset')
        and (not condition ? 'table_group' or exists (select from ops.freshness_targets as t where t.project_id = project and t.dataset = f.dataset and t.table_group = condition ->> 'table_group'))
      order by f.signal_id desc limit 5000),
    marked as (select t.*, coalesce(lag(t.bad) over (partition by t.dataset order by t.created_at), false) as before from turns as t)
    select m.dataset, m.created_at, (select min(t.created_at) from turns as t where t.dataset = m.dataset and not t.bad and t.created_at > m.created_at) from marked as m where m.bad and not m.before;
  elsif wanted = 'cap_used' then
    return query select c.cap_key || ' ' || c.unit || ' ' || c.period, u.period_start, null::timestamptz from ops.caps as c join ops.cap_usage as u on u.cap_id = c.cap_id
    where c.organization_id = ops_private.organization_of(project) and coalesce(c.environment_id, environment) = environment and coalesce(c.project_id, project) = project and u.period_start >= since
      and (not condition ? 'cap_key' or c.cap_key = condition ->> 'cap_key') and u.settled_amount * 100 >= c.limit_amount * (condition ->> 'percent')::numeric;
  end if;
end
$$;

-- preview_alert_rule: viewers. What a rule would find now, and how often it would have fired in the last seven days: null where no history tells that (executors).
create function ops_private.preview_alert_rule(environment uuid, condition jsonb, for_minutes int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  wanted jsonb := ops_private.alert_condition(condition);
  moment timestamptz := clock_timestamp();
begin
  perform ops_private.require(environment, 'viewer', 'preview an alert rule');
  return jsonb_build_object('days', 7,
    'fired', case when wanted ->> 'kind' <> 'executor_offline' then (select count(*) from ops_private.alert_episodes(environment, wanted, moment - interval '7 days') as e
      where coalesce(e.ended, moment) - e.started >= make_interval(mins => coalesce(for_minutes, 0))) end)
    || (select jsonb_build_object('holds', count(*), 'first', coalesce(jsonb_agg(jsonb_build_object('subject', s.subject, 'title', s.title, 'path', s.path) order by s.subject) filter (where s.turn <= 20), '[]'))
      from (select f.*, row_number() over (order by f.subject) as turn from ops_private.alert_subjects(environment, wanted) as f) as s);
end
$$;
create function ops.preview_alert_rule(environment_id uuid, condition jsonb, for_minutes int default 0) returns jsonb language sql stable set search_path = '' as 'select ops_private.preview_alert_rule($1, $2, $3)';
grant execute on function ops_private.preview_alert_rule(uuid, jsonb, int), ops.preview_alert_rule(uuid, jsonb, int) to authenticated, ops_token;
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
-- Secrets of an environment: names that anybody there may know, and values that only its executors can open. A value is sealed to
-- the environment's public key (X25519, a JWE of ECDH-ES and A256GCM; docs/secrets.md) before it comes here; the private key
-- lives with the executors. The sealed value itself is answered by one function alone: get_run_secrets, to the holder of a lease.
create table ops.environment_keys (
  environment_id uuid not null references ops.environments,
  kid text not null,
  -- A public JWK: { kty: OKP, crv: X25519, x }. `kid` is its thumbprint (RFC 7638).
  public_key jsonb not null,
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  -- Seals and opens nothing any more.
  retired_at timestamptz,
  constraint one_key_per_thumbprint primary key (environment_id, kid)
);

create table ops.secrets (
  secret_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null constraint secret_name_is_a_word check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  kid text not null,
  -- Counts the values; sealing the same value again with another key is no new version.
  version int not null default 1 constraint versions_count_from_one check (version >= 1),
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_by text,
  updated_at timestamptz not null default clock_timestamp(),
  constraint secret_name_is_unique_in_its_environment unique (environment_id, name),
  foreign key (environment_id, kid) references ops.environment_keys
);
create index secrets_by_key on ops.secrets (environment_id, kid);

create table ops_private.sealed_values (
  secret_id uuid primary key references ops.secrets on delete cascade,
  sealed text not null
);
alter table ops_private.sealed_values enable row level security;
alter table ops_private.sealed_values force row level security;

do $$
declare
  name text;
begin
  foreach name in array array['environment_keys', 'secrets'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_environments on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

create function ops_private.base64url(bytes bytea) returns text language sql immutable strict set search_path = '' as $$
  select translate(encode(bytes, 'base64'), E'+/=\n', '-_')
$$;
create function ops_private.from_base64url(encoded text) returns bytea language sql immutable strict set search_path = '' as $$
  select decode(rpad(translate(encoded, '-_', '+/'), (length(encoded) + 3) / 4 * 4, '='), 'base64')
$$;

-- The key that new values are sealed to: the newest that is not retired.
create function ops_private.active_key(environment uuid) returns ops.environment_keys language sql stable security definer set search_path = '' as $$
  select k from ops.environment_keys as k where k.environment_id = environment and k.retired_at is null order by k.created_at desc, k.kid limit 1
$$;

-- register_key: makes a public key the one that values are sealed to. The same key again changes nothing; one that was retired stays
-- so (conflict). Internal: the caller has authorised.
create function ops_private.register_key(environment uuid, public_key jsonb, by_name text) returns ops.environment_keys language plpgsql security definer set search_path = '' as $$
declare
  x text := public_key ->> 'x';
  thumbprint text;
  key ops.environment_keys;
begin
  if public_key ->> 'kty' is distinct from 'OKP' or public_key ->> 'crv' is distinct from 'X25519' or coalesce(x, '') !~ '^[A-Za-z0-9_-]{43}$' or public_key ? 'd' then
    perform ops_private.fail('invalid_input', 'public_key is a public JWK of an X25519 key: { "kty": "OKP", "crv": "X25519", "x": … }.', 'The private part (d) never leaves the executors; make another key if it was sent here.');
  end if;
  thumbprint := ops_private.base64url(sha256(convert_to(format('{"crv":"X25519","kty":"OKP","x":"%s"}', x), 'UTF8')));
  insert into ops.environment_keys as k (environment_id, kid, public_key, created_by)
  values (environment, thumbprint, jsonb_build_object('kty', 'OKP', 'crv', 'X25519', 'x', x), by_name) on conflict on constraint one_key_per_thumbprint do nothing returning * into key;
  if not found then
    select * into key from ops.environment_keys as k where k.environment_id = environment and k.kid = thumbprint;
    if key.retired_at is not null then
      perform ops_private.fail('conflict', 'This key was retired.', 'Make a new one: control-room keys create.');
    end if;
  end if;
  return key;
end
$$;

-- put_environment_key: admins. From then on values are sealed to this key; those sealed before stay readable with the older one
-- until reseal_secrets has moved them.
create function ops_private.put_environment_key(environment uuid, public_key jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  key ops.environment_keys;
begin
  perform ops_private.require(environment, 'admin', 'add a key');
  key := ops_private.register_key(environment, public_key, (ops_private.me()).name);
  perform ops_private.audit(environment, 'environment_key.added', 'environment_key', key.kid, null, to_jsonb(key));
  return to_jsonb(key);
end
$$;

-- retire_environment_key: admins. Refused (conflict) while a secret is sealed with it. A repeat changes nothing. Locks the key.
create function ops_private.retire_environment_key(environment uuid, kid text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  key ops.environment_keys;
  sealed text;
begin
  perform ops_private.require(environment, 'admin', 'retire a key');
  select * into key from ops.environment_keys as k where k.environment_id = environment and k.kid = retire_environment_key.kid for update;
  if not found then
    perform ops_private.fail('not_found', 'The environment has no such key.');
  elsif key.retired_at is not null then
    return to_jsonb(key);
  end if;
  select string_agg(s.name, ', ' order by s.name) into sealed from ops.secrets as s where s.environment_id = environment and s.kid = key.kid;
  if sealed is not null then
    perform ops_private.fail('conflict', format('These secrets are sealed with it: %s.', left(sealed, 500)), 'Add another key, seal the secrets again (reseal), then retire this one.');
  end if;
  update ops.environment_keys as k set retired_at = clock_timestamp() where k.environment_id = environment and k.kid = key.kid returning * into key;
  perform ops_private.audit(environment, 'environment_key.retired', 'environment_key', key.kid, null, to_jsonb(key));
  return to_jsonb(key);
end
$$;

-- check_sealed: the key that a sealed value names in its header, locked against retirement, where the value is sealed for this environment
-- and name and to a key that is in use. The header is authenticated with the value, so the executor finds the same.
create function ops_private.check_sealed(environment uuid, name text, sealed text) returns text language plpgsql security definer set search_path = '' as $$
declare
  header jsonb;
  kid text;
begin
  if coalesce(length(sealed), 0) > 110000 or coalesce(sealed, '') !~ '^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$' then
    perform ops_private.fail('invalid_input', 'The sealed value is not a compact JWE of ECDH-ES and A256GCM.');
  end if;
  begin
    header := convert_from(ops_private.from_base64url(split_part(sealed, '.', 1)), 'UTF8')::jsonb;
  exception when others then
    perform ops_private.fail('invalid_input', 'The header of the sealed value cannot be read.');
  end;
  if header ->> 'alg' is distinct from 'ECDH-ES' or header ->> 'enc' is distinct from 'A256GCM' or header ->> 'environment_id' is distinct from environment::text or header ->> 'name' is distinct from check_sealed.name then
    perform ops_private.fail('invalid_input', 'The value is sealed for another environment, another name, or in another way.');
  end if;
  select k.kid into kid from ops.environment_keys as k where k.environment_id = environment and k.kid = header ->> 'kid' and k.retired_at is null for key share;
  if kid is null then
    perform ops_private.fail('conflict', 'The value is sealed with a key that the environment does not use.', 'Read the environment''s keys again and seal it with the newest.');
  end if;
  return kid;
end
$$;

create function ops_private.secret_json(secret ops.secrets) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  return to_jsonb(secret) || jsonb_build_object('used_by', (select coalesce(jsonb_agg(c.name order by c.name), '[]') from ops.connections as c where c.environment_id = secret.environment_id and c.secret_name = secret.name));
end
$$;

-- put_secret: admins. Makes the secret, or gives it a new value (the next version); the value before is gone. 500 in an environment at most.
create function ops_private.put_secret(environment uuid, name text, sealed text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  kid text;
  saved ops.secrets;
begin
  perform ops_private.require(environment, 'admin', 'write a secret');
  if coalesce(put_secret.name, '') !~ '^[a-z][a-z0-9_]{0,62}$' then
    perform ops_private.fail('invalid_input', 'A secret''s name has lower-case letters, digits and underscores, at most 63, a letter first.');
  end if;
  kid := ops_private.check_sealed(environment, name, sealed);
  insert into ops.secrets as s (environment_id, name, kid, created_by, updated_by) values (environment, put_secret.name, kid, me.name, me.name)
  on conflict on constraint secret_name_is_unique_in_its_environment do update set kid = excluded.kid, version = s.version + 1, updated_by = excluded.updated_by, updated_at = clock_timestamp()
  returning * into saved;
  insert into ops_private.sealed_values as v (secret_id, sealed) values (saved.secret_id, put_secret.sealed) on conflict (secret_id) do update set sealed = excluded.sealed;
  if saved.version = 1 and (select count(*) from ops.secrets as s where s.environment_id = environment) > 500 then
    perform ops_private.fail('conflict', 'The environment has 500 secrets.', 'Delete those that no connection uses.');
  end if;
  perform ops_private.audit(environment, case saved.version when 1 then 'secret.created' else 'secret.replaced' end, 'secret', saved.name, null, jsonb_build_object('version', saved.version, 'kid', saved.kid));
  return ops_private.secret_json(saved);
end
$$;

-- delete_secret: admins. Refused (conflict) while a connection names it.
create function ops_private.delete_secret(environment uuid, name text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.secrets;
  users text;
begin
  perform ops_private.require(environment, 'admin', 'delete a secret');
  select * into old from ops.secrets as s where s.environment_id = environment and s.name = delete_secret.name for update;
  if not found then
    perform ops_private.fail('not_found', 'The environment has no such secret.');
  end if;
  select string_agg(c.name, ', ' order by c.name) into users from ops.connections as c where c.environment_id = environment and c.secret_name = old.name;
  if users is not null then
    perform ops_private.fail('conflict', format('These connections use it: %s.', left(users, 500)), 'Give them another secret first, or delete them.');
  end if;
  delete from ops.secrets as s where s.secret_id = old.secret_id;
  perform ops_private.audit(environment, 'secret.deleted', 'secret', old.name, jsonb_build_object('version', old.version, 'kid', old.kid));
  return true;
end
$$;

-- list_secrets: whoever sees the environment, by name. Names and dates, never values.
create function ops_private.list_secrets(environment uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  perform ops_private.require(environment, null, 'see secrets');
  return (select coalesce(jsonb_agg(ops_private.secret_json(s) order by s.name), '[]') from ops.secrets as s where s.environment_id = environment);
end
$$;

create function ops.put_environment_key(environment_id uuid, public_key jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.put_environment_key($1, $2)';
create function ops.retire_environment_key(environment_id uuid, kid text) returns jsonb language sql set search_path = '' as 'select ops_private.retire_environment_key($1, $2)';
create function ops.list_secrets(environment_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_secrets($1)';
create function ops.put_secret(environment_id uuid, name text, sealed text) returns jsonb language sql set search_path = '' as 'select ops_private.put_secret($1, $2, $3)';
create function ops.delete_secret(environment_id uuid, name text) returns boolean language sql set search_path = '' as 'select ops_private.delete_secret($1, $2)';
grant execute on function ops_private.put_environment_key(uuid, jsonb), ops.put_environment_key(uuid, jsonb), ops_private.retire_environment_key(uuid, text), ops.retire_environment_key(uuid, text),
  ops_private.list_secrets(uuid), ops.list_secrets(uuid), ops_private.put_secret(uuid, text, text), ops.put_secret(uuid, text, text), ops_private.delete_secret(uuid, text), ops.delete_secret(uuid, text) to authenticated, ops_token;
-- A connection: a named source or warehouse of an environment. Pipelines name it; the executor gets its settings, and its secret
-- sealed, when it holds a run that names it (get_run_secrets). Whoever may change where a connection leads could have its secret
-- sent there, so connections are for admins, as secrets are.
create table ops.connections (
  connection_id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references ops.environments,
  name text not null constraint connection_name_is_a_word check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  kind text not null constraint connection_kind_is_known check (kind in ('postgres', 'odoo', 'http', 's3')),
  settings jsonb not null,
  secret_name text,
  -- The run of the last test; what became of it is that run's state.
  test_run_id uuid references ops.runs,
  created_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_by text,
  updated_at timestamptz not null default clock_timestamp(),
  constraint connection_name_is_unique_in_its_environment unique (environment_id, name),
  constraint a_connection_names_a_secret_of_its_environment foreign key (environment_id, secret_name) references ops.secrets (environment_id, name)
);
create index connections_by_secret on ops.connections (environment_id, secret_name);
-- Where runs are removed, each asks who refers to it.
create index connections_by_test on ops.connections (test_run_id) where test_run_id is not null;
alter table ops.connections enable row level security;
alter table ops.connections force row level security;
create policy members_see_their_environments on ops.connections for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.connections to authenticated, ops_token, ops_sql;

-- The texts by which a spec names connections; they may hold `${{ parameters.NAME }}`.
create function ops_private.connection_texts(spec jsonb) returns setof text language sql immutable set search_path = '' as $$
  select distinct p -> 'config' ->> 'connection' from jsonb_array_elements(spec -> 'phases') as p where p -> 'config' ->> 'connection' is not null
$$;

-- Puts parameters into `${{ parameters.NAME }}`, as contracts/parameters.ts does; one without a value gives the empty text.
create function ops_private.fill_template(written text, parameters jsonb) returns text language plpgsql immutable set search_path = '' as $$
declare
  found text[];
begin
  for found in select regexp_matches(written, '(\$\{\{\s*parameters\.([a-z][a-z0-9_]{0,62})\s*\}\})', 'g') loop
    written := replace(written, found[1], coalesce(parameters ->> found[2], ''));
  end loop;
  return written;
end
$$;

-- Keys of the templates whose present version names the connection, by itself or by the default of a parameter. The same in every
-- environment: templates belong to the project.
create function ops_private.users_of_connection(environment uuid, name text) returns text[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(t.template_key order by t.template_key), '{}')
  from ops.environments as e join ops.template_detail as t using (project_id)
  cross join lateral (select coalesce(jsonb_object_agg(p.key, p.value -> 'default'), '{}') as parameters from jsonb_each(t.spec -> 'parameters' -> 'properties') as p) as defaults
  where e.environment_id = environment
    and users_of_connection.name in (select replace(lower(ops_private.fill_template(c.text, defaults.parameters)), '-', '_') from ops_private.connection_texts(t.spec) as c (text))
$$;

create function ops_private.connection_json(connection ops.connections) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(connection) - 'test_run_id' || jsonb_build_object(
    'used_by', to_jsonb(ops_private.users_of_connection(connection.environment_id, connection.name)),
    'last_test', (select jsonb_build_object('run_id', r.run_id, 'status', r.status, 'error_code', r.error_code, 'error_message', r.error_message, 'created_at', r.created_at, 'finished_at', r.finished_at) from ops.runs as r where r.run_id = connection.test_run_id))
$$;

-- Why settings are not those of a kind, as contracts/connection.ts has them; null where they are. No key of them is a place for a
-- password, nor for a URL with one.
create function ops_private.settings_mistake(kind text, settings jsonb, secret_name text) returns text language plpgsql immutable set search_path = '' as $$
declare
  known text[] := case kind when 'http' then array['url', 'auth', 'user', 'header'] when 's3' then array['endpoint', 'region', 'bucket', 'prefix', 'access_key_id'] else array['host', 'port', 'database', 'user', 'sslmode'] end;
  address constant text := '^https?://([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&''()*+,;=:@%/-]*)?$';
begin
  if jsonb_typeof(settings) is distinct from 'object' then
    return 'settings is an object.';
  elsif exists (select from jsonb_each(settings) as s where not s.key = any (known) or jsonb_typeof(s.value) not in ('string', 'null') and s.key <> 'port') then
    return format('settings takes %s, as text, and nothing else: a password is a secret.', array_to_string(known, ', '));
  end if;
  return case kind
    when 'http' then case
      when coalesce(settings ->> 'url', '') !~ address or length(settings ->> 'url') > 2000 then 'url is https://host/path, without user, query and fragment.'
      when coalesce(settings ->> 'auth', '') not in ('none', 'bearer', 'basic', 'header') then 'auth is none, bearer, basic or header.'
      when (settings ->> 'auth' = 'basic') <> (settings ->> 'user' is not null) or settings ->> 'user' !~ '^[^:]{1,200}$' then 'auth basic needs a user without a colon, and only it has one.'
      when (settings ->> 'auth' = 'header') <> (settings ->> 'header' is not null) or settings ->> 'header' !~ '^[A-Za-z0-9-]{1,64}$' then 'auth header needs the header''s name, and only it has one.'
      when lower(settings ->> 'header') in ('host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect') then 'header is one that the client itself sends.'
      when (settings ->> 'auth' = 'none') <> (secret_name is null) then 'auth none sends no secret, every other one needs it.' end
    when 's3' then case
      when coalesce(settings ->> 'endpoint', '') !~ address or length(settings ->> 'endpoint') > 2000 then 'endpoint is https://host/path, without user, query and fragment.'
      when coalesce(settings ->> 'region', '') !~ '^[a-z0-9-]{1,40}$' then 'region has lower-case letters, digits and hyphens.'
      when coalesce(settings ->> 'bucket', '') !~ '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' then 'bucket has 3 to 63 lower-case letters, digits, dots and hyphens.'
      when settings ->> 'prefix' is null or length(settings ->> 'prefix') > 500 or settings ->> 'prefix' ~ '^/|(^|/)\.{1,2}(/|$)|[\u0001-\u001f\u007f]' then 'prefix is a path without a slash before it, control characters and dot segments.'
      when coalesce(settings ->> 'access_key_id', '') !~ '^[A-Za-z0-9._+/=@-]{1,128}$' then 'access_key_id is the id of a key.'
      when secret_name is null then 's3 needs a secret: the secret access key.' end
    else case
      when coalesce(settings ->> 'host', '') !~ '^[A-Za-z0-9_.:-]{1,253}$' then 'host is a name or an address.'
      when jsonb_typeof(settings -> 'port') is distinct from 'number' or (settings ->> 'port')::numeric not between 1 and 65535 or (settings ->> 'port')::numeric % 1 <> 0 then 'port is 1 to 65535.'
      when length(coalesce(settings ->> 'database', '')) not between 1 and 63 or length(coalesce(settings ->> 'user', '')) not between 1 and 63 then 'database and user have 1 to 63 characters.'
      when coalesce(settings ->> 'sslmode', '') not in ('disable', 'require', 'verify-full') then 'sslmode is disable, require or verify-full.' end end;
end
$$;

-- The connection, locked for a change by an admin; raises not_found.
create function ops_private.connection_to_change(connection uuid, role text, action text) returns ops.connections language plpgsql security definer set search_path = '' as $$
declare
  found_connection ops.connections;
begin
  select * into found_connection from ops.connections as c where c.connection_id = connection and c.environment_id = any (ops_private.visible_environments()) for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such connection, or you may not see it.');
  end if;
  perform ops_private.require(found_connection.environment_id, role, action);
  return found_connection;
end
$$;

-- save_connection(request): admins. { environment_id, name, kind, settings, secret_name } makes one; { connection_id, kind, settings,
-- secret_name } puts them in the place of what it had. A name stays, since pipelines use it. A repeat of a change changes nothing.
create function ops_private.save_connection(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  before ops.connections;
  wanted ops.connections;
  mistake text;
begin
  if request ->> 'connection_id' is not null then
    before := ops_private.connection_to_change((request ->> 'connection_id')::uuid, 'admin', 'change a connection');
    wanted := before;
  else
    wanted.environment_id := (request ->> 'environment_id')::uuid;
    wanted.name := request ->> 'name';
    perform ops_private.require(wanted.environment_id, 'admin', 'make a connection');
  end if;
  wanted.kind := request ->> 'kind';
  wanted.settings := request -> 'settings';
  wanted.secret_name := request ->> 'secret_name';
  mistake := case
    when coalesce(wanted.name, '') !~ '^[a-z][a-z0-9_]{0,62}$' then 'name has lower-case letters, digits and underscores, at most 63, a letter first.'
    when coalesce(wanted.kind, '') not in ('postgres', 'odoo', 'http', 's3') then 'kind is postgres, odoo, http or s3.'
    else ops_private.settings_mistake(wanted.kind, wanted.settings, wanted.secret_name) end;
  if mistake is not null then
    perform ops_private.fail('invalid_input', mistake);
  elsif wanted.secret_name is not null and not exists (select from ops.secrets as s where s.environment_id = wanted.environment_id and s.name = wanted.secret_name for key share) then
    perform ops_private.fail('invalid_input', format('The environment has no secret %s.', left(wanted.secret_name, 63)), 'Create the secret first.');
  end if;
  if before.connection_id is null then
    insert into ops.connections (environment_id, name, kind, settings, secret_name, created_by, updated_by) values (wanted.environment_id, wanted.name, wanted.kind, wanted.settings, wanted.secret_name, me.name, me.name)
    on conflict on constraint connection_name_is_unique_in_its_environment do nothing returning * into wanted;
    if not found then
      perform ops_private.fail('conflict', 'The environment has a connection of this name.', 'Change that one, or choose another name.');
    elsif (select count(*) from ops.connections as c where c.environment_id = wanted.environment_id) > 200 then
      perform ops_private.fail('conflict', 'The environment has 200 connections.', 'Delete those that no pipeline uses.');
    end if;
  elsif (before.kind, before.settings, before.secret_name) is distinct from (wanted.kind, wanted.settings, wanted.secret_name) then
    -- What a test said of other settings says nothing of these.
    update ops.connections as c set kind = wanted.kind, settings = wanted.settings, secret_name = wanted.secret_name, test_run_id = null, updated_by = me.name, updated_at = clock_timestamp()
    where c.connection_id = before.connection_id returning * into wanted;
  else
    return ops_private.connection_json(before);
  end if;
  perform ops_private.audit(wanted.environment_id, case when before.connection_id is null then 'connection.created' else 'connection.changed' end, 'connection', wanted.connection_id::text,
    case when before.connection_id is not null then ops_private.connection_audit(before) end, ops_private.connection_audit(wanted));
  return ops_private.connection_json(wanted);
end
$$;
create function ops_private.connection_audit(connection ops.connections) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('name', connection.name, 'kind', connection.kind, 'settings', connection.settings, 'secret_name', connection.secret_name)
$$;

-- delete_connection: admins. Refused (conflict) while a template names it.
create function ops_private.delete_connection(connection uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.connections := ops_private.connection_to_change(connection, 'admin', 'delete a connection');
  users text[] := ops_private.users_of_connection(old.environment_id, old.name);
begin
  if cardinality(users) > 0 then
    perform ops_private.fail('conflict', format('These pipelines name it: %s.', left(array_to_string(users, ', '), 500)), 'Let them name another connection first.');
  end if;
  delete from ops.connections as c where c.connection_id = connection;
  perform ops_private.audit(old.environment_id, 'connection.deleted', 'connection', connection::text, ops_private.connection_audit(old));
  return true;
end
$$;

-- test_connection: operators. Queues a small run that asks the connection, before all others, once, for a minute at most; where no
-- executor takes it within ten minutes it ends `expired`. Answers the run.
create function ops_private.test_connection(connection uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  tested ops.connections := ops_private.connection_to_change(connection, 'operator', 'test a connection');
  me ops_private.principal := ops_private.me();
  run ops.runs;
begin
  run.environment_id := tested.environment_id;
  select e.project_id into run.project_id from ops.environments as e where e.environment_id = tested.environment_id;
  -- Canonical, as contracts/canonical.ts writes it.
  run.spec_sha256 := ops_private.store_spec(run.project_id, format('{"name":"test_connection","parameters":{"properties":{},"type":"object"},"phases":[{"config":{"connection":%s},"depends_on":[],"max_retries":0,"name":"connect","run_if":"all_success","timeout_seconds":60,"type":"connect"}],"quality":[],"tags":[],"version":1}', to_json(tested.name)));
  run.spec_slug := 'test_connection';
  run.kind := 'pipeline';
  run.parameters := '{}';
  run.priority := 0;
  run.queue := 'default';
  run.labels := '{}';
  run.expires_at := clock_timestamp() + interval '10 minutes';
  run.max_attempts := 1;
  run.trigger := case me.type when 'user' then 'manual' else 'api' end;
  run.triggered_by := me.name;
  run.isolated := false;
  run := ops_private.enqueue(run, (select s.spec from ops.specs as s where s.project_id = run.project_id and s.spec_sha256 = run.spec_sha256));
  update ops.connections as c set test_run_id = run.run_id where c.connection_id = connection;
  perform ops_private.audit(run.environment_id, 'connection.tested', 'connection', connection::text, null, jsonb_build_object('name', tested.name, 'run_id', run.run_id));
  return ops_private.run_json(run);
end
$$;

-- list_connections, get_connection: whoever sees the environment.
create function ops_private.list_connections(environment uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  perform ops_private.require(environment, null, 'see connections');
  return (select coalesce(jsonb_agg(ops_private.connection_json(c) order by c.name), '[]') from ops.connections as c where c.environment_id = environment);
end
$$;
create function ops_private.get_connection(connection uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  found_connection ops.connections;
begin
  select * into found_connection from ops.connections as c where c.connection_id = connection and c.environment_id = any (ops_private.visible_environments());
  if not found then
    perform ops_private.fail('not_found', 'There is no such connection, or you may not see it.');
  end if;
  return ops_private.connection_json(found_connection);
end
$$;

create function ops.list_connections(environment_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_connections($1)';
create function ops.get_connection(connection_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_connection($1)';
create function ops.save_connection(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.save_connection($1)';
create function ops.delete_connection(connection_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_connection($1)';
create function ops.test_connection(connection_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.test_connection($1)';
grant execute on function ops_private.list_connections(uuid), ops.list_connections(uuid), ops_private.get_connection(uuid), ops.get_connection(uuid), ops_private.save_connection(jsonb), ops.save_connection(jsonb),
  ops_private.delete_connection(uuid), ops.delete_connection(uuid), ops_private.test_connection(uuid), ops.test_connection(uuid) to authenticated, ops_token;
-- What a run may open: the connections that its pinned spec names, with its parameters in their places. A child run gets no more than
-- what the specs of all runs above it name as well: whoever executes a parent writes its children's specs.
create function ops_private.run_connections(run ops.runs) returns setof ops.connections language sql stable security definer set search_path = '' as $$
  with recursive line as (
    select r.parent_run_id, r.project_id, r.spec_sha256 from ops.runs as r where r.run_id = run.run_id
    union all select p.parent_run_id, p.project_id, p.spec_sha256 from line as l join ops.runs as p on p.run_id = l.parent_run_id),
  specs as (select s.spec from line as l join ops.specs as s using (project_id, spec_sha256)),
  named as (select t.text from specs as s cross join lateral ops_private.connection_texts(s.spec) as t (text) group by t.text having count(*) = (select count(*) from specs))
  select c.* from ops.connections as c where c.environment_id = run.environment_id
    and c.name in (select replace(lower(ops_private.fill_template(n.text, run.parameters)), '-', '_') from named as n)
$$;

-- Whether the run seals secrets again (reseal_secrets made it).
create function ops_private.reseals(run ops.runs) returns boolean language sql stable security definer set search_path = '' as $$
  select run.parent_run_id is null and exists (select from ops.specs as s where s.project_id = run.project_id and s.spec_sha256 = run.spec_sha256 and ops_private.has_reseal(s.spec))
$$;

-- get_run_secrets: the lease holder. Answers the connections that the run names, and their secrets as they are sealed; to a run
-- that reseals, every secret of the environment that is not sealed to the newest key. An event names what was answered, once an attempt.
create function ops_private.get_run_secrets(run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  held ops.runs;
  active ops.environment_keys;
  connections jsonb;
  secrets jsonb;
begin
  select * into held from ops.runs as r where r.run_id = run;
  active := ops_private.active_key(held.environment_id);
  select coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'kind', c.kind, 'settings', c.settings, 'secret_name', c.secret_name) order by c.name), '[]') into connections from ops_private.run_connections(held) as c;
  select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'version', s.version, 'kid', s.kid, 'sealed', v.sealed) order by s.name), '[]') into secrets
  from ops.secrets as s join ops_private.sealed_values as v using (secret_id)
  where s.environment_id = held.environment_id and (s.name in (select c ->> 'secret_name' from jsonb_array_elements(connections) as c) or s.kid <> active.kid and ops_private.reseals(held));
  if secrets <> '[]' and not exists (select from ops.run_events as e where e.run_id = run and e.type = 'SECRETS_READ' and e.data -> 'attempt' = to_jsonb(held.attempt)) then
    perform ops_private.append_event(run, 'SECRETS_READ', 'info', null, 'The executor was given secrets, sealed.', jsonb_build_object('attempt', held.attempt,
      'connections', (select coalesce(jsonb_agg(c -> 'name'), '[]') from jsonb_array_elements(connections) as c), 'secrets', (select jsonb_agg(s -> 'name') from jsonb_array_elements(secrets) as s)));
  end if;
  return jsonb_build_object('connections', connections, 'secrets', secrets, 'active_key', active.public_key || jsonb_build_object('kid', active.kid));
end
$$;

-- reseal_secret: the lease holder of a run that reseals. The same value under another key: no new version. Answers false where the
-- secret was replaced or deleted meanwhile.
create function ops_private.reseal_secret(run uuid, token uuid, name text, version int, sealed text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  held ops.runs;
  changed ops.secrets;
  thumbprint text;
begin
  select * into held from ops.runs as r where r.run_id = run;
  if not ops_private.reseals(held) then
    perform ops_private.fail('forbidden', 'The run seals no secrets.');
  end if;
  thumbprint := ops_private.check_sealed(held.environment_id, name, sealed);
  update ops.secrets as s set kid = thumbprint where s.environment_id = held.environment_id and s.name = reseal_secret.name and s.version = reseal_secret.version returning * into changed;
  if not found then
    return false;
  end if;
  update ops_private.sealed_values as v set sealed = reseal_secret.sealed where v.secret_id = changed.secret_id;
  perform ops_private.audit(held.environment_id, 'secret.resealed', 'secret', changed.name, null, jsonb_build_object('version', changed.version, 'kid', changed.kid));
  return true;
end
$$;

-- reseal_secrets: admins. Queues a run that seals every secret to the newest key. Answers the run.
create function ops_private.reseal_secrets(environment uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  run ops.runs;
begin
  perform ops_private.require(environment, 'admin', 'seal secrets again');
  if (ops_private.active_key(environment)).kid is null then
    perform ops_private.fail('conflict', 'The environment has no key.', 'Make one where its executors run: control-room keys create.');
  end if;
  select e.project_id into run.project_id from ops.environments as e where e.environment_id = environment;
  run.environment_id := environment;
  run.spec_sha256 := ops_private.store_spec(run.project_id, '{"name":"reseal_secrets","parameters":{"properties":{},"type":"object"},"phases":[{"config":{},"depends_on":[],"max_retries":0,"name":"reseal","run_if":"all_success","timeout_seconds":600,"type":"reseal"}],"quality":[],"tags":[],"version":1}', true);
  run.spec_slug := 'reseal_secrets';
  run.kind := 'pipeline';
  run.parameters := '{}';
  run.priority := 0;
  run.queue := 'default';
  run.labels := '{}';
  run.max_attempts := 3;
  run.trigger := case me.type when 'user' then 'manual' else 'api' end;
  run.triggered_by := me.name;
  run.isolated := false;
  run := ops_private.enqueue(run, (select s.spec from ops.specs as s where s.project_id = run.project_id and s.spec_sha256 = run.spec_sha256));
  perform ops_private.audit(environment, 'secrets.reseal_asked', 'run', run.run_id::text, null, jsonb_build_object('kid', (ops_private.active_key(environment)).kid));
  return ops_private.run_json(run);
end
$$;

create function ops.get_run_secrets(run_id uuid, lease_token uuid) returns jsonb language sql set search_path = '' as 'select ops_private.get_run_secrets($1, $2)';
create function ops.reseal_secret(run_id uuid, lease_token uuid, name text, version int, sealed text) returns boolean language sql set search_path = '' as 'select ops_private.reseal_secret($1, $2, $3, $4, $5)';
create function ops.reseal_secrets(environment_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.reseal_secrets($1)';
grant execute on function ops_private.get_run_secrets(uuid, uuid), ops.get_run_secrets(uuid, uuid), ops_private.reseal_secret(uuid, uuid, text, int, text), ops.reseal_secret(uuid, uuid, text, int, text),
  ops_private.reseal_secrets(uuid), ops.reseal_secrets(uuid) to authenticated, ops_token;
-- What a run of this product publishes joins the graph in the transaction that registers it. The truth is dataset_versions.lineage and
-- the input manifest; the graph is what follows from them.

-- What an executor says of a version's SQL, as contracts/dataset.ts has it (tableLineage); null is nothing said.
create function ops_private.check_table_lineage(lineage jsonb) returns void language plpgsql immutable set search_path = '' as $$
declare
  inputs jsonb := case jsonb_typeof(lineage -> 'inputs') when 'array' then lineage -> 'inputs' end;
  said jsonb := coalesce(lineage -> 'rows', '[]');
begin
  if lineage is null or lineage = 'null' then
    return;
  elsif pg_column_size(lineage) > 1048576 then
    perform ops_private.fail('payload_too_large', 'lineage has at most 1 MB.', 'Leave its columns out.');
  elsif jsonb_typeof(lineage) <> 'object' or inputs is null or jsonb_array_length(inputs) > 500 or jsonb_typeof(said) <> 'array' or coalesce(jsonb_typeof(lineage -> 'columns'), 'null') not in ('object', 'null')
    or exists (select from jsonb_array_elements(inputs) as i where coalesce(i #>> '{}', '') !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$')
    or exists (select from jsonb_each(case jsonb_typeof(lineage -> 'columns') when 'object' then lineage -> 'columns' else '{}' end) as f where f.key = '' or octet_length(f.key) > 512 or jsonb_typeof(f.value) <> 'array') then
    perform ops_private.fail('invalid_input', 'lineage has inputs, a list of at most 500 tables; columns, an object of lists, or null; rows, a list.');
  end if;
  select said || coalesce(jsonb_agg(s.value), '[]') into said
  from jsonb_each(case jsonb_typeof(lineage -> 'columns') when 'object' then lineage -> 'columns' else '{}' end) as f cross join lateral jsonb_array_elements(f.value) as s;
  if exists (select from jsonb_array_elements(said) as s where not inputs ? coalesce(s ->> 'dataset', '') or octet_length(coalesce(s ->> 'column', '')) not between 1 and 512 or coalesce(s ->> 'kind', '') !~ '^[A-Z_]{1,60}$') then
    perform ops_private.fail('invalid_input', 'A source of lineage has a dataset that is among the inputs, a column, and a kind.');
  end if;
end
$$;

-- Nodes for these (namespace, name), made or seen again; in one order, so that two callers never wait for each other.
create function ops_private.lineage_nodes(environment uuid, names jsonb, at timestamptz) returns table (node_id uuid, namespace text, name text) language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.lineage_datasets as d (environment_id, namespace, name, seen_at)
  select environment, n.value ->> 'namespace', n.value ->> 'name', at from jsonb_array_elements(names) as n
  group by 2, 3 order by 2, 3
  on conflict on constraint one_node_per_name do update set seen_at = greatest(d.seen_at, excluded.seen_at);
  return query select d.node_id, d.namespace, d.name from ops.lineage_datasets as d
    where d.environment_id = environment and (d.namespace, d.name) in (select n.value ->> 'namespace', n.value ->> 'name' from jsonb_array_elements(names) as n);
end
$$;

-- The job that a run is one execution of: its pipeline.
create function ops_private.lineage_job_of(run ops.runs, at timestamptz) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  job uuid;
begin
  insert into ops.lineage_jobs as j (environment_id, namespace, name, last_run_id, state, producer, seen_at)
  values (run.environment_id, ops_private.lineage_home(run.environment_id), coalesce(run.template_key, run.spec_slug), run.run_id, null, 'urn:lakehouse-control-room', at)
  on conflict on constraint one_job_per_name do update set last_run_id = excluded.last_run_id, seen_at = excluded.seen_at
  returning j.lineage_job_id into job;
  return job;
end
$$;

-- Where a table came from that an ingest landed: the source's own name, as its other readers call it, or the connection's where its host is not known here.
create function ops_private.source_name(environment uuid, source jsonb, dataset text) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(
    (select jsonb_build_object('namespace', ops_private.lineage_namespace('postgres://' || (c.settings ->> 'host') || ':' || (c.settings ->> 'port')),
        'name', (c.settings ->> 'database') || '.' || (source ->> 'schema') || '.' || split_part(dataset, '.', 2))
      from ops.connections as c where c.environment_id = environment and c.name = source ->> 'connection' and c.kind in ('postgres', 'odoo')),
    jsonb_build_object('namespace', ops_private.lineage_home(environment) || '/connections/' || (source ->> 'connection'),
      'name', concat_ws('.', source ->> 'schema', split_part(dataset, '.', 2))))
$$;

-- note_lineage: publish_dataset, for a version that it has just registered. Its SQL's lineage where the executor reported one, else the source
-- that landed it, else nothing. What the same pipeline said of the table before is replaced. Locks nodes, job, edges.
create function ops_private.note_lineage(made ops.dataset_versions, dataset text) returns void language plpgsql security definer set search_path = '' as $$
declare
  of_run ops.runs;
  job uuid;
  home text := ops_private.lineage_home(made.environment_id);
  sources jsonb;
  target uuid;
  landed boolean := made.lineage is null;
begin
  select * into of_run from ops.runs as r where r.run_id = made.run_id;
  if landed then
    sources := (select coalesce(jsonb_agg(ops_private.source_name(made.environment_id, s.value, dataset)), '[]') from jsonb_each(coalesce(of_run.input_manifest -> 'sources', '{}')) as s
      where jsonb_typeof(s.value -> 'tables') = 'array' and s.value ? 'connection' and exists (select from jsonb_array_elements(s.value -> 'tables') as t where t.value ->> 'name' = dataset));
  else
    sources := (select coalesce(jsonb_agg(jsonb_build_object('namespace', home, 'name', i)), '[]') from jsonb_array_elements_text(made.lineage -> 'inputs') as i);
  end if;
  select n.node_id into target from ops_private.lineage_nodes(made.environment_id, sources || jsonb_build_object('namespace', home, 'name', dataset), made.created_at) as n
  where n.namespace = home and n.name = dataset;
  job := ops_private.lineage_job_of(of_run, made.created_at);
  insert into ops.lineage_io as i (environment_id, lineage_job_id, node_id, direction, seen_at)
  select made.environment_id, job, n.node_id, case when n.node_id = target then 'output' else 'input' end, made.created_at
  from ops.lineage_datasets as n where n.environment_id = made.environment_id
    and (n.namespace, n.name) in (select s.value ->> 'namespace', s.value ->> 'name' from jsonb_array_elements(sources || jsonb_build_object('namespace', home, 'name', dataset)) as s)
  order by n.node_id on conflict (lineage_job_id, direction, node_id) do update set seen_at = excluded.seen_at;
  delete from ops.lineage_edges as e where e.target_id = target and e.lineage_job_id = job and e.source_id not in (
    select n.node_id from ops.lineage_datasets as n join jsonb_array_elements(sources) as s on n.namespace = s.value ->> 'namespace' and n.name = s.value ->> 'name' where n.environment_id = made.environment_id);
  insert into ops.lineage_edges as e (environment_id, source_id, target_id, lineage_job_id, seen_at)
  select made.environment_id, n.node_id, target, job, made.created_at
  from ops.lineage_datasets as n join (select distinct s.value ->> 'namespace' as namespace, s.value ->> 'name' as name from jsonb_array_elements(sources) as s) as s using (namespace, name)
  where n.environment_id = made.environment_id and n.node_id <> target order by n.node_id
  on conflict (source_id, target_id, lineage_job_id) do update set seen_at = excluded.seen_at;
  delete from ops.lineage_columns as c where c.target_id = target and c.lineage_job_id = job;
  insert into ops.lineage_columns (environment_id, source_id, source_column, target_id, target_column, kind, direct, lineage_job_id, seen_at)
  select made.environment_id, n.node_id, c.source_column, target, c.target_column, c.kind, c.direct, job, made.created_at
  from (
    select home as namespace, s.value ->> 'dataset' as name, s.value ->> 'column' as source_column, f.key as target_column, s.value ->> 'kind' as kind, true as direct
    from jsonb_each(case jsonb_typeof(made.lineage -> 'columns') when 'object' then made.lineage -> 'columns' else '{}' end) as f cross join lateral jsonb_array_elements(f.value) as s
    union select home, s.value ->> 'dataset', s.value ->> 'column', '', s.value ->> 'kind', false from jsonb_array_elements(coalesce(made.lineage -> 'rows', '[]')) as s
    -- What was landed is as it was; columns of our own begin with _.
    union select s.value ->> 'namespace', s.value ->> 'name', col.value ->> 'name', col.value ->> 'name', 'IDENTITY', true
    from jsonb_array_elements(sources) as s cross join jsonb_array_elements(made.columns) as col where landed and left(col.value ->> 'name', 1) <> '_') as c
  join ops.lineage_datasets as n on n.environment_id = made.environment_id and n.namespace = c.namespace and n.name = c.name
  where n.node_id <> target
  on conflict do nothing;
end
$$;

-- note_reads: pin_inputs. The pipeline reads these tables; noted again at most once a minute, since every run passes here.
create function ops_private.note_reads(run ops.runs, tables text[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  home text := ops_private.lineage_home(run.environment_id);
  moment timestamptz := clock_timestamp();
  fresh jsonb;
  job uuid;
begin
  fresh := (select jsonb_agg(jsonb_build_object('namespace', home, 'name', t)) from (select distinct split_part(n, '@', 1) as t from unnest(tables) as n) as t
    where exists (select from ops.datasets as d where d.environment_id = run.environment_id and d.name = t.t)
      and not exists (select from ops.lineage_jobs as j join ops.lineage_io as i using (lineage_job_id) join ops.lineage_datasets as n using (node_id)
        where j.environment_id = run.environment_id and j.namespace = home and j.name = coalesce(run.template_key, run.spec_slug)
          and i.direction = 'input' and i.seen_at > moment - interval '1 minute' and n.namespace = home and n.name = t.t));
  if fresh is null then
    return;
  end if;
  perform from ops_private.lineage_nodes(run.environment_id, fresh, moment);
  job := ops_private.lineage_job_of(run, moment);
  insert into ops.lineage_io as i (environment_id, lineage_job_id, node_id, direction, seen_at)
  select run.environment_id, job, n.node_id, 'input', moment from ops.lineage_datasets as n
  where n.environment_id = run.environment_id and n.namespace = home and n.name in (select f.value ->> 'name' from jsonb_array_elements(fresh) as f) order by n.node_id
  on conflict (lineage_job_id, direction, node_id) do update set seen_at = excluded.seen_at;
end
$$;
-- search: whoever sees the environment. One call over everything that has a page. An id is looked up by its key in every environment that the caller
-- sees; words are looked for in this environment and its project, each of them in what is shown of a thing. What grows without end is read at its newest
-- end (runs 1,000, audit entries 2,000) and, by the beginning of an id or a hash, through an index: a million runs cost what a thousand do.

create function ops_private.hit(kind text, id text, title text, environment uuid, detail text default null, state text default null, run uuid default null) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('kind', kind, 'id', id, 'title', title, 'detail', detail, 'state', state, 'environment_id', environment, 'run_id', run)
$$;
create function ops_private.run_hit(run ops.runs) returns jsonb language sql stable set search_path = '' as $$
  select ops_private.hit('run', run.run_id::text, run.spec_slug, run.environment_id, coalesce(run.error_code, to_char(run.created_at at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"')), run.status)
$$;
create function ops_private.schedule_hit(schedule ops.schedules) returns jsonb language sql stable set search_path = '' as $$
  select ops_private.hit('schedule', schedule.schedule_id::text, schedule.name, schedule.environment_id, schedule.cron || ' ' || schedule.time_zone, case when schedule.paused_at is null then 'active' else 'paused' end)
$$;

-- Everything whose id this is.
create function ops_private.search_id(environment uuid, organization uuid, wanted uuid) returns setof jsonb language plpgsql stable security definer rows 5 set search_path = '' as $$
declare
  seen uuid[] := ops_private.visible_environments();
begin
  return query
  -- What belongs to a project is shown in this environment, else in another of that project.
  with home as (select e.project_id, (array_agg(e.environment_id order by e.environment_id <> environment, e.environment_id))[1] as environment_id from ops_private.my_environments() as e group by e.project_id)
  select ops_private.run_hit(r) from ops.runs as r where r.run_id = wanted and r.environment_id = any (seen)
  union all select ops_private.hit('executor', x.executor_id::text, x.name, h.environment_id, x.hostname) from ops.executors as x join home as h using (project_id) where x.executor_id = wanted and x.deleted_at is null
  union all select ops_private.hit('pipeline', t.template_key, t.title, h.environment_id, t.template_key) from ops.job_templates as t join home as h using (project_id) where t.template_id = wanted
  union all select ops_private.schedule_hit(s) from ops.schedules as s where s.schedule_id = wanted and s.environment_id = any (seen) and s.deleted_at is null
  union all select ops_private.hit('backfill', b.backfill_id::text, t.title, b.environment_id, t.template_key) from ops.backfills as b join ops.job_templates as t using (template_id) where b.backfill_id = wanted and b.environment_id = any (seen)
  union all select ops_private.hit('dataset', d.name, d.name, d.environment_id, d.layer) from ops.datasets as d where d.dataset_id = wanted and d.environment_id = any (seen)
  union all select ops_private.hit('artifact', a.artifact_id::text, a.name, a.environment_id, a.kind, null, a.run_id) from ops.run_artifacts as a where a.artifact_id = wanted and a.environment_id = any (seen)
  union all select ops_private.hit('connection', c.connection_id::text, c.name, c.environment_id, c.kind) from ops.connections as c where c.connection_id = wanted and c.environment_id = any (seen)
  -- The ids of an executor's own events are in an index of each run; the control plane's events have none but their numbers.
  union all (select ops_private.hit('event', e.seq::text, e.type, e.environment_id, e.message, null, e.run_id)
    from (select r.run_id from ops.runs as r where r.environment_id = environment order by r.run_id desc limit 200) as newest
    cross join lateral (select v.* from ops.run_events as v where v.run_id = newest.run_id and v.event_id = wanted and v.reported limit 1) as e limit 1)
  -- What is gone, or has no page, still stands in the audit log.
  union all (select ops_private.hit('audit', a.object_id, a.action, environment, a.object_type) from ops.audit_log as a where a.organization_id = organization and a.object_id = wanted::text
      and (a.environment_id = any (ops_private.visible_environments(4)) or a.environment_id is null and (a.organization_id = any (ops_private.governed_organizations(4)) or a.project_id = any (ops_private.governed_projects(4))))
    order by a.audit_id desc limit 1);
end
$$;

-- What has this SHA-256, or one that begins so: artifacts, specs, the tables that readers follow.
create function ops_private.search_hash(environment uuid, project uuid, wanted text) returns setof jsonb language sql stable security definer rows 10 set search_path = '' as $$
  (select ops_private.hit('artifact', a.artifact_id::text, a.name, a.environment_id, a.kind || ' ' || left(a.sha256, 8), null, a.run_id) from ops.run_artifacts as a
    where a.environment_id = environment and a.sha256 >= wanted and a.sha256 <= rpad(wanted, 64, 'f') order by a.sha256, a.created_at desc limit 5)
  union all (select ops_private.hit('pipeline', t.template_key, t.title, environment, format('spec of version %s', v.version)) from ops.job_template_versions as v join ops.job_templates as t using (template_id)
    where v.project_id = project and v.spec_sha256 >= wanted and v.spec_sha256 <= rpad(wanted, 64, 'f') order by v.version desc limit 3)
  union all (select ops_private.hit('dataset', d.name, d.name, environment, format('version %s', v.version)) from (select n.* from ops.datasets as n where n.environment_id = environment order by n.name limit 2000) as d
    join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = d.current_version where v.content_sha256 >= wanted and v.content_sha256 <= rpad(wanted, 64, 'f') limit 3)
$$;

-- Where every word occurs in what is shown of a thing; `words` are patterns of `ilike`.
create function ops_private.search_words(environment uuid, project uuid, organization uuid, words text[]) returns setof jsonb language sql stable security definer rows 30 set search_path = '' as $$
  (select ops_private.hit('pipeline', t.template_key, t.title, environment, t.template_key) from (select n.* from ops.job_templates as n where n.project_id = project order by n.template_key limit 2000) as t
    where t.title || ' ' || t.template_key || ' ' || coalesce(t.layer, '') || ' ' || array_to_string(t.tags, ' ') ilike all (words) limit 6)
  union all (select ops_private.schedule_hit(x.s) from (select n as s, n.name, n.template_id from ops.schedules as n where n.environment_id = environment and n.deleted_at is null order by n.name limit 2000) as x join ops.job_templates as t using (template_id)
    where x.name || ' ' || t.title || ' ' || t.template_key ilike all (words) limit 5)
  union all (select ops_private.hit('dataset', d.name, d.name, environment, d.layer) from (select n.* from ops.datasets as n where n.environment_id = environment order by n.name limit 2000) as d where d.name ilike all (words) limit 6)
  union all (select ops_private.hit('executor', x.executor_id::text, x.name, environment, x.hostname) from (select n.* from ops.executors as n where n.project_id = project and n.deleted_at is null order by n.name limit 2000) as x
    where x.name || ' ' || coalesce(x.hostname, '') ilike all (words) limit 5)
  union all (select ops_private.run_hit(x.r) from (select n as r, n.run_id, n.status || ' ' || n.spec_slug || ' ' || coalesce(n.error_code, '') || ' ' || n.trigger || ' ' || n.run_id::text as shown from ops.runs as n where n.environment_id = environment order by n.run_id desc limit 1000) as x
    where x.shown ilike all (words) order by x.run_id desc limit 6)
  union all (select ops_private.hit('connection', c.connection_id::text, c.name, environment, c.kind) from (select n.* from ops.connections as n where n.environment_id = environment order by n.name limit 2000) as c where c.name || ' ' || c.kind ilike all (words) limit 3)
  union all (select ops_private.hit('secret', s.name, s.name, environment) from (select n.* from ops.secrets as n where n.environment_id = environment order by n.name limit 2000) as s where s.name ilike all (words) limit 3)
  union all (select ops_private.hit('cap', c.cap_id::text, c.cap_key, environment, c.unit || ' a ' || c.period) from (select n.* from ops.caps as n where n.environment_id = environment or n.project_id = project and n.environment_id is null or n.organization_id = organization and n.project_id is null limit 2000) as c
    where c.cap_key ilike all (words) limit 3)
  -- Names no one but to whom list_members does.
  union all (select ops_private.hit('member', x.membership_id::text, x.email, environment, x.role) from (
      select n.*, u.email from ops.memberships as n join auth.users as u on u.id = n.user_id where n.organization_id = organization and u.email ilike all (words) order by u.email limit 200) as x
    where x.user_id = (ops_private.me()).id or ops_private.rank_over(x.organization_id, x.project_id, x.environment_id) >= 4 limit 5)
$$;

create function ops_private.search(environment uuid, query text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  written text := lower(btrim(coalesce(query, '')));
  id text := substring(written from '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}');
  hash text := substring(written from '(?<![0-9a-f])[0-9a-f]{8,64}(?![0-9a-f])');
  hex text := substring(replace(written, '-', '') from '^[0-9a-f]{4,31}$');
  first_run uuid := rpad(hex, 32, '0')::uuid;
  last_run uuid := rpad(hex, 32, 'f')::uuid;
  project uuid;
  organization uuid;
  words text[];
begin
  select e.project_id, e.organization_id into project, organization from ops_private.my_environments() as e where e.environment_id = environment;
  if not found then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif length(written) > 400 then
    perform ops_private.fail('invalid_input', 'What is searched for has at most 400 characters.');
  elsif written = '' then
    return '[]';
  end if;
  -- An id as pages shorten it has a gap, which stands for anything.
  select array_agg('%' || replace(replace(replace(replace(w, '\', '\\'), '%', '\%'), '_', '\_'), '…', '%') || '%') into words
  from (select w from regexp_split_to_table(written, '\s+') as w where w <> '' limit 6) as w (w);
  return (
    with hits as materialized (
      select h, 1 as place from ops_private.search_id(environment, organization, id::uuid) as h where id is not null
      union all select h, 2 from ops_private.search_hash(environment, project, hash) as h where id is null and hash is not null
      union all (select ops_private.run_hit(r), 3 from ops.runs as r where id is null and r.environment_id = environment and r.run_id between first_run and last_run order by r.run_id desc limit 5)
      union all select h, 4 from ops_private.search_words(environment, project, organization, words) as h where id is null and coalesce(length(hash), 0) < 64
      union all (select ops_private.hit('audit', x.object_id, x.action, environment, x.object_type || ' ' || x.request_id), 5
        from (select a.* from ops.audit_log as a where a.environment_id = environment and environment = any (ops_private.visible_environments(4)) order by a.audit_id desc limit 2000) as x where lower(x.request_id) = written limit 3))
    select coalesce(jsonb_agg(u.h order by u.place, u.n), '[]')
    from (select x.h, min(x.place) as place, min(x.n) as n from (select h, place, row_number() over () as n from hits) as x group by x.h order by 2, 3 limit 60) as u);
end
$$;
create function ops.search(environment_id uuid, query text) returns jsonb language sql stable set search_path = '' as 'select ops_private.search($1, $2)';
grant execute on function ops_private.search(uuid, text), ops.search(uuid, text) to authenticated, ops_token;
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
-- The graph around a dataset or a column, and the whole of it by pages.

-- The nodes with what they are made of: { node_id, namespace, name, dataset, layer, seen_at, distance, upstream, more_upstream, more_downstream }.
-- `distance` is below 0 upstream of the focus. `upstream` lists at most 200 sources, each with the job that told of it last.
create function ops_private.lineage_items(environment uuid, ids uuid[], distances int[]) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('node_id', n.node_id, 'namespace', n.namespace, 'name', n.name, 'dataset', own.name, 'layer', own.layer, 'seen_at', n.seen_at, 'distance', w.distance,
    'upstream', coalesce(up.sources, '[]'), 'upstream_count', coalesce(up.count, 0),
    'downstream_count', (select count(distinct e.target_id) from ops.lineage_edges as e where e.source_id = n.node_id)) order by w.at), '[]')
  from unnest(ids, distances) with ordinality as w (node_id, distance, at) join ops.lineage_datasets as n on n.node_id = w.node_id and n.environment_id = environment
  left join ops.datasets as own on own.environment_id = environment and n.namespace = ops_private.lineage_home(environment) and own.name = n.name
  left join lateral (
    select jsonb_agg(jsonb_build_object('node_id', s.source_id, 'job', s.job) order by s.seen_at desc, s.source_id) filter (where s.place <= 200) as sources, count(*) as count from (
      select distinct on (e.source_id) e.source_id, e.seen_at, j.name as job, dense_rank() over (order by e.source_id) as place
      from ops.lineage_edges as e join ops.lineage_jobs as j using (lineage_job_id) where e.target_id = n.node_id order by e.source_id, e.seen_at desc) as s) as up on true
$$;

-- The node that is meant: by its id, or by the name of a table of the lake. Raises not_found.
create function ops_private.lineage_focus(environment uuid, node uuid, dataset text) returns uuid language plpgsql stable security definer set search_path = '' as $$
declare
  found_node uuid := (select n.node_id from ops.lineage_datasets as n where n.environment_id = environment
    and (n.node_id = node or node is null and n.namespace = ops_private.lineage_home(environment) and n.name = dataset));
begin
  if found_node is null then
    perform ops_private.fail('not_found', 'The graph has no such dataset.');
  end if;
  return found_node;
end
$$;

-- read_lineage(environment_id, …): who sees the environment. Around a focus (node_id or dataset): what lies upstream, downstream or both, `depth` steps far, the nearest first. Without one: every
-- node whose name holds `search`, by name. At most `most` nodes after `after` (the last one's place); next is null at the end. An answer stops at 2,000 nodes of a side: `cut` says so.
create function ops_private.read_lineage(environment uuid, node uuid, dataset text, direction text, depth int, search text, most int, after text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  focus uuid;
  ids uuid[];
  distances int[];
  frontier uuid[];
  side record;
  hop int;
  start int := coalesce(nullif(after, '')::int, 0);
  cut boolean := false;
  total int;
begin
  perform ops_private.require(environment, null, 'read lineage');
  if depth not between 0 and 20 or most not between 1 and 2000 or direction not in ('both', 'upstream', 'downstream') or start not between 0 and 1000000 then
    perform ops_private.fail('invalid_input', 'depth is 0 to 20, limit 1 to 2,000, direction both, upstream or downstream.');
  end if;
  if node is null and dataset is null then
    ids := array(select n.node_id from ops.lineage_datasets as n where n.environment_id = environment and (search is null or position(lower(search) in lower(n.name)) > 0 or position(lower(search) in n.namespace) > 0)
      order by n.namespace <> ops_private.lineage_home(environment), n.namespace, n.name offset start limit most + 1);
    distances := array_fill(0, array[cardinality(ids)]);
    total := start + cardinality(ids);
  else
    focus := ops_private.lineage_focus(environment, node, dataset);
    ids := array[focus];
    distances := array[0];
    for side in select s.up from (values (true), (false)) as s (up) where direction = 'both' or s.up = (direction = 'upstream') loop
      frontier := array[focus];
      for hop in 1..depth loop
        if side.up then
          frontier := array(select distinct e.source_id from ops.lineage_edges as e where e.target_id = any (frontier) and e.source_id <> all (ids) limit 2001);
        else
          frontier := array(select distinct e.target_id from ops.lineage_edges as e where e.source_id = any (frontier) and e.target_id <> all (ids) limit 2001);
        end if;
        exit when cardinality(frontier) = 0;
        if cardinality(ids) + cardinality(frontier) > 4001 then
          cut := true;
          exit;
        end if;
        ids := ids || frontier;
        distances := distances || array_fill(case when side.up then -hop else hop end, array[cardinality(frontier)]);
      end loop;
    end loop;
    select array_agg(w.id order by abs(w.distance), w.distance, w.id), array_agg(w.distance order by abs(w.distance), w.distance, w.id) into ids, distances from unnest(ids, distances) as w (id, distance);
    total := cardinality(ids);
    ids := ids[start + 1:start + most + 1];
    distances := distances[start + 1:start + most + 1];
  end if;
  return jsonb_build_object('focus', focus, 'cut', cut, 'next', case when cardinality(ids) > most then (start + most)::text end,
    'items', ops_private.lineage_items(environment, ids[1:most], distances[1:most]));
end
$$;

-- read_column_lineage(environment_id, …): as read_lineage, for a column; without one, every column of the dataset with its direct sources and what is made of it. What decides the dataset's rows stands under column ''.
create function ops_private.read_column_lineage(environment uuid, node uuid, dataset text, target text, direction text, depth int, most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  focus uuid;
  ids uuid[];
  names text[];
  distances int[];
  next_ids uuid[];
  next_names text[];
  front_ids uuid[];
  front_names text[];
  side record;
  hop int;
begin
  perform ops_private.require(environment, null, 'read lineage');
  if depth not between 0 and 20 or most not between 1 and 2000 or direction not in ('both', 'upstream', 'downstream') then
    perform ops_private.fail('invalid_input', 'depth is 0 to 20, limit 1 to 2,000, direction both, upstream or downstream.');
  end if;
  focus := ops_private.lineage_focus(environment, node, dataset);
  if target is null then
    names := array(select c.target_column from ops.lineage_columns as c where c.target_id = focus union select c.source_column from ops.lineage_columns as c where c.source_id = focus order by 1 limit most);
  else
    names := array[target];
  end if;
  ids := array_fill(focus, array[cardinality(names)]);
  distances := array_fill(0, array[cardinality(names)]);
  for side in select s.up from (values (true), (false)) as s (up) where direction = 'both' or s.up = (direction = 'upstream') loop
    front_ids := array_fill(focus, array[cardinality(names)]);
    front_names := names[1:cardinality(front_ids)];
    for hop in 1..depth loop
      select array_agg(x.id), array_agg(x.name) into next_ids, next_names from (
        select distinct case when side.up then c.source_id else c.target_id end as id, case when side.up then c.source_column else c.target_column end as name
        from unnest(front_ids, front_names) as f (id, name) join ops.lineage_columns as c
          on side.up and c.target_id = f.id and c.target_column = f.name or not side.up and c.source_id = f.id and c.source_column = f.name
        where c.environment_id = environment
        except select k.id, k.name from unnest(ids, names) as k (id, name)
        order by 1, 2 limit greatest(0, most - cardinality(ids))) as x;
      exit when next_ids is null;
      front_ids := next_ids;
      front_names := next_names;
      ids := ids || next_ids;
      names := names || next_names;
      distances := distances || array_fill(case when side.up then -hop else hop end, array[cardinality(next_ids)]);
    end loop;
    exit when cardinality(ids) >= most;
  end loop;
  return jsonb_build_object('focus', focus, 'cut', cardinality(ids) >= most, 'items', (
    select coalesce(jsonb_agg(jsonb_build_object('node_id', w.id, 'namespace', n.namespace, 'name', n.name, 'dataset', own.name, 'column', w.name, 'distance', w.distance,
      'upstream', (select coalesce(jsonb_agg(jsonb_build_object('node_id', c.source_id, 'column', c.source_column, 'kind', c.kind, 'direct', c.direct) order by not c.direct, c.source_id, c.source_column, c.kind), '[]')
        from (select distinct u.source_id, u.source_column, u.kind, u.direct from ops.lineage_columns as u where u.target_id = w.id and u.target_column = w.name limit 200) as c))
      order by abs(w.distance), w.distance, n.namespace, n.name, w.name), '[]')
    from unnest(ids, names, distances) as w (id, name, distance) join ops.lineage_datasets as n on n.node_id = w.id
    left join ops.datasets as own on own.environment_id = environment and n.namespace = ops_private.lineage_home(environment) and own.name = n.name));
end
$$;

create function ops.read_lineage(environment_id uuid, node_id uuid default null, dataset text default null, direction text default 'both', depth int default 1, search text default null, most int default 200, after text default null) returns jsonb
language sql stable set search_path = '' as 'select ops_private.read_lineage($1, $2, $3, $4, $5, $6, $7, $8)';
create function ops.read_column_lineage(environment_id uuid, node_id uuid default null, dataset text default null, column_name text default null, direction text default 'both', depth int default 1, most int default 500) returns jsonb
language sql stable set search_path = '' as 'select ops_private.read_column_lineage($1, $2, $3, $4, $5, $6, $7)';
grant execute on function ops_private.read_lineage(uuid, uuid, text, text, int, text, int, text), ops.read_lineage(uuid, uuid, text, text, int, text, int, text),
  ops_private.read_column_lineage(uuid, uuid, text, text, text, int, int), ops.read_column_lineage(uuid, uuid, text, text, text, int, int) to authenticated, ops_token;
-- OpenLineage events of others: dbt, Spark, Trino, anything that has a client.

-- A dataset that an event names: normalised to how the graph knows it.
create type ops_private.lineage_mention as (event int, direction text, namespace text, name text, columns jsonb, column_lineage jsonb, at timestamptz);

-- The node that { namespace, name, facets } means: a table of this environment's lake if its name or one of its symlinks is that table's path.
create function ops_private.lineage_name(environment uuid, dataset jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select coalesce(
    (select jsonb_build_object('namespace', ops_private.lineage_home(environment), 'name', own.name)
      from (select 0 as at, dataset as said union all select l.ordinality, l.value from jsonb_array_elements(case jsonb_typeof(dataset #> '{facets,symlinks,identifiers}') when 'array' then dataset #> '{facets,symlinks,identifiers}' else '[]' end) with ordinality as l) as s
      cross join lateral (select ops_private.own_table(environment, s.said ->> 'namespace', s.said ->> 'name') as name) as own where own.name is not null order by s.at limit 1),
    jsonb_build_object('namespace', ops_private.lineage_namespace(dataset ->> 'namespace'), 'name', coalesce(nullif(rtrim(dataset ->> 'name', '/'), ''), '/')))
$$;

-- Why an event cannot be stored; null where it can. The web app checks the whole of OpenLineage's core before (contracts/lineage.ts); this holds
-- for who calls the function itself.
create function ops_private.lineage_mistake(event jsonb) returns text language plpgsql immutable set search_path = '' as $$
declare
  datasets jsonb := case jsonb_typeof(event -> 'inputs') when 'array' then event -> 'inputs' else '[]' end || case jsonb_typeof(event -> 'outputs') when 'array' then event -> 'outputs' else '[]' end
    || case when event ? 'dataset' and not event ? 'job' then jsonb_build_array(event -> 'dataset') else '[]' end;
begin
  return case
    when jsonb_typeof(event) is distinct from 'object' then 'An event is an object.'
    when coalesce(event ->> 'eventTime', '') !~ '^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$' then 'eventTime is a moment of RFC 3339.'
    when not event ?| array['job', 'dataset'] then 'An event names a job or a dataset.'
    when event ? 'job' and (jsonb_typeof(event -> 'job' -> 'namespace') is distinct from 'string' or jsonb_typeof(event -> 'job' -> 'name') is distinct from 'string') then 'job has namespace and name.'
    when event ? 'run' and coalesce(event -> 'run' ->> 'runId', '') !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'run.runId is a UUID.'
    when event ? 'eventType' and not coalesce(event ->> 'eventType', '') = any ('{START,RUNNING,COMPLETE,ABORT,FAIL,OTHER}') then 'eventType is START, RUNNING, COMPLETE, ABORT, FAIL or OTHER.'
    when event ? 'inputs' and jsonb_typeof(event -> 'inputs') <> 'array' or event ? 'outputs' and jsonb_typeof(event -> 'outputs') <> 'array' then 'inputs and outputs are lists.'
    when jsonb_array_length(datasets) > 500 then 'An event names at most 500 datasets.'
    when jsonb_array_length(case jsonb_typeof(event -> 'inputs') when 'array' then event -> 'inputs' else '[]' end)
      * jsonb_array_length(case jsonb_typeof(event -> 'outputs') when 'array' then event -> 'outputs' else '[]' end) > 10000 then 'inputs times outputs are at most 10,000.'
    when exists (select from jsonb_array_elements(datasets) as d where jsonb_typeof(d -> 'namespace') is distinct from 'string' or jsonb_typeof(d -> 'name') is distinct from 'string'
      or octet_length(d ->> 'namespace') not between 1 and 512 or octet_length(d ->> 'name') not between 1 and 1024) then 'A dataset has a namespace of 1 to 512 bytes and a name of 1 to 1,024.'
    when octet_length(event -> 'job' ->> 'namespace') not between 1 and 512 or octet_length(event -> 'job' ->> 'name') not between 1 and 1024 then 'A job has a namespace of 1 to 512 bytes and a name of 1 to 1,024.'
  end;
end
$$;

-- The input columns of a columnLineage facet, one row each; target_column '' where they decide which rows there are. What is not of its form is left out.
create function ops_private.column_sources(facet jsonb) returns table (target_column text, dataset jsonb, source_column text, kind text, direct boolean) language sql immutable set search_path = '' as $$
  select f.target, i.value, i.value ->> 'field', left(coalesce(nullif(t.value ->> 'subtype', ''), nullif(t.value ->> 'type', ''), case f.target when '' then 'INDIRECT' else 'DIRECT' end), 60),
    coalesce(t.value ->> 'type', case f.target when '' then 'INDIRECT' else 'DIRECT' end) <> 'INDIRECT'
  from (
    select x.key as target, x.value -> 'inputFields' as inputs from jsonb_each(case jsonb_typeof(facet -> 'fields') when 'object' then facet -> 'fields' else '{}' end) as x where x.key <> '' and octet_length(x.key) <= 512
    union all select '', facet -> 'dataset') as f
  cross join lateral jsonb_array_elements(case jsonb_typeof(f.inputs) when 'array' then f.inputs else '[]' end) as i
  left join lateral jsonb_array_elements(case when jsonb_typeof(i.value -> 'transformations') = 'array' then i.value -> 'transformations' else '[]' end) as t on true
  where octet_length(i.value ->> 'namespace') between 1 and 512 and octet_length(i.value ->> 'name') between 1 and 1024 and octet_length(i.value ->> 'field') between 1 and 512
$$;

-- record_lineage(environment_id, events): operators, and executors of the environment. All or none; the same event again, or an older one later, changes nothing that a newer one said.
-- Jobs of an environment that nobody told of for half a year are forgotten, a few at a call. Locks nodes, jobs, edges, each in one order.
create function ops_private.record_lineage(environment uuid, events jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  mistake record;
  mentions ops_private.lineage_mention[];
  moment timestamptz := clock_timestamp();
  forgotten uuid[];
begin
  perform ops_private.require(environment, case (ops_private.me()).type when 'executor' then null else 'operator' end, 'record lineage');
  if jsonb_typeof(events) is distinct from 'array' or jsonb_array_length(events) not between 1 and 1000 then
    perform ops_private.fail('invalid_input', 'events is a list of 1 to 1,000.');
  elsif octet_length(events::text) > 8 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'events has at most 8 MB.', 'Send fewer at once.');
  end if;
  select e.ordinality - 1 as at, ops_private.lineage_mistake(e.value) as what into mistake from jsonb_array_elements(events) with ordinality as e
  where ops_private.lineage_mistake(e.value) is not null order by e.ordinality limit 1;
  if found then
    perform ops_private.fail('invalid_input', format('/events/%s: %s', mistake.at, mistake.what), 'See https://openlineage.io/spec.');
  end if;
  -- A clock that goes ahead does not make an event the newest for ever.
  with told as materialized (
    select e.ordinality::int as event, e.value, least((e.value ->> 'eventTime')::timestamptz, moment) as at from jsonb_array_elements(events) with ordinality as e),
  said as materialized (
    select t.event, t.at, x.direction, x.dataset, ops_private.lineage_name(environment, x.dataset) as node from told as t cross join lateral (
      select 'input' as direction, i.value as dataset from jsonb_array_elements(coalesce(t.value -> 'inputs', '[]')) as i
      union all select 'output', o.value from jsonb_array_elements(coalesce(t.value -> 'outputs', '[]')) as o
      union all select 'alone', t.value -> 'dataset' where not t.value ? 'job') as x)
  select array_agg(row(m.event, m.direction, m.namespace, m.name, m.columns, m.column_lineage, m.at)::ops_private.lineage_mention) into mentions from (
    select s.event, s.direction, s.node ->> 'namespace' as namespace, s.node ->> 'name' as name, s.at,
      case when jsonb_typeof(s.dataset #> '{facets,schema,fields}') = 'array' then (
        select jsonb_agg(jsonb_build_object('name', left(f.value ->> 'name', 512), 'type', left(coalesce(f.value ->> 'type', ''), 200)) order by f.ordinality)
        from jsonb_array_elements(s.dataset #> '{facets,schema,fields}') with ordinality as f where f.ordinality <= 5000 and f.value ->> 'name' <> '') end as columns,
      case when s.direction = 'output' then s.dataset #> '{facets,columnLineage}' end as column_lineage
    from said as s
    -- A column's source is an input, whether the event lists it or not.
    union all select s.event, 'input', n.node ->> 'namespace', n.node ->> 'name', s.at, null, null
    from said as s cross join lateral (select distinct ops_private.lineage_name(environment, c.dataset - 'field' - 'transformations') as node from ops_private.column_sources(s.dataset #> '{facets,columnLineage}') as c) as n
    where s.direction = 'output') as m;

  insert into ops.lineage_datasets as d (environment_id, namespace, name, columns, columns_at, seen_at)
  select distinct on (m.namespace, m.name) environment, m.namespace, m.name, m.columns, case when m.columns is null then '-infinity' else m.at end, max(m.at) over (partition by m.namespace, m.name)
  from unnest(mentions) as m order by m.namespace, m.name, m.columns is null, m.at desc
  on conflict on constraint one_node_per_name do update set seen_at = greatest(d.seen_at, excluded.seen_at),
    columns = case when excluded.columns_at > d.columns_at then excluded.columns else d.columns end, columns_at = greatest(d.columns_at, excluded.columns_at);

  insert into ops.lineage_jobs as j (environment_id, namespace, name, last_run_id, state, producer, seen_at)
  select distinct on (1, 2, 3) environment, ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace'), e.value -> 'job' ->> 'name', (e.value -> 'run' ->> 'runId')::uuid, e.value ->> 'eventType', left(e.value ->> 'producer', 500), least((e.value ->> 'eventTime')::timestamptz, moment)
  from jsonb_array_elements(events) with ordinality as e where e.value ? 'job'
  order by 1, 2, 3, 7 desc, (e.value ->> 'eventType' in ('COMPLETE', 'FAIL', 'ABORT')) desc nulls last, e.ordinality desc
  on conflict on constraint one_job_per_name do update set last_run_id = coalesce(excluded.last_run_id, j.last_run_id), state = coalesce(excluded.state, j.state), producer = coalesce(excluded.producer, j.producer), seen_at = excluded.seen_at
  where excluded.seen_at > j.seen_at or excluded.seen_at = j.seen_at and coalesce(j.state, '') not in ('COMPLETE', 'FAIL', 'ABORT');

  with named as materialized (
    select m.*, n.node_id, j.lineage_job_id from unnest(mentions) as m
    join jsonb_array_elements(events) with ordinality as e on e.ordinality = m.event and e.value ? 'job'
    join ops.lineage_datasets as n on n.environment_id = environment and n.namespace = m.namespace and n.name = m.name
    join ops.lineage_jobs as j on j.environment_id = environment and j.namespace = ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace') and j.name = e.value -> 'job' ->> 'name')
  insert into ops.lineage_io as i (environment_id, lineage_job_id, node_id, direction, seen_at)
  select environment, d.lineage_job_id, d.node_id, d.direction, max(d.at) from named as d group by d.lineage_job_id, d.node_id, d.direction order by d.lineage_job_id, d.direction, d.node_id
  on conflict (lineage_job_id, direction, node_id) do update set seen_at = greatest(i.seen_at, excluded.seen_at);

  perform ops_private.join_lineage(environment, events, mentions);
  forgotten := array(select j.lineage_job_id from ops.lineage_jobs as j where j.environment_id = environment and j.seen_at < moment - interval '180 days' order by j.seen_at limit 10 for update skip locked);
  delete from ops.lineage_jobs as j where j.lineage_job_id = any (forgotten);
  delete from ops.lineage_datasets as d where d.node_id = any (array(
    select o.node_id from ops.lineage_datasets as o where o.environment_id = environment and o.seen_at < moment - interval '180 days'
      and not exists (select from ops.lineage_io as i where i.node_id = o.node_id) order by o.seen_at limit 10 for update skip locked));
  return jsonb_build_object('recorded', jsonb_array_length(events));
end
$$;

-- The edges that follow from events whose nodes, jobs and io are stored: every input of a job with every output of it, and the columns as the
-- newest event of the job says them, which replaces what it said before of that dataset.
create function ops_private.join_lineage(environment uuid, events jsonb, mentions ops_private.lineage_mention[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  with jobs as materialized (
    select e.ordinality::int as event, j.lineage_job_id from jsonb_array_elements(events) with ordinality as e join ops.lineage_jobs as j
      on j.environment_id = environment and j.namespace = ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace') and j.name = e.value -> 'job' ->> 'name' where e.value ? 'job'),
  touched as (
    select distinct j.lineage_job_id, n.node_id, m.direction from unnest(mentions) as m join jobs as j using (event)
    join ops.lineage_datasets as n on n.environment_id = environment and n.namespace = m.namespace and n.name = m.name where m.direction in ('input', 'output')),
  pairs as (
    select i.node_id as source_id, o.node_id as target_id, i.lineage_job_id, least(i.seen_at, o.seen_at) as seen_at
    from ops.lineage_io as i join ops.lineage_io as o using (lineage_job_id)
    where i.direction = 'input' and o.direction = 'output' and i.node_id <> o.node_id and i.lineage_job_id in (select t.lineage_job_id from touched as t)
      and (exists (select from touched as t where t.lineage_job_id = i.lineage_job_id and t.direction = 'input' and t.node_id = i.node_id)
        or exists (select from touched as t where t.lineage_job_id = o.lineage_job_id and t.direction = 'output' and t.node_id = o.node_id)))
  insert into ops.lineage_edges as e (environment_id, source_id, target_id, lineage_job_id, seen_at)
  select environment, p.source_id, p.target_id, p.lineage_job_id, p.seen_at from pairs as p order by p.source_id, p.target_id, p.lineage_job_id limit 100000
  on conflict (source_id, target_id, lineage_job_id) do update set seen_at = excluded.seen_at where excluded.seen_at > e.seen_at;

  with jobs as materialized (
    select e.ordinality::int as event, j.lineage_job_id from jsonb_array_elements(events) with ordinality as e join ops.lineage_jobs as j
      on j.environment_id = environment and j.namespace = ops_private.lineage_namespace(e.value -> 'job' ->> 'namespace') and j.name = e.value -> 'job' ->> 'name' where e.value ? 'job'),
  newest as materialized (
    select distinct on (n.node_id, j.lineage_job_id) n.node_id, j.lineage_job_id, m.column_lineage, m.at from unnest(mentions) as m join jobs as j using (event)
    join ops.lineage_datasets as n on n.environment_id = environment and n.namespace = m.namespace and n.name = m.name
    where jsonb_typeof(m.column_lineage) = 'object' order by n.node_id, j.lineage_job_id, m.at desc, m.event desc),
  current as materialized (
    select w.* from newest as w where not exists (select from ops.lineage_columns as c where c.target_id = w.node_id and c.lineage_job_id = w.lineage_job_id and c.seen_at > w.at)),
  told as materialized (
    select distinct s.node_id as source_id, c.source_column, w.node_id as target_id, c.target_column, c.kind, c.direct, w.lineage_job_id, w.at
    from current as w cross join lateral ops_private.column_sources(w.column_lineage) as c
    cross join lateral (select ops_private.lineage_name(environment, c.dataset - 'field' - 'transformations') as name) as o
    join ops.lineage_datasets as s on s.environment_id = environment and s.namespace = o.name ->> 'namespace' and s.name = o.name ->> 'name'),
  gone as (
    delete from ops.lineage_columns as c using current as w where c.target_id = w.node_id and c.lineage_job_id = w.lineage_job_id
      and not exists (select from told as t where t.target_id = c.target_id and t.lineage_job_id = c.lineage_job_id and t.source_id = c.source_id and t.source_column = c.source_column and t.target_column = c.target_column and t.kind = c.kind))
  insert into ops.lineage_columns as c (environment_id, source_id, source_column, target_id, target_column, kind, direct, lineage_job_id, seen_at)
  select environment, t.source_id, t.source_column, t.target_id, t.target_column, t.kind, bool_or(t.direct), t.lineage_job_id, max(t.at) from told as t group by 2, 3, 4, 5, 6, 8 order by 4, 5, 2, 3
  on conflict (target_id, target_column, source_id, source_column, lineage_job_id, kind) do update set seen_at = excluded.seen_at, direct = excluded.direct where excluded.seen_at > c.seen_at;
end
$$;

create function ops.record_lineage(environment_id uuid, events jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.record_lineage($1, $2)';
grant execute on function ops_private.record_lineage(uuid, jsonb), ops.record_lineage(uuid, jsonb) to authenticated, ops_token;
-- OpenLineage out: an environment may name one receiver, an HTTP address that hears of its runs as OpenLineage has them. Nothing is copied
-- into a queue: what is told follows from the events of runs (lib/ops/openlineage-events.ts), and here stands how far each run has been told.
-- `sealed_key` opens only in the web process, for this environment and the URL's own host (lib/ops/receiver-key.ts).
create table ops_private.lineage_receivers (
  environment_id uuid primary key references ops.environments,
  url text not null constraint url_is_http check (url ~ '^https?://[^\s@/?#]+([/?#]\S*)?$' and octet_length(url) <= 2000),
  sealed_key text constraint sealed_key_is_short check (octet_length(sealed_key) <= 8000),
  enabled boolean not null default true,
  -- Every taking has a number: the outcome of one that is not the present one changes nothing.
  taken bigint not null default 0,
  failures int not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  sending_until timestamptz,
  delivered bigint not null default 0,
  refused bigint not null default 0,
  given_up bigint not null default 0,
  last_status int,
  last_error text,
  last_delivered_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
-- Runs that have ended and whose end was not told yet; those that are under way are found by their leases.
create table ops_private.lineage_ended (
  environment_id uuid not null references ops.environments,
  run_id uuid not null,
  ended_at timestamptz not null default clock_timestamp(),
  primary key (environment_id, run_id)
);
-- Up to which event a run has been told.
create table ops_private.lineage_told (
  environment_id uuid not null references ops.environments,
  run_id uuid primary key,
  seq int not null
);
create index lineage_told_of_an_environment on ops_private.lineage_told (environment_id);
do $$
declare
  name text;
begin
  foreach name in array array['lineage_receivers', 'lineage_ended', 'lineage_told'] loop
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
  end loop;
end
$$;

-- Called by runs_ended. Verifications write into a place of their own: nobody outside is told of them.
create function ops_private.tell_lineage_of(ended uuid[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from ops_private.lineage_receivers as v where v.enabled) then
    insert into ops_private.lineage_ended (environment_id, run_id)
    select r.environment_id, r.run_id from ops.runs as r join ops_private.lineage_receivers as v using (environment_id)
    where r.run_id = any (ended) and v.enabled and not r.isolated on conflict do nothing;
  end if;
end
$$;

-- The events of a run that OpenLineage has a word for.
create function ops_private.lineage_moments() returns text[] language sql immutable parallel safe set search_path = '' as $$
  select array['RUN_STARTED', 'PHASE_STARTED', 'PHASE_SUCCEEDED', 'PHASE_FAILED', 'RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_CANCELED']
$$;

-- All that is told of a run is made of this (contracts/lineage.ts, lineageRecords).
create function ops_private.lineage_records(run uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'run', jsonb_build_object('run_id', r.run_id, 'environment_id', r.environment_id, 'template_key', r.template_key, 'spec_slug', r.spec_slug, 'git_sha', r.git_sha, 'scheduled_for', r.scheduled_for,
      'parent_run_id', r.parent_run_id, 'parent_phase', r.parent_phase, 'error_code', r.error_code, 'error_message', r.error_message, 'input_manifest', r.input_manifest),
    'phases', (select coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'type', p.type, 'engine', p.metrics ->> 'engine', 'error_code', p.error_code, 'error_message', p.error_message) order by p.position, p.name), '[]')
      from ops.run_phases as p where p.run_id = run),
    'spec', (select s.spec from ops.specs as s where s.project_id = r.project_id and s.spec_sha256 = r.spec_sha256),
    'published', (select coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'version', v.version, 'row_count', v.row_count::text, 'byte_size', v.byte_size::text, 'columns', v.columns, 'phase', v.phase, 'lineage', v.lineage) order by d.name), '[]')
      from ops.dataset_versions as v join ops.datasets as d using (dataset_id) where v.run_id = run),
    'quality', (select coalesce(jsonb_agg(jsonb_build_object('phase', q.phase, 'position', q.position, 'dataset', q.dataset, 'check', q."check", 'label', q.label, 'severity', q.severity, 'verdict', q.verdict, 'wrong', q.wrong::text, 'seen', q.seen::text) order by q.phase, q.position), '[]')
      from ops.quality_results as q where q.run_id = run),
    'moments', (select coalesce(jsonb_agg(jsonb_build_object('seq', e.seq, 'type', e.type, 'phase', e.phase, 'created_at', e.created_at) order by e.seq), '[]')
      from ops.run_events as e where e.run_id = run and e.type = any (ops_private.lineage_moments())))
  from ops.runs as r where r.run_id = run
$$;

-- read_lineage_records: whoever sees the run.
create function ops_private.read_lineage_records(run uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not exists (select from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  return ops_private.lineage_records(run);
end
$$;

create function ops_private.lineage_receiver_json(receiver ops_private.lineage_receivers) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(receiver) - array['sealed_key', 'taken', 'sending_until'] || jsonb_build_object('has_key', receiver.sealed_key is not null, 'delivered', receiver.delivered::text, 'refused', receiver.refused::text, 'given_up', receiver.given_up::text,
    'waiting_runs', (select count(*) from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id), 'waiting_since', (select min(e.ended_at) from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id))
$$;
-- The URL may hold a secret: the audit log names its host only.
create function ops_private.lineage_receiver_audit(receiver ops_private.lineage_receivers) returns jsonb language sql immutable set search_path = '' as $$
  select case when receiver.environment_id is not null then jsonb_build_object('host', substring(receiver.url from '^https?://([^/?#]+)'),
    'url_sha256', encode(sha256(convert_to(receiver.url, 'UTF8')), 'hex'), 'has_key', receiver.sealed_key is not null, 'enabled', receiver.enabled) end
$$;

-- get_lineage_receiver: admins. Raises not_found where there is none.
create function ops_private.get_lineage_receiver(environment uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  receiver ops_private.lineage_receivers;
begin
  perform ops_private.require(environment, 'admin', 'see the lineage receiver');
  select * into receiver from ops_private.lineage_receivers as v where v.environment_id = environment;
  if not found then
    perform ops_private.fail('not_found', 'The environment has no lineage receiver.', 'Set it with PUT /lineage/receiver.');
  end if;
  return ops_private.lineage_receiver_json(receiver);
end
$$;

-- put_lineage_receiver: admins. Makes it, or changes it; a repeat changes nothing. `keep_key` keeps the key of before where the URL's scheme and host are
-- the same: a key never goes to a host that it was not given for. A change is tried at once, whatever was waited for.
create function ops_private.put_lineage_receiver(environment uuid, url text, enabled boolean, sealed_key text, keep_key boolean) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops_private.lineage_receivers;
  present ops_private.lineage_receivers;
  key text := sealed_key;
begin
  perform ops_private.require(environment, 'admin', 'set the lineage receiver');
  if url is null or url !~ '^https?://[^\s@/?#]+([/?#]\S*)?$' or octet_length(url) > 2000 then
    perform ops_private.fail('invalid_input', 'The URL begins with https://, holds no user name, and has at most 2,000 bytes.');
  elsif octet_length(sealed_key) > 8000 then
    perform ops_private.fail('invalid_input', 'The key is too long.');
  end if;
  select * into old from ops_private.lineage_receivers as v where v.environment_id = environment for update;
  if keep_key and substring(lower(old.url) from '^https?://[^/?#]+') = substring(lower(url) from '^https?://[^/?#]+') then
    key := old.sealed_key;
  end if;
  insert into ops_private.lineage_receivers as v (environment_id, url, enabled, sealed_key) values (environment, put_lineage_receiver.url, coalesce(put_lineage_receiver.enabled, true), key)
  on conflict (environment_id) do update set url = excluded.url, enabled = excluded.enabled, sealed_key = excluded.sealed_key, failures = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
    where (v.url, v.enabled, v.sealed_key) is distinct from (excluded.url, excluded.enabled, excluded.sealed_key)
  returning * into present;
  if not found then
    return ops_private.lineage_receiver_json(old);
  end if;
  if not present.enabled then
    delete from ops_private.lineage_ended as e where e.environment_id = environment;
    delete from ops_private.lineage_told as t where t.environment_id = environment;
  end if;
  perform ops_private.audit(environment, 'lineage_receiver.saved', 'lineage_receiver', environment::text, ops_private.lineage_receiver_audit(old), ops_private.lineage_receiver_audit(present));
  return ops_private.lineage_receiver_json(present);
end
$$;

-- delete_lineage_receiver: admins. What waits is given up. A repeat answers false.
create function ops_private.delete_lineage_receiver(environment uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops_private.lineage_receivers;
begin
  perform ops_private.require(environment, 'admin', 'delete the lineage receiver');
  delete from ops_private.lineage_receivers as v where v.environment_id = environment returning * into old;
  if not found then
    return false;
  end if;
  delete from ops_private.lineage_ended as e where e.environment_id = environment;
  delete from ops_private.lineage_told as t where t.environment_id = environment;
  perform ops_private.audit(environment, 'lineage_receiver.deleted', 'lineage_receiver', environment::text, ops_private.lineage_receiver_audit(old), null);
  return true;
end
$$;

-- take_lineage: the scheduler. Of receivers that are due and have something to be told, those that waited longest, each for 60 s: one sender at a time, so that the events of a
-- run arrive in order. Runs that ended come first, oldest first, then those under way. What ended 14 days ago is given up.
create function ops_private.take_lineage(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  answer jsonb := '[]';
  receiver ops_private.lineage_receivers;
  runs jsonb;
  late int;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler sends lineage.');
  elsif at_most is null or at_most not between 1 and 100 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 100.');
  end if;
  for receiver in
    select * from ops_private.lineage_receivers as v where v.enabled and v.next_attempt_at <= moment and (v.sending_until is null or v.sending_until <= moment)
    order by v.next_attempt_at for update skip locked
  loop
    exit when jsonb_array_length(answer) >= at_most;
    with old as (delete from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id and e.ended_at < moment - interval '14 days' returning e.run_id),
      forgotten as (delete from ops_private.lineage_told as t where t.run_id in (select o.run_id from old as o))
    select count(*) into late from old;
    with pending as (
      (select e.run_id, true as ended from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id and e.ended_at >= moment - interval '14 days' order by e.run_id limit 20)
      union all
      (select l.run_id, false from ops.leases as l join ops.runs as r using (run_id) left join ops_private.lineage_told as t using (run_id)
        where l.environment_id = receiver.environment_id and not r.isolated and not exists (select from ops_private.lineage_ended as e where e.environment_id = receiver.environment_id and e.run_id = l.run_id)
          and exists (select from ops.run_events as v where v.run_id = l.run_id and v.seq > coalesce(t.seq, 0) and v.type = any (ops_private.lineage_moments()))
        order by l.run_id limit 20))
    select jsonb_agg(jsonb_build_object('run_id', p.run_id, 'after', coalesce(t.seq, 0), 'ended', p.ended, 'records', ops_private.lineage_records(p.run_id)) order by p.ended desc, p.run_id) into runs
    from (select * from pending order by ended desc, run_id limit 20) as p left join ops_private.lineage_told as t using (run_id);
    update ops_private.lineage_receivers as v set given_up = v.given_up + late, taken = v.taken + (runs is not null)::int,
      sending_until = case when runs is not null then moment + interval '60 seconds' end
    where v.environment_id = receiver.environment_id and (runs is not null or late > 0 or v.sending_until is not null);
    if runs is not null then
      answer := answer || jsonb_build_object('environment_id', receiver.environment_id, 'attempt', receiver.taken + 1, 'url', receiver.url, 'sealed_key', receiver.sealed_key, 'runs', runs);
    end if;
  end loop;
  return answer;
end
$$;

-- settle_lineage: the scheduler. How far runs have been told (`told`: [{ run_id, seq, ended }]), how many events the receiver took and how many it will never take, and the error that
-- ended the taking, if one did: then the next one waits 5, 10, 20 s … up to 10 minutes, and up to half as much again. A taking that is not the present one changes nothing: false.
create function ops_private.settle_lineage(environment uuid, attempt bigint, told jsonb, delivered int, refused int, http_status int, error text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler settles lineage.');
  end if;
  update ops_private.lineage_receivers as v set sending_until = null, delivered = v.delivered + settle_lineage.delivered, refused = v.refused + settle_lineage.refused,
    last_status = http_status, last_error = left(error, 500), last_delivered_at = case when settle_lineage.delivered > 0 then clock_timestamp() else v.last_delivered_at end,
    failures = case when error is null then 0 when settle_lineage.delivered > 0 then 1 else v.failures + 1 end,
    next_attempt_at = clock_timestamp() + case when error is null then interval '0' else ops_private.lineage_backoff(case when settle_lineage.delivered > 0 then 1 else v.failures + 1 end) end
  where v.environment_id = environment and v.taken = attempt and v.sending_until is not null;
  if not found then
    return false;
  end if;
  insert into ops_private.lineage_told as t (environment_id, run_id, seq)
  select environment, (r.value ->> 'run_id')::uuid, (r.value ->> 'seq')::int from jsonb_array_elements(told) as r where not (r.value ->> 'ended')::boolean
  on conflict (run_id) do update set seq = greatest(t.seq, excluded.seq);
  delete from ops_private.lineage_ended as e where e.environment_id = environment and e.run_id in (select (r.value ->> 'run_id')::uuid from jsonb_array_elements(told) as r where (r.value ->> 'ended')::boolean);
  delete from ops_private.lineage_told as t where t.run_id in (select (r.value ->> 'run_id')::uuid from jsonb_array_elements(told) as r where (r.value ->> 'ended')::boolean);
  return true;
end
$$;
create function ops_private.lineage_backoff(failures int) returns interval language sql volatile set search_path = '' as $$
  select make_interval(secs => least(600, 5 * power(2, least(greatest(failures, 1), 8) - 1)) * (1 + random() * 0.5))
$$;

create function ops.read_lineage_records(run_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_lineage_records($1)';
create function ops.get_lineage_receiver(environment_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_lineage_receiver($1)';
create function ops.put_lineage_receiver(environment_id uuid, url text, enabled boolean default true, sealed_key text default null, keep_key boolean default false) returns jsonb language sql set search_path = '' as 'select ops_private.put_lineage_receiver($1, $2, $3, $4, $5)';
create function ops.delete_lineage_receiver(environment_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_lineage_receiver($1)';
create function ops.take_lineage(at_most int default 10) returns jsonb language sql set search_path = '' as 'select ops_private.take_lineage($1)';
create function ops.settle_lineage(environment_id uuid, attempt bigint, told jsonb, delivered int, refused int default 0, http_status int default null, error text default null) returns boolean
language sql set search_path = '' as 'select ops_private.settle_lineage($1, $2, $3, $4, $5, $6, $7)';
grant execute on function ops_private.read_lineage_records(uuid), ops.read_lineage_records(uuid), ops_private.get_lineage_receiver(uuid), ops.get_lineage_receiver(uuid),
  ops_private.put_lineage_receiver(uuid, text, boolean, text, boolean), ops.put_lineage_receiver(uuid, text, boolean, text, boolean), ops_private.delete_lineage_receiver(uuid), ops.delete_lineage_receiver(uuid) to authenticated, ops_token;
grant execute on function ops_private.take_lineage(int), ops.take_lineage(int), ops_private.settle_lineage(uuid, bigint, jsonb, int, int, int, text), ops.settle_lineage(uuid, bigint, jsonb, int, int, int, text) to ops_token;
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
-- The rows of what was deleted, in slices. Which tables hold them is read from the catalog, so that a new table needs no line here.

-- Tables with that column, those that refer to others before those that they refer to; the audit log is not among them.
create function ops_private.tables_with(wanted text) returns table (name text) language sql stable security definer set search_path = '' as $$
  with recursive links as (
    select distinct k.conrelid as child, k.confrelid as parent from pg_constraint as k
    where k.contype = 'f' and k.connamespace in ('ops'::regnamespace, 'ops_private'::regnamespace) and k.conrelid <> k.confrelid),
  depths (relid, depth) as (
    select c.oid, 0 from pg_class as c where c.relnamespace in ('ops'::regnamespace, 'ops_private'::regnamespace) and c.relkind in ('r', 'p') and not c.relispartition
    union
    select l.parent, d.depth + 1 from depths as d join links as l on l.child = d.relid where d.depth < 30)
  select d.relid::regclass::text from depths as d join pg_attribute as a on a.attrelid = d.relid and a.attname = wanted and not a.attisdropped
  where not d.relid in ('ops.audit_log'::regclass, 'ops.audit_chain'::regclass, 'ops_private.audit_heads'::regclass)
  group by d.relid order by max(d.depth), d.relid::regclass::text
$$;

create function ops_private.remove_rows(wanted text, id uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  name text;
begin
  for name in select t.name from ops_private.tables_with(wanted) as t loop
    execute format('delete from %s where %I = $1', name, wanted) using id;
  end loop;
end
$$;

-- The newest runs of an environment with all that is theirs: a run refers only to older ones.
create function ops_private.remove_runs(environment uuid, at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  gone uuid[] := array(select r.run_id from ops.runs as r where r.environment_id = environment order by r.run_id desc limit at_most);
  other record;
begin
  if cardinality(gone) = 0 then
    return 0;
  end if;
  for other in select t.name from ops_private.tables_with('run_id') as t where t.name <> 'ops.runs' loop
    execute format('delete from %s where run_id = any ($1)', other.name) using gone;
  end loop;
  for other in
    select k.conrelid::regclass::text as name, a.attname as refers from pg_constraint as k join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.contype = 'f' and k.confrelid = 'ops.runs'::regclass and k.conrelid <> k.confrelid and k.conparentid = 0 and a.attname <> 'run_id'
  loop
    execute format('update %1$s set %2$I = null where %2$I = any ($1)', other.name, other.refers) using gone;
  end loop;
  delete from ops.runs as r where r.run_id = any (gone);
  return cardinality(gone);
end
$$;

-- advance_deletions(at_most): the scheduler. Removes that many runs of a deleted environment; when it has none left, the rest and itself; then
-- projects and organizations that are empty. Answers how many rows of runs and scopes went; 0 when nothing is left to do.
create function ops_private.advance_deletions(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  gone uuid;
  removed int;
begin
  perform ops_private.require_service('remove what was deleted');
  if at_most is null or at_most not between 1 and 5000 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 5000.');
  end if;
  perform set_config('ops.removing', 'on', true);
  select e.environment_id into gone from ops.environments as e where e.deleted_at is not null order by e.deleted_at limit 1 for update skip locked;
  if found then
    delete from ops.bulk_items as i where i.bulk_id in (select j.bulk_id from ops.bulk_jobs as j where j.environment_ids @> array[gone]);
    delete from ops.bulk_jobs as j where j.environment_ids @> array[gone];
    removed := ops_private.remove_runs(gone, at_most);
    if removed < at_most then
      insert into ops_private.orphans (sha256) select o.sha256 from ops.objects as o
      where o.environment_id = gone and not exists (select from ops.objects as p where p.sha256 = o.sha256 and p.environment_id <> gone) on conflict do nothing;
      perform ops_private.remove_rows('environment_id', gone);
      removed := removed + 1;
    end if;
    return removed;
  end if;
  select p.project_id into gone from ops.projects as p where p.deleted_at is not null and not exists (select from ops.environments as e where e.project_id = p.project_id)
    and not exists (select from ops.leases as l join ops.executors as x using (executor_id) where x.project_id = p.project_id)
  order by p.deleted_at limit 1 for update skip locked;
  if found then
    -- Runs of other projects that its executors worked for.
    update ops.runs as r set executor_id = null where r.executor_id in (select x.executor_id from ops.executors as x where x.project_id = gone);
    perform ops_private.remove_rows('project_id', gone);
    return 1;
  end if;
  select o.organization_id into gone from ops.organizations as o where o.deleted_at is not null and not exists (select from ops.projects as p where p.organization_id = o.organization_id)
  order by o.deleted_at limit 1 for update skip locked;
  if found then
    perform ops_private.remove_rows('organization_id', gone);
    return 1;
  end if;
  return 0;
end
$$;

-- Bytes that no environment knows any more. They are removed from the store an hour later, unless they were stored again meanwhile.
create table ops_private.orphans (
  sha256 text primary key,
  since timestamptz not null default clock_timestamp(),
  -- From here on nobody may count on the bytes: record_object refuses until they are gone.
  removing_at timestamptz
);
create index orphans_by_age on ops_private.orphans (since);
alter table ops_private.orphans enable row level security;
alter table ops_private.orphans force row level security;

-- take_orphans(at_most): the scheduler. Bytes to remove now; settle_orphans says that they are gone. What was taken and not settled comes again after a minute.
create function ops_private.take_orphans(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  taken text[];
begin
  perform ops_private.require_service('remove bytes');
  delete from ops_private.orphans as o where o.removing_at is null and o.since < clock_timestamp() - interval '1 hour' and exists (select from ops.objects as p where p.sha256 = o.sha256);
  with due as (
    update ops_private.orphans as o set removing_at = clock_timestamp() where o.sha256 = any (array(
      select d.sha256 from ops_private.orphans as d where d.since < clock_timestamp() - interval '1 hour' and (d.removing_at is null or d.removing_at < clock_timestamp() - interval '1 minute')
        and not exists (select from ops.objects as p where p.sha256 = d.sha256)
      order by d.since limit least(at_most, 1000) for update skip locked)) returning o.sha256)
  select array_agg(d.sha256) into taken from due as d;
  return to_jsonb(coalesce(taken, '{}'));
end
$$;
create function ops_private.settle_orphans(removed text[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  settled int;
begin
  perform ops_private.require_service('remove bytes');
  delete from ops_private.orphans as o where o.sha256 = any (removed) and o.removing_at is not null;
  get diagnostics settled = row_count;
  return settled;
end
$$;

-- Bytes that were received: no orphans any more, unless they are being removed at this moment.
create function ops_private.keep_object(hash text) returns void language plpgsql security definer set search_path = '' as $$
begin
  delete from ops_private.orphans as o where o.sha256 = hash and o.removing_at is null;
  if exists (select from ops_private.orphans as o where o.sha256 = hash) then
    perform ops_private.fail('conflict', 'These bytes are being removed from the store at this moment.', 'Send them again in a minute.');
  end if;
end
$$;

create function ops.advance_deletions(at_most int default 200) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.advance_deletions($1))';
create function ops.take_orphans(at_most int default 100) returns jsonb language sql set search_path = '' as 'select ops_private.take_orphans($1)';
create function ops.settle_orphans(removed text[]) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.settle_orphans($1))';
grant execute on function ops_private.advance_deletions(int), ops.advance_deletions(int), ops_private.take_orphans(int), ops.take_orphans(int),
  ops_private.settle_orphans(text[]), ops.settle_orphans(text[]) to ops_token;
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
-- Functions are executable by everybody unless revoked. What is granted above by name stays.
revoke execute on all functions in schema ops, ops_private from public;
