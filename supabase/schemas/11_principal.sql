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
