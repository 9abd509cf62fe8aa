-- save_template: a new template, or a new version of it where the spec differs; the same spec again changes nothing.
-- Editors of the project. `base_version` is the one that the writer has read: a template that has gone on since is not overwritten
-- (conflict); 0 means that there is none yet. Locks the template's row. The structure of a spec is checked before (contracts/check-spec.ts),
-- and again by the executor; SQL holds name, hash and form.
create function ops_private.is_spec(spec_text text) returns boolean language sql immutable set search_path = '' as $$
  select case when octet_length(spec_text) <= 2000000 and spec_text is json object then jsonb_typeof(spec_text::jsonb -> 'phases') = 'array' and spec_text::jsonb ->> 'name' ~ '^[a-z][a-z0-9_]{0,62}$' else false end is true
$$;
create function ops_private.has_reseal(spec jsonb) returns boolean language sql immutable set search_path = '' as $$
  select spec @? '$.phases[*] ? (@.type == "reseal")'
$$;
-- A spec that seals secrets again is given all of them: only reseal_secrets makes one (`reseals`).
create function ops_private.store_spec(project uuid, spec_text text, reseals boolean default false) returns text
language plpgsql security definer set search_path = '' as $$
declare
  hash text;
begin
  if octet_length(spec_text) > 2000000 then
    perform ops_private.fail('payload_too_large', 'A spec has at most 2,000,000 bytes.');
  end if;
  if not ops_private.is_spec(spec_text) then
    perform ops_private.fail('invalid_spec', 'A spec is a JSON object with a name and phases.');
  elsif not reseals and ops_private.has_reseal(spec_text::jsonb) then
    perform ops_private.fail('invalid_spec', 'A phase reseal is the control room''s own.', 'Seal secrets again with POST /environment-keys/reseal.');
  end if;
  hash := encode(sha256(convert_to(spec_text, 'UTF8')), 'hex');
  insert into ops.specs (project_id, spec_sha256, spec_text, spec) values (project, hash, store_spec.spec_text, store_spec.spec_text::jsonb) on conflict do nothing;
  return hash;
end
$$;

create function ops_private.save_template(project uuid, spec_text text, source_text text, git_sha text, base_version int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  hash text;
  spec jsonb;
  template ops.job_templates;
  present text;
  created boolean := false;
begin
  if not project = any (ops_private.visible_projects()) then
    perform ops_private.fail('not_found', 'There is no such project, or you may not see it.');
  elsif not project = any (ops_private.visible_projects(3)) then
    perform ops_private.fail('forbidden', 'To save a template needs the role editor.', 'Ask an admin of the project for that role.');
  end if;
  hash := ops_private.store_spec(project, spec_text);
  spec := spec_text::jsonb;
  -- Not `for update`: runs that name it may be made meanwhile, by who holds gates.
  select * into template from ops.job_templates as t where t.project_id = project and t.template_key = spec ->> 'name' for no key update;
  if coalesce(template.current_version, 0) <> base_version then
    perform ops_private.fail('conflict', format('The template %s has version %s by now.', spec ->> 'name', coalesce(template.current_version, 0)), 'Read it again, and apply your change to that.');
  elsif template.template_id is null then
    insert into ops.job_templates as t (project_id, template_key, title, description, layer, owner, tags, max_active, max_starts, per_seconds, current_version)
    values (project, spec ->> 'name', coalesce(spec ->> 'title', spec ->> 'name'), coalesce(spec ->> 'description', ''), spec ->> 'layer', spec ->> 'owner',
      coalesce((select array_agg(x) from jsonb_array_elements_text(spec -> 'tags') as x), '{}'),
      (spec -> 'limits' ->> 'max_active')::int, (spec -> 'limits' ->> 'max_starts')::int, (spec -> 'limits' ->> 'per_seconds')::int, 1)
    on conflict on constraint template_key_is_unique_in_its_project do nothing returning * into template;
    if not found then
      return ops_private.save_template(project, spec_text, source_text, git_sha, base_version);  -- another call made it a moment ago
    end if;
    created := true;
  else
    select v.spec_sha256 into present from ops.job_template_versions as v where v.template_id = template.template_id and v.version = template.current_version;
    if present <> hash then
      update ops.job_templates as t set current_version = t.current_version + 1, title = coalesce(spec ->> 'title', spec ->> 'name'),
        description = coalesce(spec ->> 'description', ''), layer = spec ->> 'layer', owner = spec ->> 'owner',
        tags = coalesce((select array_agg(x) from jsonb_array_elements_text(spec -> 'tags') as x), '{}'),
        max_active = (spec -> 'limits' ->> 'max_active')::int, max_starts = (spec -> 'limits' ->> 'max_starts')::int, per_seconds = (spec -> 'limits' ->> 'per_seconds')::int, updated_at = clock_timestamp()
      where t.template_id = template.template_id returning * into template;
      created := true;
    end if;
  end if;
  if created then
    insert into ops.job_template_versions (template_id, version, project_id, spec_sha256, source_text, git_sha, created_by)
    values (template.template_id, template.current_version, project, hash, save_template.source_text, save_template.git_sha, me.name);
    perform ops_private.set_freshness_targets(template, spec);
    perform ops_private.audit(null, 'template.saved', 'job_template', template.template_key, null,
      jsonb_build_object('version', template.current_version, 'spec_sha256', hash), project);
  end if;
  return jsonb_build_object('created', created, 'template', (select to_jsonb(l) from ops.template_list as l where l.template_id = template.template_id));
end
$$;
create function ops.save_template(project_id uuid, spec_text text, source_text text default null, git_sha text default null, base_version int default null) returns jsonb
language sql set search_path = '' as 'select ops_private.save_template($1, $2, $3, $4, $5)';
grant execute on function ops_private.save_template(uuid, text, text, text, int), ops.save_template(uuid, text, text, text, int) to authenticated, ops_token;
