import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';
import type { StackError } from './stack-error.ts';
import type { Terminal } from './terminal.ts';

/** What every part of the stack is started with. */
export type Context = {
  settings: Settings;
  secrets: Secrets;
  terminal: Terminal;
  /** Aborted when the stack is asked to stop. */
  stopping: AbortSignal;
  /** Called when a part was given up after the start; the stack then stops. */
  lost: (error: StackError) => void;
};

/** What the web app and the seed need of a database with REST and auth, embedded or hosted. */
export type Backend = {
  supabase_url: string;
  publishable_key: string;
  secret_key: string | null;
  /** Login `postgres`; null where a hosted Supabase was named without SUPABASE_DB_URL. */
  database_url: string | null;
  /** PostgREST itself, for the web app's calls of functions; null where only the gateway before it is known. */
  postgrest_url: string | null;
  /** A direct connection that may only LISTEN; null where there is none: the web app polls. */
  listen_url: string | null;
  stop(hurry?: Promise<void>): Promise<void>;
};
