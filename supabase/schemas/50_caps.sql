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
