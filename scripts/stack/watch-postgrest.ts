import pg from 'pg';
import { signal } from './identity.ts';

const PERIOD_MS = 1000;
/** So often in a row it may be unready beside a database that answers: it reads the schema, or is within its first pauses. */
const PATIENCE = 5;

export type PostgrestWatch = { stop(): Promise<void> };

/**
 * After an outage of the database PostgREST waits 1, 2, 4 … 32 s between its attempts, and nothing makes it look sooner.
 * So where it is not ready while the database answers on the same line, it is ended: its supervisor starts it at once.
 */
export function watchPostgrest(options: { admin_port: number; database_url: string; pid: () => number; say: (line: string) => void }): PostgrestWatch {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  let missed = 0;

  async function look(): Promise<void> {
    const waits = !(await isReady(options.admin_port)) && (await answers(options.database_url));
    missed = waits ? missed + 1 : 0;
    if (missed > PATIENCE && !stopped) {
      missed = 0;
      options.say('PostgREST still waits although the database is back.');
      signal(options.pid(), 'SIGTERM');
    }
    if (!stopped) timer = setTimeout(next, PERIOD_MS);
  }
  function next(): void {
    current = look();
  }
  timer = setTimeout(next, PERIOD_MS);
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}

async function isReady(admin_port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${admin_port}/ready`, { signal: AbortSignal.timeout(2000) }).then(
    // 503 with a working listener: it knows that its connection is gone. No answer: it is down, which its supervisor sees.
    (answer) => answer.status !== 503,
    () => true,
  );
}

async function answers(database_url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: database_url, connectionTimeoutMillis: 2000, query_timeout: 2000, application_name: 'stack' });
  client.on('error', () => {}); // the query says it
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false; // it is still away
  } finally {
    void client.end().catch(() => {}); // nothing is left to save on it, and a silent line would hold it
  }
}
