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
