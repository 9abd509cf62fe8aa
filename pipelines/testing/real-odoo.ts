import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { query, root } from './test-server.ts';

const folder = join(root, '..', 'shared', 'data', 'odoo17');
const dump = join(folder, 'odoo17_full_t0.dump');

/** Why the real Odoo database cannot be loaded here, or null. */
export const no_real_odoo = existsSync(folder) ? null : '../shared/data/odoo17 is absent';
export const no_full_dump = no_real_odoo ?? (restoreVersion() >= 15 ? null : 'pg_restore 15 or later is absent');

function restoreVersion(): number {
  try {
    return Number(/(\d+)/.exec(execFileSync('pg_restore', ['--version'], { encoding: 'utf8' }))?.[1] ?? 0);
  } catch {
    return 0; // not installed
  }
}

/** The 49 key tables, by their DDL and CSV. */
export async function loadKeyTables(superuserUrl: (database: string) => string): Promise<string> {
  const url = await emptyDatabase(superuserUrl, 'odoo_key_tables');
  const unpacked = mkdtempSync(join(tmpdir(), 'odoo-csv-'));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    execFileSync('tar', ['xzf', join(folder, 'odoo17_key_csv_t0.tgz'), '-C', unpacked]);
    await client.query(readFileSync(join(folder, 'odoo17_key_selfcontained_schema.sql'), 'utf8'));
    await client.query('set session_replication_role = replica');
    for (const file of readdirSync(join(unpacked, 'csv'))) {
      const path = join(unpacked, 'csv', file);
      const columns = readFileSync(path, 'utf8').split('\n')[0]!.split(',').map((name) => `"${name}"`);
      await pipeline(
        createReadStream(path),
        client.query(copyFrom(`copy public."${basename(file, '.csv')}" (${columns.join(', ')}) from stdin (format csv, header)`)),
      );
    }
  } finally {
    await client.end();
    rmSync(unpacked, { recursive: true, force: true });
  }
  return url;
}

/** All 532 tables, by pg_restore. */
export async function loadFullDump(superuserUrl: (database: string) => string): Promise<string> {
  const url = await emptyDatabase(superuserUrl, 'odoo_full');
  execFileSync('pg_restore', ['--no-owner', '--no-privileges', '--dbname', url, dump], { stdio: 'pipe', timeout: 120_000 });
  return url;
}

async function emptyDatabase(superuserUrl: (database: string) => string, name: string): Promise<string> {
  await query(superuserUrl('postgres'), `create database ${name} template template0`);
  return superuserUrl(name);
}
