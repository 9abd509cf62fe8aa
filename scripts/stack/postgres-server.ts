import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { Child, ChildSpec } from './child.ts';
import { findByWorkingFolder, isRunning, signal, waitUntilGone } from './identity.ts';
import type { OsUser } from './os-user.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { codeOf, messageOf, StackError } from './stack-error.ts';

export type ServerOptions = {
  binaries: PostgresBinaries;
  user: OsUser | null;
  pgdata: string;
  port: number;
  log_file: string;
  /** false only for databases of tests, which nobody misses after a power cut. */
  durable: boolean;
};

/** A connection URL of the server on this machine. */
export function databaseUrl(port: number, user: string, password: string, database = 'postgres'): string {
  return `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}?sslmode=disable`;
}

/** The command of a server. Settings stand here, not in postgresql.conf, so that a newer product brings its own. */
export function serverCommand(options: ServerOptions): ChildSpec {
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    port: options.port,
    unix_socket_directories: '',
    max_connections: 100,
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_line_prefix: '%m [%p] %q%u@%d ',
    wal_level: 'logical',
    // Partitions of run_events each take locks of their own.
    max_locks_per_transaction: 256,
    // Short statements everywhere: compiling costs more than it saves.
    jit: 'off',
    shared_buffers: '128MB',
    fsync: options.durable ? 'on' : 'off',
    synchronous_commit: options.durable ? 'on' : 'off',
    full_page_writes: options.durable ? 'on' : 'off',
  };
  return {
    name: 'postgres',
    command: options.binaries.postgres,
    args: ['-D', options.pgdata, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    cwd: options.pgdata,
    log_file: options.log_file,
    ...(options.user === null ? {} : { uid: options.user.uid, gid: options.user.gid }),
  };
}

/**
 * Clears the way for a start: a server that still works in `pgdata` is ended, sessions that outlived their server as
 * well (they hold its shared memory), and a `postmaster.pid` that names somebody else's program is removed. Returns
 * whether anything was found.
 */
export async function clearLeftovers(pgdata: string): Promise<boolean> {
  const pid_file = path.join(pgdata, 'postmaster.pid');
  const found = findByWorkingFolder(pgdata);
  const named = existsSync(pid_file) ? Number(readFileSync(pid_file, 'utf8').split('\n')[0]) : null;
  const postmaster = found.find((one) => one.pid === named);
  if (postmaster !== undefined) {
    signal(postmaster.pid, 'SIGINT');
    await waitUntilGone(postmaster, 10_000);
  }
  for (const left of found.filter(isRunning)) {
    // SIGQUIT is Postgres' own "end at once"; what is stopped or hangs in the kernel gets SIGKILL.
    signal(left.pid, 'SIGQUIT');
    if (!(await waitUntilGone(left, 2000))) signal(left.pid, 'SIGKILL');
    await waitUntilGone(left, 2000);
  }
  // Postgres itself only looks whether the pid exists, and after a restart of the machine it may be another program's.
  // Where programs cannot be looked up (not Linux) the judgement is left to Postgres.
  if (named !== null && process.platform === 'linux') rmSync(pid_file, { force: true });
  return named !== null || found.length > 0;
}

/** Resolves when the server answers queries. Throws `database_not_ready` after `timeout_ms`. */
export async function waitForServer(url: string, child: Child, timeout_ms = 60_000): Promise<void> {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 5000 });
    client.on('error', () => {}); // the attempt itself reports it
    try {
      await client.connect();
      await client.query('select 1');
      return;
    } catch (error) {
      if (child.hasExited()) return; // whoever watches the child reports its end, with its log
      if (codeOf(error) === '28P01') {
        throw new StackError('password_refused', 'The embedded database refuses its own password.', 'Restore secrets.json of the data folder, or run `npm run reset`.', error);
      }
      if (Date.now() > deadline) {
        throw new StackError('database_not_ready', `The database did not answer within ${timeout_ms / 1000} s: ${messageOf(error)}`, 'Read logs/postgres.log in the data folder.', error);
      }
    } finally {
      await client.end().catch(() => {}); // nothing is left to save on it
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
