import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeFolderOf, mayEnter, type OsUser } from './os-user.ts';
import { SYSTEM_FOLDER, type PostgresBinaries } from './postgres-binaries.ts';
import { codeOf, messageOf, StackError } from './stack-error.ts';

const run = promisify(execFile);

/** The folder in which the database of this data folder lies; it may lie elsewhere where root runs the stack. */
export function pgdataOf(data_dir: string): string {
  const note = path.join(data_dir, 'pgdata-location');
  if (existsSync(note)) return readFileSync(note, 'utf8').trim();
  return path.join(data_dir, 'pgdata');
}

/**
 * Chooses the folder for a new database: `<data>/pgdata`, or one below SYSTEM_FOLDER where `user` cannot enter the
 * data folder (it lies in /root, say). The choice is noted in the data folder, and stays.
 */
export function choosePgdata(data_dir: string, user: OsUser | null): string {
  const present = pgdataOf(data_dir);
  if (existsSync(present) || mayEnter(path.dirname(present), user)) return present;
  const hash = createHash('sha256').update(data_dir).digest('hex').slice(0, 16);
  const elsewhere = path.join(SYSTEM_FOLDER, hash, 'pgdata');
  mkdirSync(path.dirname(elsewhere), { recursive: true, mode: 0o755 });
  writeFileSync(path.join(path.dirname(elsewhere), 'belongs-to'), `${data_dir}\n`);
  writeFileSync(path.join(data_dir, 'pgdata-location'), `${elsewhere}\n`);
  return elsewhere;
}

/** Throws `postgres_major_changed` where the database was made by another major version of PostgreSQL. */
export function checkMajor(pgdata: string, binaries: PostgresBinaries): void {
  const made_by = readFileSync(path.join(pgdata, 'PG_VERSION'), 'utf8').trim();
  const major = binaries.version.split('.')[0];
  if (made_by === major) return;
  throw new StackError(
    'postgres_major_changed',
    `The database in ${pgdata} was made by PostgreSQL ${made_by}; this product brings ${major}.`,
    `Carry it over with pg_dump of version ${made_by}, use the release that made it, or set CONTROL_ROOM_DATA_DIR to another folder.`,
  );
}

/** Removes the database of a data folder. */
export function removePgdata(data_dir: string): void {
  const pgdata = pgdataOf(data_dir);
  const outside = path.relative(SYSTEM_FOLDER, pgdata);
  const isOutside = !outside.startsWith('..') && !path.isAbsolute(outside);
  rmSync(isOutside ? path.dirname(pgdata) : pgdata, { recursive: true, force: true });
}

/**
 * Makes a database cluster with the superuser `supabase_admin`, ICU sorting and passwords on every connection. It is
 * made under another name first, so that an interrupted start leaves none that is half made.
 */
export async function initPgdata(pgdata: string, binaries: PostgresBinaries, user: OsUser | null, password: string): Promise<void> {
  const unfinished = `${pgdata}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  makeFolderOf(user, unfinished);
  const password_file = `${pgdata}.password`;
  writeFileSync(password_file, `${password}\n`, { mode: 0o600 });
  if (user !== null) chownSync(password_file, user.uid, user.gid);
  try {
    await run(
      binaries.initdb,
      [
        `--pgdata=${unfinished}`,
        '--username=supabase_admin',
        `--pwfile=${password_file}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-instructions',
        // The same order of texts on every machine; the C library's would differ.
        '--locale-provider=icu',
        '--icu-locale=en-US',
        '--locale=C',
      ],
      {
        cwd: path.dirname(binaries.initdb),
        env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
        timeout: 120_000,
        ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
      },
    );
    renameSync(unfinished, pgdata);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw initFailure(error, pgdata);
  } finally {
    rmSync(password_file, { force: true });
  }
}

function initFailure(error: unknown, pgdata: string): StackError {
  const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
  if (/No space left/i.test(said) || codeOf(error) === 'ENOSPC') {
    return new StackError('disk_full', `There is no room for the database in ${pgdata}.`, 'Free at least 200 MB there, or set CONTROL_ROOM_DATA_DIR.', error);
  }
  return new StackError(
    'database_not_made',
    `The database could not be made in ${pgdata}: ${said || messageOf(error)}`,
    'Set CONTROL_ROOM_DATA_DIR to a folder on a local disk that you may write to, with 200 MB free.',
    error,
  );
}
