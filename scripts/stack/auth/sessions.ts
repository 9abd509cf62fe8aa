/** Sessions: opened by a sign-in, carried on by rotating refresh tokens, closed by a sign-out. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AuthContext, AuthRequest } from './context.ts';
import { inTransaction, type Database } from './database.ts';
import { AuthError } from './errors.ts';
import { ACCESS_SECONDS, accessToken, newRefreshToken, verifyToken } from './tokens.ts';
import { USER_COLUMNS, findUserById, fullUserBody, isBanned, type Metadata, type UserRow } from './users.ts';

/** Seconds in which a refresh token that was just exchanged still gives the live one: two tabs, a lost answer. */
const REUSE_SECONDS = 10;

type Opened = { user: UserRow; session_id: string; refresh_token: string };

/** Opens a session; call it in a transaction. `method` is the `amr` entry: `password` or `otp`. */
export async function openSession(database: Database, user_id: string, method: string, request: AuthRequest): Promise<Opened> {
  const session_id = randomUUID();
  const refresh_token = newRefreshToken();
  await database.query(
    `insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
     values ($1, $2, now(), now(), 'aal1', $3, $4)`,
    [session_id, user_id, request.user_agent?.slice(0, 1_000) ?? null, request.ip],
  );
  await database.query(
    `insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
     values (gen_random_uuid(), $1, now(), now(), $2)`,
    [session_id, method],
  );
  await insertRefreshToken(database, refresh_token, user_id, session_id, null);
  const updated = await database.query<UserRow>(
    `update auth.users u set last_sign_in_at = now(), updated_at = now() where u.id = $1 returning ${USER_COLUMNS}`,
    [user_id],
  );
  return { user: updated.rows[0]!, session_id, refresh_token };
}

async function insertRefreshToken(database: Database, token: string, user_id: string, session_id: string, parent: string | null): Promise<void> {
  await database.query(
    `insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
     values ('00000000-0000-0000-0000-000000000000', $1, $2::uuid::text, false, now(), now(), $4, $3)`,
    [token, user_id, session_id, parent],
  );
}

/** The body of a successful sign-in or refresh; `expires_in` in seconds, `expires_at` in Unix seconds. */
export async function sessionBody(context: AuthContext, opened: Opened, with_confirmed_at = true): Promise<Metadata> {
  const { user, session_id, refresh_token } = opened;
  const amr = await context.database.query<{ method: string; timestamp: number }>(
    `select authentication_method as method, extract(epoch from updated_at)::int as timestamp
     from auth.mfa_amr_claims where session_id = $1 order by updated_at desc`,
    [session_id],
  );
  const { token, expires_at } = await accessToken(context.key, {
    iss: context.external_url,
    sub: user.id,
    aud: user.aud,
    email: user.email ?? '',
    phone: user.phone ?? '',
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    role: user.role,
    aal: 'aal1',
    amr: amr.rows,
    session_id,
    is_anonymous: user.is_anonymous,
  });
  return {
    access_token: token,
    token_type: 'bearer',
    expires_in: ACCESS_SECONDS,
    expires_at,
    refresh_token,
    user: await fullUserBody(context.database, user, with_confirmed_at),
  };
}

type TokenRow = { revoked: boolean; fresh: boolean; session_id: string | null; user_id: string; ended: boolean };

const refused = (code: string, why: string): AuthError => new AuthError(400, code, `Invalid Refresh Token: ${why}`);

/**
 * Exchanges a refresh token. Within 10 s of an exchange the former token gives the live child again; later use means
 * that somebody else holds a copy: the whole session ends, with 400 `refresh_token_already_used`.
 */
export async function refreshSession(context: AuthContext, token: string): Promise<Opened> {
  const result = await inTransaction(context.database, (client) => exchange(client, token));
  // Thrown outside of the transaction: the end of the session must be kept.
  if (result instanceof AuthError) throw result;
  return result;
}

async function exchange(client: pg.PoolClient, token: string): Promise<Opened | AuthError> {
  // The session's row is the lock: two exchanges in one session run one after the other.
  const locked = await client.query(
    `select from auth.sessions s where s.id = (select t.session_id from auth.refresh_tokens t where t.token = $1) for update`,
    [token],
  );
  const found = await client.query<TokenRow>(
    `select t.revoked, t.updated_at > clock_timestamp() - make_interval(secs => $2) as fresh, t.session_id, s.user_id,
            coalesce(s.not_after <= now(), false) as ended
     from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id where t.token = $1`,
    [token, REUSE_SECONDS],
  );
  const held = found.rows[0];
  if (!locked.rowCount || !held?.session_id) return refused('refresh_token_not_found', 'Refresh Token Not Found');
  const { session_id, user_id } = held;
  const user = await findUserById(client, user_id);
  if (!user) return refused('refresh_token_not_found', 'Refresh Token Not Found');
  if (isBanned(user)) return refused('user_banned', 'User Banned');
  if (held.ended) return refused('session_expired', 'Session Expired');

  if (held.revoked) {
    const live = await client.query<{ token: string }>(
      'select token from auth.refresh_tokens where session_id = $1 and not revoked order by id desc limit 1',
      [session_id],
    );
    const child = live.rows[0]?.token;
    if (held.fresh && child !== undefined) return { user, session_id, refresh_token: child };
    await client.query('delete from auth.sessions where id = $1', [session_id]);
    return refused('refresh_token_already_used', 'Already Used');
  }
  const refresh_token = newRefreshToken();
  await client.query('update auth.refresh_tokens set revoked = true, updated_at = clock_timestamp() where token = $1', [token]);
  await insertRefreshToken(client, refresh_token, user_id, session_id, token);
  await client.query(
    `update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now() where id = $1`,
    [session_id],
  );
  return { user, session_id, refresh_token };
}

export type SignOutScope = 'global' | 'local' | 'others';

/** Ends sessions of the user, with their refresh tokens. Without a session, `global` is the only scope that fits. */
export async function closeSessions(database: Database, user_id: string, scope: SignOutScope, session_id: string | null): Promise<void> {
  const which = { global: '', local: 'and id = $2', others: 'and id is distinct from $2' }[scope];
  await database.query(`delete from auth.sessions where user_id = $1 ${which}`, scope === 'global' ? [user_id] : [user_id, session_id]);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The user and the live session behind the bearer token. Throws 401 `no_authorization`, 403 `bad_jwt`,
 * `user_not_found`, `session_not_found`, `user_banned`.
 */
export async function requireUser(context: AuthContext, request: AuthRequest): Promise<{ user: UserRow; session_id: string }> {
  const { sub, session_id } = await verifyToken(context.key, request.token);
  if (!sub) throw new AuthError(403, 'bad_jwt', 'invalid claim: missing sub claim');
  if (!UUID.test(sub)) throw new AuthError(403, 'bad_jwt', 'invalid claim: sub claim must be a UUID');
  const user = await findUserById(context.database, sub);
  if (!user) throw new AuthError(403, 'user_not_found', 'User from sub claim in JWT does not exist');
  const live =
    typeof session_id === 'string' && UUID.test(session_id)
      ? await context.database.query('select from auth.sessions where id = $1 and user_id = $2', [session_id, sub])
      : undefined;
  if (!live?.rowCount) {
    throw new AuthError(403, 'session_not_found', 'Session from session_id claim in JWT does not exist');
  }
  if (isBanned(user)) throw new AuthError(403, 'user_banned', 'User is banned');
  return { user, session_id: session_id as string };
}

/** Throws unless the bearer token is a service key's: 401 `no_authorization`, 403 `bad_jwt` or `not_admin`. */
export async function requireAdmin(context: AuthContext, request: AuthRequest): Promise<void> {
  const { role } = await verifyToken(context.key, request.token);
  if (role !== 'service_role') throw new AuthError(403, 'not_admin', 'User not allowed');
}
