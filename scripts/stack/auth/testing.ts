/** For tests: a real Postgres with the bootstrap, PostgREST, and a gateway, in a folder that is removed at the end. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyBootstrap, withClient } from '../bootstrap.ts';
import { endChild, startChild } from '../child.ts';
import type { Mail } from './context.ts';
import { startGateway, publicJwks, type Gateway, type GatewayOptions } from '../gateway.ts';
import { postgresUser } from '../os-user.ts';
import { anyFreePort } from '../ports.ts';
import { findPostgres } from '../postgres-binaries.ts';
import { initPgdata } from '../postgres-folder.ts';
import { databaseUrl, serverCommand, waitForServer } from '../postgres-server.ts';
import { findPostgrest, postgrestCommand, waitForPostgrest } from '../postgrest.ts';
import { newSigningKey } from '../secrets.ts';

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
export const PUBLISHABLE = 'sb_publishable_for_tests';
export const SECRET = 'sb_secret_for_tests';

const PASSWORD = 'only-for-tests';

/** What PostgREST shows in tests: its claims and headers, a row to read and one to write. */
const SAMPLE = `
  create schema if not exists ops;
  grant usage on schema ops to anon, authenticated, service_role;
  create function ops.who() returns jsonb language sql stable as $$
    select jsonb_build_object('role', current_user, 'uid', auth.uid(), 'headers', current_setting('request.headers', true)::jsonb)
  $$;
  create table ops.notes (id int generated always as identity primary key, body text not null);
  grant select, insert, delete on ops.notes to service_role;
`;

export type Stack = {
  gateway: Gateway;
  jwk: ReturnType<typeof newSigningKey>;
  database_url: string;
  superuser_url: string;
  log: Record<string, unknown>[];
  mails: Mail[];
  /** Another gateway on the same parts, with other options. Its caller closes it. */
  another(options: Partial<GatewayOptions>): Promise<Gateway>;
  stopPostgrest(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts everything on free ports. */
export async function startTestStack(): Promise<Stack> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gateway-test-'));
  chmodSync(folder, 0o711); // Postgres may run as another user, who must enter
  const ends: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const one of ends.splice(0).reverse()) await one();
  };
  try {
    const pgdata = path.join(folder, 'pgdata');
    const user = postgresUser(null);
    const binaries = findPostgres(REPOSITORY, user);
    await initPgdata(pgdata, binaries, user, PASSWORD);
    const port = await anyFreePort();
    const log_file = path.join(folder, 'postgres.log');
    const postgres = await startChild(serverCommand({ binaries, user, pgdata, port, log_file, durable: false }));
    ends.push(() => endChild(postgres, 'SIGINT', 10_000));
    const url = (role: string): string => databaseUrl(port, role, PASSWORD);
    const superuser_url = url('supabase_admin');
    await waitForServer(superuser_url, postgres);
    await applyBootstrap(superuser_url, REPOSITORY, { authenticator: PASSWORD, supabase_auth_admin: PASSWORD });
    await withClient(superuser_url, (client) => client.query(SAMPLE));

    const jwk = newSigningKey();
    const rest_port = await anyFreePort();
    const admin_port = await anyFreePort();
    const rest_log = path.join(folder, 'postgrest.log');
    const postgrest = await startChild(postgrestCommand({
      command: findPostgrest(REPOSITORY, process.env), database_url: url('authenticator'), port: rest_port, admin_port,
      jwks: publicJwks(jwk), log_file: rest_log, cwd: folder,
    }));
    ends.push(() => endChild(postgrest, 'SIGTERM', 5_000));
    await waitForPostgrest(admin_port, postgrest, rest_log);

    const log: Record<string, unknown>[] = [];
    const mails: Mail[] = [];
    const database_url = url('supabase_auth_admin');
    const another = (options: Partial<GatewayOptions>): Promise<Gateway> =>
      startGateway({
        host: '127.0.0.1', port: 0, database_url, postgrest_url: `http://127.0.0.1:${rest_port}`, jwk,
        publishable_key: PUBLISHABLE, secret_key: SECRET, site_url: 'http://127.0.0.1:3000', log: (line) => log.push(line), send: (mail) => mails.push(mail), ...options,
      });
    const gateway = await another({});
    ends.push(() => gateway.close());
    return { gateway, jwk, database_url, superuser_url, log, mails, another, stopPostgrest: () => endChild(postgrest, 'SIGTERM', 5_000), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
