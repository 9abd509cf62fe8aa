import { linkSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describeHolder, isRunning, readHolder, startedAt, type Holder } from '../lock-holder.mjs';
import { asRecord, readJsonFile, writeJsonFile } from './json-file.ts';
import { codeOf, StackError } from './stack-error.ts';

export type Lock = { announce(app_url: string): void; release(): void };

function lockFile(data_dir: string): string {
  return path.join(data_dir, 'lock.json');
}

/**
 * Takes the data folder for this program. A lock left by a killed one is taken over.
 * Throws `already_running` with pid, address and time of the holder.
 */
export function takeLock(data_dir: string): Lock {
  const file = lockFile(data_dir);
  const mine: Holder = {
    pid: process.pid,
    started: startedAt(process.pid) ?? 'unknown',
    since: new Date().toISOString(),
    app_url: null,
  };
  const candidate = `${file}.${process.pid}`;
  writeJsonFile(candidate, mine);
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        linkSync(candidate, file); // fails where the name exists, and so decides between two that start together
        return {
          announce: (app_url) => writeJsonFile(file, { ...mine, app_url }),
          release: () => rmSync(file, { force: true }),
        };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const holder = readHolder(data_dir);
      if (holder !== null) throw alreadyRunning(data_dir, holder);
      moveAside(data_dir, file);
    }
  } finally {
    rmSync(candidate, { force: true });
  }
  throw new StackError('lock_contested', `Several starts race for ${data_dir}.`, 'Start only one, and start again.');
}

/** Removes a stale lock; puts it back where another start was faster and the moved one is alive. */
function moveAside(data_dir: string, file: string): void {
  const aside = path.join(data_dir, `lock.json.stale.${process.pid}`);
  try {
    renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  let moved: Record<string, unknown> | null = null;
  try {
    moved = asRecord(readJsonFile(aside));
  } catch {
    moved = null; // damaged: nobody's
  }
  if (moved !== null && typeof moved.pid === 'number' && typeof moved.started === 'string') {
    if (isRunning({ pid: moved.pid, started: moved.started })) linkSync(aside, file);
  }
  rmSync(aside, { force: true });
}

function alreadyRunning(data_dir: string, holder: Holder): StackError {
  const { message, remedy } = describeHolder(data_dir, holder);
  return new StackError('already_running', message, remedy);
}
