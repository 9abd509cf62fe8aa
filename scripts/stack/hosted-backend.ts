import path from 'node:path';
import type { Backend, Context } from './context.ts';
import { migrate } from './migrate.ts';
import type { HostedSettings } from './settings.ts';
import { messageOf, StackError } from './stack-error.ts';

/**
 * A Supabase elsewhere. With SUPABASE_DB_URL its migrations are brought up to date; without it the health check of
 * the web app tells whether the schema fits. Throws `supabase_unreachable`.
 */
export async function useHostedBackend(context: Context, hosted: HostedSettings): Promise<Backend> {
  const { terminal, settings } = context;
  await terminal.step(`Supabase at ${new URL(hosted.supabase_url).host}`, () => checkReachable(hosted));
  const { database_url } = hosted;
  if (database_url !== null) {
    await terminal.step('Migrations', () => migrate(database_url, path.join(settings.root, 'supabase/migrations'), false));
  }
  return {
    supabase_url: hosted.supabase_url,
    publishable_key: hosted.publishable_key,
    secret_key: hosted.secret_key,
    database_url,
    // Never SUPABASE_DB_URL: the web app gets a login that may only LISTEN, or polls.
    postgrest_url: settings.given.postgrest_url,
    listen_url: settings.given.listen_url,
    stop: async () => {},
  };
}

async function checkReachable(hosted: HostedSettings): Promise<void> {
  let status: number;
  try {
    const answer = await fetch(`${hosted.supabase_url}/auth/v1/settings`, {
      headers: { apikey: hosted.publishable_key },
      signal: AbortSignal.timeout(15_000),
    });
    status = answer.status;
  } catch (error) {
    throw new StackError('supabase_unreachable', `${hosted.supabase_url} does not answer: ${messageOf(error)}`, 'Check SUPABASE_URL and the network.', error);
  }
  if (status === 401 || status === 403) {
    throw new StackError('supabase_key_refused', `${hosted.supabase_url} refuses SUPABASE_PUBLISHABLE_KEY.`, 'Copy the publishable key from the project settings (API keys).');
  }
  if (status >= 400) {
    throw new StackError('supabase_unreachable', `${hosted.supabase_url} answers ${status}.`, 'Check SUPABASE_URL, and the state of the project.');
  }
}
