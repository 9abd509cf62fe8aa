-- A gate is where runs wait for each other: a concurrency key, a template (how many at once, and how often they start), the
-- caps under a key. Its row is the lock under which live leases are counted; a limit that is null does not hold. It stands in one
-- environment; a gate of caps may also stand over a project or an organization, and is then passed by whoever passes the one
-- with its key in an environment there (33_gates.sql: outer_gates, inner_gates), so a cap holds runs that were queued before it.
create table ops_private.gates (
  gate_id bigint generated always as identity primary key,
  environment_id uuid references ops.environments,
  project_id uuid references ops.projects,
  organization_id uuid references ops.organizations,
  kind text not null constraint gate_kind_is_known check (kind in ('concurrency', 'template', 'cap')),
  key text not null,
  max_leases int constraint a_gate_lets_one_through check (max_leases >= 1),
  -- Rate limit (GCRA without a burst): starts lie at least so many seconds apart.
  start_seconds double precision constraint starts_lie_apart check (start_seconds > 0),
  next_start_at timestamptz,
  -- A hint: when time alone may open this gate for those that wait at it.
  opens_at timestamptz,
  constraint a_gate_stands_in_one_scope check (num_nonnulls(environment_id, project_id, organization_id) = 1),
  constraint only_caps_reach_beyond_an_environment check (kind = 'cap' or environment_id is not null),
  constraint one_gate_per_key unique (environment_id, kind, key),
  constraint one_gate_per_key_of_a_project unique (project_id, key),
  constraint one_gate_per_key_of_an_organization unique (organization_id, key)
);
create index gates_opening on ops_private.gates (environment_id, opens_at) where opens_at is not null;
create index wide_gates_opening on ops_private.gates (opens_at) where environment_id is null and opens_at is not null;
