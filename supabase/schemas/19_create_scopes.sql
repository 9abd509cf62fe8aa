-- New organizations, projects and environments. An organization begins with a project and an environment, so that its owner has a page to stand on.

create function ops_private.check_name(slug text, name text) returns void language plpgsql set search_path = '' as $$
begin
  if coalesce(slug, '') !~ '^[a-z][a-z0-9-]{0,62}$' or coalesce(trim(name), '') = '' or length(name) > 100 then
    perform ops_private.fail('invalid_input', 'slug is lower-case letters, digits and hyphens, a letter first, at most 63; name has 1 to 100 characters.');
  end if;
end
$$;

create function ops_private.insert_environment(project uuid, slug text, name text) returns uuid language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  made uuid;
begin
  perform ops_private.check_name(insert_environment.slug, insert_environment.name);
  insert into ops.environments (project_id, slug, name) values (project, insert_environment.slug, trim(insert_environment.name))
  on conflict on constraint environment_slug_is_unique_in_its_project do nothing returning environment_id into made;
  if not found then
    perform ops_private.fail('conflict', format('The project has an environment %s.', insert_environment.slug), 'Choose another slug.');
  end if;
  perform ops_private.audit(made, 'environment.created', 'environment', made::text, null, jsonb_build_object('slug', insert_environment.slug, 'name', insert_environment.name));
  return made;
end
$$;
create function ops_private.insert_project(organization uuid, slug text, name text) returns uuid language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  made uuid;
begin
  perform ops_private.check_name(insert_project.slug, insert_project.name);
  insert into ops.projects (organization_id, slug, name) values (organization, insert_project.slug, trim(insert_project.name))
  on conflict on constraint project_slug_is_unique_in_its_organization do nothing returning project_id into made;
  if not found then
    perform ops_private.fail('conflict', format('The organization has a project %s.', insert_project.slug), 'Choose another slug.');
  end if;
  perform ops_private.audit(null, 'project.created', 'project', made::text, null, jsonb_build_object('slug', insert_project.slug, 'name', insert_project.name), made);
  return made;
end
$$;
-- As whoami shows an environment. Volatile: it must see what its own statement has made.
create function ops_private.seen_environment(environment uuid) returns jsonb language sql security definer set search_path = '' as $$
  select e from jsonb_array_elements(ops_private.whoami() -> 'environments') as e where e ->> 'environment_id' = environment::text
$$;

-- create_organization: an owner of some organization, or, where the setting `organizations_are_open` is 'true', any person whose e-mail is confirmed. The caller owns it.
create function ops_private.create_organization(slug text, name text, project_slug text, project_name text, environment_slug text, environment_name text) returns jsonb language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  me ops_private.principal := ops_private.me();
  made uuid;
  environment uuid;
begin
  if me.type is distinct from 'user' or not exists (select from auth.users as u where u.id = me.id and u.email_confirmed_at is not null)
    or not exists (select from ops.memberships as m where m.user_id = me.id and m.project_id is null and m.role = 'owner')
    and not exists (select from ops_private.settings as s where s.key = 'organizations_are_open' and s.value = 'true') then
    perform ops_private.fail('forbidden', 'An owner of an organization may make another one.', 'Ask whoever runs this control room.');
  end if;
  perform ops_private.check_name(create_organization.slug, create_organization.name);
  insert into ops.organizations (slug, name) values (create_organization.slug, trim(create_organization.name)) on conflict on constraint organization_slug_is_unique do nothing returning organization_id into made;
  if not found then
    perform ops_private.fail('conflict', format('There is an organization %s.', create_organization.slug), 'Choose another slug.');
  end if;
  insert into ops.memberships (user_id, organization_id, role) values (me.id, made, 'owner');
  perform ops_private.audit(null, 'organization.created', 'organization', made::text, null, jsonb_build_object('slug', create_organization.slug, 'name', create_organization.name), null, made);
  environment := ops_private.insert_environment(ops_private.insert_project(made, project_slug, project_name), environment_slug, environment_name);
  return ops_private.seen_environment(environment);
end
$$;

-- create_project: admins of the whole organization; with its first environment.
create function ops_private.create_project(organization uuid, slug text, name text, environment_slug text, environment_name text) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.require_over(organization, null, null, 'admin', 'make a project');
  return ops_private.seen_environment(ops_private.insert_environment(ops_private.insert_project(organization, slug, name), environment_slug, environment_name));
end
$$;

-- create_environment: admins of the whole project.
create function ops_private.create_environment(project uuid, slug text, name text) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.require_over(ops_private.organization_of(project), project, null, 'admin', 'make an environment');
  return ops_private.seen_environment(ops_private.insert_environment(project, slug, name));
end
$$;

create function ops.create_organization(slug text, name text, project_slug text, project_name text, environment_slug text, environment_name text) returns jsonb language sql set search_path = '' as 'select ops_private.create_organization($1, $2, $3, $4, $5, $6)';
create function ops.create_project(organization_id uuid, slug text, name text, environment_slug text, environment_name text) returns jsonb language sql set search_path = '' as 'select ops_private.create_project($1, $2, $3, $4, $5)';
create function ops.create_environment(project_id uuid, slug text, name text) returns jsonb language sql set search_path = '' as 'select ops_private.create_environment($1, $2, $3)';
grant execute on function ops_private.create_organization(text, text, text, text, text, text), ops.create_organization(text, text, text, text, text, text), ops_private.create_project(uuid, text, text, text, text), ops.create_project(uuid, text, text, text, text),
  ops_private.create_environment(uuid, text, text), ops.create_environment(uuid, text, text) to authenticated, ops_token;
