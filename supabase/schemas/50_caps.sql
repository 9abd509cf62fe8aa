-- A cap as the wire has it, with its use in the window of now. `over` is what it is above its limit: overruns happen between beats.
create function ops_private.cap_json(cap ops.caps) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(cap) || jsonb_build_object('limit_amount', trim_scale(cap.limit_amount)::text, 'used', trim_scale(ops_private.cap_settled(cap.cap_id, w.starts_at))::text,
    'reserved', trim_scale(round(ops_private.cap_reserved(cap.cap_id, w.starts_at), 6))::text, 'window_starts_at', w.starts_at, 'resets_at', w.ends_at)
  from ops_private.window_of(cap.period, cap.time_zone, clock_timestamp()) as w
$$;

-- list_caps: whoever sees the environment (all that are seen, where none is named), by key; `after` is the last one of the page before.
create function ops_private.list_caps(environment uuid, after_key text, after_cap uuid, at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  seen uuid[] := ops_private.visible_environments();
begin
  if environment is not null then
    if not environment = any (seen) then
      perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
    end if;
    seen := array[environment];
  end if;
  return (select coalesce(jsonb_agg(ops_private.cap_json(c) order by c.cap_key, c.cap_id), '[]') from (
    select x.cap_id from ops.caps as x where x.environment_id = any (seen) and (after_key is null or (x.cap_key, x.cap_id) > (after_key, after_cap))
    order by x.cap_key, x.cap_id limit least(at_most, 201)) as page join ops.caps as c on c.cap_id = page.cap_id);
end
$$;
create function ops.list_caps(environment_id uuid default null, after_key text default null, after_cap_id uuid default null, max_items int default 50) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_caps($1, $2, $3, $4)';

-- The cap, where the caller sees it; raises not_found.
create function ops_private.seen_cap(cap uuid) returns ops.caps language plpgsql stable security definer set search_path = '' as $$
declare
  found_cap ops.caps;
begin
  select * into found_cap from ops.caps as c where c.cap_id = cap and c.environment_id = any (ops_private.visible_environments());
  if not found then
    perform ops_private.fail('not_found', 'There is no such cap, or you may not see it.');
  end if;
  return found_cap;
end
$$;
create function ops_private.get_cap(cap uuid) returns jsonb language sql stable security definer set search_path = '' as $$ select ops_private.cap_json(ops_private.seen_cap(cap)) $$;
create function ops.get_cap(cap_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_cap($1)';

-- save_cap: admins. Makes a cap, or changes limit and state of one (cap_id). Runs that wait under its key get through at once where
-- there is room now; a smaller limit stops nothing that keeps within its reservation. Locks the gate of the key.
create function ops_private.save_cap(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before ops.caps;
  saved ops.caps;
  gate bigint;
begin
  if request ->> 'cap_id' is not null then
    before := ops_private.seen_cap((request ->> 'cap_id')::uuid);
  end if;
  perform ops_private.require(coalesce(before.environment_id, (request ->> 'environment_id')::uuid), 'admin', 'change a cap');
  if before.cap_id is null and not exists (select from pg_catalog.pg_timezone_names as z where z.name = coalesce(request ->> 'time_zone', 'UTC')) then
    perform ops_private.fail('invalid_input', format('There is no time zone %s.', request ->> 'time_zone'), 'Use an IANA name, such as Europe/Berlin.');
  end if;
  gate := ops_private.gate_of(coalesce(before.environment_id, (request ->> 'environment_id')::uuid), 'cap', coalesce(before.cap_key, request ->> 'cap_key'));
  perform ops_private.lock_gates(array[gate]);
  if before.cap_id is null then
    insert into ops.caps (environment_id, cap_key, unit, period, time_zone, limit_amount, enabled)
    values ((request ->> 'environment_id')::uuid, request ->> 'cap_key', request ->> 'unit', request ->> 'period', coalesce(request ->> 'time_zone', 'UTC'), (request ->> 'limit_amount')::numeric, coalesce((request ->> 'enabled')::boolean, true))
    on conflict on constraint one_cap_per_key_and_period do nothing returning * into saved;
    if not found then
      perform ops_private.fail('conflict', 'There is a cap with this key, unit and period already.', 'Change that one.');
    end if;
  else
    update ops.caps as c set limit_amount = coalesce((request ->> 'limit_amount')::numeric, c.limit_amount), enabled = coalesce((request ->> 'enabled')::boolean, c.enabled), updated_at = clock_timestamp()
    where c.cap_id = before.cap_id returning * into saved;
  end if;
  perform ops_private.unpark(array[gate]);
  perform ops_private.audit(saved.environment_id, case when before.cap_id is null then 'cap.created' else 'cap.changed' end, 'cap', saved.cap_id::text, case when before.cap_id is not null then to_jsonb(before) end, to_jsonb(saved));
  return ops_private.cap_json(saved);
end
$$;
create function ops.save_cap(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.save_cap($1)';

-- delete_cap: admins. Its use goes with it; runs under its key wait for it no more.
create function ops_private.delete_cap(cap uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.caps := ops_private.seen_cap(cap);
  gate bigint;
begin
  perform ops_private.require(old.environment_id, 'admin', 'delete a cap');
  gate := ops_private.gate_of(old.environment_id, 'cap', old.cap_key);
  perform ops_private.lock_gates(array[gate]);
  delete from ops.caps as c where c.cap_id = cap;
  perform ops_private.unpark(array[gate]);
  perform ops_private.audit(old.environment_id, 'cap.deleted', 'cap', cap::text, to_jsonb(old));
  return true;
end
$$;
create function ops.delete_cap(cap_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_cap($1)';

-- cap_allow: operators and executors: may so much be used now, under every cap with this key? Answers the tightest of them. For
-- the holder of a lease a yes also reserves it, in the window of the claim, until the lease ends; a repeat reserves again.
-- Locks the lease, then the gate of the key.
create function ops_private.cap_allow(cap_key text, amount numeric, environment uuid, run uuid, token uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  lease ops.leases;
  gate bigint;
  tightest record;
  allowed boolean;
begin
  if amount is null or amount < 0 or amount = 'NaN' or cap_key is null then
    perform ops_private.fail('invalid_input', 'cap_key and an amount that is not negative are needed.');
  end if;
  if token is not null then
    lease := ops_private.hold(run, token);
    environment := lease.environment_id;
    gate := ops_private.gate_of(environment, 'cap', cap_key);
    perform ops_private.lock_gates(array[gate]);
  elsif me.type = 'executor' and environment = any (ops_private.visible_environments()) then
    null;  -- it may ask where it works
  else
    perform ops_private.require(environment, 'operator', 'ask for room under a cap');
  end if;
  select c.*, x.starts_at, x.ends_at, x.settled, x.reserved, c.limit_amount - x.settled - x.reserved as room into tightest
  from ops.caps as c left join ops_private.lease_caps as l on l.cap_id = c.cap_id and l.run_id = lease.run_id
  cross join lateral ops_private.window_of(c.period, c.time_zone, coalesce(l.period_start, clock_timestamp())) as w
  cross join lateral (select w.starts_at, w.ends_at, ops_private.cap_settled(c.cap_id, w.starts_at) as settled, ops_private.cap_reserved(c.cap_id, w.starts_at) as reserved) as x
  where c.environment_id = environment and c.cap_key = cap_allow.cap_key and c.enabled
  order by c.limit_amount - x.settled - x.reserved, c.cap_id limit 1;
  if tightest.cap_id is null then
    return jsonb_build_object('allowed', true, 'cap_id', null, 'unit', null, 'used', '0', 'reserved', '0', 'limit', null, 'resets_at', null);
  end if;
  allowed := amount <= tightest.room and tightest.room > 0;
  if allowed and lease.run_id is not null then
    insert into ops_private.lease_gates (gate_id, run_id) values (gate, run) on conflict do nothing;
    insert into ops_private.lease_caps as l (cap_id, run_id, period_start, unit, reserved, claimed_at)
    select c.cap_id, run, w.starts_at, c.unit, amount, lease.claimed_at from ops.caps as c cross join lateral ops_private.window_of(c.period, c.time_zone, clock_timestamp()) as w
    where c.environment_id = environment and c.cap_key = cap_allow.cap_key and c.enabled
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
