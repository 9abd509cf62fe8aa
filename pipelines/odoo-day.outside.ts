/**
 * The recorded business day of a real Odoo, commit by commit: after each, what landed incrementally is byte for byte what a full
 * landing writes, and no more rows were read than the commit wrote. Run: `npx tsx pipelines/odoo-day.outside.ts`. Exits 1 at
 * the first difference.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { checkSpec } from '../contracts/check-spec.ts';
import { type Environment, type RunRecord, newEnvironment, runSpec } from '../executors/phases/testing/run-spec.ts';
import { readRecordedDay } from './testing/recorded-day.ts';
import { loadKeyTables, no_real_odoo } from './testing/real-odoo.ts';
import { root, startTestServer } from './testing/test-server.ts';

if (no_real_odoo !== null) throw new Error(no_real_odoo);
const written = readFileSync(join(root, 'pipelines', 'odoo_ingest_bronze.yml'), 'utf8');
const { spec: full } = checkSpec(written);
const { spec: incremental } = checkSpec(written.replace('mode: full', 'mode: incremental'));
assert.ok(full !== null && incremental !== null);
const landing = { ...full, phases: full.phases.filter(({ type }) => type === 'ingest') };

const folder = mkdtempSync(join(tmpdir(), 'odoo-day-'));
const server = await startTestServer();
const client = new pg.Client({ connectionString: await loadKeyTables((name) => server.superuser_url(name)) });
try {
  await client.connect();
  await client.query('set session_replication_role = replica');
  const connections = { odoo: server.superuser_url('odoo_key_tables') };
  const environment = newIn('lake', connections);
  const first = rowsRead(await runSpec(environment, incremental));
  assert.ok(first > 1_000, `${first} rows at first`);

  const { rows } = await client.query<{ name: string }>("select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace");
  const day = readRecordedDay(new Set(rows.map((row) => row.name)));
  let read = 0;
  let changes = 0;
  for (const { xid, statements } of day) {
    await client.query(['begin', ...statements, 'commit'].join(';\n'));
    changes += statements.length;
    const now = rowsRead(await runSpec(environment, incremental));
    assert.ok(now <= statements.length, `transaction ${xid} wrote ${statements.length} rows, ${now} were read`);
    read += now;
    const { outputs } = await runSpec(newIn(`full-${xid}`, connections), landing);
    const expected = Object.fromEntries(outputs.get('land')!.tables.map((table) => [table.name, table.content_sha256]));
    assert.deepEqual(landed(environment), expected, `after transaction ${xid}`);
    rmSync(join(folder, `full-${xid}`), { recursive: true, force: true });
  }
  assert.ok(changes > 80, `${changes} changes are a day`);
  console.log(`  after each of ${day.length} commits with ${changes} changes the incremental landing equals a full one; ${first} rows were read at first, ${read} since`);
} finally {
  await client.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function newIn(name: string, connections: Record<string, string>): Environment {
  mkdirSync(join(folder, name));
  return newEnvironment(pathToFileURL(`${join(folder, name)}/`), connections);
}

function rowsRead(record: RunRecord): number {
  // Before it stands the warning that this test reads with a superuser.
  const [read] = record.messages.flatMap((message) => /^land: Read \d+ tables with (\d+) rows/.exec(message)?.[1] ?? []);
  assert.ok(read !== undefined, record.messages.join('\n'));
  return Number(read);
}

function landed({ datasets }: Environment): Record<string, string> {
  return Object.fromEntries([...datasets].map(([name, versions]) => [name, versions.at(-1)!.content_sha256]));
}
