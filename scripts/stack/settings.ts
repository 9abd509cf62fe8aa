import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataFolder } from '../lock-holder.mjs';
import { StackError } from './stack-error.ts';

/** A Supabase outside of this stack. `database_url` is for migrations and seed, `secret_key` for the first user. */
export type HostedSettings = {
  supabase_url: string;
  publishable_key: string;
  secret_key: string | null;
  database_url: string | null;
};

export type Settings = {
  /** The checkout. */
  root: string;
  /** Absolute; everything of an install lives below it. */
  data_dir: string;
  /** Where the web app listens; every other part listens on 127.0.0.1 only. */
  host: string;
  /** null: 3000 or the next free one. */
  port: number | null;
  /** The address that people use, where it differs from host and port (a proxy). */
  app_url: string | null;
  /** null: the embedded database. */
  hosted: HostedSettings | null;
  /** Secrets of a hosted installation that this machine did not make itself. */
  given: { cron_secret: string | null; storage_receipt_key: string | null; signing_key: string | null; executor_token: string | null; postgrest_url: string | null; listen_url: string | null };
  /** A real Odoo database to read instead of the demo source. */
  odoo_url: string | null;
  demo_size: 'S' | 'M' | 'L';
  /** Only database, REST and auth: what `npm run dev` needs. */
  backend_only: boolean;
  /** Whether the reference pipelines run once in a new install. */
  first_runs: boolean;
};

type Environment = Record<string, string | undefined>;

/** The checkout that this file, or the bundle made of it, belongs to. */
export function findRoot(from: string = path.dirname(fileURLToPath(import.meta.url))): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package-lock.json')) && existsSync(path.join(folder, 'supabase'))) return folder;
    if (folder === path.dirname(folder)) {
      throw new StackError('checkout_not_found', `No checkout was found above ${from}.`, 'Run `npm start` in the folder of the repository.');
    }
  }
}

/** Settings out of environment variables and arguments; an empty variable counts as unset. */
export function readSettings(environment: Environment, argv: string[], root: string): Settings {
  const get = (...names: string[]) => names.map((name) => environment[name]?.trim()).find(Boolean) ?? null;
  return {
    root,
    data_dir: dataFolder(root, environment),
    host: get('HOST') ?? '127.0.0.1',
    port: readPort(get('PORT')),
    app_url: get('APP_URL')?.replace(/\/+$/, '') ?? null,
    hosted: readHosted(get),
    given: { cron_secret: get('CRON_SECRET'), storage_receipt_key: get('STORAGE_RECEIPT_KEY'), signing_key: get('CONTROL_ROOM_SIGNING_KEY'), executor_token: get('CONTROL_ROOM_TOKEN'), postgrest_url: get('POSTGREST_URL'), listen_url: get('CONTROL_ROOM_LISTEN_URL') },
    odoo_url: get('CONTROL_ROOM_CONNECTION_ODOO'),
    demo_size: readDemoSize(get('CONTROL_ROOM_DEMO_SIZE') ?? 'S'),
    backend_only: argv.includes('--backend'),
    first_runs: get('CONTROL_ROOM_FIRST_RUNS') !== 'off',
  };
}

function readDemoSize(text: string): Settings['demo_size'] {
  if (text === 'S' || text === 'M' || text === 'L') return text;
  throw new StackError('demo_size_invalid', `CONTROL_ROOM_DEMO_SIZE is not a size: ${text}`, 'Use S, M or L.');
}

function readHosted(get: (...names: string[]) => string | null): HostedSettings | null {
  const url = get('SUPABASE_URL', 'NEXT_PUBLIC_SUPABASE_URL');
  const key = get('SUPABASE_PUBLISHABLE_KEY', 'NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY', 'SUPABASE_ANON_KEY', 'NEXT_PUBLIC_SUPABASE_ANON_KEY');
  if (url === null && key === null) return null;
  if (url === null || key === null) {
    throw new StackError(
      'supabase_settings_incomplete',
      `${url === null ? 'SUPABASE_URL' : 'SUPABASE_PUBLISHABLE_KEY'} is not set, but the other one is.`,
      'Set both SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY to use that Supabase, or neither to use the embedded database.',
    );
  }
  if (!URL.canParse(url)) {
    throw new StackError('supabase_url_invalid', `SUPABASE_URL is not a URL: ${url}`, 'Use the form https://<project>.supabase.co.');
  }
  return {
    supabase_url: url.replace(/\/+$/, ''),
    publishable_key: key,
    secret_key: get('SUPABASE_SECRET_KEY', 'SUPABASE_SERVICE_ROLE_KEY'),
    database_url: get('SUPABASE_DB_URL'),
  };
}

function readPort(text: string | null): number | null {
  if (text === null) return null;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StackError('port_invalid', `PORT is not a port number: ${text}`, 'Use a whole number from 1 to 65535, or unset PORT.');
  }
  return port;
}

/** Where people and parts of this machine reach the web app. */
export function appUrl(settings: Settings, port: number): string {
  if (settings.app_url !== null) return settings.app_url;
  const everywhere = settings.host === '0.0.0.0' || settings.host === '::';
  const host = everywhere ? '127.0.0.1' : settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return `http://${host}:${port}`;
}
