import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Backend } from './context.ts';
import { writeJsonFile } from './json-file.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';
import { codeOf, StackError } from './stack-error.ts';

/** Makes the data folder. Throws `data_dir_not_writable`. */
export function openDataFolder(data_dir: string): void {
  try {
    // Root lets others pass through (not list), because another user runs Postgres below it. Secrets are mode 0600.
    mkdirSync(data_dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    mkdirSync(path.join(data_dir, 'logs'), { recursive: true, mode: 0o700 });
    accessSync(data_dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StackError(
      'data_dir_not_writable',
      `The data folder ${data_dir} cannot be used: ${codeOf(error) ?? 'unknown error'}.`,
      'Give it to the user who runs `npm start`, or set CONTROL_ROOM_DATA_DIR to another folder.',
      error,
    );
  }
}

function stackFile(data_dir: string): string {
  return path.join(data_dir, 'stack.json');
}

/** Tells programs of this machine, and people, that the stack is ready and how to reach it. Mode 0600. */
export function writeStackFile(settings: Settings, secrets: Secrets, backend: Backend, app_url: string): void {
  const seeded = backend.database_url !== null;
  writeJsonFile(stackFile(settings.data_dir), {
    app_url,
    api_url: `${app_url}/api/v1`,
    supabase_url: backend.supabase_url,
    postgrest_url: backend.postgrest_url,
    publishable_key: backend.publishable_key,
    secret_key: backend.secret_key,
    database_url: backend.database_url,
    data_dir: settings.data_dir,
    admin: seeded && backend.secret_key !== null ? secrets.admin : null,
    api_token: seeded ? secrets.api_token : null,
    executor_token: seeded ? secrets.executor_token : null,
  });
}

/** A stack that does not run has no stack.json: whoever waits for the file does not read an old one. */
export function removeStackFile(data_dir: string): void {
  rmSync(stackFile(data_dir), { force: true });
}

/** Errors of the file system, as something that a person can act on; others unchanged. */
export function readableFailure(error: unknown, data_dir: string | null): unknown {
  const place = (error as NodeJS.ErrnoException | null)?.path ?? data_dir ?? 'the data folder';
  switch (codeOf(error)) {
    case 'ENOSPC':
      return new StackError('disk_full', `The disk that holds ${place} is full.`, 'Free space there, and start again.', error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StackError(
        'data_dir_not_writable',
        `${place} may not be used by this user (${codeOf(error)}).`,
        'Start as the user who started the first time, or set CONTROL_ROOM_DATA_DIR to another folder.',
        error,
      );
    default:
      return error;
  }
}
