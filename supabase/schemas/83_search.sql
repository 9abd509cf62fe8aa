-- search: whoever sees the environment. One call over everything that has a page. An id is looked up by its key in every environment that the caller
-- sees; words are looked for in this environment and its project, each of them in what is shown of a thing. What grows without end is read at its newest
-- end (runs 1,000, audit entries 2,000) and, by the beginning of an id or a hash, through an index: a million runs cost what a thousand do.

create function ops_private.hit(kind text, id text, title text, environment uuid, detail text default null, state text default null, run uuid default null) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('kind', kind, 'id', id, 'title', title, 'detail', detail, 'state', state, 'environment_id', environment, 'run_id', run)
$$;
create function ops_private.run_hit(run ops.runs) returns jsonb language sql stable set search_path = '' as $$
  select ops_private.hit('run', run.run_id::text, run.spec_slug, run.environment_id, coalesce(run.error_code, to_char(run.created_at at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"')), run.status)
$$;
create function ops_private.schedule_hit(schedule ops.schedules) returns jsonb language sql stable set search_path = '' as $$
  select ops_private.hit('schedule', schedule.schedule_id::text, schedule.name, schedule.environment_id, schedule.cron || ' ' || schedule.time_zone, case when schedule.paused_at is null then 'active' else 'paused' end)
$$;

-- Everything whose id this is.
create function ops_private.search_id(environment uuid, organization uuid, wanted uuid) returns setof jsonb language plpgsql stable security definer rows 5 set search_path = '' as $$
declare
  seen uuid[] := ops_private.visible_environments();
begin
  return query
  -- What belongs to a project is shown in this environment, else in another of that project.
  with home as (select e.project_id, (array_agg(e.environment_id order by e.environment_id <> environment, e.environment_id))[1] as environment_id from ops_private.my_environments() as e group by e.project_id)
  select ops_private.run_hit(r) from ops.runs as r where r.run_id = wanted and r.environment_id = any (seen)
  union all select ops_private.hit('executor', x.executor_id::text, x.name, h.environment_id, x.hostname) from ops.executors as x join home as h using (project_id) where x.executor_id = wanted and x.deleted_at is null
  union all select ops_private.hit('pipeline', t.template_key, t.title, h.environment_id, t.template_key) from ops.job_templates as t join home as h using (project_id) where t.template_id = wanted
  union all select ops_private.schedule_hit(s) from ops.schedules as s where s.schedule_id = wanted and s.environment_id = any (seen) and s.deleted_at is null
  union all select ops_private.hit('backfill', b.backfill_id::text, t.title, b.environment_id, t.template_key) from ops.backfills as b join ops.job_templates as t using (template_id) where b.backfill_id = wanted and b.environment_id = any (seen)
  union all select ops_private.hit('dataset', d.name, d.name, d.environment_id, d.layer) from ops.datasets as d where d.dataset_id = wanted and d.environment_id = any (seen)
  union all select ops_private.hit('artifact', a.artifact_id::text, a.name, a.environment_id, a.kind, null, a.run_id) from ops.run_artifacts as a where a.artifact_id = wanted and a.environment_id = any (seen)
  union all select ops_private.hit('connection', c.connection_id::text, c.name, c.environment_id, c.kind) from ops.connections as c where c.connection_id = wanted and c.environment_id = any (seen)
  -- The ids of an executor's own events are in an index of each run; the control plane's events have none but their numbers.
  union all (select ops_private.hit('event', e.seq::text, e.type, e.environment_id, e.message, null, e.run_id)
    from (select r.run_id from ops.runs as r where r.environment_id = environment order by r.run_id desc limit 200) as newest
    cross join lateral (select v.* from ops.run_events as v where v.run_id = newest.run_id and v.event_id = wanted and v.reported limit 1) as e limit 1)
  -- What is gone, or has no page, still stands in the audit log.
  union all (select ops_private.hit('audit', a.object_id, a.action, environment, a.object_type) from ops.audit_log as a where a.organization_id = organization and a.object_id = wanted::text
      and (a.environment_id = any (ops_private.visible_environments(4)) or a.environment_id is null and (a.organization_id = any (ops_private.governed_organizations(4)) or a.project_id = any (ops_private.governed_projects(4))))
    order by a.audit_id desc limit 1);
end
$$;

-- What has this SHA-256, or one that begins so: artifacts, specs, the tables that readers follow.
create function ops_private.search_hash(environment uuid, project uuid, wanted text) returns setof jsonb language sql stable security definer rows 10 set search_path = '' as $$
  (select ops_private.hit('artifact', a.artifact_id::text, a.name, a.environment_id, a.kind || ' ' || left(a.sha256, 8), null, a.run_id) from ops.run_artifacts as a
    where a.environment_id = environment and a.sha256 >= wanted and a.sha256 <= rpad(wanted, 64, 'f') order by a.sha256, a.created_at desc limit 5)
  union all (select ops_private.hit('pipeline', t.template_key, t.title, environment, format('spec of version %s', v.version)) from ops.job_template_versions as v join ops.job_templates as t using (template_id)
    where v.project_id = project and v.spec_sha256 >= wanted and v.spec_sha256 <= rpad(wanted, 64, 'f') order by v.version desc limit 3)
  union all (select ops_private.hit('dataset', d.name, d.name, environment, format('version %s', v.version)) from (select n.* from ops.datasets as n where n.environment_id = environment order by n.name limit 2000) as d
    join ops.dataset_versions as v on v.dataset_id = d.dataset_id and v.version = d.current_version where v.content_sha256 >= wanted and v.content_sha256 <= rpad(wanted, 64, 'f') limit 3)
$$;

-- Where every word occurs in what is shown of a thing; `words` are patterns of `ilike`.
create function ops_private.search_words(environment uuid, project uuid, organization uuid, words text[]) returns setof jsonb language sql stable security definer rows 30 set search_path = '' as $$
  (select ops_private.hit('pipeline', t.template_key, t.title, environment, t.template_key) from (select n.* from ops.job_templates as n where n.project_id = project order by n.template_key limit 2000) as t
    where t.title || ' ' || t.template_key || ' ' || coalesce(t.layer, '') || ' ' || array_to_string(t.tags, ' ') ilike all (words) limit 6)
  union all (select ops_private.schedule_hit(x.s) from (select n as s, n.name, n.template_id from ops.schedules as n where n.environment_id = environment and n.deleted_at is null order by n.name limit 2000) as x join ops.job_templates as t using (template_id)
    where x.name || ' ' || t.title || ' ' || t.template_key ilike all (words) limit 5)
  union all (select ops_private.hit('dataset', d.name, d.name, environment, d.layer) from (select n.* from ops.datasets as n where n.environment_id = environment order by n.name limit 2000) as d where d.name ilike all (words) limit 6)
  union all (select ops_private.hit('executor', x.executor_id::text, x.name, environment, x.hostname) from (select n.* from ops.executors as n where n.project_id = project and n.deleted_at is null order by n.name limit 2000) as x
    where x.name || ' ' || coalesce(x.hostname, '') ilike all (words) limit 5)
  union all (select ops_private.run_hit(x.r) from (select n as r, n.run_id, n.status || ' ' || n.spec_slug || ' ' || coalesce(n.error_code, '') || ' ' || n.trigger || ' ' || n.run_id::text as shown from ops.runs as n where n.environment_id = environment order by n.run_id desc limit 1000) as x
    where x.shown ilike all (words) order by x.run_id desc limit 6)
  union all (select ops_private.hit('connection', c.connection_id::text, c.name, environment, c.kind) from (select n.* from ops.connections as n where n.environment_id = environment order by n.name limit 2000) as c where c.name || ' ' || c.kind ilike all (words) limit 3)
  union all (select ops_private.hit('secret', s.name, s.name, environment) from (select n.* from ops.secrets as n where n.environment_id = environment order by n.name limit 2000) as s where s.name ilike all (words) limit 3)
  union all (select ops_private.hit('cap', c.cap_id::text, c.cap_key, environment, c.unit || ' a ' || c.period) from (select n.* from ops.caps as n where n.environment_id = environment or n.project_id = project and n.environment_id is null or n.organization_id = organization and n.project_id is null limit 2000) as c
    where c.cap_key ilike all (words) limit 3)
  -- Names no one but to whom list_members does.
  union all (select ops_private.hit('member', x.membership_id::text, x.email, environment, x.role) from (
      select n.*, u.email from ops.memberships as n join auth.users as u on u.id = n.user_id where n.organization_id = organization and u.email ilike all (words) order by u.email limit 200) as x
    where x.user_id = (ops_private.me()).id or ops_private.rank_over(x.organization_id, x.project_id, x.environment_id) >= 4 limit 5)
$$;

create function ops_private.search(environment uuid, query text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  written text := lower(btrim(coalesce(query, '')));
  id text := substring(written from '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}');
  hash text := substring(written from '(?<![0-9a-f])[0-9a-f]{8,64}(?![0-9a-f])');
  hex text := substring(replace(written, '-', '') from '^[0-9a-f]{4,31}$');
  first_run uuid := rpad(hex, 32, '0')::uuid;
  last_run uuid := rpad(hex, 32, 'f')::uuid;
  project uuid;
  organization uuid;
  words text[];
begin
  select e.project_id, e.organization_id into project, organization from ops_private.my_environments() as e where e.environment_id = environment;
  if not found then
    perform ops_private.fail('not_found', 'There is no such environment, or you may not see it.');
  elsif length(written) > 400 then
    perform ops_private.fail('invalid_input', 'What is searched for has at most 400 characters.');
  elsif written = '' then
    return '[]';
  end if;
  -- An id as pages shorten it has a gap, which stands for anything.
  select array_agg('%' || replace(replace(replace(replace(w, '\', '\\'), '%', '\%'), '_', '\_'), '…', '%') || '%') into words
  from (select w from regexp_split_to_table(written, '\s+') as w where w <> '' limit 6) as w (w);
  return (
    with hits as materialized (
      select h, 1 as place from ops_private.search_id(environment, organization, id::uuid) as h where id is not null
      union all select h, 2 from ops_private.search_hash(environment, project, hash) as h where id is null and hash is not null
      union all (select ops_private.run_hit(r), 3 from ops.runs as r where id is null and r.environment_id = environment and r.run_id between first_run and last_run order by r.run_id desc limit 5)
      union all select h, 4 from ops_private.search_words(environment, project, organization, words) as h where id is null and coalesce(length(hash), 0) < 64
      union all (select ops_private.hit('audit', x.object_id, x.action, environment, x.object_type || ' ' || x.request_id), 5
        from (select a.* from ops.audit_log as a where a.environment_id = environment and environment = any (ops_private.visible_environments(4)) order by a.audit_id desc limit 2000) as x where lower(x.request_id) = written limit 3))
    select coalesce(jsonb_agg(u.h order by u.place, u.n), '[]')
    from (select x.h, min(x.place) as place, min(x.n) as n from (select h, place, row_number() over () as n from hits) as x group by x.h order by 2, 3 limit 60) as u);
end
$$;
create function ops.search(environment_id uuid, query text) returns jsonb language sql stable set search_path = '' as 'select ops_private.search($1, $2)';
grant execute on function ops_private.search(uuid, text), ops.search(uuid, text) to authenticated, ops_token;
