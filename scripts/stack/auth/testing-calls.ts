/** For tests: requests against a test stack, by supabase-js and by hand. */
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import ws from 'ws';
import { withClient } from '../bootstrap.ts';
import { PUBLISHABLE, type Stack } from './testing.ts';

export type Answer = { status: number; headers: Headers; body: Record<string, unknown> };
export type Person = { id: string; email: string; password: string; access_token: string; refresh_token: string };
type CallOptions = { headers?: Record<string, string>; body?: string; url?: string };

export type Calls = {
  newEmail: () => string;
  client: (key?: string, url?: string) => SupabaseClient;
  /** With the publishable key and the API version of 2024 unless `headers` say otherwise; redirects are not followed. */
  call: (method: string, at: string, options?: CallOptions) => Promise<Answer>;
  post: (at: string, body: unknown) => Promise<Answer>;
  refresh: (refresh_token: string) => Promise<Answer>;
  signedUp: () => Promise<Person>;
  /** The database changes what only time would change. */
  asSuperuser: <Row>(sql: string, values: unknown[]) => Promise<Row[]>;
};

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

export function callsTo(stack: () => Stack): Calls {
  let serial = 0;
  const newEmail = (): string => `person-${(serial += 1)}@example.com`;

  async function call(method: string, at: string, options: CallOptions = {}): Promise<Answer> {
    const response = await fetch((options.url ?? stack().gateway.url) + at, {
      method,
      headers: { apikey: PUBLISHABLE, 'x-supabase-api-version': '2024-01-01', ...options.headers },
      body: options.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') && text !== '';
    return { status: response.status, headers: response.headers, body: json ? (JSON.parse(text) as Record<string, unknown>) : { text } };
  }

  const post = (at: string, body: unknown): Promise<Answer> =>
    call('POST', at, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

  return {
    newEmail,
    call,
    post,
    client: (key = PUBLISHABLE, url = stack().gateway.url) =>
      createClient(url, key, {
        auth: { persistSession: false, autoRefreshToken: false },
        realtime: { transport: ws as never },
      }),
    refresh: (refresh_token) => post('/auth/v1/token?grant_type=refresh_token', { refresh_token }),
    async signedUp() {
      const email = newEmail();
      const password = 'correct horse';
      const { body } = await post('/auth/v1/signup', { email, password });
      const { id } = body.user as { id: string };
      return { id, email, password, access_token: String(body.access_token), refresh_token: String(body.refresh_token) };
    },
    asSuperuser: (sql, values) => withClient(stack().superuser_url, async (db) => (await db.query(sql, values)).rows),
  };
}
