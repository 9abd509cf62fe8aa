import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import type { LogLine } from './auth/context.ts';
import type { Backend, Context } from './context.ts';
import { startDatabase } from './embedded-database.ts';
import { startGateway } from './gateway.ts';
import { createOutbox } from './outbox.ts';
import { innerPorts } from './ports.ts';
import { findPostgrest, postgrestCommand, waitForPostgrest } from './postgrest.ts';
import { publicKeySet } from './secrets.ts';
import { runPart } from './supervise.ts';
import { watchPostgrest } from './watch-postgrest.ts';

/**
 * Starts database, PostgREST and gateway, in this order; stops them in the reverse one. PostgREST and listeners reach the
 * database by `link(url)`: tests of failures put a disturbed line there.
 */
export async function startEmbeddedBackend(context: Context, site_url: string, link: (url: string) => string = (url) => url): Promise<Backend> {
  const { settings, secrets, terminal } = context;
  const { data_dir, root } = settings;
  const command = findPostgrest(root, process.env); // before anything runs: it may be missing
  const ports = await innerPorts(data_dir, ['postgres', 'postgrest', 'postgrest_admin', 'gateway']);
  const stops: ((hurry?: Promise<void>) => Promise<void>)[] = [];
  const stop = async (hurry?: Promise<void>) => {
    for (const end of stops.splice(0).reverse()) await end(hurry);
  };
  try {
    const database = await startDatabase(context, ports.postgres);
    stops.push(database.part.stop);

    const rest_log = path.join(data_dir, 'logs', 'postgrest.log');
    const rest = await terminal.step('PostgREST', () =>
      runPart('postgrest', {
        data_dir,
        install_id: secrets.install_id,
        stop_signal: 'SIGTERM',
        patience_ms: 3000,
        prepare: async () =>
          postgrestCommand({
            command,
            database_url: link(database.url('authenticator')),
            port: ports.postgrest,
            admin_port: ports.postgrest_admin,
            jwks: publicKeySet(secrets.jwk),
            pre_request: 'ops_private.pre_request',
            log_file: rest_log,
            cwd: data_dir,
          }),
        ready: (child) => waitForPostgrest(ports.postgrest_admin, child, rest_log),
        say: terminal.say,
        stopping: context.stopping,
        lost: context.lost,
      }),
    );
    stops.push(rest.stop);
    const watch = watchPostgrest({ admin_port: ports.postgrest_admin, database_url: link(database.url('authenticator')), pid: rest.pid, say: terminal.say });
    stops.push(watch.stop);

    const postgrest_url = `http://127.0.0.1:${ports.postgrest}`;
    const gateway_log = path.join(data_dir, 'logs', 'gateway.log');
    const log: LogLine = (line) => {
      const text = `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`;
      appendFile(gateway_log, text, { mode: 0o600 }).catch(() => {}); // a full disk must not end sign-ins
    };
    const gateway = await terminal.step('Gateway with auth', () =>
      startGateway({
        host: '127.0.0.1',
        port: ports.gateway,
        database_url: database.url('supabase_auth_admin'),
        postgrest_url,
        jwk: secrets.jwk,
        publishable_key: secrets.publishable_key,
        secret_key: secrets.secret_key,
        caller_secret: secrets.cron_secret,
        site_url,
        disable_signup: true,
        invited_may_sign_up: true,
        log,
        send: createOutbox(path.join(data_dir, 'outbox'), log),
      }),
    );
    stops.push(() => gateway.close());

    return {
      supabase_url: gateway.url,
      postgrest_url,
      publishable_key: secrets.publishable_key,
      secret_key: secrets.secret_key,
      database_url: database.url('postgres'),
      listen_url: link(database.url('ops_listener')),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
