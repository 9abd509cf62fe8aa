import { requestJson, saidIn } from './http.ts';
import { asRecord } from './json-file.ts';
import { StackError } from './stack-error.ts';

/**
 * Makes sure that a user with this e-mail exists, through the admin API that hosted Supabase and the gateway share.
 * Returns its id, and whether it was made now. An existing one keeps its password.
 */
export async function ensureUser(
  supabase_url: string,
  secret_key: string,
  user: { email: string; password: string },
  findId: (email: string) => Promise<string | null>,
): Promise<{ user_id: string; created: boolean }> {
  const present = await findId(user.email);
  if (present !== null) return { user_id: present, created: false };
  const answer = await requestJson('POST', `${supabase_url}/auth/v1/admin/users`, {
    headers: { apikey: secret_key, authorization: `Bearer ${secret_key}` },
    body: { email: user.email, password: user.password, email_confirm: true, user_metadata: { name: 'Administrator' } },
    timeout_ms: 20_000,
  });
  const id = answer.body.id ?? asRecord(answer.body.user)?.id;
  if (answer.status >= 300 || typeof id !== 'string') {
    throw new StackError('admin_not_made', `The first user could not be made: ${saidIn(answer)}`, 'Check SUPABASE_SECRET_KEY, or read logs/gateway.log in the data folder.');
  }
  return { user_id: id, created: true };
}
