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
