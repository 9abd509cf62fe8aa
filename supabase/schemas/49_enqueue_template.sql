-- What schedules and backfills share: a queued run of a template, and the end of many runs at once.

-- Puts the words of a fire into every `${{ schedule.WORD }}` of the parameters, and the spec's defaults where nothing is given. The
-- words are times and dates, so the text of a JSON value stays one.
create function ops_private.fill_parameters(parameters jsonb, spec jsonb, words jsonb) returns jsonb language plpgsql immutable set search_path = '' as $$
declare
  filled text := parameters::text;
  word record;
begin
  for word in select key, value from jsonb_each_text(words) loop
    filled := regexp_replace(filled, '\$\{\{\s*schedule\.' || word.key || '\s*\}\}', word.value, 'g');
  end loop;
  return coalesce((select jsonb_object_agg(p.key, p.value -> 'default') from jsonb_each(spec #> '{parameters,properties}') as p where p.value ? 'default'), '{}') || filled::jsonb;
end
$$;

-- RFC 3339 in UTC, to the second.
create function ops_private.wire_time(moment timestamptz) returns text language sql immutable set search_path = '' as $$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

create function ops_private.schedule_words(nominal timestamptz, time_zone text) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('nominal_time', ops_private.wire_time(nominal), 'nominal_date', to_char(nominal at time zone time_zone, 'YYYY-MM-DD'))
$$;

-- Queues a run of run.template_id, in run.template_version or the current one. The caller has authorised, and said in `run` where,
-- for whom and with what. Locks the run's gates; null where its idempotency key has been used.
create function ops_private.enqueue_template(run ops.runs, words jsonb) returns ops.runs language plpgsql security definer set search_path = '' as $$
declare
  spec jsonb;
begin
  select t.project_id, t.template_key, t.kind, v.version, v.spec_sha256, v.git_sha, s.spec, s.spec ->> 'name'
  into strict run.project_id, run.template_key, run.kind, run.template_version, run.spec_sha256, run.git_sha, spec, run.spec_slug
  from ops.job_templates as t
  join ops.job_template_versions as v on v.template_id = t.template_id and v.version = coalesce(run.template_version, t.current_version)
  join ops.specs as s on s.project_id = v.project_id and s.spec_sha256 = v.spec_sha256
  where t.template_id = run.template_id;
  run.parameters := ops_private.fill_parameters(run.parameters, spec, words);
  run.isolated := false;
  return ops_private.enqueue(run, spec);
end
$$;

-- Cancels open runs: a queued one ends at once, an active one is told at its next heartbeat; with `terminate` it ends at once too,
-- and its executor finds its lease gone. Ended runs are left alone. Locks runs, leases and the gates of all of them: the caller
-- holds no gate and locks none afterwards.
create function ops_private.cancel_all(runs uuid[], reason text, terminate boolean default false) returns int language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
  done int := 0;
begin
  runs := array(select r.run_id from ops.runs as r where r.run_id = any (runs) and r.status in ('queued', 'claimed', 'running') order by r.run_id for no key update);
  perform from ops.leases as l where l.run_id = any (runs) order by l.run_id for update;
  perform ops_private.lock_gates(ops_private.gates_of(runs));
  for run in select * from ops.runs as r where r.run_id = any (runs) order by r.run_id loop
    continue when run.cancel_requested_at is not null and not terminate;
    update ops.runs as r set cancel_requested_at = coalesce(r.cancel_requested_at, clock_timestamp()), cancel_reason = reason where r.run_id = run.run_id;
    if terminate or run.status = 'queued' then
      perform ops_private.finalize_run(run.run_id, 'canceled', 'canceled', reason);
    else
      perform ops_private.append_event(run.run_id, 'CANCEL_REQUESTED', 'warn', null, reason);
    end if;
    done := done + 1;
  end loop;
  return done;
end
$$;
