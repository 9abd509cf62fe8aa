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
