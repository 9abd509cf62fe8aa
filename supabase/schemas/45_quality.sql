-- What each check of a run's validate phase found: the history of a dataset's quality. Counts only, never the content of rows.
create table ops.quality_results (
  result_id bigint generated always as identity primary key,
  environment_id uuid not null,
  run_id uuid not null references ops.runs,
  phase text not null,
  position int not null,
  dataset text not null,
  "check" text not null constraint check_is_a_word check ("check" ~ '^[a-z][a-z0-9_]{0,62}$'),
  label text not null constraint label_is_short check (length(label) between 1 and 500),
  severity text not null constraint severity_is_known check (severity in ('warn', 'quarantine', 'fail')),
  verdict text not null constraint verdict_is_known check (verdict in ('pass', 'warn', 'quarantine', 'fail')),
  wrong bigint not null constraint wrong_is_not_negative check (wrong >= 0),
  seen bigint not null constraint seen_is_not_negative check (seen >= 0),
  facts jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  constraint one_result_per_check_of_a_phase unique (run_id, phase, position)
);
create index quality_results_of_a_dataset on ops.quality_results (environment_id, dataset, result_id desc);
create index quality_results_of_an_environment on ops.quality_results (environment_id, result_id desc);
alter table ops.quality_results enable row level security;
alter table ops.quality_results force row level security;
create policy members_see_their_environments on ops.quality_results for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.quality_results to authenticated, ops_token, ops_sql;

-- A table with a check that failed in this run is not published, whatever the executor says.
create function ops_private.refuse_failed_quality(run uuid, datasets text[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  failed record;
begin
  select q.dataset, q.label into failed from ops.quality_results as q where q.run_id = run and q.verdict = 'fail' and q.dataset = any (datasets) order by q.dataset, q.position limit 1;
  if found then
    perform ops_private.fail('illegal_transition', format('A check of %s failed in this run: %s.', failed.dataset, failed.label), 'Correct the source or the SQL and run it again.');
  end if;
end
$$;

-- record_quality: the lease holder, by a running phase. Stores what its checks found; another try of the phase replaces what the one before
-- had found. A verification repeats a run for its hashes and leaves no history. Locks lease, head, run.
create function ops_private.record_quality(run uuid, token uuid, phase text, results jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  counts record;
begin
  if not exists (select from ops.run_phases as p where p.run_id = run and p.name = record_quality.phase and p.status = 'running') then
    perform ops_private.fail('illegal_transition', 'Checks are reported by a running phase.');
  elsif jsonb_typeof(results) is distinct from 'array' or jsonb_array_length(results) > 5000 then
    perform ops_private.fail('invalid_input', 'results is a list of at most 5,000.');
  elsif pg_column_size(results) > 4 * 1024 * 1024 then
    perform ops_private.fail('payload_too_large', 'results has at most 4 MB.', 'Give fewer facts.');
  elsif exists (select from jsonb_array_elements(results) as r where jsonb_typeof(r) <> 'object' or coalesce(r ->> 'dataset', '') !~ '^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$'
      or coalesce(r ->> 'check', '') !~ '^[a-z][a-z0-9_]{0,62}$' or coalesce(length(r ->> 'label'), 0) not between 1 and 500 or coalesce(r ->> 'severity', '') not in ('warn', 'quarantine', 'fail')
      or coalesce(r ->> 'verdict', '') not in ('pass', 'warn', 'quarantine', 'fail') or coalesce(r ->> 'wrong', '') !~ '^\d{1,18}$' or coalesce(r ->> 'seen', '') !~ '^\d{1,18}$') then
    perform ops_private.fail('invalid_input', 'A result has dataset, check, label, severity, verdict, and how many rows are wrong and were seen.');
  end if;
  if (select r.isolated from ops.runs as r where r.run_id = run) then
    return jsonb_build_object('recorded', 0, 'failed', 0);
  end if;
  delete from ops.quality_results as q where q.run_id = run and q.phase = record_quality.phase;
  insert into ops.quality_results (environment_id, run_id, phase, position, dataset, "check", label, severity, verdict, wrong, seen, facts)
  select lease.environment_id, run, record_quality.phase, e.ordinality, e.value ->> 'dataset', e.value ->> 'check', e.value ->> 'label', e.value ->> 'severity', e.value ->> 'verdict',
    (e.value ->> 'wrong')::bigint, (e.value ->> 'seen')::bigint, coalesce(e.value -> 'facts', '{}')
  from jsonb_array_elements(results) with ordinality as e;
  select count(*) as all_of_them, count(*) filter (where q.verdict = 'pass') as passed, count(*) filter (where q.verdict = 'warn') as warned,
    count(*) filter (where q.verdict = 'quarantine') as quarantined, count(*) filter (where q.verdict = 'fail') as failed into counts
  from ops.quality_results as q where q.run_id = run and q.phase = record_quality.phase;
  update ops.runs as r set failed_checks = n.wrong from (select count(*)::int as wrong from ops.quality_results as q where q.run_id = run and q.verdict <> 'pass') as n
  where r.run_id = run and r.failed_checks <> n.wrong;
  perform ops_private.append_event(run, 'QUALITY_CHECKED', case when counts.failed > 0 then 'error' when counts.warned + counts.quarantined > 0 then 'warn' else 'info' end, record_quality.phase,
    format('%s of %s checks passed, %s warned, %s quarantined, %s failed.', counts.passed, counts.all_of_them, counts.warned, counts.quarantined, counts.failed),
    jsonb_build_object('checks', counts.all_of_them, 'passed', counts.passed, 'warned', counts.warned, 'quarantined', counts.quarantined, 'failed', counts.failed));
  return jsonb_build_object('recorded', counts.all_of_them, 'failed', counts.failed);
end
$$;
create function ops.record_quality(run_id uuid, lease_token uuid, phase text, results jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.record_quality($1, $2, $3, $4)';
grant execute on function ops_private.record_quality(uuid, uuid, text, jsonb), ops.record_quality(uuid, uuid, text, jsonb) to authenticated, ops_token;
