import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** S: about 15 thousand rows, M: about 300 thousand, L: more than 5 million. */
export type DemoSize = 'S' | 'M' | 'L';

export type DemoSourceOptions = {
  size: DemoSize;
  /** Another seed gives other rows of the same shape. Default 1. */
  seed?: number;
  /** The password that the read-only login `odoo_reader` gets, each time. */
  password: string;
};

export class DemoSourceError extends Error {
  readonly code: 'demo_source_name_taken' | 'demo_source_sql_missing' | 'demo_source_sql_failed' | 'demo_source_seed_invalid';

  constructor(code: DemoSourceError['code'], message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.name = 'DemoSourceError';
    this.code = code;
  }
}

const DATABASE = 'odoo_demo';
const READER = 'odoo_reader';
/** Raised when the generator's SQL changes, so that an older demo is made again. */
const GENERATOR = 3;
const LOCK_KEY = 1_017_001;
const STATEMENT_LIMIT_MS = 15 * 60_000;

const SCALE: Record<DemoSize, { orders: number; partners: number; templates: number; employees: number }> = {
  S: { orders: 450, partners: 300, templates: 90, employees: 25 },
  M: { orders: 10_500, partners: 5_000, templates: 900, employees: 150 },
  L: { orders: 195_000, partners: 60_000, templates: 8_000, employees: 1_500 },
};

/**
 * Makes sure that the database `odoo_demo` exists on this server, holds the wanted rows, and that `odoo_reader` may read it.
 * Idempotent; a half-made demo, or one of another size, seed or generator, is made again. Two calls at once take turns.
 *
 * @param adminUrl login with CREATEDB and CREATEROLE; it becomes the owner of the demo
 * @returns the connection string of the read-only login, and whether the rows were made by this call
 */
export async function ensureDemoSource(
  adminUrl: string,
  options: DemoSourceOptions,
): Promise<{ database_url: string; created: boolean }> {
  const seed = options.seed ?? 1;
  if (!Number.isSafeInteger(seed) || Math.abs(seed) > 1_000_000_000) {
    throw new DemoSourceError('demo_source_seed_invalid', `seed ${seed} is not a whole number of at most nine digits`);
  }
  const mark = JSON.stringify({ demo: 'odoo 17', generator: GENERATOR, size: options.size, seed });

  const created = await withClient(adminUrl, async (admin) => {
    await admin.query('select pg_advisory_lock($1)', [LOCK_KEY]);
    await ensureReader(admin, options.password);
    const found = await readMark(admin);
    if (found === mark) return false;
    if (found !== undefined) await admin.query(`drop database ${DATABASE} with (force)`);
    await admin.query(`create database ${DATABASE} encoding 'UTF8' template template0`);
    // Only those who are named may connect: the source's reader, and nobody by default.
    await admin.query(`revoke all on database ${DATABASE} from public`);
    await admin.query(`grant connect on database ${DATABASE} to ${READER}`);
    await withClient(urlOf(adminUrl, { database: DATABASE }), (client) => fill(client, options.size, seed));
    // Written last: a database without its mark is half made.
    await admin.query(`comment on database ${DATABASE} is ${admin.escapeLiteral(mark)}`);
    return true;
  });

  return { database_url: urlOf(adminUrl, { database: DATABASE, user: READER, password: options.password }), created };
}

/** The mark; null for a half-made demo; undefined when there is no such database. Refuses to touch someone else's. */
async function readMark(admin: pg.Client): Promise<string | null | undefined> {
  const { rows } = await admin.query<{ mark: string | null; mine: boolean }>(
    `select shobj_description(oid, 'pg_database') as mark, pg_has_role(datdba, 'usage') as mine
     from pg_database where datname = $1`,
    [DATABASE],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (!row.mine || (row.mark !== null && !row.mark.startsWith('{"demo":"odoo 17"'))) {
    throw new DemoSourceError(
      'demo_source_name_taken',
      `a database named ${DATABASE} exists and was not made by the demo: rename it, or use another server`,
    );
  }
  return row.mark;
}

async function ensureReader(admin: pg.Client, password: string): Promise<void> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [READER]);
  if (rowCount === 0) await admin.query(`create role ${READER} noinherit connection limit 20`);
  await admin.query(`alter role ${READER} login password ${admin.escapeLiteral(password)}`);
  await admin.query(`alter role ${READER} set default_transaction_read_only = on`);
  await admin.query(`alter role ${READER} set statement_timeout = '15min'`);
  await admin.query(`alter role ${READER} set idle_in_transaction_session_timeout = '5min'`);
}

async function fill(client: pg.Client, size: DemoSize, seed: number): Promise<void> {
  const folder = findSqlFolder();
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  await client.query(`set synchronous_commit = off; set jit = off; set work_mem = '64MB'; set time zone 'UTC'`);
  await client.query('begin');
  for (const [name, value] of Object.entries({ seed, ...SCALE[size] })) {
    await client.query('select set_config($1, $2, true)', [`demo.${name}`, String(value)]);
  }
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8');
    await client.query(text).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DemoSourceError('demo_source_sql_failed', `pipelines/demo-source/sql/${file}: ${reason}`, { cause: error });
    });
  }
  await client.query(`grant usage on schema public to ${READER}; grant select on all tables in schema public to ${READER}`);
  await client.query('commit');
}

/** The SQL lies beside this file in the sources; a bundle elsewhere in the checkout finds it by walking up. */
function findSqlFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const folder = join(at, 'pipelines', 'demo-source', 'sql');
    if (existsSync(folder)) return folder;
    if (at === dirname(at)) {
      throw new DemoSourceError('demo_source_sql_missing', 'pipelines/demo-source/sql was not found above the program: restore it from the repository');
    }
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'demo-source',
    connectionTimeoutMillis: 10_000,
    query_timeout: STATEMENT_LIMIT_MS,
  });
  // A broken connection also fails the running query, which reports it.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(`set statement_timeout = ${STATEMENT_LIMIT_MS}`);
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(base: string, part: { database: string; user?: string; password?: string }): string {
  const url = new URL(base);
  url.pathname = `/${part.database}`;
  if (part.user !== undefined) url.username = encodeURIComponent(part.user);
  if (part.password !== undefined) url.password = encodeURIComponent(part.password);
  return url.href;
}
