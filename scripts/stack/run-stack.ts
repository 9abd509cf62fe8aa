import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Backend, Context } from './context.ts';
import { writeStackFile } from './data-folder.ts';
import { findOdooSource } from './demo-source.ts';
import { startEmbeddedBackend } from './embedded-backend.ts';
import { connectDemoSource, ensureKey } from './environment-key.ts';
import { importPipelines, runFirstPipelines } from './first-runs.ts';
import { useHostedBackend } from './hosted-backend.ts';
import { seed } from './seed.ts';
import { abortOf } from './supervise.ts';
import { startTick } from './tick.ts';
import { localUrl, startWebApp, webEnvironment } from './web-app.ts';
import { startWorker } from './worker.ts';

export type Stop = (hurry?: Promise<void>) => Promise<void>;

/**
 * Starts every part in order. Each started part adds how it is stopped to `stops` at once, so that a failure or a
 * stop in the middle ends exactly what runs. Resolves when everything is up and the first runs are over.
 */
export async function runStack(context: Context, app: { port: number; url: string }, stops: Stop[]): Promise<Backend> {
  const { settings, secrets, terminal, stopping } = context;
  const { hosted } = settings;
  const backend = hosted === null ? await startEmbeddedBackend(context, app.url) : await useHostedBackend(context, hosted);
  stops.push(backend.stop);
  const { database_url } = backend;
  if (settings.backend_only) {
    writeWebEnvironment(context, backend, app.url);
    return backend;
  }
  if (database_url !== null) await terminal.step('Seed', () => seed(context, backend, database_url));
  stopping.throwIfAborted();

  const odoo = findOdooSource(context, backend);
  odoo.catch(() => {}); // awaited below
  const web = await terminal.step('Web app', () => startWebApp(context, backend, app.port, app.url));
  stops.push(web.stop);
  const here = localUrl(settings.host, app.port);
  const tick = startTick(here, secrets.cron_secret, terminal.say);
  stops.push(tick.stop);
  const odoo_url = await Promise.race([odoo, abortOf(stopping)]); // a large source takes minutes
  stopping.throwIfAborted();

  const has_worker = database_url !== null || settings.given.executor_token !== null;
  if (has_worker) {
    const worker = await terminal.step('Worker', () => startWorker(context, here, settings.odoo_url));
    stops.push(worker.stop);
  } else {
    terminal.say('  No worker: set SUPABASE_DB_URL, or CONTROL_ROOM_TOKEN to the token of an executor.');
  }
  if (database_url !== null) {
    await terminal.step('Reference pipelines', () => importPipelines(context, `${here}/api/v1`));
    await ensureKey(context, `${here}/api/v1`);
    if (odoo_url !== null && settings.odoo_url === null) await connectDemoSource(context, `${here}/api/v1`, odoo_url);
  }
  stopping.throwIfAborted();
  writeStackFile(settings, secrets, backend, app.url);

  if (database_url === null || !settings.first_runs) return backend;
  if (odoo_url === null) {
    terminal.say('  No first runs: CONTROL_ROOM_CONNECTION_ODOO names no Odoo database.');
  } else {
    await runFirstPipelines(context, `${here}/api/v1`);
  }
  return backend;
}

/** For `next dev` beside a stack that was started with `--backend`. */
function writeWebEnvironment(context: Context, backend: Backend, app_url: string): void {
  const lines = Object.entries(webEnvironment(context, backend, app_url)).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`);
  writeFileSync(path.join(context.settings.data_dir, 'web.env'), lines.join(''), { mode: 0o600 });
}
