-- organization → project → environment. Every row below carries environment_id or project_id.
create table ops.organizations (
  organization_id uuid primary key default gen_random_uuid(),
  slug text not null constraint organization_slug_is_unique unique constraint slug_is_a_word check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null,
  created_at timestamptz not null default now(),
  -- From here on nobody sees it; 90_deletion.sql removes what belongs to it. The same below.
  deleted_at timestamptz
);

create table ops.projects (
  project_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references ops.organizations,
  slug text not null constraint slug_is_a_word check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null,
  weight int not null default 1 constraint weight_is_positive check (weight between 1 and 1000),
  time_zone text not null default 'UTC',
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint project_slug_is_unique_in_its_organization unique (organization_id, slug),
  constraint project_and_organization_go_together unique (project_id, organization_id)
);

create table ops.environments (
  environment_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  slug text not null constraint slug_is_a_word check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint environment_slug_is_unique_in_its_project unique (project_id, slug),
  constraint environment_and_project_go_together unique (environment_id, project_id)
);

-- A role over an organization, one of its projects, or one environment of a project.
create table ops.memberships (
  membership_id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  organization_id uuid not null references ops.organizations,
  project_id uuid,
  environment_id uuid,
  role text not null constraint role_is_known check (role in ('viewer', 'operator', 'editor', 'admin', 'owner')),
  created_at timestamptz not null default now(),
  constraint one_membership_per_scope unique nulls not distinct (user_id, organization_id, project_id, environment_id),
  constraint an_environment_names_its_project check (environment_id is null or project_id is not null),
  foreign key (project_id, organization_id) references ops.projects (project_id, organization_id),
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index memberships_by_scope on ops.memberships (organization_id, project_id, environment_id);

create table ops.api_tokens (
  api_token_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  environment_id uuid,
  name text not null,
  role text not null constraint role_is_known check (role in ('viewer', 'operator', 'editor', 'admin', 'owner')),
  prefix text not null,
  token_sha256 bytea not null constraint token_is_unique unique constraint token_is_a_hash check (octet_length(token_sha256) = 32),
  created_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index api_tokens_by_project on ops.api_tokens (project_id);

create table ops.executors (
  executor_id uuid primary key default gen_random_uuid(),
  project_id uuid not null references ops.projects,
  name text not null,
  queues text[] not null default '{default}',
  labels text[] not null default '{}',
  version text,
  hostname text,
  -- What an admin lets it claim from; null: from any. `queues` is what it last claimed from.
  allowed_queues text[],
  draining_since timestamptz,
  drain_comment text,
  last_seen_at timestamptz,
  -- An outage that was noted, so that it is told once (watch_executors).
  offline_since timestamptz,
  created_at timestamptz not null default now(),
  -- Runs go on naming it; it is in no list, and its tokens are void.
  deleted_at timestamptz
);
create unique index executor_name_is_unique_in_its_project on ops.executors (project_id, name) where deleted_at is null;

create table ops.executor_environments (
  executor_id uuid not null references ops.executors on delete cascade,
  environment_id uuid not null references ops.environments,
  primary key (executor_id, environment_id)
);
create index executor_environments_by_environment on ops.executor_environments (environment_id);

create table ops.executor_tokens (
  executor_token_id uuid primary key default gen_random_uuid(),
  executor_id uuid not null references ops.executors on delete cascade,
  prefix text not null,
  token_sha256 bytea not null constraint executor_token_is_unique unique constraint token_is_a_hash check (octet_length(token_sha256) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index executor_tokens_by_executor on ops.executor_tokens (executor_id);

-- Which database login stands for which person: SQL and BI clients see through the same policies.
create table ops_private.sql_logins (
  login name primary key,
  user_id uuid not null references auth.users (id) on delete cascade
);
create index sql_logins_by_user on ops_private.sql_logins (user_id);
alter table ops_private.sql_logins enable row level security;
alter table ops_private.sql_logins force row level security;
