import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Backend, Context } from './context.ts';
import { isLoopback, requestJson, saidIn } from './http.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackError } from './stack-error.ts';
import { runPart, type Part } from './supervise.ts';

/** Environment variables of the web app, also for `next dev`. */
export function webEnvironment(context: Context, backend: Backend, app_url: string): Record<string, string> {
  const { settings, secrets } = context;
  return {
    SUPABASE_URL: backend.supabase_url,
    SUPABASE_PUBLISHABLE_KEY: backend.publishable_key,
    CRON_SECRET: secrets.cron_secret,
    STORAGE_RECEIPT_KEY: secrets.storage_receipt_key,
    CONTROL_ROOM_SIGNING_KEY: secrets.signing_key,
    ...outboundAllow(settings),
    CONTROL_ROOM_STORAGE: process.env.CONTROL_ROOM_STORAGE || pathToFileURL(path.join(settings.data_dir, 'storage')).href,
    APP_URL: app_url,
    ...(backend.postgrest_url === null ? {} : { POSTGREST_URL: backend.postgrest_url }),
    ...(backend.listen_url === null ? {} : { CONTROL_ROOM_LISTEN_URL: backend.listen_url }),
  };
}

/** Starts the built web app, and waits until its health check is good. */
export async function startWebApp(context: Context, backend: Backend, port: number, app_url: string): Promise<Part> {
  const { settings, secrets, terminal } = context;
  const log_file = path.join(settings.data_dir, 'logs', 'web.log');
  return runPart('web', {
    data_dir: settings.data_dir,
    install_id: secrets.install_id,
    stop_signal: 'SIGTERM',
    patience_ms: 5000,
    prepare: async () => ({
      name: 'web',
      command: process.execPath,
      args: [path.join(settings.root, 'node_modules/next/dist/bin/next'), 'start', '-p', String(port), '-H', settings.host],
      env: { ...inherited('web', process.env), NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1', ...webEnvironment(context, backend, app_url) },
      cwd: settings.root,
      log_file,
    }),
    ready: (child) => waitForHealth(localUrl(settings.host, port), () => child.hasExited(), log_file),
    say: terminal.say,
    stopping: context.stopping,
    lost: context.lost,
  });
}

/**
 * Whoever can reach an app that listens here only, and has no address for others, may also reach what else listens here: by a webhook, or a
 * source over http. With a proxy before it (APP_URL) others reach it, too.
 */
export function outboundAllow({ host, app_url }: Pick<Settings, 'host' | 'app_url'>): Record<string, string> {
  const here = isLoopback(host) && (app_url === null || (URL.canParse(app_url) && isLoopback(new URL(app_url).hostname)));
  return here ? { CONTROL_ROOM_OUTBOUND_ALLOW: process.env['CONTROL_ROOM_OUTBOUND_ALLOW'] ?? '0.0.0.0/0,::/0' } : {};
}

/** Where this machine reaches the app, also where APP_URL is a name that only others can resolve. */
export function localUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Never handed on: what belongs to npm, to the supervisor, or to another part. */
const WITHHELD: Record<'web' | 'worker', RegExp> = {
  web: /^(npm_.*|SUPABASE_.*|NEXT_PUBLIC_SUPABASE_.*|PORT|HOST|CONTROL_ROOM_CONNECTION_.*|EXECUTOR_KEYS.*|CONTROL_ROOM_TOKEN|CONTROL_ROOM_INSTALL)$/,
  worker: /^(npm_.*|SUPABASE_.*|NEXT_PUBLIC_SUPABASE_.*|PORT|HOST|CRON_SECRET|STORAGE_RECEIPT_KEY|CONTROL_ROOM_SIGNING_KEY|CONTROL_ROOM_LISTEN_URL|CONTROL_ROOM_INSTALL)$/,
};

/** The present environment as a part may see it: secrets of sources stay with the worker, those of Supabase with us. */
export function inherited(part: 'web' | 'worker', environment: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !WITHHELD[part].test(name)));
}

async function waitForHealth(url: string, hasExited: () => boolean, log_file: string, timeout_ms = 120_000): Promise<void> {
  const deadline = Date.now() + timeout_ms;
  let last = 'no answer';
  while (!hasExited()) {
    try {
      const answer = await requestJson('GET', `${url}/api/v1/health`, { timeout_ms: 5000 });
      if (answer.status === 200) return;
      last = `${saidIn(answer)} ${JSON.stringify(answer.body)}`;
    } catch (error) {
      last = messageOf(error);
    }
    if (Date.now() > deadline) {
      throw new StackError('health_not_ok', `The web app did not become healthy within ${timeout_ms / 1000} s: ${last}`, `Read ${log_file}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
