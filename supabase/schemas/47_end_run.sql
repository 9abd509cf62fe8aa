-- A report that ends the lease is answered once and the answer kept: a repeat with the same lease (its first answer was lost)
-- gets it again, until a later lease of the run has been ended by its holder. A lease that was swept leaves none: lease_lost.
create function ops_private.recorded_end(run uuid, token uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select h.ended_answer from ops_private.run_heads as h
  where h.run_id = run and h.ended_lease_token = token and h.environment_id = any (ops_private.visible_environments())
$$;
create function ops_private.record_end(token uuid, ended ops.runs) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  answer jsonb := ops_private.run_state(ended);
begin
  update ops_private.run_heads as h set ended_lease_token = token, ended_answer = answer where h.run_id = ended.run_id;
  return answer;
end
$$;

-- complete_run: the lease holder. running → succeeded, once every phase has ended well; a run whose cancellation was asked for ends canceled.
create function ops_private.complete_run(run uuid, token uuid, output_manifest jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  stopped ops.runs;
  answer jsonb;
  open_phase text;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  stopped := ops_private.end_if_stopped(found_run, lease);
  if stopped.run_id is not null then
    return ops_private.record_end(token, stopped);
  end if;
  select string_agg(p.name || ' is ' || p.status, ', ' order by p.position) into open_phase from ops.run_phases as p where p.run_id = run and p.status in ('pending', 'running', 'failed');
  if found_run.status <> 'running' or open_phase is not null then
    perform ops_private.fail('illegal_transition', coalesce('Not every phase has ended well: ' || open_phase || '.', 'The run was not started.'));
  end if;
  return ops_private.record_end(token, ops_private.finalize_run(run, 'succeeded', null, null, coalesce(complete_run.output_manifest, '{}')));
end
$$;
create function ops.complete_run(run_id uuid, lease_token uuid, output_manifest jsonb default '{}') returns jsonb language sql set search_path = '' as 'select ops_private.complete_run($1, $2, $3)';

-- fail_run: the lease holder. claimed|running → queued after a backoff while attempts are left, else failed (at once when permanent);
-- canceled where that was asked for.
create function ops_private.fail_run(run uuid, token uuid, error_code text, error_message text, error_data jsonb, permanent boolean, retry_after_seconds double precision) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  found_run ops.runs;
  lease ops.leases;
  stopped ops.runs;
  answer jsonb;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  if error_code is null or error_code !~ '^[a-z][a-z0-9_]{0,62}$' then
    perform ops_private.fail('invalid_input', 'error_code is a word of lower-case letters, digits and underscores.');
  elsif pg_column_size(error_data) > 8192 then
    error_data := ops_private.shortened(error_data); -- the failure itself is told in any case
  end if;
  stopped := ops_private.end_if_stopped(found_run, lease);
  if stopped.run_id is not null then
    return ops_private.record_end(token, stopped);
  elsif permanent or found_run.attempt >= found_run.max_attempts or lease.deadline_at <= clock_timestamp() then
    return ops_private.record_end(token, ops_private.finalize_run(run, 'failed', fail_run.error_code, fail_run.error_message, null, fail_run.error_data));
  end if;
  return ops_private.record_end(token, ops_private.requeue(run, coalesce(make_interval(secs => retry_after_seconds), ops_private.backoff(found_run.attempt)), true, 'RUN_REQUEUED', 'error', coalesce(error_message, 'The attempt failed.'),
    jsonb_build_object('error_code', error_code, 'attempt', found_run.attempt, 'max_attempts', found_run.max_attempts) || coalesce(error_data, '{}')));
end
$$;
create function ops.fail_run(run_id uuid, lease_token uuid, error_code text, error_message text, error_data jsonb default '{}', permanent boolean default false, retry_after_seconds double precision default null) returns jsonb
language sql set search_path = '' as 'select ops_private.fail_run($1, $2, $3, $4, $5, $6, $7)';

create function ops_private.with_labels(labels text[], more text[]) returns text[] language sql immutable set search_path = '' as $$
  select array(select distinct l from unnest(labels || more) as l order by l)
$$;

-- release_run: the lease holder gives the run back with its progress. claimed|running → queued. `labels` are what the run needs and
-- this executor lacks: they are added to the run's own, so its lane changes and only who offers them takes it on. Costs no
-- attempt; but after ten releases in a row without progress (no phase succeeded, no checkpoint, no new label) each further
-- one does and waits, so a run that nobody can do ends `failed` with release_limit. Locks run and lease, opens the new lane,
-- then locks gates, phases, head.
create function ops_private.release_run(run uuid, token uuid, reason text, labels text[]) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  free_releases constant int := 10;
  found_run ops.runs;
  lease ops.leases;
  stopped ops.runs;
  answer jsonb;
  needs text[];
  idle int := 0;
  released ops.runs;
begin
  found_run := ops_private.lock_run(run, token);
  answer := ops_private.recorded_end(run, token);
  if answer is not null then
    return answer;
  end if;
  lease := ops_private.hold(run, token);
  stopped := ops_private.end_if_stopped(found_run, lease);
  if stopped.run_id is not null then
    return ops_private.record_end(token, stopped);
  end if;
  if lease.deadline_at <= clock_timestamp() then
    return ops_private.record_end(token, ops_private.finalize_run(run, 'failed', 'timeout', ops_private.timeout_reason(found_run)));
  end if;
  needs := array(select distinct l from unnest(release_run.labels) as l where not l = any (found_run.labels));
  if not ops_private.labels_are_words(release_run.labels) or cardinality(needs) + cardinality(found_run.labels) > 40 then
    perform ops_private.fail('invalid_input', 'labels are lower-case words (letters, digits and ._:/-), at most 40 of a run.');
  end if;
  if cardinality(needs) > 0 then
    found_run.labels := ops_private.with_labels(found_run.labels, needs);
    update ops.runs as r set labels = found_run.labels, lane_id = ops_private.lane_of(r.environment_id, r.queue, found_run.labels) where r.run_id = run;
  elsif not exists (select from ops.run_phases as p where p.run_id = run and (p.status = 'succeeded' and p.finished_at >= lease.claimed_at or p.checkpoint_at >= lease.claimed_at)) then
    idle := 1 + (select h.idle_releases from ops_private.run_heads as h where h.run_id = run);
  end if;
  if idle > free_releases and found_run.attempt >= found_run.max_attempts then
    return ops_private.record_end(token, ops_private.finalize_run(run, 'failed', 'release_limit',
      format('Executors gave it back %s times in a row without progress; the last said: %s', idle, left(coalesce(reason, 'released'), 500))));
  end if;
  released := ops_private.requeue(run, case when idle > free_releases then ops_private.backoff(idle - free_releases) else interval '0' end, idle > free_releases,
    'RUN_RELEASED', 'info', left(coalesce(reason, 'released'), 500), case when cardinality(needs) > 0 then jsonb_build_object('needs', needs) else '{}' end);
  update ops_private.run_heads as h set idle_releases = idle where h.run_id = run;
  return ops_private.record_end(token, released);
end
$$;
create function ops.release_run(run_id uuid, lease_token uuid, reason text default 'released', labels text[] default '{}') returns jsonb language sql set search_path = '' as 'select ops_private.release_run($1, $2, $3, $4)';
grant execute on function ops_private.complete_run(uuid, uuid, jsonb), ops.complete_run(uuid, uuid, jsonb),
  ops_private.fail_run(uuid, uuid, text, text, jsonb, boolean, double precision), ops.fail_run(uuid, uuid, text, text, jsonb, boolean, double precision),
  ops_private.release_run(uuid, uuid, text, text[]), ops.release_run(uuid, uuid, text, text[]) to authenticated, ops_token;
