/** A new e-mail address holds when both addresses have opened their link: GoTrue's secure e-mail change. */
import type { AuthContext } from './context.ts';
import type { Database } from './database.ts';
import { AuthError } from './errors.ts';
import { LIFETIME_SECONDS, PROVEN, checkMailPause, expired, hashesOf, mintStored, type Link, type Proof } from './links.ts';
import type { Challenge } from './pkce.ts';
import { USER_COLUMNS, changeUser, findUserByEmail, findUserById, takenError, type UserRow } from './users.ts';

export const HALF_DONE = 'Confirmation link accepted. Please proceed to confirm link sent to the other email';

/** Makes both links, in place of open ones; call it in a transaction. Throws 422 `email_exists`, 429 within a minute. */
export async function beginEmailChange(
  context: AuthContext, database: Database, user: UserRow, email: string, wanted_redirect: string | null, challenge: Challenge | null,
): Promise<{ user: UserRow; links: Link[] }> {
  if (await findUserByEmail(database, email)) throw takenError('email_exists');
  checkMailPause(user.email_change_sent_at);
  await database.query('update auth.users set email_change = $2, email_change_confirm_status = 0 where id = $1', [user.id, email]);
  const current = await mintStored(context, database, user, { type: 'email_change', stored: 'email_change_token_current', email: user.email ?? '' }, wanted_redirect, challenge);
  const next = await mintStored(context, database, user, { type: 'email_change', stored: 'email_change_token_new', email }, wanted_redirect, challenge);
  return { user: next.user, links: [current, next] };
}

/** Uses up one of the two links; the second one changes the address. Call it in a transaction. Throws 403 `otp_expired`. */
export async function redeemEmailChange(database: Database, proof: Proof): Promise<{ user: UserRow; done: boolean }> {
  const used = await database.query<{ user_id: string; token_type: string; live: boolean }>(
    `delete from auth.one_time_tokens
     where token_hash = any ($1) and token_type in ('email_change_token_current', 'email_change_token_new')
     returning user_id, token_type, created_at > (now() at time zone 'utc') - make_interval(secs => $2) as live`,
    [hashesOf(proof), LIFETIME_SECONDS],
  );
  const token = used.rows[0];
  if (!token?.live) throw expired();
  // The row is the lock: of two links that are opened at once, one is the second.
  const locked = await database.query<{ email_change: string; status: number }>(
    'select email_change, email_change_confirm_status as status from auth.users where id = $1 and deleted_at is null for update', [token.user_id]);
  const pending = locked.rows[0];
  const user = await findUserById(database, token.user_id);
  if (!pending?.email_change || !user) throw expired();
  if (user.banned_until !== null && Date.parse(user.banned_until) > Date.now()) throw new AuthError(403, 'user_banned', 'User is banned');
  if (pending.status === 0) {
    await database.query(`update auth.users set email_change_confirm_status = 1, ${token.token_type} = '' where id = $1`, [user.id]);
    return { user, done: false };
  }
  await database.query(
    `update auth.users set email_change = '', email_change_token_current = '', email_change_token_new = '', email_change_confirm_status = 0 where id = $1`, [user.id]);
  await changeUser(database, user, { email: pending.email_change, confirm_email: true, app_metadata: PROVEN });
  const changed = await database.query<UserRow>(`select ${USER_COLUMNS} from auth.users u where u.id = $1`, [user.id]);
  return { user: changed.rows[0]!, done: true };
}
