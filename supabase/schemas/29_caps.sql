-- A cap: how much of something may be used within a window of the calendar, under a key that runs name, in an environment, over
-- all environments of a project, or over all of an organization. Several caps under one key (per hour and per month, of the
-- environment and of its project) hold together.
create table ops.caps (
  cap_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references ops.organizations,
  project_id uuid references ops.projects,
  environment_id uuid,
  -- The lock under which its use is counted.
  gate_id bigint not null references ops_private.gates,
  cap_key text not null constraint cap_key_is_a_word check (cap_key ~ '^[a-z][a-z0-9_.:-]{0,126}$'),
  unit text not null constraint unit_is_known check (unit in ('runs', 'seconds', 'rows', 'bytes', 'cost')),
  period text not null constraint period_is_known check (period in ('hour', 'day', 'week', 'month')),
  time_zone text not null default 'UTC',
  limit_amount numeric(38, 6) not null constraint limit_is_not_negative check (limit_amount >= 0 and limit_amount <> 'NaN'),
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint one_cap_per_key_and_period unique (gate_id, unit, period),
  constraint an_environment_names_its_project check (environment_id is null or project_id is not null),
  foreign key (environment_id, project_id) references ops.environments (environment_id, project_id)
);
create index caps_by_scope on ops.caps (organization_id, project_id, environment_id, cap_key, cap_id);
create index caps_by_environment on ops.caps (environment_id, project_id);
create index caps_by_project on ops.caps (project_id);

-- What ended leases used, by window. What live leases reserve stands in lease_caps until they end, and nowhere else.
create table ops.cap_usage (
  cap_id uuid not null references ops.caps on delete cascade,
  organization_id uuid not null,
  project_id uuid,
  environment_id uuid,
  period_start timestamptz not null,
  settled_amount numeric(38, 6) not null default 0 constraint use_is_not_negative check (settled_amount >= 0),
  updated_at timestamptz not null default now(),
  primary key (cap_id, period_start)
);

do $$
declare
  name text;
begin
  foreach name in array array['caps', 'cap_usage'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    -- Whoever works where a cap holds sees it, with the use of all whom it holds.
    execute format('create policy members_see_what_holds_them on ops.%I for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[])
      or environment_id is null and project_id = any ((select ops_private.visible_projects())::uuid[])
      or project_id is null and organization_id = any ((select ops_private.visible_organizations())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- The window that a moment lies in. An hour that clocks repeat is two windows; a day may have 23 or 25 hours.
create function ops_private.window_of(period text, time_zone text, moment timestamptz) returns table (starts_at timestamptz, ends_at timestamptz)
language sql stable set search_path = '' as $$
  select s.at, case period when 'hour' then s.at + interval '1 hour' else ((s.at at time zone time_zone) + ('1 ' || period)::interval) at time zone time_zone end
  from (select date_trunc(period, moment, time_zone)) as s (at)
$$;
