-- What a run prints. Lines are numbered per run, 1..n without gaps; a chunk holds whole lines of one phase, attempt and stream,
-- joined by line feeds. Chunks are a buffer: when the run has ended they become one artifact per phase and are deleted, so this
-- table holds live runs only and needs no partitions, but an eager vacuum.
create table ops.run_log_chunks (
  run_id uuid not null references ops.runs,
  chunk_id uuid not null,
  environment_id uuid not null,
  phase text,
  attempt int not null,
  stream text not null constraint stream_is_known check (stream in ('stdout', 'stderr', 'engine')),
  -- Of all its lines, as its writer said; null: each line says it itself (log_level).
  level text constraint log_level_is_known check (level in ('debug', 'info', 'warn', 'error')),
  first_line int not null constraint lines_count_from_one check (first_line >= 1),
  -- 0: came after the limit, was counted and dropped; the row stays, so that a repeat is not counted again, of the first 10,000 lines.
  line_count int not null constraint line_count_is_not_negative check (line_count >= 0),
  text text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (run_id, chunk_id)
) with (autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02);
create index run_log_chunks_by_line on ops.run_log_chunks (run_id, first_line) where line_count > 0;

-- One narrow row a run that ever wrote a line. `compact_after` is set when the run has ended and its chunks wait to be compacted.
create table ops_private.log_heads (
  run_id uuid primary key references ops.runs,
  environment_id uuid not null,
  last_line int not null default 0,
  byte_size bigint not null default 0,
  dropped_lines bigint not null default 0,
  compact_after timestamptz,
  compact_tries int not null default 0
) with (fillfactor = 50);
create index log_heads_to_compact on ops_private.log_heads (compact_after) where compact_after is not null;

-- The compacted log of a phase: an artifact whose lines are those of the chunks. `blocks` are places to begin reading: the first
-- line of each block and its offset in bytes.
create table ops_private.log_files (
  run_id uuid not null references ops.runs,
  phase text,
  artifact_id uuid not null references ops.run_artifacts,
  line_count int not null,
  blocks jsonb not null,
  constraint one_file_per_phase unique nulls not distinct (run_id, phase)
);
-- Where artifacts are removed, each asks who refers to it.
create index log_files_by_artifact on ops_private.log_files (artifact_id);

alter table ops.run_log_chunks enable row level security;
alter table ops.run_log_chunks force row level security;
create policy members_see_their_environments on ops.run_log_chunks for select to authenticated, ops_token, ops_sql
  using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.run_log_chunks to authenticated, ops_token, ops_sql;
alter table ops_private.log_heads enable row level security;
alter table ops_private.log_heads force row level security;
alter table ops_private.log_files enable row level security;
alter table ops_private.log_files force row level security;

-- log_level: what the beginning of a line says of its weight, null where nothing. The same as contracts/log-level.ts, which says why.
-- Most lines are answered without a regular expression, each of which costs Postgres as much as a hundred searches for a word: where only
-- words of one level stand in the line, it can be no other.
create function ops_private.log_level(line text) returns text language plpgsql immutable strict set search_path = '' as $$
declare
  head text := left(case when strpos(line, E'\x1b') > 0 then regexp_replace(line, E'\x1b\\[[0-9;]*m', '', 'g') else line end, 120);
  low text := lower(head collate "C");
  error boolean := strpos(low, 'err') > 0 or strpos(low, 'fatal') > 0 or strpos(low, 'critical') > 0 or strpos(low, 'severe') > 0 or strpos(low, 'panic') > 0 or strpos(low, 'exception') > 0;
  warn boolean := strpos(low, 'warn') > 0;
  info boolean := strpos(low, 'info') > 0 or strpos(low, 'notice') > 0;
  debug boolean := strpos(low, 'debug') > 0 or strpos(low, 'trace') > 0;
  words constant text := 'trace|debug|info|notice|warn|warning|err|error|severe|critical|fatal|panic';
  word text;
begin
  case error::int + warn::int + info::int + debug::int
    when 0 then
      return null;
    when 1 then
      if strpos(head, case when error then ' ERROR ' when warn then ' WARN ' when info then ' INFO ' else ' DEBUG ' end) > 0 then
        return case when error then 'error' when warn then 'warn' when info then 'info' else 'debug' end;
      end if;
    else null;
  end case;
  if strpos(head, 'level') > 0 or strpos(head, 'severity') > 0 or strpos(head, 'lvl') > 0 then
    word := substring(head from '(?:level|severity|lvl)"?[=:] ?"?(' || words || ')(?:[^A-Za-z0-9_]|$)');
  end if;
  word := lower(coalesce(word, substring(head from '^[^A-Za-z]*(' || words || '|Error|Warning|Fatal)(?:[ :|]|\]|$)'),
    substring(head from '(?:^|[^A-Za-z0-9_])(' || upper(words) || ')(?:[^A-Za-z0-9_]|$)')));
  return case
    when word is null then case when head ~ '^(?:Traceback \(most|[A-Za-z_.]*(?:Error|Exception):)' then 'error' end
    when word in ('trace', 'debug') then 'debug'
    when word in ('info', 'notice') then 'info'
    when word in ('warn', 'warning') then 'warn'
    else 'error' end;
end
$$;
