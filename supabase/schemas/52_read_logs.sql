create function ops_private.lines_of(text text) returns text[] language sql immutable strict set search_path = '' as $$ select case when text = '' then array[''] else string_to_array(text, E'\n') end $$;

-- read_logs: whoever sees the run. One page of lines between `after` and `before`, from the first one up (order asc) or from the
-- last one down (desc), of one phase, attempt or stream where named; with `search`, the lines that hold that text, or with `pattern`
-- those that fit that regular expression (whatever the case of letters, unless `match_case`), with `level` those of it or worse, and
-- (unless `count` is false) how many of all lines do. A page has at most `limit` lines and 1 MB of text, but at least one line. A
-- pattern is bounded by its length, has no reference back (Postgres walks the others without going back), and by the call's time limit.
-- Once the run is compacted it answers the files instead, which lib/ops/log-files.ts reads by the same rules: one
-- statement sees either all chunks or all files. Visibility first: what follows reads one run of a visible environment.
create function ops_private.read_logs(run uuid, query jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  after int := coalesce((query ->> 'after')::int, 0);
  before int := coalesce((query ->> 'before')::int, 2147483647);
  descending boolean := coalesce(query ->> 'order', 'asc') = 'desc';
  most int := least(coalesce((query ->> 'limit')::int, 200), 1000);
  only_phase text := query ->> 'phase';
  only_attempt int := (query ->> 'attempt')::int;
  only_stream text := query ->> 'stream';
  match_case boolean := coalesce((query ->> 'match_case')::boolean, false);
  pattern text := query ->> 'pattern';
  needle text := case when pattern is not null then null when match_case then query ->> 'search' else lower(query ->> 'search' collate pg_catalog.pg_c_utf8) end;
  levels text[] := (array['debug', 'info', 'warn', 'error'])[array_position(array['debug', 'info', 'warn', 'error'], query ->> 'level'):];
  -- A line without any of these is of none of the levels: most of a search for errors.
  hints text[] := array['%err%', '%fatal%', '%critical%', '%severe%', '%panic%', '%exception%', '%traceback%'] || case when 'warn' = any (levels) then array['%warn%'] end
    || case when 'info' = any (levels) then array['%info%', '%notice%'] end || case when 'debug' = any (levels) then array['%debug%', '%trace%'] end;
  folding boolean := not match_case and (needle is not null or pattern is not null);
  narrowed boolean := needle is not null or pattern is not null or levels is not null;
  counting boolean := narrowed and coalesce((query ->> 'count')::boolean, true);
  head ops_private.log_heads;
  chunks refcursor;
  chunk ops.run_log_chunks;
  folded text;
  hits int[];
  lines text[];
  here record;
  pages jsonb[] := '{}';
  taken int := 0;
  bytes bigint := 0;
  more boolean := false;
  matching int := 0;
begin
  if not exists (select from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments())) then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  elsif length(pattern) > 5000 or pattern ~ '\\[1-9]' then
    perform ops_private.fail('invalid_pattern', 'It is longer than 5000 characters, or refers back to what it found.');
  elsif pattern is not null then
    begin
      perform regexp_like('', pattern);
    exception when invalid_regular_expression then
      perform ops_private.fail('invalid_pattern', sqlerrm);
    end;
  end if;
  select * into head from ops_private.log_heads as h where h.run_id = run;
  if exists (select from ops_private.log_files as f where f.run_id = run) then
    return jsonb_build_object('total_lines', head.last_line, 'dropped_lines', head.dropped_lines::text, 'files',
      (select jsonb_agg(jsonb_build_object('phase', f.phase, 'sha256', a.sha256, 'byte_size', a.byte_size::text, 'line_count', f.line_count, 'blocks', f.blocks) order by f.phase)
       from ops_private.log_files as f join ops.run_artifacts as a using (artifact_id) where f.run_id = run and (only_phase is null or f.phase = only_phase)));
  end if;
  -- A search counts in all chunks; without, a page begins at the chunk that holds its first line.
  if descending then
    open chunks for select * from ops.run_log_chunks as c where c.run_id = run and c.line_count > 0 and (counting or c.first_line < before)
      and (only_phase is null or c.phase = only_phase) and (only_attempt is null or c.attempt = only_attempt) and (only_stream is null or c.stream = only_stream)
      order by c.first_line desc;
  else
    open chunks for select * from ops.run_log_chunks as c where c.run_id = run and c.line_count > 0
      and c.first_line >= case when counting then 1 else coalesce((select max(f.first_line) from ops.run_log_chunks as f where f.run_id = run and f.line_count > 0 and f.first_line <= after + 1), 1) end
      and (only_phase is null or c.phase = only_phase) and (only_attempt is null or c.attempt = only_attempt) and (only_stream is null or c.stream = only_stream)
      order by c.first_line;
  end if;
  loop
    fetch chunks into chunk;
    exit when not found or not counting and (more or (descending and chunk.first_line + chunk.line_count - 1 <= after) or (not descending and chunk.first_line >= before));
    if narrowed then
      folded := case when folding then lower(chunk.text collate pg_catalog.pg_c_utf8) else chunk.text end;
      continue when needle is not null and strpos(folded, needle) = 0 or chunk.level <> all (levels);
      continue when levels is not null and chunk.level is null and not lower(chunk.text collate "C") like any (hints);
      hits := array(
        select l.nth::int from unnest(ops_private.lines_of(folded), case when levels is not null and chunk.level is null then ops_private.lines_of(chunk.text) end) with ordinality as l (text, raw, nth)
        where (needle is null or strpos(l.text, needle) > 0) and (pattern is null or l.text ~ (pattern collate pg_catalog.pg_c_utf8))
          and (levels is null or chunk.level is not null or lower(l.raw collate "C") like any (hints) and ops_private.log_level(l.raw) = any (levels)));
      matching := matching + cardinality(hits);
    end if;
    -- What is only counted is not taken apart further: most of a search.
    continue when more or chunk.first_line >= before or chunk.first_line + chunk.line_count - 1 <= after;
    lines := ops_private.lines_of(chunk.text);
    with wanted as (
      select chunk.first_line + h.nth - 1 as line, lines[h.nth] as text
      from unnest(case when narrowed then hits else array(select generate_subscripts(lines, 1)) end) as h (nth)
      where chunk.first_line + h.nth - 1 > after and chunk.first_line + h.nth - 1 < before
      order by case when descending then -h.nth else h.nth end limit most - taken + 1
    ), measured as (
      select w.*, row_number() over w + taken as place, sum(octet_length(w.text)) over w + bytes as bytes
      from wanted as w window w as (order by case when descending then -w.line else w.line end)
    ), fitting as (
      select m.* from measured as m where m.place <= most and (m.bytes <= 1000000 or m.place = 1)
    )
    select jsonb_agg(jsonb_build_object('line', f.line, 'phase', chunk.phase, 'attempt', chunk.attempt, 'stream', chunk.stream, 'level', coalesce(chunk.level, ops_private.log_level(f.text)), 'text', f.text,
        'created_at', to_char(chunk.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by f.place) as items,
      count(*)::int as line_count, max(f.bytes) as bytes, (select count(*) from measured) > count(*) as more
    into here from fitting as f;
    if here.line_count > 0 then
      pages := pages || here.items;
      taken := taken + here.line_count;
      bytes := here.bytes;
    end if;
    more := here.more;
  end loop;
  return jsonb_build_object('total_lines', coalesce(head.last_line, 0), 'dropped_lines', coalesce(head.dropped_lines, 0)::text, 'matching_lines', case when counting then matching end, 'more', more,
    'items', (select coalesce(jsonb_agg(i.value order by p.nth, i.nth), '[]') from unnest(pages) with ordinality as p (items, nth) cross join jsonb_array_elements(p.items) with ordinality as i (value, nth)));
end
$$;
create function ops.read_logs(run_id uuid, query jsonb default '{}') returns jsonb language sql stable set search_path = '' as 'select ops_private.read_logs($1, $2)';
grant execute on function ops_private.read_logs(uuid, jsonb), ops.read_logs(uuid, jsonb) to authenticated, ops_token;

-- read_heads: the web process's own principal (CRON_SECRET). How far these runs are, in numbers only: one small query an interval
-- tells all streams of the process which of them have something to read, each then by its own right.
create function ops_private.read_heads(runs uuid[]) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the service reads how far runs are.');
  end if;
  return (select coalesce(jsonb_object_agg(h.run_id, jsonb_build_object('last_seq', h.last_seq, 'last_line', coalesce(l.last_line, 0), 'over', r.status in ('succeeded', 'failed', 'canceled'))), '{}')
    from ops_private.run_heads as h join ops.runs as r using (run_id) left join ops_private.log_heads as l using (run_id) where h.run_id = any (runs));
end
$$;
create function ops.read_heads(runs uuid[]) returns jsonb language sql stable set search_path = '' as 'select ops_private.read_heads($1)';
grant execute on function ops_private.read_heads(uuid[]), ops.read_heads(uuid[]) to ops_token;
