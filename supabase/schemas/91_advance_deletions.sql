-- The rows of what was deleted, in slices. Which tables hold them is read from the catalog, so that a new table needs no line here.

-- Tables with that column, those that refer to others before those that they refer to; the audit log is not among them.
create function ops_private.tables_with(wanted text) returns table (name text) language sql stable security definer set search_path = '' as $$
  with recursive links as (
    select distinct k.conrelid as child, k.confrelid as parent from pg_constraint as k
    where k.contype = 'f' and k.connamespace in ('ops'::regnamespace, 'ops_private'::regnamespace) and k.conrelid <> k.confrelid),
  depths (relid, depth) as (
    select c.oid, 0 from pg_class as c where c.relnamespace in ('ops'::regnamespace, 'ops_private'::regnamespace) and c.relkind in ('r', 'p') and not c.relispartition
    union
    select l.parent, d.depth + 1 from depths as d join links as l on l.child = d.relid where d.depth < 30)
  select d.relid::regclass::text from depths as d join pg_attribute as a on a.attrelid = d.relid and a.attname = wanted and not a.attisdropped
  where not d.relid in ('ops.audit_log'::regclass, 'ops.audit_chain'::regclass, 'ops_private.audit_heads'::regclass)
  group by d.relid order by max(d.depth), d.relid::regclass::text
$$;

create function ops_private.remove_rows(wanted text, id uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  name text;
begin
  for name in select t.name from ops_private.tables_with(wanted) as t loop
    execute format('delete from %s where %I = $1', name, wanted) using id;
  end loop;
end
$$;

-- The newest runs of an environment with all that is theirs: a run refers only to older ones.
create function ops_private.remove_runs(environment uuid, at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  gone uuid[] := array(select r.run_id from ops.runs as r where r.environment_id = environment order by r.run_id desc limit at_most);
  other record;
begin
  if cardinality(gone) = 0 then
    return 0;
  end if;
  for other in select t.name from ops_private.tables_with('run_id') as t where t.name <> 'ops.runs' loop
    execute format('delete from %s where run_id = any ($1)', other.name) using gone;
  end loop;
  for other in
    select k.conrelid::regclass::text as name, a.attname as refers from pg_constraint as k join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.contype = 'f' and k.confrelid = 'ops.runs'::regclass and k.conrelid <> k.confrelid and k.conparentid = 0 and a.attname <> 'run_id'
  loop
    execute format('update %1$s set %2$I = null where %2$I = any ($1)', other.name, other.refers) using gone;
  end loop;
  delete from ops.runs as r where r.run_id = any (gone);
  return cardinality(gone);
end
$$;

-- advance_deletions(at_most): the scheduler. Removes that many runs of a deleted environment; when it has none left, the rest and itself; then
-- projects and organizations that are empty. Answers how many rows of runs and scopes went; 0 when nothing is left to do.
create function ops_private.advance_deletions(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  gone uuid;
  removed int;
begin
  perform ops_private.require_service('remove what was deleted');
  if at_most is null or at_most not between 1 and 5000 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 5000.');
  end if;
  perform set_config('ops.removing', 'on', true);
  select e.environment_id into gone from ops.environments as e where e.deleted_at is not null order by e.deleted_at limit 1 for update skip locked;
  if found then
    delete from ops.bulk_items as i where i.bulk_id in (select j.bulk_id from ops.bulk_jobs as j where j.environment_ids @> array[gone]);
    delete from ops.bulk_jobs as j where j.environment_ids @> array[gone];
    removed := ops_private.remove_runs(gone, at_most);
    if removed < at_most then
      insert into ops_private.orphans (sha256) select o.sha256 from ops.objects as o
      where o.environment_id = gone and not exists (select from ops.objects as p where p.sha256 = o.sha256 and p.environment_id <> gone) on conflict do nothing;
      perform ops_private.remove_rows('environment_id', gone);
      removed := removed + 1;
    end if;
    return removed;
  end if;
  select p.project_id into gone from ops.projects as p where p.deleted_at is not null and not exists (select from ops.environments as e where e.project_id = p.project_id)
    and not exists (select from ops.leases as l join ops.executors as x using (executor_id) where x.project_id = p.project_id)
  order by p.deleted_at limit 1 for update skip locked;
  if found then
    -- Runs of other projects that its executors worked for.
    update ops.runs as r set executor_id = null where r.executor_id in (select x.executor_id from ops.executors as x where x.project_id = gone);
    perform ops_private.remove_rows('project_id', gone);
    return 1;
  end if;
  select o.organization_id into gone from ops.organizations as o where o.deleted_at is not null and not exists (select from ops.projects as p where p.organization_id = o.organization_id)
  order by o.deleted_at limit 1 for update skip locked;
  if found then
    perform ops_private.remove_rows('organization_id', gone);
    return 1;
  end if;
  return 0;
end
$$;

-- Bytes that no environment knows any more. They are removed from the store an hour later, unless they were stored again meanwhile.
create table ops_private.orphans (
  sha256 text primary key,
  since timestamptz not null default clock_timestamp(),
  -- From here on nobody may count on the bytes: record_object refuses until they are gone.
  removing_at timestamptz
);
create index orphans_by_age on ops_private.orphans (since);
alter table ops_private.orphans enable row level security;
alter table ops_private.orphans force row level security;

-- take_orphans(at_most): the scheduler. Bytes to remove now; settle_orphans says that they are gone. What was taken and not settled comes again after a minute.
create function ops_private.take_orphans(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  taken text[];
begin
  perform ops_private.require_service('remove bytes');
  delete from ops_private.orphans as o where o.removing_at is null and o.since < clock_timestamp() - interval '1 hour' and exists (select from ops.objects as p where p.sha256 = o.sha256);
  with due as (
    update ops_private.orphans as o set removing_at = clock_timestamp() where o.sha256 = any (array(
      select d.sha256 from ops_private.orphans as d where d.since < clock_timestamp() - interval '1 hour' and (d.removing_at is null or d.removing_at < clock_timestamp() - interval '1 minute')
        and not exists (select from ops.objects as p where p.sha256 = d.sha256)
      order by d.since limit least(at_most, 1000) for update skip locked)) returning o.sha256)
  select array_agg(d.sha256) into taken from due as d;
  return to_jsonb(coalesce(taken, '{}'));
end
$$;
create function ops_private.settle_orphans(removed text[]) returns int language plpgsql security definer set search_path = '' as $$
declare
  settled int;
begin
  perform ops_private.require_service('remove bytes');
  delete from ops_private.orphans as o where o.sha256 = any (removed) and o.removing_at is not null;
  get diagnostics settled = row_count;
  return settled;
end
$$;

-- Bytes that were received: no orphans any more, unless they are being removed at this moment.
create function ops_private.keep_object(hash text) returns void language plpgsql security definer set search_path = '' as $$
begin
  delete from ops_private.orphans as o where o.sha256 = hash and o.removing_at is null;
  if exists (select from ops_private.orphans as o where o.sha256 = hash) then
    perform ops_private.fail('conflict', 'These bytes are being removed from the store at this moment.', 'Send them again in a minute.');
  end if;
end
$$;

create function ops.advance_deletions(at_most int default 200) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.advance_deletions($1))';
create function ops.take_orphans(at_most int default 100) returns jsonb language sql set search_path = '' as 'select ops_private.take_orphans($1)';
create function ops.settle_orphans(removed text[]) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.settle_orphans($1))';
grant execute on function ops_private.advance_deletions(int), ops.advance_deletions(int), ops_private.take_orphans(int), ops.take_orphans(int),
  ops_private.settle_orphans(text[]), ops.settle_orphans(text[]) to ops_token;
