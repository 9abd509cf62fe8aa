import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { codeOf, StackError } from './stack-error.ts';

/** The operating system user that runs Postgres, where that is not the one who runs the stack. */
export type OsUser = { name: string; uid: number; gid: number };

/**
 * Postgres refuses to run as root: then its data's owner runs it, else `postgres`, else `nobody`. null: the present
 * user runs it.
 */
export function postgresUser(pgdata: string | null): OsUser | null {
  if (process.platform === 'win32' || process.getuid?.() !== 0) return null;
  const users = passwd();
  const owner = pgdata === null ? null : ownerOf(pgdata);
  const user =
    users.find((entry) => owner !== null && owner !== 0 && entry.uid === owner) ??
    users.find((entry) => entry.name === 'postgres') ??
    users.find((entry) => entry.name === 'nobody');
  if (user === undefined) {
    throw new StackError(
      'postgres_user_missing',
      'Postgres cannot run as root, and this system has neither a user `postgres` nor `nobody`.',
      'Run `npm start` as an ordinary user, or create a user `postgres`.',
    );
  }
  return user;
}

function ownerOf(folder: string): number | null {
  try {
    return statSync(folder).uid;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function passwd(): OsUser[] {
  // macOS keeps its users elsewhere, but `nobody` (uid -2) is in this file as well.
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4 && !fields[0]?.startsWith('#'))
    .map((fields) => ({ name: fields[0] ?? '', uid: Number(fields[2]), gid: Number(fields[3]) }));
}

/** Whether `user` may go through every folder above `target`, and into it. null (the present user) always may. */
export function mayEnter(target: string, user: OsUser | null): boolean {
  if (user === null) return true;
  for (let folder = path.resolve(target); ; folder = path.dirname(folder)) {
    try {
      const { mode, uid, gid } = statSync(folder);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error; // not made yet: its parent decides
    }
    if (folder === path.dirname(folder)) return true;
  }
}

/** Whether `user` can start a program. */
export function mayRun(command: string, args: string[], user: OsUser | null): boolean {
  try {
    execFileSync(command, args, {
      stdio: 'ignore',
      timeout: 20_000,
      cwd: '/',
      ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
    });
    return true;
  } catch {
    return false;
  }
}

/** Makes a folder that only `user` may read. */
export function makeFolderOf(user: OsUser | null, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user !== null) chownSync(folder, user.uid, user.gid);
}
