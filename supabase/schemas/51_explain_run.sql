-- explain_run: whoever sees the run. Why is it not running (or not ending)? Every rule that holds it back, each with the row that
-- does: { rule, detail, remedy, row }. Never empty. Reads little: what it counts, it counts to a bound.

create function ops_private.reason(rule text, detail text, remedy text, held_by jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_array(jsonb_build_object('rule', rule, 'detail', detail, 'remedy', remedy, 'row', coalesce(held_by, '{}')))
$$;

-- Gates that have no room for it: where it waits, and where it would wait next. Whoever is ready before it counts too at the gate where it waits.
create function ops_private.explain_gates(run ops.runs) returns jsonb language sql stable security definer set search_path = '' as $$
  with shut as (
    select g, l, ops_private.asked_of(l, run.gate_ids, run.gate_amounts) as amount, l.room - case when g.gate_id = run.blocked_gate then ops_private.ready_need(l) else 0 end as room
    from unnest(ops_private.outer_gates(run.gate_ids)) as p (gate_id) join ops_private.gates as g on g.gate_id = p.gate_id
    cross join lateral ops_private.limits_at(array[g.gate_id], clock_timestamp()) as l
  ), told as (
    select s.*, (s.g).kind as kind, case (s.g).kind when 'template' then coalesce(run.template_key, 'its template') else (s.g).key end as name,
      jsonb_build_object('kind', 'gate', 'gate_id', (s.g).gate_id, 'gate_kind', (s.g).kind, 'key', case (s.g).kind when 'template' then run.template_key else (s.g).key end, 'waits_here', coalesce((s.g).gate_id = run.blocked_gate, false)) as gate
    from shut as s where s.room <= 0 or s.room < ops_private.need((s.l).unit, s.amount, (s.l).total)
  )
  select coalesce(jsonb_agg(x.reason -> 0 order by x.waits_here desc, x.gate_id), '[]') from (
    select coalesce((t.g).gate_id = run.blocked_gate, false) as waits_here, (t.g).gate_id, case
      when (t.l).cap_id is not null then (select ops_private.reason('cap',
        format('The cap %s of the %s allows %s %s in this %s: %s are used and %s reserved by runs that are active%s.', c.cap_key, u ->> 'scope', trim_scale(c.limit_amount), c.unit, c.period, u ->> 'used', u ->> 'reserved',
          case when t.amount is not null and c.unit <> 'runs' then format('; this run needs %s', trim_scale(t.amount)) else '' end),
        format('Wait until %s, when the window ends, or let an admin raise the cap.', to_char((t.l).opens_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), t.gate || u || jsonb_build_object('kind', 'cap'))
        from ops.caps as c cross join lateral ops_private.cap_json(c) as u where c.cap_id = (t.l).cap_id)
      when (t.l).unit = 'starts' then ops_private.reason('rate', format('Runs of %s start %s s apart at least; the next may start at %s.', t.name, trim_scale(round((t.g).start_seconds::numeric, 3)), coalesce((t.g).next_start_at::text, 'any time, after the one that is ready')),
        'Wait, or raise limits.max_starts in the pipeline.', t.gate || jsonb_build_object('next_start_at', (t.g).next_start_at, 'start_seconds', (t.g).start_seconds))
      else ops_private.reason('gate', format('At most %s of %s may be active at once, and %s are%s.', (t.g).max_leases, t.name, (t.g).max_leases - (t.l).room, case when t.room < (t.l).room then format('; %s more are ready before it', (t.l).room - t.room) else '' end),
        'Wait for one of the runs that hold it to end, cancel one, or raise the limit.', t.gate || jsonb_build_object('max_leases', (t.g).max_leases, 'held_by', (
          select coalesce(jsonb_agg(jsonb_build_object('run_id', h.run_id, 'executor_id', h.executor_id, 'expires_at', h.expires_at)), '[]')
          from (select l.run_id, l.executor_id, l.expires_at from ops_private.lease_gates as x join ops.leases as l using (run_id) where x.gate_id = (t.g).gate_id order by l.claimed_at limit 10) as h)))
      end as reason
    from told as t) as x
$$;

-- Is there an executor that could take it? Names only those of projects that the caller sees, and the queues of those.
create function ops_private.explain_executors(run ops.runs) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  seen uuid[] := ops_private.visible_projects();
  them record;
begin
  with all_of_them as materialized (
    select e.executor_id, e.name, e.project_id = any (seen) as named, e.last_seen_at, coalesce(e.last_seen_at >= clock_timestamp() - interval '90 seconds', false) as online, run.queue = any (e.queues) as serves,
      array(select l from unnest(run.labels) as l where not l = any (e.labels)) as missing, e.draining_since is not null as draining, e.queues
    from ops.executor_environments as x join ops.executors as e using (executor_id)
    where x.environment_id = run.environment_id and e.deleted_at is null limit 1000)
  select count(*) as all_of_them, count(*) filter (where online) as online, count(*) filter (where online and serves) as serving, count(*) filter (where online and serves and missing = '{}') as fit,
    count(*) filter (where online and serves and missing = '{}' and draining) as draining, max(last_seen_at) as last_seen_at,
    (array_agg(to_jsonb(missing) order by cardinality(missing)) filter (where online and serves))[1] as missing,
    array(select distinct q from all_of_them as o cross join unnest(o.queues) as q where o.online and o.named order by q) as queues,
    coalesce(jsonb_agg(jsonb_build_object('executor_id', executor_id, 'name', name)) filter (where named), '[]') as names
  into them from all_of_them;
  if them.all_of_them = 0 then
    return ops_private.reason('executors', 'No executor serves this environment.', 'Register an executor for it and start one.', jsonb_build_object('kind', 'environment', 'environment_id', run.environment_id));
  elsif them.online = 0 then
    return ops_private.reason('executors', format('No executor of this environment is online; the last was seen %s.', coalesce(them.last_seen_at::text, 'never')), 'Start an executor, or look why they stopped.',
      jsonb_build_object('kind', 'executors', 'executors', them.names, 'last_seen_at', them.last_seen_at));
  elsif them.serving = 0 then
    return ops_private.reason('executors', format('No executor that is online serves the queue %s%s.', run.queue, case when them.queues <> '{}' then '; they serve ' || array_to_string(them.queues, ', ') else '' end), format('Start one with the queue %s.', run.queue),
      jsonb_build_object('kind', 'executors', 'executors', them.names, 'queue', run.queue, 'queues', them.queues));
  elsif them.fit = 0 then
    return ops_private.reason('executors', format('No executor that is online offers all of its labels: the nearest lacks %s.', (select string_agg(m, ', ') from jsonb_array_elements_text(them.missing) as m)), 'Start one that offers these labels.',
      jsonb_build_object('kind', 'executors', 'executors', them.names, 'missing_labels', them.missing));
  elsif them.draining = them.fit then
    return ops_private.reason('executors', 'Every executor that could take it is draining.', 'Wait for the new ones to start, or end the drain.', jsonb_build_object('kind', 'executors', 'executors', them.names));
  end if;
  return '[]';
end
$$;

-- Its place: who is before it in its lane, and whether other projects are to be served first.
create function ops_private.explain_place(run ops.runs) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  ahead int := (select count(*) from (select from ops.runs as r where r.lane_id = run.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
    and (r.priority, r.run_id) < (run.priority, run.run_id) limit 1000) as a);
  lane jsonb := jsonb_build_object('kind', 'lane', 'queue', run.queue, 'labels', to_jsonb(run.labels), 'ahead', ahead);
  share jsonb;
begin
  -- Projects that share an executor with this environment, have something ready, and have less than their share.
  with mine as (
    select p.project_id, p.weight, (select count(*) from ops.leases as l join ops.environments as e using (environment_id) where e.project_id = p.project_id) as live from ops.projects as p where p.project_id = run.project_id
  ), others as (
    select e.project_id, p.weight, (select count(*) from ops.leases as l join ops.environments as n using (environment_id) where n.project_id = e.project_id) as live
    from ops.environments as e join ops.projects as p using (project_id)
    where e.project_id <> run.project_id and e.environment_id in (
        select y.environment_id from ops.executor_environments as x join ops.executor_environments as y using (executor_id) where x.environment_id = run.environment_id)
      and exists (select from ops_private.lanes as l join ops.runs as r on r.lane_id = l.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null where l.environment_id = e.environment_id)
    group by e.project_id, p.weight
  )
  select jsonb_build_object('kind', 'project', 'project_id', m.project_id, 'weight', m.weight, 'live', m.live, 'projects_before', count(*)) into share
  from mine as m join others as o on (o.live + 1)::numeric / o.weight < (m.live + 1)::numeric / m.weight group by m.project_id, m.weight, m.live;
  return case when share is null then '[]' else ops_private.reason('fair_share', format('The executors are shared: %s other projects have less than their share of live runs (this one has %s at weight %s).', share ->> 'projects_before', share ->> 'live', share ->> 'weight'),
      'Wait for their turn to pass, or change the weights of the projects.', share) end
    || case when ahead > 0 then ops_private.reason('queue_position', format('%s%s runs of its lane are before it by priority and age.', ahead, case when ahead = 1000 then ' or more' else '' end), 'Wait, add executors, or give it a lower priority number.', lane)
      else ops_private.reason('ready', 'It is the next one of its lane: whichever executor has a free slot takes it.', 'Wait for a slot, or add executors.', lane) end;
end
$$;

-- For an active run: who holds it.
create function ops_private.explain_lease(run ops.runs) returns jsonb language sql stable security definer set search_path = '' as $$
  select case when l.expires_at > clock_timestamp() then ops_private.reason('lease_held', format('Attempt %s is held by %s; the last heartbeat was %s s ago and the lease ends in %s s.', l.attempt, e.name, round(extract(epoch from clock_timestamp() - l.heartbeat_at)), round(extract(epoch from l.expires_at - clock_timestamp()))),
      'It is under way: its events and logs tell more.', held.lease)
    else ops_private.reason('lease_expired', format('Its executor %s gave no sign of life since %s.', e.name, l.heartbeat_at), 'The next claim or tick queues it again.', held.lease) end
    || case when l.stop_code is null or l.stop_code = 'canceled' then '[]' else ops_private.reason('stopping', l.stop_reason, 'It ends when its executor answers, or with its lease.', held.lease) end
  from ops.leases as l join ops.executors as e using (executor_id)
  cross join lateral (select jsonb_build_object('kind', 'lease', 'executor_id', l.executor_id, 'attempt', l.attempt, 'phase', l.phase, 'heartbeat_at', l.heartbeat_at, 'expires_at', l.expires_at, 'stop_code', l.stop_code) as lease) as held
  where l.run_id = run.run_id
$$;

create function ops_private.explain_run(run_id uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  moment timestamptz := clock_timestamp();
  run ops.runs;
  reasons jsonb := '[]';
  children int;
begin
  select * into run from ops.runs as r where r.run_id = explain_run.run_id and r.environment_id = any (ops_private.visible_environments());
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  if run.finished_at is not null then
    reasons := ops_private.reason('finished', format('It ended %s at %s%s.', run.status, run.finished_at, coalesce(' with ' || run.error_code, '')), 'Run it again as a new run.', jsonb_build_object('kind', 'run', 'run_id', run.run_id, 'error_code', run.error_code));
  else
    if run.cancel_requested_at is not null then
      reasons := reasons || ops_private.reason('cancel_requested', coalesce(run.cancel_reason, 'Its cancellation was asked for.'), 'It ends when its executor answers, or with its lease.', jsonb_build_object('kind', 'run', 'cancel_requested_at', run.cancel_requested_at));
    end if;
    children := (select count(*) from (select from ops.runs as c where c.parent_run_id = run.run_id and c.finished_at is null limit 1000) as c);
    if children > 0 then
      reasons := reasons || ops_private.reason('children', format('%s of its child runs have not ended.', children), 'Look at the child runs.', jsonb_build_object('kind', 'runs', 'parent_run_id', run.run_id, 'open', children));
    end if;
  end if;
  if run.status in ('claimed', 'running') then
    reasons := reasons || coalesce(ops_private.explain_lease(run), '[]');
  elsif run.status = 'queued' then
    if run.expires_at <= moment then
      reasons := reasons || ops_private.reason('expired', format('It was to start before %s.', run.expires_at), 'The next claim or tick ends it canceled, with the code expired.', jsonb_build_object('kind', 'run', 'expires_at', run.expires_at));
    end if;
    if run.not_before is not null then
      reasons := reasons || case when run.attempt > 0 and run.not_before is distinct from run.run_after
        then ops_private.reason('backoff', format('Attempt %s of %s ended; the next may start at %s.', run.attempt, run.max_attempts, run.not_before), 'Wait for that time.', jsonb_build_object('kind', 'run', 'not_before', run.not_before, 'attempt', run.attempt))
        else ops_private.reason('run_after', format('It may start at %s.', run.not_before), case when run.debounce_key is null then 'Wait for that time.' else 'Wait for that time: newer runs with its debounce key may still take its place.' end, jsonb_build_object('kind', 'run', 'run_after', run.run_after, 'debounce_key', run.debounce_key)) end;
    end if;
    reasons := reasons || ops_private.explain_gates(run) || ops_private.explain_executors(run);
    if run.not_before is null and run.blocked_gate is null then
      reasons := reasons || ops_private.explain_place(run);
    elsif run.blocked_gate is not null and not reasons @> '[{"row": {"waits_here": true}}]' then
      reasons := reasons || ops_private.reason('gate', 'The gate at which it waited has room now.', 'The next claim, end of a run or tick lets it through.', jsonb_build_object('kind', 'gate', 'gate_id', run.blocked_gate, 'waits_here', true));
    end if;
    if run.expires_at > moment then
      reasons := reasons || ops_private.reason('expires_at', format('It ends canceled if it has not started before %s.', run.expires_at), 'Nothing, or cancel it now.', jsonb_build_object('kind', 'run', 'expires_at', run.expires_at));
    end if;
  end if;
  return jsonb_build_object('run_id', run.run_id, 'status', run.status, 'at', moment, 'reasons', reasons);
end
$$;
create function ops.explain_run(run_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.explain_run($1)';
grant execute on function ops_private.explain_run(uuid), ops.explain_run(uuid) to authenticated, ops_token;
