import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { asRecord, readJsonFile } from './json-file.ts';
import { findByWorkingFolder, waitUntilGone } from './identity.ts';
import { withClient } from './bootstrap.ts';
import { pgdataOf, removePgdata } from './postgres-folder.ts';
import { databaseUrl } from './postgres-server.ts';
import { bundleForTests, launch, makeDataFolder, pidOf, programsOf, readSecret, type Running } from './testing.ts';

const READY = /The backend is ready after ([\d.]+) s: (\S+)/;

let bundles: Awaited<ReturnType<typeof bundleForTests>>;
let data_dir: string;
let running: Running[] = [];
const blockers: Server[] = [];

beforeAll(async () => {
  bundles = await bundleForTests();
});
afterAll(() => bundles.remove());
beforeEach(() => {
  data_dir = makeDataFolder();
});
afterEach(async () => {
  for (const one of running) {
    try {
      process.kill(-one.pid, 'SIGKILL');
    } catch {
      continue; // it has ended, as it should
    }
  }
  running = [];
  for (const blocker of blockers.splice(0)) blocker.close();
  for (const line of programsOf(data_dir)) process.kill(Number(line.split(' ')[0]), 'SIGKILL');
  for (const left of findByWorkingFolder(pgdataOf(data_dir))) {
    process.kill(left.pid, 'SIGKILL');
    await waitUntilGone(left, 5000);
  }
  removePgdata(data_dir);
  rmSync(data_dir, { recursive: true, force: true });
});

function start(environment: Record<string, string> = {}): Running {
  const one = launch(bundles.main, ['--backend'], { CONTROL_ROOM_DATA_DIR: data_dir, ...environment });
  running.push(one);
  return one;
}

async function startUntilReady(environment: Record<string, string> = {}): Promise<{ stack: Running; url: string }> {
  const stack = start(environment);
  const [, , url = ''] = await stack.shows(READY);
  return { stack, url };
}

function ports(): Record<string, number> {
  return readJsonFile(path.join(data_dir, 'ports.json')) as Record<string, number>;
}

function database(): string {
  const passwords = asRecord(asRecord(readJsonFile(path.join(data_dir, 'secrets.json')))?.passwords);
  return databaseUrl(ports().postgres ?? 0, 'postgres', String(passwords?.postgres));
}

async function occupy(port: number): Promise<void> {
  const server = createServer();
  blockers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

async function restStatus(url: string): Promise<number> {
  const key = readSecret(data_dir, 'publishable_key');
  const answer = await fetch(`${url}/auth/v1/settings`, { headers: { apikey: key }, signal: AbortSignal.timeout(10_000) });
  return answer.status;
}

async function stopped(stack: Running): Promise<void> {
  stack.ctrlC();
  expect(await stack.ended).toEqual({ code: 0, signal: null });
  expect(programsOf(data_dir)).toEqual([]);
  expect(findByWorkingFolder(pgdataOf(data_dir))).toEqual([]);
  expect(existsSync(path.join(data_dir, 'lock.json'))).toBe(false);
}

test('a new install starts, answers, stops in order at Ctrl-C, leaves nothing running, and keeps its data', async () => {
  const first = await startUntilReady();
  expect(await restStatus(first.url)).toBe(200);
  await withClient(database(), (client) => client.query('create table public.kept as select 42 as answer'));
  for (const name of ['secrets.json', 'web.env', 'lock.json', 'ports.json']) {
    expect({ name, mode: statSync(path.join(data_dir, name)).mode & 0o777 }).toEqual({ name, mode: 0o600 });
  }
  await stopped(first.stack);
  expect(first.stack.output().match(/Stopping/g)).toHaveLength(1);

  const second = await startUntilReady();
  expect(second.url).toBe(first.url);
  const { rows } = await withClient(database(), (client) => client.query('select answer from public.kept'));
  expect(rows).toEqual([{ answer: 42 }]);
  await stopped(second.stack);
});

test('no password and no key stands in the list of programs or in a log', async () => {
  const { stack } = await startUntilReady();
  const secrets = readFileSync(path.join(data_dir, 'secrets.json'), 'utf8').match(/"[A-Za-z0-9_-]{20,}"/g) ?? [];
  expect(secrets.length).toBeGreaterThan(8);
  const lines = programsOf(data_dir).join('\n') + readFileSync(path.join(data_dir, 'logs/stack.log'), 'utf8') + readFileSync(path.join(data_dir, 'logs/postgres.log'), 'utf8');
  for (const secret of secrets) expect(lines).not.toContain(secret.slice(1, -1));
  await stopped(stack);
});

test('a second start on the same folder says who runs, and disturbs nobody', async () => {
  const { stack, url } = await startUntilReady();
  const second = start();
  expect((await second.ended).code).toBe(1);
  expect(second.output()).toContain('already_running');
  expect(second.output()).toContain(`pid ${stack.pid}`);
  expect(await restStatus(url)).toBe(200);

  const reset = launch(bundles.reset, ['--yes'], { CONTROL_ROOM_DATA_DIR: data_dir });
  expect((await reset.ended).code).toBe(1);
  expect(reset.output()).toContain('already_running');
  await stopped(stack);
});

test('of two that start at the same moment exactly one runs', async () => {
  const both = [start(), start()];
  const winner = await Promise.any(both.map((one) => one.shows(READY).then(() => one)));
  const loser = both.find((one) => one !== winner);
  expect((await loser?.ended)?.code).toBe(1);
  expect(loser?.output()).toContain('already_running');
  await stopped(winner);
});

test('after kill -9 of the supervisor the next start ends what was left, and goes on with the data', async () => {
  const first = await startUntilReady();
  await withClient(database(), (client) => client.query('create table public.kept as select 1 as one'));
  process.kill(first.stack.pid, 'SIGKILL');
  await first.stack.ended;
  expect(programsOf(data_dir).length + findByWorkingFolder(pgdataOf(data_dir)).length).toBeGreaterThan(1);
  const second = await startUntilReady();
  expect(second.stack.output()).toContain('An earlier start was killed');
  expect(second.url).toBe(first.url);
  const { rows } = await withClient(database(), (client) => client.query('select one from public.kept'));
  expect(rows).toEqual([{ one: 1 }]);
  await stopped(second.stack);
});

test('after kill -9 of everything, with a pid in postmaster.pid that is now another program, the next start works', async () => {
  const first = await startUntilReady();
  const parts = ['postgres', 'postgrest'].map((part) => pidOf(data_dir, part));
  for (const pid of [first.stack.pid, ...parts]) process.kill(pid, 'SIGKILL');
  await first.stack.ended;
  const pid_file = path.join(pgdataOf(data_dir), 'postmaster.pid');
  writeFileSync(pid_file, readFileSync(pid_file, 'utf8').replace(/^\d+/, String(process.pid)));
  writeFileSync(path.join(data_dir, 'lock.json'), JSON.stringify({ pid: process.pid, started: 'another boot:1', since: 'yesterday' }));
  writeFileSync(path.join(data_dir, 'parts.json'), JSON.stringify({ postgrest: { pid: process.pid, started: 'another boot:1' } }));
  const second = await startUntilReady();
  expect(await restStatus(second.url)).toBe(200);
  await stopped(second.stack);
});

test.each(['postgres', 'postgrest'])('%s is started again when it dies, and that is said', async (part) => {
  const { stack, url } = await startUntilReady();
  process.kill(pidOf(data_dir, part), 'SIGKILL');
  await stack.shows(new RegExp(`${part} ended unexpectedly \\(SIGKILL\\)`));
  await stack.shows(new RegExp(`${part} is back`));
  expect(await restStatus(url)).toBe(200);
  await withClient(database(), (client) => client.query('select 1'));
  await stopped(stack);
});

test('ports that another program took meanwhile are replaced; a PORT that is taken is refused with its remedy', async () => {
  const first = await startUntilReady();
  const before = ports();
  await stopped(first.stack);
  for (const port of Object.values(before)) await occupy(port);
  const second = await startUntilReady();
  expect(Object.values(ports()).filter((port) => Object.values(before).includes(port))).toEqual([]);
  expect(await restStatus(second.url)).toBe(200);
  await stopped(second.stack);

  const refused = start({ PORT: String(before.gateway) });
  expect((await refused.ended).code).toBe(1);
  expect(refused.output()).toContain('port_in_use');
  expect(refused.output()).toContain('What to do');
  expect(programsOf(data_dir)).toEqual([]);
});

test('Ctrl-C in the middle of the first start leaves nothing running, and the next start is whole', async () => {
  const first = start();
  await first.shows(/PostgreSQL {5}/);
  await stopped(first);
  const second = await startUntilReady();
  expect(await restStatus(second.url)).toBe(200);
  await stopped(second.stack);
});

test('data of a newer version is refused as such, and stays as it is', async () => {
  const first = await startUntilReady();
  await withClient(database(), (client) =>
    client.query(`insert into supabase_migrations.schema_migrations (version, name) values ('29990101000000', 'from_the_future')`),
  );
  await stopped(first.stack);
  const second = start();
  expect((await second.ended).code).toBe(1);
  expect(second.output()).toContain('schema_newer');
  expect(second.output()).toContain('29990101000000');
  expect(programsOf(data_dir)).toEqual([]);
});

test('a database of another major version of PostgreSQL is refused as such', async () => {
  const first = await startUntilReady();
  await stopped(first.stack);
  writeFileSync(path.join(pgdataOf(data_dir), 'PG_VERSION'), '16\n');
  const second = start();
  expect((await second.ended).code).toBe(1);
  expect(second.output()).toContain('postgres_major_changed');
});

test('a database without its secrets is not opened with new ones', async () => {
  const first = await startUntilReady();
  await stopped(first.stack);
  rmSync(path.join(data_dir, 'secrets.json'));
  const second = start();
  expect((await second.ended).code).toBe(1);
  expect(second.output()).toContain('secrets_missing');
  expect(existsSync(path.join(data_dir, 'secrets.json'))).toBe(false);
});

test('reset asks; told yes it clears what the stack made, also what runs after a kill -9, and nothing else', async () => {
  const first = await startUntilReady();
  writeFileSync(path.join(data_dir, 'notes.txt'), 'not of the stack');
  const pgdata = pgdataOf(data_dir);
  process.kill(first.stack.pid, 'SIGKILL');
  await first.stack.ended;

  const asked = launch(bundles.reset, [], { CONTROL_ROOM_DATA_DIR: data_dir });
  expect((await asked.ended).code).toBe(1);
  expect(asked.output()).toContain('Nothing was cleared');
  expect(existsSync(pgdata)).toBe(true);

  const reset = launch(bundles.reset, ['--yes'], { CONTROL_ROOM_DATA_DIR: data_dir });
  expect(await reset.ended).toEqual({ code: 0, signal: null });
  expect(existsSync(pgdata)).toBe(false);
  expect(existsSync(path.join(data_dir, 'secrets.json'))).toBe(false);
  expect(readFileSync(path.join(data_dir, 'notes.txt'), 'utf8')).toBe('not of the stack');
  expect(programsOf(data_dir)).toEqual([]);
});
