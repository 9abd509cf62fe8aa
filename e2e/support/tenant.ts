import { createHash, randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import type { Stack } from "./stack.ts";

export interface Tenant {
  email: string;
  password: string;
  user_id: string;
  organization_id: string;
  organization_slug: string;
  project_id: string;
  environment_id: string;
  remove: () => Promise<void>;
}

/** Another organization with one project, one environment and one member (and perhaps a second owner), who has nothing to do with the first. */
export async function createTenant(stack: Stack, { name = "Other", project_slug, second_owner, role = "owner" }: { name?: string; project_slug?: string; second_owner?: string; role?: "owner" | "viewer" } = {}): Promise<Tenant> {
  const slug = `${name.toLowerCase()}-${randomBytes(4).toString("hex")}`;
  const email = `${slug}@control-room.local`;
  const password = randomBytes(18).toString("base64url");
  const ids = { organization: randomUUID(), project: randomUUID(), environment: randomUUID() };
  const user = await authAdmin(stack, "POST", "/users", { email, password, email_confirm: true });
  const userId = String(user.id);
  await sql(stack, async (client) => {
    await client.query("insert into ops.organizations (organization_id, slug, name) values ($1, $2, $3)", [ids.organization, slug, name]);
    await client.query("insert into ops.projects (project_id, organization_id, slug, name) values ($1, $2, $3, $4)", [ids.project, ids.organization, project_slug ?? slug, `${name} lake`]);
    await client.query("insert into ops.environments (environment_id, project_id, slug, name) values ($1, $2, 'dev', $3)", [ids.environment, ids.project, `${name} development`]);
    for (const [member, held] of [[userId, role], [second_owner, "owner"]]) {
      if (member !== undefined) await client.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, $3)", [member, ids.organization, held]);
    }
  });
  return {
    email,
    password,
    user_id: userId,
    organization_id: ids.organization,
    organization_slug: slug,
    project_id: ids.project,
    environment_id: ids.environment,
    remove: async () => {
      await sql(stack, async (client) => {
        for (const table of ["memberships", "invitations"]) await client.query(`delete from ops.${table} where organization_id = $1`, [ids.organization]);
        await client.query("delete from ops.api_tokens where project_id = $1", [ids.project]);
        await client.query("delete from ops.environments where project_id = $1", [ids.project]);
        await client.query("delete from ops.projects where project_id = $1", [ids.project]);
        await client.query("delete from ops.organizations where organization_id = $1", [ids.organization]);
      });
      await authAdmin(stack, "DELETE", `/users/${userId}`);
    },
  };
}

/** An API token of the tenant's project, with the role admin. */
export async function tenantToken(stack: Stack, { project_id }: Tenant): Promise<string> {
  const token = `lct_${randomBytes(32).toString("base64url")}`;
  const hash = createHash("sha256").update(token).digest();
  await sql(stack, async (client) => {
    await client.query("insert into ops.api_tokens (project_id, name, role, prefix, token_sha256, expires_at) values ($1, 'e2e', 'admin', $2, $3, now() + interval '1 hour')", [project_id, token.slice(0, 12), hash]);
  });
  return token;
}

async function sql(stack: Stack, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: stack.database_url, connectionTimeoutMillis: 10_000, statement_timeout: 10_000 });
  await client.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query("commit");
  } finally {
    await client.end();
  }
}

async function authAdmin(stack: Stack, method: "POST" | "DELETE", path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.supabase_url}/auth/v1/admin${path}`, {
    method,
    headers: { apikey: stack.secret_key, Authorization: `Bearer ${stack.secret_key}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
