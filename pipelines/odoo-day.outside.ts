/**
 * The recorded business day of a real Odoo, commit by commit: after each, what landed incrementally, and what landed by the source's log,
 * are byte for byte what a full landing writes, and no more rows were read than the commit wrote; so are silver's tables made of them. Run: `npx tsx pipelines/odoo-day.outside.ts`. Exits 1 at
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
import { loadSpec } from './testing/carry.ts';
import { readRecordedDay } from './testing/recorded-day.ts';
import { loadKeyTables, no_real_odoo } from './testing/real-odoo.ts';
import { root, startTestServer } from './testing/test-server.ts';

if (no_real_odoo !== null) throw new Error(no_real_odoo);
const written = readFileSync(join(root, 'pipelines', 'odoo_ingest_bronze.yml'), 'utf8');
const { spec: full } = checkSpec(written);
const { spec: incremental } = checkSpec(written.replace('mode: full', 'mode: incremental'));
const { spec: cdc } = checkSpec(written.replace('mode: full', 'mode: cdc\n      cdc: { slot: odoo_day, publication: odoo_day }'));
assert.ok(full !== null && incremental !== null && cdc !== null);
const silver = loadSpec('bronze_to_silver');
const landing = { ...full, phases: full.phases.filter(({ type }) => type === 'ingest') };

const folder = mkdtempSync(join(tmpdir(), 'odoo-day-'));
const server = await startTestServer();
const client = new pg.Client({ connectionString: await loadKeyTables((name) => server.superuser_url(name)) });
try {
  await client.connect();
  await client.query('set session_replication_role = replica; set synchronous_commit = on; create publication odoo_day for all tables');
  const connections = { odoo: server.superuser_url('odoo_key_tables') };
  const modes = [
    { name: 'transactions', spec: incremental, environment: newIn('by-transactions', connections), read: 0 },
    { name: 'the log', spec: cdc, environment: newIn('by-log', connections), read: 0 },
  ];
  let first = 0;
  for (const { spec, environment } of modes) first = rowsRead(await runSpec(environment, spec));
  assert.ok(first > 1_000, `${first} rows at first`);

  const { rows } = await client.query<{ name: string }>("select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace");
  const day = readRecordedDay(new Set(rows.map((row) => row.name)));
  let changes = 0;
  for (const { xid, statements } of day) {
    await client.query(['begin', ...statements, 'commit'].join(';\n'));
    changes += statements.length;
    const whole = newIn(`full-${xid}`, connections);
    const { outputs } = await runSpec(whole, landing);
    const expected = Object.fromEntries(outputs.get('land')!.tables.map((table) => [table.name, table.content_sha256]));
    for (const mode of modes) {
      const now = rowsRead(await runSpec(mode.environment, mode.spec));
      assert.ok(now <= statements.length, `transaction ${xid} wrote ${statements.length} rows, ${now} were read`);
      mode.read += now;
      assert.deepEqual(landed(mode.environment), expected, `after transaction ${xid}, by ${mode.name}`);
    }
    rmSync(join(folder, `full-${xid}`), { recursive: true, force: true });
  }
  const whole = newIn('full', connections);
  await runSpec(whole, full);
  const silvers = [];
  for (const environment of [whole, ...modes.map((mode) => mode.environment)]) {
    await runSpec(environment, silver);
    silvers.push(landed(environment));
  }
  assert.ok(Object.keys(silvers[0]!).some((name) => name.startsWith('silver.')));
  for (const made of silvers) assert.deepEqual(made, silvers[0]);
  assert.ok(changes > 80, `${changes} changes are a day`);
  console.log(`  after each of ${day.length} commits with ${changes} changes a landing by transactions and one by the log equal a full one, and so does silver; ${first} rows were read at first, ${modes.map((mode) => mode.read).join(' and ')} since`);
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
