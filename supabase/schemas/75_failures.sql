-- The failure inbox: failed runs that nobody has dealt with. A run leaves it when its pipeline succeeds later (of an inline spec: when a run
-- that repeats it does), or when somebody marks it: acknowledged (seen) or waived (accepted, with the reason).
create table ops.failure_marks (
  run_id uuid primary key references ops.runs,
  environment_id uuid not null,
  mark text not null constraint mark_is_known check (mark in ('acknowledged', 'waived')),
  reason text constraint reason_is_short check (length(reason) between 1 and 1000),
  marked_by text,
  marked_at timestamptz not null default clock_timestamp(),
  constraint a_waiver_says_why check (mark <> 'waived' or reason is not null)
);
create index failure_marks_newest on ops.failure_marks (environment_id, marked_at desc);
alter table ops.failure_marks enable row level security;
alter table ops.failure_marks force row level security;
create policy members_see_their_environments on ops.failure_marks for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.failure_marks to authenticated, ops_token, ops_sql;

create function ops_private.failure_json(run ops.runs, mark ops.failure_marks) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('run_id', run.run_id, 'environment_id', run.environment_id, 'spec_slug', run.spec_slug, 'template_key', run.template_key, 'error_code', run.error_code, 'error_message', run.error_message,
    'finished_at', run.finished_at, 'mark', mark.mark, 'reason', mark.reason, 'marked_by', mark.marked_by, 'marked_at', mark.marked_at)
$$;

-- The newest run of a pipeline that succeeded: what failed before it is dealt with, here and on the overview. A verification proves nothing about the present.
create function ops_private.last_success(environment uuid, template_key text) returns uuid language sql stable security definer set search_path = '' as $$
  select r.run_id from ops.runs as r where r.environment_id = environment and r.template_key = last_success.template_key and r.status = 'succeeded' and not r.isolated order by r.run_id desc limit 1
$$;

-- list_failures: whoever sees the environment. open: of its newest 1,000 failed runs those that nothing has settled, the newest first;
-- marked: those that somebody marked, the last mark first. At most 200. When each pipeline last succeeded is looked up once.
create function ops_private.list_failures(environment uuid, state text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not environment = any (ops_private.visible_environments()) then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif state = 'marked' then
    return (select coalesce(jsonb_agg(ops_private.failure_json(r, x.m) order by (x.m).marked_at desc), '[]')
      from (select m from ops.failure_marks as m where m.environment_id = environment order by m.marked_at desc limit 200) as x join ops.runs as r on r.run_id = (x.m).run_id);
  elsif state is distinct from 'open' then
    perform ops_private.fail('invalid_input', 'state is open or marked.');
  end if;
  return (
    with failed as materialized (
      select r from ops.runs as r where r.environment_id = environment and r.status = 'failed' and r.parent_run_id is null and not r.isolated order by r.run_id desc limit 1000
    ), succeeded as materialized (
      select t.template_key, ops_private.last_success(environment, t.template_key) as run_id
      from (select distinct (f.r).template_key from failed as f where (f.r).template_key is not null) as t
    )
    select coalesce(jsonb_agg(ops_private.failure_json(x.r, null) order by (x.r).run_id desc), '[]') from (
      select f.r from failed as f
      where not exists (select from ops.failure_marks as m where m.run_id = (f.r).run_id)
        and not exists (select from succeeded as s where s.template_key = (f.r).template_key and s.run_id > (f.r).run_id)
        and not exists (select from ops.runs as s where s.repairs_run_id = (f.r).run_id and s.status = 'succeeded')
      order by (f.r).run_id desc limit 200) as x);
end
$$;
create function ops.list_failures(environment_id uuid, state text default 'open') returns jsonb language sql stable set search_path = '' as 'select ops_private.list_failures($1, $2)';

-- mark_failure: operators. acknowledged, waived (with a reason), or none, which puts the run back into the inbox. A repeat with the same
-- mark and reason changes nothing. Locks the run's mark.
create function ops_private.mark_failure(run uuid, mark text, reason text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  failed ops.runs;
  before ops.failure_marks;
  saved ops.failure_marks;
begin
  select * into failed from ops.runs as r where r.run_id = run and r.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such run, or you may not see it.');
  end if;
  perform ops_private.require(failed.environment_id, 'operator', 'mark a failure');
  reason := nullif(btrim(reason), '');
  if mark is null or mark not in ('acknowledged', 'waived', 'none') or length(reason) > 1000 then
    perform ops_private.fail('invalid_input', 'mark is acknowledged, waived or none, and a reason has at most 1,000 characters.');
  elsif mark = 'waived' and reason is null then
    perform ops_private.fail('invalid_input', 'A waiver says why.', 'Give a reason.');
  elsif failed.status <> 'failed' then
    perform ops_private.fail('illegal_transition', format('The run is %s: only a failed one is marked.', failed.status));
  end if;
  select * into before from ops.failure_marks as m where m.run_id = run;
  if mark = 'none' then
    delete from ops.failure_marks as m where m.run_id = run;
  elsif (before.mark, before.reason) is distinct from (mark, reason) then
    insert into ops.failure_marks (run_id, environment_id, mark, reason, marked_by) values (run, failed.environment_id, mark, reason, (ops_private.me()).name)
    on conflict (run_id) do update set mark = excluded.mark, reason = excluded.reason, marked_by = excluded.marked_by, marked_at = clock_timestamp()
    returning * into saved;
  else
    saved := before;
  end if;
  if saved is distinct from before then
    perform ops_private.audit(failed.environment_id, case mark when 'none' then 'failure.reopened' else 'failure.' || mark end, 'run', run::text,
      case when before.run_id is not null then jsonb_build_object('mark', before.mark, 'reason', before.reason) end, case when mark <> 'none' then jsonb_build_object('mark', mark, 'reason', reason) end);
  end if;
  return ops_private.failure_json(failed, saved);
end
$$;
create function ops.mark_failure(run_id uuid, mark text, reason text default null) returns jsonb language sql set search_path = '' as 'select ops_private.mark_failure($1, $2, $3)';
grant execute on function ops_private.list_failures(uuid, text), ops.list_failures(uuid, text), ops_private.mark_failure(uuid, text, text), ops.mark_failure(uuid, text, text) to authenticated, ops_token;
