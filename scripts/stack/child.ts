import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { signal, startedAt, type Identity } from './identity.ts';
import { codeOf, StackError } from './stack-error.ts';

export type ChildSpec = {
  /** One word; names the log file. */
  name: string;
  command: string;
  args: string[];
  env: Record<string, string | undefined>;
  cwd: string;
  log_file: string;
  /** Another user to run as; only root may. */
  uid?: number;
  gid?: number;
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null };
export type Child = Identity & { name: string; exited: Promise<Exit>; hasExited(): boolean };

/** A log larger than this (bytes) is moved to `<name>.log.1` before its part starts. */
const LOG_LIMIT = 10_000_000;

/**
 * Starts a program in a session of its own, so that Ctrl-C in the terminal reaches only the supervisor. Its output
 * goes straight into its log file, and so survives the supervisor. Throws `part_not_started`.
 */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const log = openLog(spec.log_file);
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
    ...(spec.uid === undefined ? {} : { uid: spec.uid, gid: spec.gid }),
  });
  let over = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, name) => {
      over = true;
      resolve({ code, signal: name });
    });
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } catch (error) {
    throw new StackError(
      'part_not_started',
      `${spec.name} could not be started: ${spec.command}: ${codeOf(error) ?? 'unknown error'}.`,
      codeOf(error) === 'ENOENT' ? 'Install the packages again with `npm ci`.' : 'Check that the file may be executed.',
      error,
    );
  } finally {
    closeSync(log);
  }
  const pid = child.pid ?? 0;
  return { name: spec.name, pid, started: startedAt(pid) ?? 'gone', exited, hasExited: () => over };
}

function openLog(file: string): number {
  mkdirSync(path.dirname(file), { recursive: true });
  try {
    if (statSync(file).size > LOG_LIMIT) renameSync(file, `${file}.1`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return openSync(file, 'a', 0o600);
}

/**
 * Ends a child: `first` to the program, after `patience_ms` SIGKILL to its whole group. Resolves when it is gone.
 * `hurry` shortens the patience when it resolves.
 */
export async function endChild(child: Child, first: NodeJS.Signals, patience_ms: number, hurry?: Promise<void>): Promise<void> {
  if (!child.hasExited()) {
    signal(child.pid, first);
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience_ms);
    });
    await Promise.race([child.exited, waited, ...(hurry ? [hurry] : [])]);
    clearTimeout(timer);
  }
  signal(-child.pid, 'SIGKILL'); // also what it may have started and left behind
  await child.exited;
}

/** The last lines of a log, for an error message. */
export function tailOf(file: string, lines = 6): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log was written)';
  }
}
