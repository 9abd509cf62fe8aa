-- Filters of a list under a name: a person's own, or shared with its project. And what a person chose for itself in a project.
create table ops.saved_views (
  view_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  user_id uuid not null references auth.users (id) on delete cascade,
  list text not null constraint list_is_known check (list in ('runs', 'failures', 'datasets', 'audit')),
  name text not null constraint view_has_a_name check (length(name) between 1 and 100 and name = btrim(name)),
  query text not null constraint query_is_short check (length(query) <= 2000),
  shared boolean not null default false,
  made_by text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create unique index own_views_differ_by_name on ops.saved_views (user_id, project_id, list, name);
create unique index shared_views_differ_by_name on ops.saved_views (project_id, list, name) where shared;
alter table ops.saved_views enable row level security;
alter table ops.saved_views force row level security;
create policy people_see_their_own_and_shared_views on ops.saved_views for select to authenticated, ops_token, ops_sql
  using (project_id = any ((select ops_private.visible_projects())::uuid[]) and (shared or user_id = (select (ops_private.me()).id)));
grant select on ops.saved_views to authenticated, ops_token, ops_sql;

create table ops.personal_settings (
  user_id uuid not null references auth.users (id) on delete cascade,
  project_id uuid not null references ops.projects,
  key text not null constraint setting_is_known check (key in ('default_view.runs', 'default_view.failures', 'default_view.datasets', 'default_view.audit', 'checklist_dismissed')),
  value text not null constraint setting_is_short check (length(value) <= 200),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (user_id, project_id, key)
);
create index personal_settings_by_project on ops.personal_settings (project_id);
alter table ops.personal_settings enable row level security;
alter table ops.personal_settings force row level security;
create policy people_see_their_own_settings on ops.personal_settings for select to authenticated, ops_token, ops_sql
  using (user_id = (select (ops_private.me()).id) and project_id = any ((select ops_private.visible_projects())::uuid[]));
grant select on ops.personal_settings to authenticated, ops_token, ops_sql;

create function ops_private.view_json(saved ops.saved_views) returns jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(saved) - array['user_id', 'created_at'] || jsonb_build_object('own', saved.user_id is not distinct from (ops_private.me()).id)
$$;

-- A person who sees the project; a token has nothing of its own. Answers its id.
create function ops_private.person_in(project uuid, action text) returns uuid language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  elsif me.type is distinct from 'user' then
    perform ops_private.fail('forbidden', format('Only a person may %s.', action), 'Sign in.');
  end if;
  return me.id;
end
$$;

-- list_views: whoever sees the project. The shared ones and the caller's own (200 of each at most), by name; and the one that the list opens with.
create function ops_private.list_views(project uuid, wanted text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  chosen uuid;
begin
  if project is null or not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  end if;
  select v.view_id into chosen from ops.personal_settings as s join ops.saved_views as v on v.view_id::text = s.value
  where s.user_id = me.id and s.project_id = project and s.key = 'default_view.' || wanted and v.project_id = project and v.list = wanted and (v.shared or v.user_id = me.id);
  return jsonb_build_object('default_view_id', chosen, 'items', (select coalesce(jsonb_agg(ops_private.view_json(x.v) order by (x.v).name, (x.v).view_id), '[]') from (
    (select v from ops.saved_views as v where v.user_id = me.id and v.project_id = project and v.list = wanted order by v.name limit 200)
    union (select v from ops.saved_views as v where v.project_id = project and v.list = wanted and v.shared order by v.name limit 200)) as x));
end
$$;
create function ops.list_views(project_id uuid, list text) returns jsonb language sql stable set search_path = '' as 'select ops_private.list_views($1, $2)';

-- save_view: a person's own; to share one needs operator in the whole project, to change one that somebody else has shared, admin. Raises conflict where the
-- name is taken or 200 are kept. What everybody sees is in the audit log. Locks the view.
create function ops_private.save_view(request jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  person uuid := ops_private.person_in((request ->> 'project_id')::uuid, 'keep views');
  project uuid := (request ->> 'project_id')::uuid;
  share boolean := coalesce((request ->> 'shared')::boolean, false);
  title text := btrim(request ->> 'name');
  before ops.saved_views;
  saved ops.saved_views;
begin
  if request ->> 'view_id' is not null then
    select * into before from ops.saved_views as v where v.view_id = (request ->> 'view_id')::uuid and v.project_id = project and v.list = request ->> 'list' and (v.shared or v.user_id = person) for update;
    if not found then
      perform ops_private.fail('not_found', 'There is no such view, or you may not see it.');
    elsif before.user_id <> person then
      perform ops_private.require_project(project, 'admin', 'change a view of somebody else');
    end if;
  elsif (select count(*) from (select from ops.saved_views as v where v.user_id = person and v.project_id = project and v.list = request ->> 'list' limit 200) as v) = 200 then
    perform ops_private.fail('conflict', 'You keep 200 views of this list.', 'Delete one first.');
  end if;
  if share and before.shared is not true then
    perform ops_private.require_project(project, 'operator', 'share a view');
  end if;
  if coalesce(title, '') = '' or length(title) > 100 or length(request ->> 'query') > 2000 or request ->> 'query' is null then
    perform ops_private.fail('invalid_input', 'A view has a name of 1 to 100 characters, and a query of at most 2,000.');
  end if;
  begin
    if before.view_id is null then
      insert into ops.saved_views (project_id, user_id, list, name, query, shared, made_by) values (project, person, request ->> 'list', title, request ->> 'query', share, (ops_private.me()).name) returning * into saved;
    else
      update ops.saved_views as v set name = title, query = request ->> 'query', shared = share, updated_at = clock_timestamp() where v.view_id = before.view_id returning * into saved;
    end if;
  exception when unique_violation then
    perform ops_private.fail('conflict', format('There is a view %s already.', title), 'Choose another name.');
  end;
  if share or before.shared then
    perform ops_private.audit(null, 'view.saved', 'view', saved.view_id::text, case when before.shared then to_jsonb(before) - 'user_id' end, to_jsonb(saved) - 'user_id', project);
  end if;
  return ops_private.view_json(saved);
end
$$;
create function ops.save_view(request jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.save_view($1)';

-- delete_view: who made it, or, of a shared one, an admin of the whole project.
create function ops_private.delete_view(view uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  gone ops.saved_views;
begin
  select * into gone from ops.saved_views as v where v.view_id = view and v.project_id = any (ops_private.visible_projects()) and (v.shared or v.user_id = me.id) for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such view, or you may not see it.');
  elsif gone.user_id is distinct from me.id then
    perform ops_private.require_project(gone.project_id, 'admin', 'delete a view of somebody else');
  end if;
  delete from ops.saved_views as v where v.view_id = view;
  if gone.shared then
    perform ops_private.audit(null, 'view.deleted', 'view', view::text, to_jsonb(gone) - 'user_id', null, gone.project_id);
  end if;
  return true;
end
$$;
create function ops.delete_view(view_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_view($1)';

-- put_personal_setting: a person's own, in a project that it sees; null takes it away.
create function ops_private.put_personal_setting(project uuid, key text, value text) returns boolean language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  person uuid := ops_private.person_in(project, 'keep settings');
begin
  if put_personal_setting.value is null then
    delete from ops.personal_settings as s where s.user_id = person and s.project_id = project and s.key = put_personal_setting.key;
  else
    insert into ops.personal_settings (user_id, project_id, key, value) values (person, project, put_personal_setting.key, put_personal_setting.value)
    on conflict (user_id, project_id, key) do update set value = excluded.value, updated_at = clock_timestamp();
  end if;
  return true;
exception when check_violation then
  perform ops_private.fail('invalid_input', 'There is no such setting, or its value is too long.');
  return false;
end
$$;
create function ops.put_personal_setting(project_id uuid, key text, value text) returns boolean language sql set search_path = '' as 'select ops_private.put_personal_setting($1, $2, $3)';
grant execute on function ops_private.list_views(uuid, text), ops.list_views(uuid, text), ops_private.save_view(jsonb), ops.save_view(jsonb), ops_private.delete_view(uuid), ops.delete_view(uuid),
  ops_private.put_personal_setting(uuid, text, text), ops.put_personal_setting(uuid, text, text) to authenticated, ops_token;
