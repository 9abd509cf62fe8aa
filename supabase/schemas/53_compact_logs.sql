-- Compaction, by the scheduler: take_logs hands out runs that have ended, read_log_chunks gives their lines, the scheduler stores a
-- file per phase, compact_logs registers the files and deletes the chunks in one transaction. Many callers, or one that dies
-- anywhere, do the same work again: the same chunks give the same bytes, and the first compact_logs wins.

-- take_logs: runs whose logs wait, at most so many, with their phases. Who does not finish one within a minute finds it again,
-- after two the next time, and so on up to an hour. Locks log heads, skipping what another caller takes.
create function ops_private.take_logs(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  answer jsonb;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler compacts logs.');
  end if;
  with taken as (
    update ops_private.log_heads as h set compact_tries = h.compact_tries + 1, compact_after = clock_timestamp() + make_interval(secs => least(3600, 60 * power(2, least(h.compact_tries, 6))))
    where h.run_id = any (array(select w.run_id from ops_private.log_heads as w where w.compact_after <= clock_timestamp() order by w.compact_after limit least(at_most, 100) for update skip locked))
    returning h.run_id, h.environment_id)
  select coalesce(jsonb_agg(jsonb_build_object('run_id', t.run_id, 'environment_id', t.environment_id,
    'phases', (select coalesce(jsonb_agg(distinct c.phase), '[]') from ops.run_log_chunks as c where c.run_id = t.run_id and c.line_count > 0))), '[]')
  into answer from taken as t;
  return answer;
end
$$;
create function ops.take_logs(at_most int) returns jsonb language sql set search_path = '' as 'select ops_private.take_logs($1)';

-- read_log_chunks: the scheduler. Chunks of a phase (null: outside any) after a line, in order, about 2 MB of them.
create function ops_private.read_log_chunks(run uuid, phase text, after int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler compacts logs.');
  end if;
  return (
    with sized as (
      select c.chunk_id, sum(octet_length(c.text)) over (order by c.first_line) - octet_length(c.text) as before
      from (select * from ops.run_log_chunks as k where k.run_id = run and k.line_count > 0 and k.phase is not distinct from read_log_chunks.phase and k.first_line > after order by k.first_line limit 2000) as c)
    select coalesce(jsonb_agg(jsonb_build_object('first_line', c.first_line, 'attempt', c.attempt, 'stream', c.stream, 'level', c.level, 'text', c.text,
      'created_at', to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by c.first_line), '[]')
    from sized as s join ops.run_log_chunks as c on c.run_id = run and c.chunk_id = s.chunk_id where s.before < 2000000);
end
$$;
create function ops.read_log_chunks(run_id uuid, phase text, after int) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_log_chunks($1, $2, $3)';

-- compact_logs: the scheduler. Registers the files (each with the store's receipt) as artifacts of kind log, without an event, since
-- the terminal one is the last, and deletes the chunks. False where nothing waits any more. Locks the log head.
create function ops_private.compact_logs(run uuid, files jsonb) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  head ops_private.log_heads;
  file record;
  artifact uuid;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler compacts logs.');
  end if;
  select * into head from ops_private.log_heads as h where h.run_id = run for update;
  if head.compact_after is null then
    return false;
  elsif exists (
    select from (select c.phase, sum(c.line_count) as lines from ops.run_log_chunks as c where c.run_id = run and c.line_count > 0 group by c.phase) as stored
    full join (select f ->> 'phase' as phase, (f ->> 'line_count')::bigint as lines from jsonb_array_elements(files) as f) as given
      on coalesce(given.phase, '') = coalesce(stored.phase, '')
    where given.lines is distinct from stored.lines
  ) then
    perform ops_private.fail('conflict', 'The files do not hold the lines of the chunks.');
  end if;
  for file in select * from jsonb_to_recordset(files) as f (phase text, sha256 text, byte_size bigint, receipt text, line_count int, blocks jsonb) loop
    perform ops_private.check_receipt(head.environment_id, file.sha256, file.byte_size, file.receipt);
    perform ops_private.keep_object(file.sha256);
    insert into ops.objects (environment_id, sha256, byte_size) values (head.environment_id, file.sha256, file.byte_size) on conflict do nothing;
    insert into ops.run_artifacts (run_id, environment_id, phase, name, kind, content_type, byte_size, sha256, metadata)
    values (run, head.environment_id, file.phase, coalesce(file.phase, 'run') || '.log', 'log', 'text/plain; charset=utf-8', file.byte_size, file.sha256, jsonb_build_object('lines', file.line_count))
    on conflict on constraint one_artifact_per_name_and_content do nothing;
    select a.artifact_id into artifact from ops.run_artifacts as a
    where a.run_id = run and a.phase is not distinct from file.phase and a.name = coalesce(file.phase, 'run') || '.log' and a.sha256 = file.sha256;
    insert into ops_private.log_files (run_id, phase, artifact_id, line_count, blocks) values (run, file.phase, artifact, file.line_count, file.blocks);
  end loop;
  delete from ops.run_log_chunks as c where c.run_id = run;
  update ops_private.log_heads as h set compact_after = null where h.run_id = run;
  return true;
end
$$;
create function ops.compact_logs(run_id uuid, files jsonb) returns boolean language sql set search_path = '' as 'select ops_private.compact_logs($1, $2)';
grant execute on function ops_private.take_logs(int), ops.take_logs(int), ops_private.read_log_chunks(uuid, text, int), ops.read_log_chunks(uuid, text, int),
  ops_private.compact_logs(uuid, jsonb), ops.compact_logs(uuid, jsonb) to ops_token;
