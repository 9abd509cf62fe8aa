-- One partition a month, made ahead by the tick; a default partition takes what lies outside. Partitions live in
-- ops_private, so nobody reaches them past the parent's policies.
create table ops_private.run_events_default partition of ops.run_events default;
alter table ops_private.run_events_default enable row level security;
alter table ops_private.run_events_default force row level security;
-- A partition inherits the parent's row triggers, but not the one of TRUNCATE.
create trigger run_events_are_not_truncated before truncate on ops_private.run_events_default for each statement execute function ops_private.refuse_change();

-- The tick. A month whose events are already in the default partition stays there: it cannot be split off under the
-- append-only trigger, and reads do not care. Many callers at once make each partition once. Whoever has read events and keeps the
-- transaction open is waited for only so long, because all who write events wait behind this: a later tick makes them.
create function ops_private.ensure_event_partitions(months_ahead int default 3, moment timestamptz default now()) returns int
language plpgsql security definer set search_path = '' set lock_timeout = '300ms' as $$
declare
  first_day timestamp;
  bounds uuid[];
  name text;
  made int := 0;
begin
  for ahead in 0..months_ahead loop
    first_day := date_trunc('month', moment at time zone 'UTC') + make_interval(months => ahead);
    name := 'run_events_' || to_char(first_day, 'YYYY_MM');
    continue when to_regclass('ops_private.' || name) is not null;
    lock table ops.run_events in access exclusive mode;
    bounds := array[ops_private.uuid_at(first_day at time zone 'UTC'), ops_private.uuid_at((first_day + interval '1 month') at time zone 'UTC')];
    continue when to_regclass('ops_private.' || name) is not null
      or exists (select from ops_private.run_events_default as e where e.run_id >= bounds[1] and e.run_id < bounds[2]);
    execute format('create table ops_private.%I partition of ops.run_events for values from (%L) to (%L)', name, bounds[1], bounds[2]);
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
    execute format('create trigger run_events_are_not_truncated before truncate on ops_private.%I for each statement execute function ops_private.refuse_change()', name);
    made := made + 1;
  end loop;
  return made;
exception
  when lock_not_available then
    return 0;
end
$$;
select ops_private.ensure_event_partitions();

-- Appends one event: takes the run's head (its lock orders events), then the next number, in the caller's transaction.
create function ops_private.append_event(run uuid, type text, level text default 'info', phase text default null, message text default '', data jsonb default '{}')
returns int language plpgsql security definer set search_path = '' as $$
declare
  head ops_private.run_heads;
begin
  update ops_private.run_heads as h set last_seq = h.last_seq + 1 where h.run_id = run returning * into head;
  insert into ops.run_events (run_id, seq, environment_id, type, level, phase, message, data)
  values (run, head.last_seq, head.environment_id, append_event.type, append_event.level, append_event.phase, append_event.message, append_event.data);
  return head.last_seq;
end
$$;
