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
