-- report_runs(reports): executors. Many writes of many runs that they hold, in one call. A report is { run_id, lease_token, report_id?,
-- writes: [{ type, … }] }; its writes are applied in order, whole or not at all, and mean what the functions of one write mean.
-- Each report is answered for itself, in order: { run_id, ok: true, status, … } or { run_id, ok: false, error }.
--
-- Reports that only start, run phases, append events and complete (`plain_reports`) are applied together, set-based; every
-- other one by the single functions, each within a savepoint. Locks all runs, all leases, opens lanes, then locks all gates of runs that may end, each
-- sorted; then phases and heads, which nobody locks without run or lease. A run that is not held is only read.
--
-- A repeat is answered what the first was answered: by `report_id`, until the run's next report; a report whose last write
-- ends the lease also by its lease.
create type ops_private.run_report as (nth int, run_id uuid, lease_token uuid, report_id uuid, writes jsonb, may_end boolean, ends boolean);

-- One write of a report, by the function that does it alone. Answers what that one answers.
create function ops_private.apply_write(run uuid, token uuid, write jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  case write ->> 'type'
    when 'start' then return ops_private.start_run(run, token);
    when 'phase' then return ops_private.set_phase(run, token, write ->> 'name', write -> 'patch');
    when 'events' then return ops_private.append_events(run, token, write -> 'events');
    when 'artifact' then return ops_private.register_artifact(run, token, write -> 'artifact');
    when 'inputs' then return ops_private.pin_inputs(run, token, array(select jsonb_array_elements_text(coalesce(write -> 'datasets', '[]'))), coalesce(write -> 'sources', '{}'));
    when 'heartbeat' then return ops_private.heartbeat_run(run, token, write ->> 'phase', (write ->> 'lease_seconds')::int, write -> 'usage');
    when 'logs' then return ops_private.append_logs(run, token, write -> 'chunks');
    when 'complete' then return ops_private.complete_run(run, token, coalesce(write -> 'output_manifest', '{}'));
    when 'fail' then return ops_private.fail_run(run, token, write ->> 'error_code', write ->> 'error_message', coalesce(write -> 'error_data', '{}'),
      coalesce((write ->> 'permanent')::boolean, false), (write ->> 'retry_after_seconds')::double precision);
    when 'release' then return ops_private.release_run(run, token, coalesce(write ->> 'reason', 'released'), array(select jsonb_array_elements_text(coalesce(write -> 'labels', '[]'))));
    else perform ops_private.fail('invalid_input', format('There is no write of type %s.', coalesce(write ->> 'type', 'null')));
  end case;
end
$$;

-- The writes of reports, one a row.
create function ops_private.writes_of(asked ops_private.run_report[]) returns table (run_id uuid, nth bigint, type text, name text, target text, patch jsonb, body jsonb)
language plpgsql immutable set search_path = '' as $$
begin
  return query select a.run_id, w.nth, w.body ->> 'type', w.body ->> 'name', w.body -> 'patch' ->> 'status', w.body -> 'patch', w.body
  from unnest(asked) as a cross join jsonb_array_elements(case when jsonb_typeof(a.writes) = 'array' then a.writes else '[]' end) with ordinality as w (body, nth);
end
$$;

-- Which of these reports the set-based way takes: of a run that is reported once here, was not asked to be cancelled, and whose
-- writes are steps forward only (start, which comes first; pending → running → succeeded; events; complete, which comes last). It must take
-- nothing that the single functions refuse; what it leaves, they judge. An event_id that is already there fails its insert, and
-- they judge all. The caller holds the leases. Tables are read by `run_id = any (ids)`: no plan may read their history. Joins are by hash:
-- a generic plan expects ten rows, and comparing each of 400 writes with each of 100 runs would cost more than all else.
create function ops_private.plain_reports(asked ops_private.run_report[]) returns uuid[] language plpgsql stable security definer set search_path = '' set enable_nestloop = off as $$
declare
  ids uuid[] := array(select a.run_id from unnest(asked) as a);
begin
  return (with writes as materialized (
      select * from ops_private.writes_of(asked)
    ), asks as materialized (
      select a.run_id, r.status = 'running' or a.writes -> 0 ->> 'type' = 'start' as started, jsonb_array_length(a.writes) as last, a.writes -> -1 ->> 'type' = 'complete' as completes
      from unnest(asked) as a join (select x.run_id, x.status, x.cancel_requested_at from ops.runs as x where x.run_id = any (ids)) as r using (run_id)
      where jsonb_typeof(a.writes) = 'array' and r.cancel_requested_at is null
    ), phases as materialized (
      select run_id, p.status, p.name, p.depends_on, m.begins, m.ends, m.moves
      from (select x.run_id, x.name, x.status, x.depends_on from ops.run_phases as x where x.run_id = any (ids)) as p
      full join (select w.run_id, w.name, min(w.nth) filter (where w.target = 'running') as begins, min(w.nth) filter (where w.target = 'succeeded') as ends, count(*) as moves
        from writes as w where w.type = 'phase' group by 1, 2) as m using (run_id, name)
    ), events as materialized (
      select row_number() over () as nth, w.run_id, e.event
      from writes as w cross join jsonb_array_elements(case when w.type = 'events' and jsonb_typeof(w.body -> 'events') = 'array' then w.body -> 'events' else '[]' end) as e (event)
    ), refused as (
      select w.run_id from writes as w join asks as a using (run_id) where not coalesce(case w.type
        when 'start' then w.nth = 1
        when 'phase' then a.started and w.patch - array['status', 'input_sha256', 'output_sha256', 'metrics', 'message'] = '{}' and coalesce(jsonb_typeof(w.patch -> 'metrics') = 'object', true)
        when 'events' then jsonb_typeof(w.body -> 'events') = 'array' and jsonb_array_length(w.body -> 'events') between 1 and 500
        when 'complete' then a.started and w.nth = a.last and coalesce(jsonb_typeof(w.body -> 'output_manifest') = 'object', true)
      end, false)
      union all  -- a phase begins once, then ends once
      select p.run_id from phases as p where p.moves > 0 and not coalesce(p.moves = num_nonnulls(p.begins, p.ends)
        and case when p.begins is null then p.status = 'running' else p.status = 'pending' and coalesce(p.begins < p.ends, true) end, false)
      union all  -- it begins after those before it
      select p.run_id from phases as p join phases as d on d.run_id = p.run_id and d.name = any (p.depends_on)
      where p.begins is not null and d.status in ('pending', 'running') and not coalesce(d.ends < p.begins, false)
      union all  -- a run is complete when every phase has ended well
      select p.run_id from phases as p join asks as a using (run_id) where a.completes and p.ends is null and p.status in ('pending', 'running', 'failed')
      union all
      select e.run_id from ops_private.refused_events(array(select e.event from events as e order by e.nth)) as f join events as e using (nth)
      union all  -- it was answered already
      select h.run_id from ops_private.run_heads as h where h.run_id = any (ids) and h.report_id = any (array(select a.report_id from unnest(asked) as a))
      union all
      select l.run_id from ops.leases as l where l.run_id = any (ids) and l.stop_code is not null
    )
    select coalesce(array_agg(a.run_id), '{}') from asks as a where a.last > 0 and not exists (select from refused as r where r.run_id = a.run_id));
end
$$;

-- Applies plain reports, each table in one statement; `gates` are those of the runs that end. Answers { run_id: answer }.
create function ops_private.apply_plain_reports(asked ops_private.run_report[], gates bigint[]) returns jsonb language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
declare
  moment timestamptz := clock_timestamp();
  ids uuid[] := array(select a.run_id from unnest(asked) as a);
  ended uuid[] := array(select a.run_id from unnest(asked) as a where a.ends);
  going uuid[] := array(select a.run_id from unnest(asked) as a where not a.ends);
  begun uuid[];
  answers jsonb;
begin
  with started as (
    update ops.runs as r set status = 'running', started_at = coalesce(r.started_at, moment)
    where r.status = 'claimed' and r.run_id = any (array(select a.run_id from unnest(asked) as a where a.writes -> 0 ->> 'type' = 'start'))
    returning r.run_id)
  select coalesce(array_agg(s.run_id), '{}') into begun from started as s;
  perform ops_private.end_leases(ended, gates);

  with writes as materialized (
    select * from ops_private.writes_of(asked)
  ), phases as (
    update ops.run_phases as p set
      status = case when s.succeeded is null then 'running' else 'succeeded' end,
      attempt = p.attempt + (s.running is not null)::int,
      started_at = case when s.running is null then p.started_at else moment end,
      finished_at = case when s.succeeded is null then null else moment end,
      input_sha256 = coalesce(s.succeeded ->> 'input_sha256', s.running ->> 'input_sha256', p.input_sha256),
      output_sha256 = coalesce(s.succeeded ->> 'output_sha256', s.running ->> 'output_sha256', p.output_sha256),
      metrics = p.metrics || coalesce(s.running -> 'metrics', '{}') || coalesce(s.succeeded -> 'metrics', '{}'),
      error_code = case when s.running is null then p.error_code end,
      error_message = case when s.running is null then p.error_message end
    from (
      select w.run_id, w.name, (array_agg(w.patch) filter (where w.target = 'running'))[1] as running, (array_agg(w.patch) filter (where w.target = 'succeeded'))[1] as succeeded
      from writes as w where w.type = 'phase' group by 1, 2) as s
    where p.run_id = any (ids) and p.run_id = s.run_id and p.name = s.name
    returning p.run_id, p.name, p.attempt, p.output_sha256, p.error_code, p.error_message
  ), ends as (
    update ops.runs as r set status = 'succeeded', output_manifest = coalesce(a.writes -> -1 -> 'output_manifest', '{}'), error_code = null, error_message = null, finished_at = moment, duration_seconds = extract(epoch from moment - r.started_at), queue_reason = null
    from unnest(asked) as a where r.run_id = any (ended) and r.run_id = a.run_id
    returning r.run_id, r.status, r.attempt, r.finished_at, r.error_code
  ), states as materialized (
    select r.run_id, r.attempt, jsonb_build_object('run_id', r.run_id, 'status', r.status, 'attempt', r.attempt, 'finished_at', r.finished_at, 'error_code', r.error_code) as state from (
      select * from ends union all
      select r.run_id, r.status, r.attempt, r.finished_at, r.error_code from ops.runs as r where r.run_id = any (going)) as r
  ), lines as materialized (
    select l.*, row_number() over (partition by l.run_id order by l.nth, l.sub_nth) as line, count(*) over (partition by l.run_id) as lines from (
      select s.run_id, 1::bigint as nth, 0::bigint as sub_nth, gen_random_uuid() as event_id, false as reported, 'RUN_STARTED' as type, 'info' as level, null::text as phase,
        format('Attempt %s began.', s.attempt) as message, jsonb_build_object('attempt', s.attempt) as data
      from states as s join unnest(begun) as b (run_id) using (run_id)
      union all
      select w.run_id, w.nth, 0, gen_random_uuid(), false, case w.target when 'running' then 'PHASE_STARTED' else 'PHASE_SUCCEEDED' end, 'info', p.name,
        coalesce(w.patch ->> 'message', p.error_message, format('Phase %s %s.', p.name, case w.target when 'running' then 'started' else 'succeeded' end)),
        jsonb_strip_nulls(jsonb_build_object('attempt', p.attempt, 'output_sha256', case w.target when 'succeeded' then p.output_sha256 end, 'error_code', p.error_code))
      from writes as w join phases as p using (run_id, name) where w.type = 'phase'
      union all
      select w.run_id, w.nth, e.nth, (e.event ->> 'event_id')::uuid, true, e.event ->> 'type', coalesce(e.event ->> 'level', 'info'), e.event ->> 'phase', coalesce(e.event ->> 'message', ''), coalesce(e.event -> 'data', '{}')
      from writes as w cross join jsonb_array_elements(w.body -> 'events') with ordinality as e (event, nth) where w.type = 'events'
      union all
      select w.run_id, w.nth, 0, gen_random_uuid(), false, 'RUN_SUCCEEDED', 'info', null, 'The run succeeded.', '{}' from writes as w where w.type = 'complete'
    ) as l
  ), heads as (
    update ops_private.run_heads as h set last_seq = h.last_seq + coalesce(l.lines, 0),
      ended_lease_token = case when a.ends then a.lease_token else h.ended_lease_token end,
      ended_answer = case when a.ends then s.state else h.ended_answer end,
      report_id = coalesce(a.report_id, h.report_id),
      report_answer = case when a.report_id is null then h.report_answer else s.state || '{"ok": true, "answers": []}' end
    from unnest(asked) as a join states as s using (run_id) left join lines as l on l.run_id = a.run_id and l.line = 1
    where h.run_id = any (ids) and h.run_id = a.run_id
    returning h.run_id, h.environment_id, h.last_seq - coalesce(l.lines, 0) as before
  ), written as (
    insert into ops.run_events (run_id, seq, event_id, reported, environment_id, type, level, phase, message, data)
    select l.run_id, h.before + l.line, l.event_id, l.reported, h.environment_id, l.type, l.level, l.phase, l.message, l.data from lines as l join heads as h using (run_id) order by l.run_id, l.line
  )
  select jsonb_object_agg(s.run_id, s.state || '{"ok": true, "answers": []}') into answers from states as s;

  if cardinality(ended) > 0 then
    perform ops_private.runs_ended(ended);
  end if;
  return answers;
end
$$;

-- `answers`: what the writes of type artifact, inputs and heartbeat are answered, in order; the other writes are answered by the state.
create function ops_private.report_answer(state jsonb, answers jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select state || jsonb_build_object('ok', true, 'answers', answers)
$$;

-- One report by the single functions, within a savepoint. Errors of the request are its answer; those of the database end the whole call.
create function ops_private.apply_report(report ops_private.run_report) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  write jsonb;
  answer jsonb;
  answers jsonb := '[]';
  state text; code text; detail text; remedy text;
begin
  if jsonb_typeof(report.writes) is distinct from 'array' or jsonb_array_length(report.writes) not between 1 and 1000 then
    perform ops_private.fail('invalid_input', 'writes is an array of 1 to 1000 writes.');
  end if;
  select case when h.report_id = report.report_id then h.report_answer
      when report.ends and h.ended_lease_token = report.lease_token then ops_private.report_answer(h.ended_answer, '[]') end into answer
  from ops_private.run_heads as h where h.run_id = report.run_id and h.environment_id = any (ops_private.visible_environments());
  if answer is not null then
    return answer;
  end if;
  for write in select w from jsonb_array_elements(report.writes) as w loop
    answer := ops_private.apply_write(report.run_id, report.lease_token, write);
    if write ->> 'type' in ('artifact', 'inputs', 'heartbeat') then
      answers := answers || jsonb_build_array(answer);
    end if;
  end loop;
  answer := (select ops_private.report_answer(ops_private.run_state(r), answers) from ops.runs as r where r.run_id = report.run_id);
  update ops_private.run_heads as h set report_id = report.report_id, report_answer = answer where h.run_id = report.run_id and report.report_id is not null;
  return answer;
exception when others then
  get stacked diagnostics state = returned_sqlstate, code = message_text, detail = pg_exception_detail, remedy = pg_exception_hint;
  return jsonb_build_object('run_id', report.run_id, 'ok', false, 'error', ops_private.error_answer(state, code, detail, remedy));
end
$$;

-- The lanes of runs that are released with labels: opened before gates are locked, since who creates a run opens its lane first and
-- waits for its gates then.
create function ops_private.open_released_lanes(asked ops_private.run_report[], held uuid[]) returns void language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from unnest(asked) as a where a.may_end and a.writes @> '[{"type": "release"}]') then
    return;
  end if;
  perform ops_private.open_lanes(array(
    select distinct (r.environment_id, r.queue, ops_private.with_labels(r.labels, n.labels))::ops_private.lane_key
    from unnest(asked) as a join ops.runs as r on r.run_id = a.run_id
    cross join jsonb_array_elements(case when a.may_end then a.writes else '[]' end) as w (body)
    cross join lateral (select array(select jsonb_array_elements_text(case when jsonb_typeof(w.body -> 'labels') = 'array' then w.body -> 'labels' else '[]' end)) as labels) as n
    where a.run_id = any (held) and w.body ->> 'type' = 'release' and ops_private.labels_are_words(n.labels)));
end
$$;

-- Of these runs those whose live lease a report names. By hash, as above: comparing each report with each lease cost a tenth of all.
create function ops_private.held_runs(asked ops_private.run_report[], among uuid[], executor uuid) returns uuid[] language plpgsql volatile security definer set search_path = '' set enable_nestloop = off as $$
begin
  return array(select l.run_id from unnest(asked) as a join (
      select x.run_id, x.lease_token from ops.leases as x where x.run_id = any (among) and x.executor_id = executor and x.expires_at > clock_timestamp()) as l using (run_id, lease_token));
end
$$;

-- One plan for all calls, by index: a plan that was made while the tables were small would read them whole when they are not.
create function ops_private.report_runs(reports jsonb) returns json language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set jit = off as $$
declare
  me ops_private.principal := ops_private.me();
  asked ops_private.run_report[];
  report ops_private.run_report;
  held uuid[];
  ending bigint[];
  plain uuid[];
  by_run jsonb := '{}';
  by_nth jsonb[] := '{}';
begin
  if me.type is distinct from 'executor' then
    perform ops_private.fail('forbidden', 'Only an executor writes to a run that it holds.', 'Use an executor token (lcx_…).');
  elsif jsonb_typeof(reports) is distinct from 'array' or jsonb_array_length(reports) not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'reports is an array of 1 to 500 reports.');
  elsif pg_column_size(reports) > 4 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'The reports of one call have at most 4 MB.', 'Send fewer at once.');
  end if;
  asked := array(select (r.nth, (r.report ->> 'run_id')::uuid, (r.report ->> 'lease_token')::uuid, (r.report ->> 'report_id')::uuid, r.report -> 'writes',
      r.report -> 'writes' @> '[{"type": "complete"}]' or r.report -> 'writes' @> '[{"type": "fail"}]' or r.report -> 'writes' @> '[{"type": "release"}]',
      coalesce(r.report -> 'writes' -> -1 ->> 'type' in ('complete', 'fail', 'release'), false))::ops_private.run_report
    from jsonb_array_elements(reports) with ordinality as r (report, nth));

  held := ops_private.held_runs(asked, array(select a.run_id from unnest(asked) as a), me.id);
  held := array(select r.run_id from ops.runs as r where r.run_id = any (held) order by r.run_id for no key update);
  perform from ops.leases as l where l.run_id = any (held) order by l.run_id for update;
  held := ops_private.held_runs(asked, held, me.id);
  perform ops_private.open_released_lanes(asked, held);
  ending := ops_private.gates_of(array(select a.run_id from unnest(asked) as a where a.may_end and a.run_id = any (held)));
  if cardinality(ending) > 0 then
    perform ops_private.lock_gates(ending);
  end if;

  begin
    plain := ops_private.plain_reports(array(select a from unnest(asked) as a where a.run_id in (select h from unnest(held) as h)
      and a.run_id in (select b.run_id from unnest(asked) as b group by b.run_id having count(*) = 1)));
    if cardinality(plain) > 0 then
      by_run := ops_private.apply_plain_reports(array(select a from unnest(asked) as a where a.run_id in (select p from unnest(plain) as p)), ending);
    end if;
  exception when data_exception or integrity_constraint_violation then
    by_run := '{}';  -- one of them holds what no column takes: the savepoints find out which
  end;
  if cardinality(plain) = cardinality(asked) and by_run <> '{}' then
    return json_build_object('items', (select json_agg(by_run -> a.run_id::text order by a.nth) from unnest(asked) as a));
  end if;
  foreach report in array asked loop
    by_nth[report.nth] := by_run -> report.run_id::text;
  end loop;
  -- In the order of runs, as above: a repeat locks a run that was not held.
  for report in select a.* from unnest(asked) as a where coalesce(not by_run ? a.run_id::text, true) order by a.run_id, a.nth loop
    by_nth[report.nth] := ops_private.apply_report(report);
  end loop;
  return json_build_object('items', to_jsonb(by_nth));
end
$$;
create function ops.report_runs(reports jsonb) returns json language sql set search_path = '' as 'select ops_private.report_runs($1)';
grant execute on function ops_private.report_runs(jsonb), ops.report_runs(jsonb) to authenticated, ops_token;
