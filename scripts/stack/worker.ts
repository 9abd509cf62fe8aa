import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from './context.ts';
import { keyFile } from './environment-key.ts';
import { runPart, type Part } from './supervise.ts';
import { inherited, outboundAllow } from './web-app.ts';

/** How long a run under way may go on after Ctrl-C before it is given back. */
const DRAIN_SECONDS = 5;

/** Starts one worker. It counts as ready once it runs: when it registers itself, the runs list shows it. */
export async function startWorker(context: Context, app_url: string, given_odoo_url: string | null): Promise<Part> {
  const { settings, secrets, terminal } = context;
  const { data_dir, root } = settings;
  const scratch = path.join(data_dir, 'scratch');
  mkdirSync(scratch, { recursive: true });
  return runPart('worker', {
    data_dir,
    install_id: secrets.install_id,
    stop_signal: 'SIGTERM', // drains: the present run is finished or given back
    patience_ms: (DRAIN_SECONDS + 5) * 1000,
    prepare: async () => ({
      name: 'worker',
      command: process.execPath,
      args: [path.join(root, 'dist/worker.mjs')],
      env: {
        ...inherited('worker', process.env),
        NODE_ENV: 'production',
        ...outboundAllow(settings),
        EXECUTOR_DRAIN_SECONDS: String(DRAIN_SECONDS),
        CONTROL_ROOM_URL: app_url,
        CONTROL_ROOM_TOKEN: secrets.executor_token,
        CONTROL_ROOM_LAKE: process.env.CONTROL_ROOM_LAKE || pathToFileURL(path.join(data_dir, 'lake')).href,
        CONTROL_ROOM_SCRATCH: process.env.CONTROL_ROOM_SCRATCH || scratch,
        EXECUTOR_KEYS_FILE: process.env.EXECUTOR_KEYS_FILE || keyFile(data_dir),
        ...(given_odoo_url === null ? {} : { CONTROL_ROOM_CONNECTION_ODOO: given_odoo_url }),
      },
      cwd: root,
      log_file: path.join(data_dir, 'logs', 'worker.log'),
    }),
    ready: async () => {},
    say: terminal.say,
    stopping: context.stopping,
    lost: context.lost,
  });
}
