import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { dataFolder } from '../lock-holder.mjs';
import { readableFailure } from './data-folder.ts';
import { asRecord, readJsonFile } from './json-file.ts';
import { takeLock } from './lock.ts';
import { endOrphans } from './parts-on-disk.ts';
import { pgdataOf, removePgdata } from './postgres-folder.ts';
import { clearLeftovers } from './postgres-server.ts';
import { findRoot } from './settings.ts';
import { codeOf, explain } from './stack-error.ts';

/** What the stack itself writes. Nothing else is removed: the variable may name a folder that holds more. */
const OWN = /^(logs|lake|storage|scratch|outbox|pgdata.*|web\.env|(executor-keys|secrets|ports|parts|stack|lock|first-runs|pipelines)\.json.*)$/;

async function main(): Promise<number> {
  const data_dir = dataFolder(findRoot());
  const own = existsSync(data_dir) ? readdirSync(data_dir).filter((name) => OWN.test(name)) : [];
  if (own.length === 0) {
    process.stdout.write(`There is nothing to clear in ${data_dir}.\n`);
    return 0;
  }
  const lock = takeLock(data_dir); // refuses while it runs
  try {
    if (!process.argv.includes('--yes') && !(await confirm(data_dir))) {
      process.stdout.write('Nothing was cleared.\n');
      return 1;
    }
    await endOrphans(data_dir, installId(data_dir));
    const pgdata = pgdataOf(data_dir);
    if (existsSync(pgdata)) await clearLeftovers(pgdata);
    removePgdata(data_dir);
    for (const name of readdirSync(data_dir)) {
      if (OWN.test(name) && name !== 'lock.json') rmSync(path.join(data_dir, name), { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
  try {
    rmdirSync(data_dir);
  } catch (error) {
    // Something of others is in it, or it is a mount point: the folder stays.
    if (!['ENOTEMPTY', 'EBUSY', 'EPERM', 'EACCES', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
  }
  process.stdout.write(`Cleared ${data_dir}. \`npm start\` begins anew.\n`);
  return 0;
}

/** Of a damaged file none: then only parts that are noted by pid are ended. */
function installId(data_dir: string): string | null {
  try {
    const id = asRecord(readJsonFile(path.join(data_dir, 'secrets.json')))?.install_id;
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}

async function confirm(data_dir: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const closed = new Promise<string>((resolve) => prompt.once('close', () => resolve('')));
    const question = `This deletes the database, the lake, all artifacts and passwords in ${data_dir}.\nType yes to go on: `;
    return (await Promise.race([prompt.question(question), closed])).trim() === 'yes';
  } finally {
    prompt.close();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${explain(readableFailure(error, null))}\n`);
    process.exit(1);
  },
);
