import path from 'node:path';
import { findByEnvironment, isRunning, signal, waitUntilGone, type Identity } from './identity.ts';
import { asRecord, readJsonFile, writeJsonFile } from './json-file.ts';

/** Set in the environment of each part, with the install's id: finds those that a killed supervisor left behind. */
export const INSTALL_VARIABLE = 'CONTROL_ROOM_INSTALL';

function file(data_dir: string): string {
  return path.join(data_dir, 'parts.json');
}

function readParts(data_dir: string): Record<string, Identity> {
  const parts: Record<string, Identity> = {};
  let stored: Record<string, unknown>;
  try {
    stored = asRecord(readJsonFile(file(data_dir))) ?? {};
  } catch {
    return parts; // damaged: the search by environment remains
  }
  for (const [name, value] of Object.entries(stored)) {
    const part = asRecord(value);
    if (part !== null && typeof part.pid === 'number' && typeof part.started === 'string') {
      parts[name] = { pid: part.pid, started: part.started };
    }
  }
  return parts;
}

/** Notes a part as running (an identity) or as ended (null). */
export function notePart(data_dir: string, name: string, identity: Identity | null): void {
  const parts = readParts(data_dir);
  if (identity === null) delete parts[name];
  else parts[name] = { pid: identity.pid, started: identity.started };
  writeJsonFile(file(data_dir), parts);
}

/**
 * Ends what a killed supervisor left behind: first politely, after 2 s by SIGKILL. Only programs whose start time, or
 * whose environment, proves that they belong to this install. Postgres is asked by SIGINT, which ends its sessions.
 * Returns the number of programs ended.
 */
export async function endOrphans(data_dir: string, install_id: string | null): Promise<number> {
  const parts = readParts(data_dir);
  const orphans = new Map<number, Identity & { polite: NodeJS.Signals }>();
  for (const found of install_id === null ? [] : findByEnvironment(INSTALL_VARIABLE, install_id)) orphans.set(found.pid, { ...found, polite: 'SIGTERM' });
  for (const [name, part] of Object.entries(parts)) {
    if (isRunning(part)) orphans.set(part.pid, { ...part, polite: name === 'postgres' ? 'SIGINT' : 'SIGTERM' });
  }
  // Sessions of Postgres carry the same environment as their postmaster; it ends them itself.
  const postmaster = parts.postgres;
  if (postmaster !== undefined && isRunning(postmaster)) {
    signal(postmaster.pid, 'SIGINT');
    await waitUntilGone(postmaster, 5000);
  }
  const left = [...orphans.values()].filter(isRunning);
  for (const orphan of left) signal(orphan.pid, orphan.polite);
  for (const orphan of left) {
    if (await waitUntilGone(orphan, 2000)) continue;
    signal(orphan.pid, 'SIGKILL');
    await waitUntilGone(orphan, 2000);
  }
  writeJsonFile(file(data_dir), {});
  return orphans.size;
}
