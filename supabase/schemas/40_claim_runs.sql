-- Fair share: a project's turn comes by its live leases divided by its weight, and who would have the least after one more goes
-- first. What an idle project does not take, others do. Counts only leases in these lanes: who serves others competes there.
create function ops_private.lane_shares(lanes bigint[]) returns table (lane_id bigint, project_id uuid, live numeric, weight int) language sql stable security definer set search_path = '' as $$
  with mine as materialized (
    select l.lane_id, p.project_id, p.weight, (select count(*) from ops.leases as x where x.lane_id = l.lane_id) as live
    from ops_private.lanes as l join ops.environments as e using (environment_id) join ops.projects as p using (project_id) where l.lane_id = any (lanes))
  select m.lane_id, m.project_id, sum(m.live) over (partition by m.project_id), m.weight from mine as m
$$;

-- The next ready runs of several projects, each in its turn; within a project by priority, then age.
create function ops_private.fair_runs(lanes bigint[], at_most int) returns table (run_id uuid, turn numeric, priority int) language sql stable security definer set search_path = '' as $$
  select q.run_id, (s.live + row_number() over (partition by s.project_id order by q.priority, q.run_id)) / s.weight as turn, q.priority
  from ops_private.lane_shares(lanes) as s cross join lateral (
    select r.run_id, r.priority from ops.runs as r where r.lane_id = s.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
    order by r.priority, r.run_id limit at_most) as q
  order by turn, priority, run_id limit at_most
$$;

-- Locks up to `at_most` ready runs of these lanes, skipping what others hold: the best over all lanes, in fair turns where they
-- belong to several projects.
create function ops_private.lock_ready(lanes bigint[], at_most int) returns uuid[] language plpgsql security definer set search_path = '' as $$
declare
  shared boolean := (select count(distinct e.project_id) from ops_private.lanes as l join ops.environments as e using (environment_id) where l.lane_id = any (lanes)) > 1;
  candidates uuid[] := '{}';
  lane bigint;
begin
  if shared then
    -- More than are wanted: other claimers hold some of the first.
    candidates := array(select r.run_id from ops_private.fair_runs(lanes, at_most + 25) as f join ops.runs as r on r.run_id = f.run_id
      where r.status = 'queued' and r.blocked_gate is null and r.not_before is null order by f.turn, f.priority, f.run_id limit at_most for update of r skip locked);
  elsif at_most > 1 and cardinality(lanes) > 1 then
    candidates := array(select r.run_id from unnest(lanes) as l (lane_id) cross join lateral (
        select q.run_id, q.priority from ops.runs as q where q.lane_id = l.lane_id and q.status = 'queued' and q.blocked_gate is null and q.not_before is null
        order by q.priority, q.run_id limit at_most) as r
      order by r.priority, r.run_id limit at_most);
    candidates := array(select r.run_id from ops.runs as r where r.run_id = any (candidates) and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
      order by r.priority, r.run_id for update skip locked);
  end if;
  -- What others held is made up for, lane by lane.
  for lane in
    select l.lane_id from unnest(lanes) as l (lane_id) cross join lateral (
      select r.priority, r.run_id from ops.runs as r where r.lane_id = l.lane_id and r.status = 'queued' and r.blocked_gate is null and r.not_before is null
      order by r.priority, r.run_id limit 1) as head
    where cardinality(candidates) < at_most
    order by case when shared then (select (s.live + 1) / s.weight from ops_private.lane_shares(lanes) as s where s.lane_id = l.lane_id) end, head.priority, head.run_id
  loop
    exit when cardinality(candidates) >= at_most;
    candidates := candidates || array(
      select r.run_id from ops.runs as r where r.lane_id = lane and r.status = 'queued' and r.blocked_gate is null and r.not_before is null and not r.run_id = any (candidates)
      order by r.priority, r.run_id limit at_most - cardinality(candidates) for update skip locked);
  end loop;
  return candidates;
end
$$;

-- Takes those candidates, in order, that find room at every gate, and parks each other one on the first that is full. The caller
-- has locked runs and gates; live leases are counted here, in a statement after those locks.
create function ops_private.pass_gates(candidates uuid[], gates bigint[], moment timestamptz, out taken uuid[], out limits ops_private.gate_limit[])
language plpgsql security definer set search_path = '' as $$
declare
  run record;
  shut record;
begin
  taken := '{}';
  limits := array(select l from ops_private.limits_at(gates, moment) as l);
  for run in select r.run_id, r.gate_ids, r.gate_amounts, r.template_key from unnest(candidates) with ordinality as c (run_id, nth) join ops.runs as r on r.run_id = c.run_id order by c.nth loop
    select l.gate_id, l.unit into shut from unnest(limits) as l join unnest(run.gate_ids, run.gate_amounts) as g (gate_id, amount) on g.gate_id = any (l.inner_ids)
    where l.room <= 0 or l.room < ops_private.need(l.unit, g.amount, l.total) order by l.gate_id limit 1;
    if found then
      update ops.runs as r set blocked_gate = shut.gate_id, queue_reason = (select ops_private.limit_reason(g, shut.unit, run.template_key) from ops_private.gates as g where g.gate_id = shut.gate_id)
      where r.run_id = run.run_id;
    else
      taken := taken || run.run_id;
      if cardinality(run.gate_ids) > 0 then
        limits := array(select (l.gate_id, l.inner_ids, l.cap_id, l.unit, l.total, l.room - case when g.gate_id is null then 0 else ops_private.need(l.unit, g.amount, l.total) end, l.starts_at, l.opens_at)::ops_private.gate_limit
          from unnest(limits) as l left join unnest(run.gate_ids, run.gate_amounts) as g (gate_id, amount) on g.gate_id = any (l.inner_ids));
      end if;
    end if;
  end loop;
end
$$;

-- What the holder of new leases is told of each, in order; as json, which is text from the start (jsonb would be built anew at each level).
-- Row by row on purpose: the statistics of leases may be those of an empty queue, and a join over
-- such a guess reads everything once for each run.
create function ops_private.claims_json(taken uuid[], share_specs boolean) returns json language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_agg(json_build_object(
      'run', (select row_to_json(w) from (select r.run_id, r.project_id, r.environment_id, r.status, r.template_key, r.template_version, r.spec_slug, r.spec_sha256, r.git_sha, r.parameters, r.trigger,
        r.scheduled_for, r.input_manifest, r.attempt, r.max_attempts, r.isolated, r.parent_run_id, r.repairs_run_id, r.repair_mode, r.created_at, r.claimed_at, r.started_at) as w),
      'spec', case when not share_specs then (select s.spec from ops.specs as s where s.project_id = r.project_id and s.spec_sha256 = r.spec_sha256) end,
      'lease_token', l.lease_token, 'lease_expires_at', l.expires_at, 'lease_seconds', l.lease_seconds, 'attempt', l.attempt, 'fence', l.fence::text,
      'phases', (select coalesce(json_agg(row_to_json(w) order by w.position), '[]') from (select p.name, p.type, p.status, p.position, p.attempt, p.depends_on, p.started_at, p.finished_at, p.input_sha256, p.output_sha256, p.metrics, p.checkpoint, p.error_code, p.error_message from ops.run_phases as p where p.run_id = c.run_id) as w)) order by c.nth)
    from unnest(taken) with ordinality as c (run_id, nth) join ops.runs as r on r.run_id = c.run_id
    cross join lateral (select x.* from ops.leases as x where x.run_id = c.run_id limit 1) as l);
end
$$;

-- The specs of new leases, each once: by its hash, whichever project holds it.
create function ops_private.specs_json(taken uuid[]) returns json language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select json_object_agg(s.spec_sha256, s.spec)
    from (select r.spec_sha256, min(r.project_id::text)::uuid as project_id from ops.runs as r where r.run_id = any (taken) group by 1) as u join ops.specs as s using (project_id, spec_sha256));
end
$$;

-- claim_runs: executors. queued → claimed (→ running at once with `start`), exactly within every gate's limit. One transaction: sweep and promote a little,
-- lock candidates (skipping what others hold), lock all their gates once (with those that time has opened), count live leases
-- in a later statement, take what fits and park the rest on its first full gate. Answers { items, again, retry_after_ms }; where
-- the sweep had to lock gates it answers `again`, because a second pass over gates in one transaction could deadlock. Times
-- are compared with a variable, not with clock_timestamp() itself, which no index condition may hold.
create function ops_private.claim_runs(max_runs int, queues text[], labels text[], lease_seconds int, only_run uuid, version text, hostname text, start boolean, share_specs boolean) returns json
language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  me ops_private.principal := ops_private.me();
  environments uuid[];
  lanes bigint[];
  moment timestamptz := clock_timestamp();
  stale uuid[];
  candidates uuid[] := '{}';
  taken uuid[] := '{}';
  late ops.runs;
  gates bigint[];
  limits ops_private.gate_limit[] := '{}';
  moved int := 0;
  armed boolean;
begin
  if me.type is distinct from 'executor' then
    perform ops_private.fail('forbidden', 'Only an executor claims runs.', 'Use an executor token (lcx_…).');
  elsif max_runs is null or max_runs not between 1 and 100 or lease_seconds is null or lease_seconds not between 1 and 600 or queues is null or labels is null
    or pg_column_size(queues) + pg_column_size(labels) > 16384 then
    perform ops_private.fail('invalid_input', 'max_runs is 1 to 100, lease_seconds 1 to 600; queues and labels are arrays, of 16 kB together.');
  end if;
  queues := coalesce((select array(select q from unnest(claim_runs.queues) as q where q = any (e.allowed_queues)) from ops.executors as e where e.executor_id = me.id and e.allowed_queues is not null), queues);
  update ops.executors as e set last_seen_at = clock_timestamp(), version = coalesce(left(claim_runs.version, 100), e.version), hostname = coalesce(left(claim_runs.hostname, 255), e.hostname), queues = claim_runs.queues, labels = claim_runs.labels
  where e.executor_id = (select x.executor_id from ops.executors as x where x.executor_id = me.id
    and (x.last_seen_at is null or x.last_seen_at < clock_timestamp() - interval '10 seconds' or x.queues <> claim_runs.queues or x.labels <> claim_runs.labels) for no key update skip locked);
  if exists (select from ops.executors as e where e.executor_id = me.id and e.draining_since is not null) then
    return json_build_object('items', '[]'::json, 'again', false, 'retry_after_ms', 5000);
  end if;
  environments := ops_private.visible_environments();
  select coalesce(array_agg(l.lane_id), '{}'), coalesce(bool_and(l.armed), true) into lanes, armed
  from ops_private.lanes as l where l.environment_id = any (environments) and l.queue = any (claim_runs.queues) and l.labels <@ claim_runs.labels;

  if exists (select from ops.leases as l where l.expires_at <= moment and l.lane_id = any (lanes)) then
    stale := ops_private.lock_expired(interval '0', lanes, 10);
    gates := ops_private.gates_of(stale);
    perform ops_private.lock_gates(gates);
    perform ops_private.end_expired(stale);
    if cardinality(gates) > 0 then
      return json_build_object('items', '[]'::json, 'again', true, 'retry_after_ms', 0);
    end if;
  end if;
  -- Lane by lane: what another tenant has waiting must not be read.
  update ops.runs as r set not_before = null, queue_reason = null where r.run_id = any (array(
    select w.run_id from unnest(lanes) as l (lane_id) cross join lateral (
      select d.run_id from ops.runs as d where d.lane_id = l.lane_id and d.status = 'queued' and d.not_before <= moment order by d.not_before limit 100 for update skip locked) as w limit 100));

  if only_run is not null then
    candidates := array(select r.run_id from ops.runs as r where r.run_id = only_run and r.status = 'queued' and r.blocked_gate is null and r.not_before is null and r.lane_id = any (lanes) for update skip locked);
  else
    candidates := ops_private.lock_ready(lanes, max_runs);
  end if;

  gates := array(select g from unnest(ops_private.gates_of(candidates) || ops_private.opening_gates(environments, moment, 20)) as g group by g order by g);
  perform ops_private.lock_gates(gates);
  moment := clock_timestamp();
  for late in select * from ops.runs as r where r.run_id = any (candidates)
      and (r.expires_at <= moment or r.started_at + make_interval(secs => r.timeout_seconds) <= moment) loop
    if late.expires_at <= moment then
      perform ops_private.finalize_run(late.run_id, 'canceled', 'expired', 'It was not started before its expires_at.');
    else
      perform ops_private.finalize_run(late.run_id, 'failed', 'timeout', ops_private.timeout_reason(late));
    end if;
    candidates := array_remove(candidates, late.run_id);
    moved := moved + 1;
  end loop;
  if cardinality(gates) = 0 then
    taken := candidates;
  else
    select p.taken, p.limits into taken, limits from ops_private.pass_gates(candidates, gates, moment) as p;
    moved := moved + cardinality(candidates) - cardinality(taken);
  end if;

  if cardinality(taken) = 0 then
    -- What was parked on one gate may have left room at its other one; time may have opened others.
    moved := moved + ops_private.unpark(gates);
    -- `for update` is refused while a creation is under way in the lane (it holds the lane's key): what wakes nobody is committed
    -- before the lane is armed, or sees it armed. So a claim that finds its lanes armed before it looks has missed nothing.
    update ops_private.lanes as l set armed = true where l.lane_id = any (array(select a.lane_id from ops_private.lanes as a where a.lane_id = any (lanes) and not a.armed order by a.lane_id for update skip locked));
    return json_build_object('items', '[]'::json, 'again', moved > 0, 'retry_after_ms', case when armed then 1000 else 100 end);
  end if;

  insert into ops.leases (run_id, environment_id, lane_id, executor_id, attempt, lease_seconds, claimed_at, expires_at, deadline_at)
  select r.run_id, r.environment_id, r.lane_id, me.id, r.attempt + 1, claim_runs.lease_seconds, moment, clock_timestamp() + make_interval(secs => claim_runs.lease_seconds),
    coalesce(r.started_at, moment) + make_interval(secs => r.timeout_seconds)
  from unnest(taken) with ordinality as c (run_id, nth) join ops.runs as r on r.run_id = c.run_id order by c.nth;
  if cardinality(gates) > 0 then
    insert into ops_private.lease_gates (gate_id, run_id) select g, r.run_id from ops.runs as r cross join unnest(r.gate_ids) as g where r.run_id = any (taken);
    insert into ops_private.lease_caps (cap_id, run_id, period_start, unit, reserved, claimed_at)
    select l.cap_id, r.run_id, l.starts_at, l.unit, ops_private.need(l.unit, g.amount, l.total), moment
    from ops.runs as r cross join unnest(r.gate_ids, r.gate_amounts) as g (gate_id, amount) join unnest(limits) as l on g.gate_id = any (l.inner_ids) and l.cap_id is not null
    where r.run_id = any (taken);
    update ops_private.gates as g set next_start_at = moment + make_interval(secs => g.start_seconds) where g.gate_id = any (ops_private.gates_of(taken)) and g.start_seconds is not null;
  end if;
  with claimed as (
    update ops.runs as r set status = case when start then 'running' else 'claimed' end, attempt = r.attempt + 1, executor_id = me.id, claimed_at = moment, queue_reason = null,
      started_at = case when start then coalesce(r.started_at, moment) else r.started_at end where r.run_id = any (taken) returning r.run_id, r.attempt
  ), heads as (
    update ops_private.run_heads as h set last_seq = h.last_seq + 1 + start::int where h.run_id = any (taken) returning h.run_id, h.environment_id, h.last_seq - start::int as claimed_seq
  )
  insert into ops.run_events (run_id, seq, environment_id, type, message, data)
  select h.run_id, h.claimed_seq + e.place, h.environment_id, e.type, e.message, e.data
  from heads as h join claimed as c using (run_id) cross join lateral (values
    (0, 'RUN_CLAIMED', format('Claimed by %s.', me.name), jsonb_build_object('executor_id', me.id, 'executor', me.name, 'attempt', c.attempt)),
    (1, 'RUN_STARTED', format('Attempt %s began.', c.attempt), jsonb_build_object('attempt', c.attempt))) as e (place, type, message, data)
  where e.place = 0 or start order by h.run_id, e.place;
  -- Room that this claim left at its gates goes to runs that were parked there.
  perform ops_private.unpark(gates);
  if share_specs then
    return json_build_object('again', false, 'retry_after_ms', 0, 'items', ops_private.claims_json(taken, true), 'specs', ops_private.specs_json(taken));
  end if;
  return json_build_object('again', false, 'retry_after_ms', 0, 'items', ops_private.claims_json(taken, false));
end
$$;
alter function ops_private.claim_runs(int, text[], text[], int, uuid, text, text, boolean, boolean) set jit = off;

create function ops.claim_runs(max_runs int default 1, queues text[] default '{default}', labels text[] default '{}', lease_seconds int default 30, run_id uuid default null, version text default null, hostname text default null, start boolean default false, share_specs boolean default false)
returns json language sql set search_path = '' as 'select ops_private.claim_runs($1, $2, $3, $4, $5, $6, $7, $8, $9)';
-- claim_run(executor_id): the case of one; answers the claim, or null.
create function ops_private.claim_run(executor uuid, lease_seconds int) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  if (ops_private.me()).id is distinct from executor then
    perform ops_private.fail('forbidden', 'The token belongs to another executor.');
  end if;
  return ops_private.claim_runs(1, (select e.queues from ops.executors as e where e.executor_id = executor), '{}', lease_seconds, null, null, null, false, false)::jsonb -> 'items' -> 0;
end
$$;
create function ops.claim_run(executor_id uuid, lease_seconds int default 30) returns jsonb language sql set search_path = '' as 'select ops_private.claim_run($1, $2)';
grant execute on function ops_private.claim_runs(int, text[], text[], int, uuid, text, text, boolean, boolean), ops.claim_runs(int, text[], text[], int, uuid, text, text, boolean, boolean),
  ops_private.claim_run(uuid, int), ops.claim_run(uuid, int) to authenticated, ops_token;
