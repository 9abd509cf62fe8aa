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
