import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Backend, Context } from './context.ts';
import { openDataFolder, readableFailure, removeStackFile } from './data-folder.ts';
import { takeLock, type Lock } from './lock.ts';
import { endOrphans } from './parts-on-disk.ts';
import { chooseAppPort } from './ports.ts';
import { pgdataOf } from './postgres-folder.ts';
import { clearLeftovers } from './postgres-server.ts';
import { runStack, type Stop } from './run-stack.ts';
import { openSecrets } from './secrets.ts';
import { appUrl, findRoot, readSettings, type Settings } from './settings.ts';
import { explain } from './stack-error.ts';
import { listenForStop, type Stopping } from './stopping.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** Runs the stack until it is stopped. Resolves to the exit code: 0 after Ctrl-C, 1 after a failure. */
async function main(): Promise<number> {
  const settings = readSettings(process.env, process.argv.slice(2), findRoot());
  const { data_dir } = settings;
  openDataFolder(data_dir);
  const lock = takeLock(data_dir);
  const terminal = openTerminal(data_dir);
  const stopping = listenForStop();
  const stops: Stop[] = [];
  try {
    await start(settings, terminal, stopping, stops, lock);
    await stopping.asked;
  } catch (error) {
    stopping.fail(error);
  }
  let failed = stopping.failure() !== null;
  if (failed) process.stderr.write(`\n${explain(readableFailure(stopping.failure(), data_dir))}\n`);
  terminal.say('\nStopping ...');
  removeStackFile(data_dir);
  for (const stop of stops.reverse()) {
    try {
      await stop(stopping.hurried);
    } catch (error) {
      process.stderr.write(`${explain(error)}\n`);
      failed = true;
    }
  }
  terminal.say('Stopped.');
  lock.release();
  return failed ? 1 : 0;
}

async function start(settings: Settings, terminal: Terminal, stopping: Stopping, stops: Stop[], lock: Lock): Promise<void> {
  const { data_dir } = settings;
  removeStackFile(data_dir);
  const pgdata = pgdataOf(data_dir);
  const { secrets, fresh } = openSecrets(data_dir, existsSync(pgdata), settings.hosted === null ? {} : settings.given);
  // What a killed start left may hold the ports, so it goes first.
  const orphans = await endOrphans(data_dir, secrets.install_id);
  const leftovers = existsSync(pgdata) && (await clearLeftovers(pgdata));
  if (orphans > 0 || leftovers) terminal.say('An earlier start was killed; what it left running was ended.');
  const port = await chooseAppPort(settings.port, settings.host);
  const app_url = appUrl(settings, port);
  lock.announce(app_url);

  const context: Context = { settings, secrets, terminal, stopping: stopping.signal, lost: stopping.fail };
  const backend = await runStack(context, { port, url: app_url }, stops);
  if (!stopping.signal.aborted) showReady(context, backend, app_url, fresh);
}

function showReady(context: Context, backend: Backend, app_url: string, fresh: boolean): void {
  const { settings, secrets, terminal } = context;
  const seconds = (performance.now() / 1000).toFixed(1);
  terminal.say('');
  if (settings.backend_only) {
    terminal.say(`The backend is ready after ${seconds} s: ${backend.supabase_url}`);
    terminal.say(`Web app:  node --env-file='${path.join(settings.data_dir, 'web.env')}' node_modules/next/dist/bin/next dev`);
  } else {
    terminal.say(`The control room is ready after ${seconds} s: ${app_url}`);
    if (backend.database_url !== null && backend.secret_key !== null) {
      terminal.say(`E-mail:   ${secrets.admin.email}`);
      // The password goes to the terminal of the first start only, and into no log.
      if (fresh) process.stdout.write(`Password: ${secrets.admin.password}\n`);
      else terminal.say(`Password: see ${path.join(settings.data_dir, 'stack.json')}`);
    }
  }
  terminal.say('Stop it with Ctrl-C.');
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\n${explain(readableFailure(error, null))}\n`);
    process.exit(1);
  },
);
