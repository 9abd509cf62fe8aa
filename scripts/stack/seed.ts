import { createHash } from 'node:crypto';
import type pg from 'pg';
import { withClient } from './bootstrap.ts';
import type { Backend, Context } from './context.ts';
import type { Secrets } from './secrets.ts';
import { ensureUser } from './supabase-admin.ts';

export const ORGANIZATION = { slug: 'main', name: 'Main' };
export const PROJECT = { slug: 'lakehouse', name: 'Lakehouse' };
export const ENVIRONMENT = { slug: 'dev', name: 'Development' };

/** Characters of a token that are stored readable, so that people can tell tokens apart. */
const PREFIX_LENGTH = 12;

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/**
 * What a new install needs before anybody can sign in: the first user as owner of an organization with one project
 * and one environment, a token for the API, one executor with its token, and the settings that the web app checks.
 * A repeat changes nothing that people may have changed; tokens and settings are brought to those of `secrets`.
 */
export async function seed(context: Context, backend: Backend, database_url: string): Promise<void> {
  const { secrets, settings } = context;
  await withClient(database_url, async (client) => {
    await client.query('begin');
    // Several machines may share a hosted database: each has an executor of its own.
    const executor_name = settings.hosted === null ? 'local' : `local-${secrets.install_id.slice(0, 8)}`;
    const project_id = await seedPlace(client, secrets, executor_name);
    await seedTokens(client, secrets, project_id);
    await putSetting(client, context, 'cron_secret_sha256', sha256(secrets.cron_secret).toString('hex'), settings.given.cron_secret);
    await putSetting(client, context, 'storage_receipt_key', secrets.storage_receipt_key, settings.given.storage_receipt_key);
    await client.query('commit');

    if (backend.secret_key === null) return; // hosted without SUPABASE_SECRET_KEY: its people exist already
    const { user_id } = await ensureUser(backend.supabase_url, backend.secret_key, secrets.admin, async (email) => {
      const { rows } = await client.query<{ id: string }>('select id from auth.users where email = $1', [email]);
      return rows[0]?.id ?? null;
    });
    await client.query(
      `insert into ops.memberships (user_id, organization_id, project_id, environment_id, role)
       select $1, o.organization_id, null, null, 'owner' from ops.organizations o
       where o.slug = $2 and not exists (
         select from ops.memberships m
         where m.user_id = $1 and m.organization_id = o.organization_id and m.project_id is null and m.environment_id is null)`,
      [user_id, ORGANIZATION.slug],
    );
  });
}

async function seedPlace(client: pg.Client, secrets: Secrets, executor_name: string): Promise<string> {
  const id = async (sql: string, values: unknown[]) => (await client.query<{ id: string }>(sql, values)).rows[0]?.id ?? '';
  await client.query('insert into ops.organizations (organization_id, slug, name) values ($1, $2, $3) on conflict do nothing', [
    secrets.organization_id,
    ORGANIZATION.slug,
    ORGANIZATION.name,
  ]);
  const organization_id = await id('select organization_id as id from ops.organizations where slug = $1', [ORGANIZATION.slug]);
  await client.query('insert into ops.projects (project_id, organization_id, slug, name) values ($1, $2, $3, $4) on conflict do nothing', [
    secrets.project_id,
    organization_id,
    PROJECT.slug,
    PROJECT.name,
  ]);
  const project_id = await id('select project_id as id from ops.projects where organization_id = $1 and slug = $2', [organization_id, PROJECT.slug]);
  await client.query('insert into ops.environments (environment_id, project_id, slug, name) values ($1, $2, $3, $4) on conflict do nothing', [
    secrets.environment_id,
    project_id,
    ENVIRONMENT.slug,
    ENVIRONMENT.name,
  ]);
  const environment_id = await id('select environment_id as id from ops.environments where project_id = $1 and slug = $2', [project_id, ENVIRONMENT.slug]);
  await client.query('insert into ops.executors (executor_id, project_id, name) values ($1, $2, $3) on conflict do nothing', [
    secrets.executor_id,
    project_id,
    executor_name,
  ]);
  await client.query('insert into ops.executor_environments (executor_id, environment_id) values ($1, $2) on conflict do nothing', [
    secrets.executor_id,
    environment_id,
  ]);
  return project_id;
}

async function seedTokens(client: pg.Client, secrets: Secrets, project_id: string): Promise<void> {
  await client.query(
    `insert into ops.api_tokens (project_id, name, role, prefix, token_sha256, expires_at)
     select $1, 'local install', 'admin', $2, $3, now() + interval '10 years'
     where not exists (select from ops.api_tokens where token_sha256 = $3)`,
    [project_id, secrets.api_token.slice(0, PREFIX_LENGTH), sha256(secrets.api_token)],
  );
  await client.query(
    `insert into ops.executor_tokens (executor_id, prefix, token_sha256, expires_at)
     select $1, $2, $3, now() + interval '10 years'
     where not exists (select from ops.executor_tokens where token_sha256 = $3)`,
    [secrets.executor_id, secrets.executor_token.slice(0, PREFIX_LENGTH), sha256(secrets.executor_token)],
  );
}

/** In a hosted database a setting of another machine stays, except where an environment variable gives it here. */
async function putSetting(client: pg.Client, context: Context, key: string, value: string, given: string | null): Promise<void> {
  if (context.settings.hosted !== null && given === null) {
    const { rows } = await client.query('select from ops_private.settings where key = $1', [key]);
    if (rows.length > 0) return;
  }
  await client.query('select ops_private.put_setting($1, $2)', [key, value]);
}
