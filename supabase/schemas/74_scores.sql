-- A run's score: how well it went, 0 to 100, out of signals (numbers about the run) and the weights that its project gives them.
-- The formula is in docs/scores.md. Same signals and weights, same score.
create table ops.signal_weights (
  project_id uuid not null references ops.projects,
  signal text not null constraint signal_is_a_word check (signal ~ '^[a-z][a-z0-9_]{0,62}$'),
  weight numeric(12, 6) not null constraint weight_is_not_negative check (weight >= 0),
  updated_at timestamptz not null default now(),
  primary key (project_id, signal)
);

-- Its length is checked beside its pattern, as in run_phases: with {0,62} the pattern was a sixth of scoring.
-- Those that the holder of a run gave it (put_signals). What the control plane derives stands in the breakdown alone.
create table ops.signals (
  run_id uuid not null,
  signal text not null constraint signal_is_a_word check (signal ~ '^[a-z][a-z0-9_]*$' and length(signal) <= 63),
  environment_id uuid not null,
  value double precision not null constraint value_is_a_number check (value between -1e300 and 1e300),
  created_at timestamptz not null default clock_timestamp(),
  primary key (run_id, signal)
);

-- Runs that ended and were not scored yet (runs_ended writes them): the end of a run stays cheap, the tick computes. No foreign key: runs are never deleted.
create table ops_private.runs_to_score (run_id uuid primary key);
alter table ops_private.runs_to_score enable row level security;
alter table ops_private.runs_to_score force row level security;

do $$
declare
  name text;
begin
  foreach name in array array['signal_weights', 'signals', 'run_scores'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create policy members_see_their_projects on ops.signal_weights for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_their_environments on ops.signals for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
create policy members_see_their_environments on ops.run_scores for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));

-- Signals that the control plane derives itself, each with its weight where a project says nothing, the value up to which it is good,
-- and how far beyond that half of its points are lost. A project's own signals weigh 0, are good up to 0, and lose half at 1.
create function ops_private.known_signals() returns table (signal text, weight numeric, good double precision, half double precision) language sql immutable set search_path = '' as $$
  values ('run_failed', 10.0, 0.0::double precision, 0.0::double precision), ('failed_phases', 2.0, 0, 1), ('retries', 1.0, 0, 1), ('duration_ratio', 1.0, 1, 1), ('queue_wait_seconds', 0.5, 0, 300), ('quality_failures', 2.0, 0, 1), ('quality_warnings', 0.5, 0, 1)
$$;

-- What the control plane derives of ended runs, from what no longer changes (the caller has locked the runs), so never stored: the duration is held against the median of the last 20 runs of the same
-- template that had succeeded, of the 40 before this one, and had ended when this one began; from three on.
create function ops_private.derived_signals(ended uuid[]) returns table (run_id uuid, signal text, value double precision) language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
begin
  return query select r.run_id, s.signal, s.value
  from ops.runs as r
  left join lateral (
    select percentile_cont(0.5) within group (order by l.seconds) as seconds, count(*) as runs from (
      select extract(epoch from h.finished_at - h.started_at)::double precision as seconds from (
        select q.run_id, q.status, q.isolated, q.started_at, q.finished_at from ops.runs as q where q.environment_id = r.environment_id and q.template_key = r.template_key and q.run_id < r.run_id order by q.run_id desc limit 40) as h
      where h.status = 'succeeded' and not h.isolated and h.finished_at <= r.started_at order by h.run_id desc limit 20) as l) as usual on true
  left join lateral (
    select count(*) filter (where p.status = 'failed') as failed,
      count(*) filter (where p.error_code = 'quality_failed') as quality_failed,
      sum(ops_private.figure(p.metrics, 'warned')) filter (where p.type = 'validate') as warned
    from ops.run_phases as p where p.run_id = r.run_id) as phases on true
  -- Arrays, not `values`, which prepares its expressions anew for each run.
  cross join lateral unnest(array['run_failed', 'failed_phases', 'retries', 'queue_wait_seconds', 'duration_ratio', 'quality_failures', 'quality_warnings'], array[
    (r.status = 'failed')::int,
    phases.failed,
    greatest(r.attempt - 1, 0),
    greatest(extract(epoch from r.started_at - greatest(r.created_at, r.run_after)), 0),
    case when r.status = 'succeeded' and usual.runs >= 3 then extract(epoch from r.finished_at - r.started_at)::double precision / nullif(usual.seconds, 0) end,
    phases.quality_failed,
    phases.warned]::double precision[]) as s (signal, value)
  where r.run_id = any (ended) and r.status in ('succeeded', 'failed') and s.value is not null;
end
$$;

-- A canceled run says nothing about itself and gets none. score = 100 × (1 − Σ weight × lost ÷ Σ weight), lost = x ÷ (x + half), x = how far the value is beyond what is good. Only signals
-- that the run has count; without any weight the score is 100. The caller has locked the runs. Kept here alone: a score in the run itself would cost a third version of each.
create function ops_private.score_runs(ended uuid[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  scored int;
begin
  with given as (
    select d.run_id, d.signal, d.value from ops_private.derived_signals(ended) as d
    union all select s.run_id, s.signal, s.value from ops.signals as s where s.run_id = any (ended)),
  weighed as (
    select r.run_id, r.environment_id, s.signal, s.value, coalesce(w.weight, k.weight, 0)::double precision as weight,
      case when s.value > coalesce(k.good, 0) then (s.value - coalesce(k.good, 0)) / (s.value - coalesce(k.good, 0) + coalesce(k.half, 1)) else 0 end as lost
    from ops.runs as r join given as s on s.run_id = r.run_id
    left join ops.signal_weights as w on w.project_id = r.project_id and w.signal = s.signal
    left join ops_private.known_signals() as k on k.signal = s.signal
    where r.run_id = any (ended) and r.status in ('succeeded', 'failed')),
  totals as (
    -- All three in one order, in which Postgres sorts the rows once, and not anew for each run.
    select g.run_id, g.environment_id, round((100 * (1 - coalesce(sum(g.weight * g.lost order by g.weight * g.lost desc, g.signal) / nullif(sum(g.weight order by g.weight * g.lost desc, g.signal), 0), 0)))::numeric, 3)::double precision as score,
      jsonb_agg(jsonb_build_object('signal', g.signal, 'value', g.value, 'weight', g.weight, 'lost', round(g.lost::numeric, 6)) order by g.weight * g.lost desc, g.signal) as breakdown
    from weighed as g group by g.run_id, g.environment_id),
  stored as (
    insert into ops.run_scores as c (run_id, environment_id, score, breakdown) select t.run_id, t.environment_id, t.score, t.breakdown from totals as t
    on conflict (run_id) do update set score = excluded.score, breakdown = excluded.breakdown, computed_at = clock_timestamp()
      where (c.score, c.breakdown) is distinct from (excluded.score, excluded.breakdown)
    returning 1)
  select count(*) into scored from totals;
  return scored;
end
$$;

-- score_ended_runs: the scheduler. Scores runs that ended and notes for alert rules how they did, skipping what others hold; the next call goes on.
create function ops_private.score_ended_runs(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  due uuid[];
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler scores all runs.');
  elsif at_most is null or at_most not between 1 and 1000 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 1,000.');
  end if;
  due := array(select q.run_id from ops_private.runs_to_score as q order by q.run_id limit at_most for update skip locked);
  due := array(select r.run_id from ops.runs as r where r.run_id = any (due) order by r.run_id for no key update skip locked);
  perform ops_private.score_runs(due);
  perform ops_private.note_ends(due);
  delete from ops_private.runs_to_score as q where q.run_id = any (due);
  return cardinality(due);
end
$$;

-- compute_run_score: operators. Computes it again, for example after the weights changed. Answers the score with its breakdown.
create function ops_private.compute_run_score(run uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  before jsonb;
begin
  select * into found_run from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(found_run.environment_id, 'operator', 'compute a score');
  if found_run.status not in ('succeeded', 'failed') then
    perform ops_private.fail('illegal_transition', format('The run is %s: only one that succeeded or failed has a score.', found_run.status));
  end if;
  before := jsonb_build_object('score', (select s.score from ops.run_scores as s where s.run_id = run));
  perform ops_private.score_runs(array[run]);
  perform ops_private.audit(found_run.environment_id, 'run.scored', 'run', run::text, before, (select jsonb_build_object('score', s.score) from ops.run_scores as s where s.run_id = run));
  return (select to_jsonb(s) - 'environment_id' from ops.run_scores as s where s.run_id = run);
end
$$;

-- put_signals: the lease holder. Adds its own signals, or changes them: { name: number }, at most 50 a run. Those that the control plane derives are not its to set.
create function ops_private.put_signals(run uuid, token uuid, signals jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  wrong text;
begin
  if jsonb_typeof(signals) is distinct from 'object' then
    perform ops_private.fail('invalid_input', 'signals is an object of numbers.');
  end if;
  select e.key into wrong from jsonb_each(signals) as e
  where e.key !~ '^[a-z][a-z0-9_]{0,62}$' or jsonb_typeof(e.value) <> 'number' or abs((case when jsonb_typeof(e.value) = 'number' then e.value #>> '{}' end)::numeric) > 1e300
    or e.key in (select k.signal from ops_private.known_signals() as k) limit 1;
  if found then
    perform ops_private.fail('invalid_input', format('The signal %s is not a word with a number, or is one that the control plane derives itself.', left(wrong, 70)));
  end if;
  insert into ops.signals as s (run_id, signal, environment_id, value) select run, e.key, lease.environment_id, (e.value #>> '{}')::double precision from jsonb_each(put_signals.signals) as e
  on conflict (run_id, signal) do update set value = excluded.value where s.value <> excluded.value;
  if (select count(*) from ops.signals as s where s.run_id = run) > 50 then
    perform ops_private.fail('invalid_input', 'A run has at most 50 signals.');
  end if;
  return (select coalesce(jsonb_object_agg(s.signal, s.value), '{}') from ops.signals as s where s.run_id = run);
end
$$;

-- The weights that count in a project: its own, and for the others the usual ones.
create function ops_private.signal_weights(project uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('project_id', project, 'weights', jsonb_object_agg(x.signal, x.weight), 'usual', (select jsonb_object_agg(k.signal, k.weight) from ops_private.known_signals() as k))
  from (select coalesce(w.signal, k.signal) as signal, coalesce(w.weight, k.weight)::double precision as weight
    from (select * from ops.signal_weights as o where o.project_id = project) as w full join ops_private.known_signals() as k on k.signal = w.signal) as x
$$;
create function ops_private.get_signal_weights(project uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  end if;
  return ops_private.signal_weights(project);
end
$$;

-- put_signal_weights: editors of the project. Replaces its weights: { signal: weight }; what is not named weighs as usual. Scores that
-- exist stay until they are computed again.
create function ops_private.put_signal_weights(project uuid, weights jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  before jsonb;
  after jsonb;
  wrong text;
begin
  perform ops_private.require_project(project, 'editor', 'set the weights of signals');
  if jsonb_typeof(weights) is distinct from 'object' then
    perform ops_private.fail('invalid_input', 'weights is an object of numbers.');
  end if;
  select e.key into wrong from jsonb_each(weights) as e
  where e.key !~ '^[a-z][a-z0-9_]{0,62}$' or jsonb_typeof(e.value) <> 'number' or (case when jsonb_typeof(e.value) = 'number' then e.value #>> '{}' end)::numeric not between 0 and 100000 limit 1;
  if found or (select count(*) from jsonb_object_keys(weights)) > 200 then
    perform ops_private.fail('invalid_input', 'A weight is a number from 0 to 100,000 for the name of a signal; at most 200.');
  end if;
  perform from ops.projects as p where p.project_id = project for no key update;
  before := ops_private.signal_weights(project) -> 'weights';
  delete from ops.signal_weights as w where w.project_id = project;
  insert into ops.signal_weights (project_id, signal, weight) select project, e.key, (e.value #>> '{}')::numeric from jsonb_each(put_signal_weights.weights) as e;
  after := ops_private.signal_weights(project) -> 'weights';
  if before <> after then
    perform ops_private.audit(null, 'signal_weights.saved', 'project', project::text, before, after, project);
  end if;
  return ops_private.signal_weights(project);
end
$$;

create function ops.score_ended_runs(at_most int default 500) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.score_ended_runs($1))';
create function ops.compute_run_score(run_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.compute_run_score($1)';
create function ops.put_signals(run_id uuid, lease_token uuid, signals jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.put_signals($1, $2, $3)';
create function ops.get_signal_weights(project_id uuid) returns jsonb language sql stable set search_path = '' as 'select ops_private.get_signal_weights($1)';
create function ops.put_signal_weights(project_id uuid, weights jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.put_signal_weights($1, $2)';
grant execute on function ops_private.score_ended_runs(int), ops.score_ended_runs(int) to ops_token;
grant execute on function ops_private.compute_run_score(uuid), ops.compute_run_score(uuid),
  ops_private.put_signals(uuid, uuid, jsonb), ops.put_signals(uuid, uuid, jsonb), ops_private.get_signal_weights(uuid), ops.get_signal_weights(uuid),
  ops_private.put_signal_weights(uuid, jsonb), ops.put_signal_weights(uuid, jsonb) to authenticated, ops_token;
