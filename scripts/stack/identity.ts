import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isRunning, startedAt, type Identity } from '../lock-holder.mjs';
import { codeOf } from './stack-error.ts';

export { isRunning, startedAt, type Identity };

/** Programs (Linux only, elsewhere none) whose environment holds `NAME=value`, that this user may look at. */
export function findByEnvironment(name: string, value: string): Identity[] {
  const wanted = `\0${name}=${value}\0`;
  return findInProc((pid) => `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(wanted));
}

/** Programs (Linux only, elsewhere none) that work in `folder`, as every process of a Postgres server does in its data. */
export function findByWorkingFolder(folder: string): Identity[] {
  return findInProc((pid) => readlinkSync(`/proc/${pid}/cwd`) === folder);
}

function findInProc(matches: (pid: number) => boolean): Identity[] {
  if (process.platform !== 'linux') return [];
  const found: Identity[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (!matches(pid)) continue;
    } catch {
      continue; // gone, or another user's: not ours
    }
    const started = startedAt(pid);
    if (started !== null) found.push({ pid, started });
  }
  return found;
}

/** Resolves to true when the program is gone, to false after `timeout_ms`. */
export async function waitUntilGone(identity: Identity, timeout_ms: number): Promise<boolean> {
  const deadline = Date.now() + timeout_ms;
  while (isRunning(identity)) {
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Sends a signal; a program that is already gone is no error. `pid` below 0 means the whole group. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
