import pg from "pg";

/** One project in the middle of all others, with something of everything. */
export interface BenchPlace {
  environment_id: string;
  project_id: string;
  organization_id: string;
  run_id: string;
  /** Somebody who did few things, and a thing to which few were done. */
  actor_id: string;
  object_id: string;
}

/**
 * About so many rows in so many projects, ten an organization, an environment each: runs with phases and events, datasets,
 * pipelines, executors, audit. Answers one place and a member who owns that organization and views others.
 */
export async function fillProjects(admin: pg.Client, size: { projects: number; rows: number }): Promise<{ place: BenchPlace; member: string }> {
  const each = Math.floor(size.rows / size.projects);
  // Shares of a project's rows: the rest is phases and events of its newest runs, executors, pipelines, datasets.
  const [runs, audit, detailed] = [Math.floor(each * 0.4), Math.floor(each * 0.4), Math.floor(each * 0.02)];
  await admin.query("set session_replication_role = replica; set statement_timeout = 0");
  await admin.query("insert into ops.organizations (slug, name) select 'bench-' || n, 'bench' from generate_series(1, $1::int) as n", [Math.ceil(size.projects / 10)]);
  await admin.query("insert into ops.projects (organization_id, slug, name) select o.organization_id, 'p' || n, 'bench' from ops.organizations as o, generate_series(1, 10) as n");
  await admin.query("insert into ops.environments (project_id, slug, name) select project_id, 'bench', 'bench' from ops.projects");
  await admin.query(`insert into ops.specs (project_id, spec_sha256, spec_text, spec) select project_id, encode(sha256('{}'), 'hex'), '{}', '{}' from ops.projects`);
  await admin.query("insert into ops_private.lanes (environment_id, queue, labels) select environment_id, 'default', '{}' from ops.environments");
  await admin.query("insert into ops.job_templates (project_id, template_key, title) select p.project_id, 't' || n, 'Bench' from ops.projects as p, generate_series(1, 5) as n");
  await admin.query("insert into ops.job_template_versions (template_id, version, project_id, spec_sha256) select template_id, 1, project_id, encode(sha256('{}'), 'hex') from ops.job_templates");
  await admin.query("insert into ops.executors (project_id, name, last_seen_at) select p.project_id, 'e' || n, now() from ops.projects as p, generate_series(1, 5) as n");
  await admin.query(`insert into ops.runs (run_id, project_id, environment_id, status, template_key, spec_slug, spec_sha256, trigger, lane_id, finished_at, error_code)
    select ops_private.uuid_v7(), e.project_id, e.environment_id, case when n % 10 = 0 then 'failed' else 'succeeded' end, case when n % 5 = 0 then 'bench' end, 'bench ' || n % 40, encode(sha256('{}'), 'hex'), 'api', l.lane_id, now(), case when n % 10 = 0 then 'x' end
    from generate_series(1, $1::int) as n, ops.environments as e join ops_private.lanes as l using (environment_id)`, [runs]);
  await admin.query(`create temporary table detailed as select r.run_id, r.environment_id from ops.environments as e cross join lateral (
    select n.run_id, n.environment_id from ops.runs as n where n.environment_id = e.environment_id order by n.run_id desc limit $1) as r`, [detailed]);
  await admin.query("insert into ops.run_phases (run_id, name, environment_id, position, type, status, finished_at) select run_id, 'p' || n, environment_id, n, 'query', 'succeeded', now() from detailed, generate_series(1, 3) as n");
  await admin.query("insert into ops.run_events (run_id, seq, environment_id, type) select run_id, n, environment_id, 'NOTE' from detailed, generate_series(1, 6) as n");
  await admin.query("insert into ops.datasets (environment_id, name, layer, current_version) select environment_id, 'gold.t' || n, 'gold', 1 from ops.environments, generate_series(1, 5) as n");
  await admin.query(`insert into ops.dataset_versions (dataset_id, version, environment_id, run_id, phase, table_version, format, location, content_sha256, row_count, byte_size, columns, data_at)
    select dataset_id, 1, environment_id, gen_random_uuid(), 'p1', 1, 'delta', 'x', encode(sha256('{}'), 'hex'), 1, 1, '[]', now() from ops.datasets`);
  await admin.query(`insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id)
    select p.organization_id, p.project_id, e.environment_id, 'user', case when n % 97 = 5 then md5('rare')::uuid else md5(p.project_id::text)::uuid end, case when n % 97 = 5 then 'rare@example.test' else p.project_id || '@example.test' end,
      case when n % 89 = 5 then 'schedule.deleted' else 'run.created' end, 'run', case when n % 79 = 5 then 'rare' else md5(n::text || p.project_id) end
    from generate_series(1, $1::int) as n, ops.projects as p join ops.environments as e using (project_id)`, [audit]);
  await admin.query("insert into ops.audit_chain (organization_id, seq, audit_id, hash) select organization_id, row_number() over (partition by organization_id order by audit_id), audit_id, sha256('{}') from ops.audit_log");
  const { rows: [place] } = await admin.query(`select e.environment_id, p.project_id, p.organization_id, (select d.run_id from detailed as d where d.environment_id = e.environment_id limit 1) as run_id, md5('rare')::uuid as actor_id, 'rare' as object_id
    from ops.projects as p join ops.environments as e using (project_id) order by p.project_id offset $1 limit 1`, [Math.floor(size.projects / 2)]);
  const { rows: [person] } = await admin.query("insert into auth.users (id, email) values (gen_random_uuid(), 'bench@example.test') returning id");
  await admin.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", [person.id, place.organization_id]);
  await admin.query("insert into ops.memberships (user_id, organization_id, project_id, role) select $1, p.organization_id, p.project_id, 'viewer' from ops.projects as p where p.organization_id <> $2 order by p.project_id limit 20", [person.id, place.organization_id]);
  await admin.query("set session_replication_role = origin");
  await admin.query("vacuum (analyze)");
  return { place: place as BenchPlace, member: person.id };
}
