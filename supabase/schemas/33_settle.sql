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
