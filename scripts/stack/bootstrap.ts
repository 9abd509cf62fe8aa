import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';

/** Connects, runs `work`, disconnects. Statements may take `timeout_ms`. */
export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>, timeout_ms = 120_000): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, statement_timeout: timeout_ms, application_name: 'stack' });
  client.on('error', () => {}); // a lost connection also rejects the running query
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Gives a database what hosted Supabase has before the first migration, and the login roles their passwords.
 * `url` is the superuser's. Skipped where this very file and these passwords were applied before.
 */
export async function applyBootstrap(url: string, root: string, passwords: Record<string, string>): Promise<'applied' | 'present'> {
  const sql = readFileSync(path.join(root, 'supabase/embedded/bootstrap.sql'), 'utf8');
  const mark = `bootstrap ${createHash('sha256').update(sql).update(JSON.stringify(passwords)).digest('hex')}`;
  return withClient(url, async (client) => {
    const present = await client.query<{ mark: string | null }>(
      `select obj_description(oid, 'pg_namespace') as mark from pg_namespace where nspname = 'auth'`,
    );
    if (present.rows[0]?.mark === mark) return 'present';
    await client.query('begin');
    await client.query(sql);
    for (const [role, password] of Object.entries(passwords)) {
      await client.query(`alter role ${client.escapeIdentifier(role)} password ${client.escapeLiteral(password)}`);
    }
    await client.query(`comment on schema auth is ${client.escapeLiteral(mark)}`);
    await client.query('commit');
    return 'applied';
  });
}
