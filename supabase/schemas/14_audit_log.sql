-- Who changed what: written in the changing transaction, never altered. No column refers to another table: what was done stays when
-- the thing, its project or its author is gone. Sealed by 15_audit_chain.sql.

-- The caller's own id of the request (X-Request-Id), where PostgREST is the session; null elsewhere.
create function ops_private.request_id() returns text language plpgsql stable set search_path = '' as $$
begin
  return substring(case when session_user = 'authenticator' then nullif(current_setting('request.headers', true), '')::json ->> 'x-request-id' end from '^[A-Za-z0-9._-]{1,100}$');
end
$$;

create table ops.audit_log (
  audit_id bigint generated always as identity primary key,
  organization_id uuid not null,
  project_id uuid,
  environment_id uuid,
  actor_type text not null constraint actor_is_known check (actor_type in ('user', 'token', 'executor', 'service', 'schedule')),
  actor_id uuid,
  actor_name text,
  -- Ordered by bytes, so that all verbs of a noun are a range of the index below.
  action text collate "C" not null,
  object_type text not null,
  object_id text not null,
  -- Never compressed, so that how much there is to hash is known before it is read.
  before jsonb storage external,
  after jsonb storage external,
  request_id text default ops_private.request_id(),
  txid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default clock_timestamp()
);
-- Reading: each filter of a page within its organization, newest first.
create index audit_log_by_organization on ops.audit_log (organization_id, audit_id);
create index audit_log_by_environment on ops.audit_log (environment_id, audit_id);
-- What concerns a whole project, for those who govern only some: lib/ops/audit.ts asks by environments and these.
create index audit_log_by_project on ops.audit_log (project_id, audit_id) where environment_id is null;
create index audit_log_by_actor on ops.audit_log (organization_id, actor_id, audit_id);
create index audit_log_by_actor_name on ops.audit_log (organization_id, actor_name, audit_id);
create index audit_log_by_action on ops.audit_log (organization_id, action, audit_id);
create index audit_log_by_object on ops.audit_log (organization_id, object_id, audit_id);
-- The order of sealing.
create index audit_log_by_transaction on ops.audit_log (txid, audit_id);
alter table ops.audit_log enable row level security;
alter table ops.audit_log force row level security;
-- What concerns more than one environment is for those who govern all of it; what became of a project that is gone, for its organization's admins.
create policy admins_read_the_audit_log on ops.audit_log for select to authenticated, ops_token, ops_sql
  using (organization_id = any ((select ops_private.governed_organizations(4))::uuid[])
    or environment_id = any ((select ops_private.visible_environments(4))::uuid[])
    or environment_id is null and project_id = any ((select ops_private.governed_projects(4))::uuid[]));
grant select on ops.audit_log to authenticated, ops_token, ops_sql;

-- Of tables that only grow. Their rows go with a deleted environment or project (91_advance_deletions.sql says ops.removing); those of the audit log never.
create function ops_private.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' and tg_table_name not in ('audit_log', 'audit_chain') and current_setting('ops.removing', true) = 'on' then
    return old;
  end if;
  raise exception using errcode = 'PT409', message = 'conflict', detail = format('%s is append-only.', tg_table_name);
end
$$;
create trigger audit_log_is_append_only before update or delete on ops.audit_log for each row execute function ops_private.refuse_change();
create trigger audit_log_is_not_truncated before truncate on ops.audit_log for each statement execute function ops_private.refuse_change();

-- What was before and after has at most 64 kB each as text; of more there is its size and its hash, so that nobody's changes take the sealing and the
-- verifying of everybody's more than so long. The trigger's own look at the sizes, which most entries pass, costs less than a call.
create function ops_private.shortened(content jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select case when octet_length(content::text) > 65536 then jsonb_build_object('truncated', true, 'byte_size', octet_length(content::text), 'sha256', encode(sha256(convert_to(content::text, 'UTF8')), 'hex')) else content end
$$;
create function ops_private.shorten_entry() returns trigger language plpgsql set search_path = '' as $$
begin
  new.before := ops_private.shortened(new.before);
  new.after := ops_private.shortened(new.after);
  return new;
end
$$;
-- A character takes six bytes as text at most, so what takes 8 kB here is within the limit.
create trigger a_long_entry_is_shortened before insert on ops.audit_log for each row
when (pg_column_size(new.before) > 8192 or pg_column_size(new.after) > 8192) execute function ops_private.shorten_entry();

create function ops_private.audit(environment uuid, action text, object_type text, object_id text, before jsonb default null, after jsonb default null, project uuid default null, organization uuid default null)
returns void language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  project := coalesce(project, (select e.project_id from ops.environments as e where e.environment_id = environment));
  insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id, before, after)
  values (coalesce(organization, (select p.organization_id from ops.projects as p where p.project_id = project)), project, environment,
    coalesce(me.type, 'service'), me.id, me.name, audit.action, audit.object_type, audit.object_id, audit.before, audit.after);
end
$$;
