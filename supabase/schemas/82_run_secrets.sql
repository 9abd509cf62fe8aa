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
