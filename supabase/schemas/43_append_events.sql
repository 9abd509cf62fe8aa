-- Those of these events that may not be appended, and why: payload_too_large or invalid_input. One call for many: a call costs more than an event.
create function ops_private.refused_events(events jsonb[]) returns table (nth bigint, code text) language plpgsql immutable set search_path = '' as $$
begin  -- not in SQL, which would be planned anew at each call
  return query select * from (
    select e.nth, case
      when octet_length((e.event -> 'data')::text) > 65536 or octet_length(e.event ->> 'message') > 32768 then 'payload_too_large'
      when e.event ->> 'event_id' is null or e.event ->> 'type' is null or e.event ->> 'type' !~ '^[A-Z][A-Z0-9_]*$' or length(e.event ->> 'type') > 63 or length(e.event ->> 'phase') > 63
        or e.event ->> 'type' ~ '^(RUN|LEASE|PHASE|CANCEL|ARTIFACT|DATASET|QUALITY|INPUTS|SECRETS)_' and e.event ->> 'type' <> 'PHASE_PROGRESS' then 'invalid_input' end as code
    from unnest(events) with ordinality as e (event, nth)) as judged where judged.code is not null;
end
$$;

-- append_events: the lease holder. Numbers follow on without gaps, in the order given; an event_id that is already there is
-- written once (the same event) or refused (another one, event_conflict). Types that the control plane writes are refused.
create function ops_private.append_events(run uuid, token uuid, events jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  head ops_private.run_heads;
  added int;
  refused text;
begin
  if jsonb_typeof(events) is distinct from 'array' or jsonb_array_length(events) not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'events is an array of 1 to 500 events.');
  end if;
  select r.code into refused from ops_private.refused_events(array(select jsonb_array_elements(events))) as r order by r.code desc limit 1;
  if refused = 'payload_too_large' then
    perform ops_private.fail('payload_too_large', 'The data of an event has at most 65536 bytes.', 'Register an artifact instead.');
  elsif refused is not null then
    perform ops_private.fail('invalid_input', 'An event needs event_id and a type that the control plane does not write itself.');
  end if;
  select * into head from ops_private.run_heads as h where h.run_id = run for update;
  if exists (
    select from jsonb_array_elements(events) as e group by (e ->> 'event_id')::uuid having count(distinct e) > 1
  ) or exists (
    select from jsonb_array_elements(events) as e join ops.run_events as x on x.run_id = run and x.reported and x.event_id = (e ->> 'event_id')::uuid
    where x.type <> e ->> 'type' or x.message <> coalesce(e ->> 'message', '') or x.data <> coalesce(e -> 'data', '{}') or x.level <> coalesce(e ->> 'level', 'info') or x.phase is distinct from e ->> 'phase'
  ) then
    perform ops_private.fail('event_conflict', 'This event_id was used for another event.');
  end if;
  with fresh as (
    select distinct on ((e.event ->> 'event_id')::uuid) e.event, e.nth from jsonb_array_elements(events) with ordinality as e (event, nth)
    where not exists (select from ops.run_events as x where x.run_id = run and x.reported and x.event_id = (e.event ->> 'event_id')::uuid)
    order by (e.event ->> 'event_id')::uuid, e.nth)
  insert into ops.run_events (run_id, seq, event_id, reported, environment_id, type, level, phase, message, data)
  select run, head.last_seq + row_number() over (order by f.nth), (f.event ->> 'event_id')::uuid, true, head.environment_id, f.event ->> 'type',
    coalesce(f.event ->> 'level', 'info'), f.event ->> 'phase', coalesce(f.event ->> 'message', ''), coalesce(f.event -> 'data', '{}')
  from fresh as f;
  get diagnostics added = row_count;
  update ops_private.run_heads as h set last_seq = h.last_seq + added where h.run_id = run and added > 0;
  return jsonb_build_object('last_seq', head.last_seq + added);
end
$$;
create function ops.append_events(run_id uuid, lease_token uuid, events jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.append_events($1, $2, $3)';
grant execute on function ops_private.append_events(uuid, uuid, jsonb), ops.append_events(uuid, uuid, jsonb) to authenticated, ops_token;
