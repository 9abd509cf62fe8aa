create table ops_private.scheduler (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  last_tick_at timestamptz,
  last_gate bigint not null default 0  -- where the look at parked runs goes on
);
alter table ops_private.scheduler enable row level security;
alter table ops_private.scheduler force row level security;
insert into ops_private.scheduler default values;

-- Gates at which runs wait, after this one: a step of the index for each gate, however many runs wait there.
create function ops_private.some_blocked_gates(after bigint, at_most int) returns bigint[] language sql stable security definer set search_path = '' as $$
  with recursive step (gate_id) as (
    (select r.blocked_gate from ops.runs as r where r.status = 'queued' and r.blocked_gate > after order by r.blocked_gate limit 1)
    union all
    select (select r.blocked_gate from ops.runs as r where r.status = 'queued' and r.blocked_gate > s.gate_id order by r.blocked_gate limit 1) from step as s where s.gate_id is not null
  )
  select coalesce(array_agg(b.gate_id), '{}') from (select s.gate_id from step as s where s.gate_id is not null limit at_most) as b
$$;

-- tick: the scheduler's secret (CRON_SECRET) only. Safe from many callers at once: makes partitions ahead, sweeps, ends runs that
-- waited too long, promotes runs whose time has come, reconciles parking. Each part is bounded; the next tick goes on. Runs are
-- locked first (skipping what others hold), then all gates once, then all is done. Making a partition locks the whole table
-- of events, so a tick that made one does nothing else.
create function ops_private.tick() returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  stale uuid[];
  swept record;
  late uuid[];
  expired uuid;
  promoted bigint[];
  parked bigint[];
  next_gate bigint;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler ticks.', 'Send CRON_SECRET as Bearer token.');
  end if;
  if ops_private.ensure_event_partitions() > 0 then
    return jsonb_build_object('requeued', 0, 'ended', 0, 'promoted', 0);
  end if;
  stale := ops_private.lock_expired(interval '0', null, 200);
  late := array(select r.run_id from ops.runs as r where r.status = 'queued' and r.expires_at <= moment order by r.expires_at limit 200 for no key update skip locked);
  with due as (
    update ops.runs as r set not_before = null, queue_reason = null where r.run_id = any (array(
      select w.run_id from ops.runs as w where w.status = 'queued' and w.not_before <= moment and not w.run_id = any (late) order by w.not_before limit 1000 for update skip locked))
    returning r.lane_id)
  select array_agg(d.lane_id) into promoted from due as d;
  parked := ops_private.some_blocked_gates((select s.last_gate from ops_private.scheduler as s), 500);
  next_gate := case when cardinality(parked) = 500 then parked[500] else 0 end;
  parked := parked || array(select g.gate_id from ops_private.gates as g where g.opens_at <= moment order by g.opens_at limit 500);
  perform ops_private.lock_gates(parked || ops_private.gates_of(stale || late));
  select * into swept from ops_private.end_expired(stale);
  foreach expired in array late loop
    perform ops_private.finalize_run(expired, 'canceled', 'expired', 'It was not started before its expires_at.');
  end loop;
  perform ops_private.unpark(parked);
  perform ops_private.wake(promoted);
  update ops_private.scheduler as s set last_tick_at = clock_timestamp(), last_gate = next_gate where s.only_row;
  return jsonb_build_object('requeued', swept.requeued, 'ended', swept.ended + cardinality(late), 'promoted', coalesce(cardinality(promoted), 0));
end
$$;
create function ops.tick() returns jsonb language sql set search_path = '' as 'select ops_private.tick()';

-- health: the scheduler's secret. Reads little, whatever the history.
create function ops_private.health() returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  schema_version text;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the service reads its health.');
  end if;
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute 'select max(version) from supabase_migrations.schema_migrations' into schema_version;
  end if;
  return jsonb_build_object('schema_version', schema_version,
    'queue_depth', (select count(*) from (select from ops.runs as r where r.status = 'queued' limit 10000) as waiting),
    'scheduler_lag_seconds', (select round(extract(epoch from clock_timestamp() - s.last_tick_at), 3) from ops_private.scheduler as s));
end
$$;
create function ops.health() returns jsonb language sql stable set search_path = '' as 'select ops_private.health()';
grant execute on function ops_private.tick(), ops.tick(), ops_private.health(), ops.health() to ops_token;
