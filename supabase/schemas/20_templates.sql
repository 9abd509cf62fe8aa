-- Specs are content: named by their hash, stored once a project, never changed.
create table ops.specs (
  project_id uuid not null references ops.projects,
  spec_sha256 text not null constraint spec_is_named_by_its_hash check (spec_sha256 ~ '^[0-9a-f]{64}$'),
  spec_text text not null,
  spec jsonb not null,
  created_at timestamptz not null default now(),
  primary key (project_id, spec_sha256),
  constraint hash_is_of_the_text check (spec_sha256 = encode(sha256(convert_to(spec_text, 'UTF8')), 'hex'))
);

create table ops.job_templates (
  template_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  template_key text not null constraint template_key_is_a_word check (template_key ~ '^[a-z][a-z0-9_]{0,62}$'),
  title text not null,
  description text not null default '',
  kind text not null default 'pipeline' constraint kind_is_known check (kind in ('sql', 'spark', 'dbt', 'python', 'notebook', 'pipeline')),
  layer text constraint layer_is_known check (layer in ('bronze', 'silver', 'gold')),
  owner text,
  tags text[] not null default '{}',
  max_active int constraint max_active_is_positive check (max_active > 0),
  max_starts int constraint max_starts_is_positive check (max_starts > 0),
  per_seconds int constraint per_seconds_is_positive check (per_seconds > 0),
  current_version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint a_rate_is_starts_per_seconds check ((max_starts is null) = (per_seconds is null)),
  constraint template_key_is_unique_in_its_project unique (project_id, template_key)
);

create table ops.job_template_versions (
  template_id uuid not null references ops.job_templates,
  version int not null constraint versions_count_from_one check (version >= 1),
  project_id uuid not null,
  spec_sha256 text not null,
  source_text text,
  git_sha text,
  created_by text,
  created_at timestamptz not null default now(),
  primary key (template_id, version),
  foreign key (project_id, spec_sha256) references ops.specs
);
create index job_template_versions_by_spec on ops.job_template_versions (project_id, spec_sha256);

do $$
declare
  name text;
begin
  foreach name in array array['specs', 'job_templates', 'job_template_versions'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;
create policy members_see_specs on ops.specs for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_templates on ops.job_templates for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));
create policy members_see_template_versions on ops.job_template_versions for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]));

create trigger specs_never_change before update or delete on ops.specs for each row execute function ops_private.refuse_change();
create trigger template_versions_never_change before update or delete on ops.job_template_versions for each row execute function ops_private.refuse_change();

create view ops.template_detail with (security_invoker = true) as
  select t.template_id, t.project_id, t.template_key, t.title, t.description, t.kind, t.layer, t.owner, t.tags, t.current_version, v.spec_sha256,
    coalesce(s.spec -> 'parameters', '{"type": "object", "properties": {}}') as parameters_schema, t.created_at, t.updated_at, s.spec, v.source_text
  from ops.job_templates as t
  join ops.job_template_versions as v on v.template_id = t.template_id and v.version = t.current_version
  join ops.specs as s on s.project_id = v.project_id and s.spec_sha256 = v.spec_sha256;
create view ops.template_list with (security_invoker = true) as
  select template_id, project_id, template_key, title, description, kind, layer, owner, tags, current_version, spec_sha256, parameters_schema, created_at, updated_at
  from ops.template_detail;
create view ops.template_version_list with (security_invoker = true) as
  select v.template_id, v.project_id, t.template_key, v.version, v.spec_sha256, v.git_sha, v.created_by, v.created_at
  from ops.job_template_versions as v join ops.job_templates as t using (template_id);
grant select on ops.template_detail, ops.template_list, ops.template_version_list to authenticated, ops_token, ops_sql;
