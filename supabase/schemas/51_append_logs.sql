-- append_logs: the lease holder. Lines get the run's next numbers, in the order given. A chunk_id that is already there is written
-- once (the same lines) or refused (others, conflict). Beyond the limit of a run (setting log_limit_bytes, else 256 MB) lines are
-- counted and dropped, and one line says so. A chunk counts as 100 bytes at least, since its row takes those. Locks lease, log head.
create function ops_private.append_logs(run uuid, token uuid, chunks jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  head ops_private.log_heads;
  most bigint := coalesce((select s.value::bigint from ops_private.settings as s where s.key = 'log_limit_bytes'), 268435456);
  chunk record;
  known ops.run_log_chunks;
  lines int;
  size int;
begin
  if jsonb_typeof(chunks) is distinct from 'array' or jsonb_array_length(chunks) not between 1 and 100 then
    perform ops_private.fail('invalid_input', 'chunks is an array of 1 to 100 chunks.');
  elsif exists (select from jsonb_array_elements(chunks) as c where octet_length(c ->> 'text') > 262144) then
    perform ops_private.fail('payload_too_large', 'The text of a chunk has at most 262144 bytes.', 'Send more chunks.');
  elsif exists (select from jsonb_array_elements(chunks) as c where c ->> 'chunk_id' is null or c ->> 'text' is null or c ->> 'stream' is null) then
    perform ops_private.fail('invalid_input', 'A chunk needs chunk_id, stream and text.');
  elsif exists (select from jsonb_array_elements(chunks) as c where c ->> 'phase' is not null and not exists (select from ops.run_phases as p where p.run_id = run and p.name = c ->> 'phase')) then
    perform ops_private.fail('not_found', 'The run has no such phase.');
  end if;
  insert into ops_private.log_heads (run_id, environment_id) values (run, lease.environment_id) on conflict do nothing;
  select * into head from ops_private.log_heads as h where h.run_id = run for update;
  for chunk in
    -- A last line feed ends the last line; it begins no empty one.
    select (c.value ->> 'chunk_id')::uuid as id, c.value ->> 'phase' as phase, c.value ->> 'stream' as stream, c.value ->> 'level' as level, regexp_replace(c.value ->> 'text', '\n\Z', '') as text
    from jsonb_array_elements(chunks) with ordinality as c order by c.ordinality
  loop
    select * into known from ops.run_log_chunks as k where k.run_id = run and k.chunk_id = chunk.id;
    if found then
      if known.line_count > 0 and (known.text, known.stream, known.phase, known.level) is distinct from (chunk.text, chunk.stream, chunk.phase, chunk.level) then
        perform ops_private.fail('conflict', 'This chunk_id was used for other lines.', 'Give every chunk its own UUID.');
      end if;
      continue;
    end if;
    lines := length(chunk.text) - length(replace(chunk.text, E'\n', '')) + 1;
    size := greatest(octet_length(chunk.text), 100);
    if head.dropped_lines > 0 or head.byte_size + size > most then
      if head.dropped_lines = 0 then
        insert into ops.run_log_chunks (run_id, chunk_id, environment_id, phase, attempt, stream, level, first_line, line_count, text)
        values (run, gen_random_uuid(), head.environment_id, chunk.phase, lease.attempt, 'engine', 'warn', head.last_line + 1, 1,
          format('The log of this run has reached its limit of %s bytes: what follows is counted, not kept.', most));
        head.last_line := head.last_line + 1;
      end if;
      head.dropped_lines := head.dropped_lines + lines;
      continue when head.dropped_lines > 10000; -- their rows would have no end either; a repeat of one is counted again
      lines := 0;
      chunk.text := '';
    end if;
    insert into ops.run_log_chunks (run_id, chunk_id, environment_id, phase, attempt, stream, level, first_line, line_count, text)
    values (run, chunk.id, head.environment_id, chunk.phase, lease.attempt, chunk.stream, chunk.level, head.last_line + 1, lines, chunk.text);
    head.last_line := head.last_line + lines;
    head.byte_size := head.byte_size + case when lines > 0 then size else 0 end;
  end loop;
  update ops_private.log_heads as h set last_line = head.last_line, byte_size = head.byte_size, dropped_lines = head.dropped_lines where h.run_id = run;
  return jsonb_build_object('last_line', head.last_line, 'dropped_lines', head.dropped_lines::text);
end
$$;
create function ops.append_logs(run_id uuid, lease_token uuid, chunks jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.append_logs($1, $2, $3)';
grant execute on function ops_private.append_logs(uuid, uuid, jsonb), ops.append_logs(uuid, uuid, jsonb) to authenticated, ops_token;
