/**
 * One-time links and codes. Nothing can be sent by mail here: each goes to the outbox instead, a folder that only the one who
 * runs the stack reads. It opens an account once, within an hour.
 */
import { randomUUID } from 'node:crypto';
import type { AuthContext, AuthRequest } from './context.ts';
import type { Database } from './database.ts';
import { AuthError } from './errors.ts';
import type { Challenge } from './pkce.ts';
import { closeSessions } from './sessions.ts';
import { codeHash, newCode } from './tokens.ts';
import { USER_COLUMNS, changeUser, type UserRow } from './users.ts';

export const LIFETIME_SECONDS = 3_600;
const SECONDS_BETWEEN_MAILS = 60;
/** Marks a link whose opening gives a code to exchange instead of a session in the fragment. */
const PKCE_PREFIX = 'pkce_';
const CONFIRM_PAGE = '/auth/confirm';

export type LinkType = 'signup' | 'invite' | 'magiclink' | 'recovery' | 'email_change';
type Stored = 'confirmation_token' | 'recovery_token' | 'email_change_token_current' | 'email_change_token_new';

const STORED: Record<Exclude<LinkType, 'email_change'>, Stored> = {
  signup: 'confirmation_token',
  invite: 'confirmation_token',
  magiclink: 'recovery_token',
  recovery: 'recovery_token',
};

export type Link = { user: UserRow; email: string; action_link: string; email_otp: string; hashed_token: string; redirect_to: string };

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** `wanted` if it leads to the site's host (any loopback port, where the site is on loopback), else the site. */
export function allowedRedirect(site_url: string, wanted: string | null | undefined): string {
  if (!wanted || !URL.canParse(wanted)) return site_url;
  const site = new URL(site_url);
  const target = new URL(wanted);
  const web = target.protocol === 'http:' || target.protocol === 'https:';
  const same = target.origin === site.origin || (LOOPBACK.has(site.hostname) && LOOPBACK.has(target.hostname));
  return web && same && !target.username && !target.password ? wanted : site_url;
}

export function readChallenge(body: { code_challenge?: string | null; code_challenge_method?: string | null }): Challenge | null {
  const { code_challenge, code_challenge_method } = body;
  if (!code_challenge) return null;
  const method = (code_challenge_method ?? '').toLowerCase();
  if ((method !== 's256' && method !== 'plain') || !/^[A-Za-z0-9._~-]{43,128}$/.test(code_challenge)) {
    throw new AuthError(400, 'validation_failed', 'PKCE flow requires code_challenge_method and code_challenge');
  }
  return { challenge: code_challenge, method };
}

/** Throws 429 `over_email_send_rate_limit` within a minute of the last mail of this kind. */
export function checkMailPause(sent_at: string | null): void {
  const waited = sent_at === null ? Infinity : (Date.now() - Date.parse(sent_at)) / 1_000;
  if (waited >= SECONDS_BETWEEN_MAILS) return;
  const rest = Math.max(1, Math.floor(SECONDS_BETWEEN_MAILS - waited));
  throw new AuthError(429, 'over_email_send_rate_limit', `For security purposes, you can only request this after ${rest} seconds.`, {}, rest);
}

/** Makes a link, in place of an open one of the same kind; call it in a transaction. */
export async function mintLink(
  context: AuthContext,
  database: Database,
  user: UserRow,
  type: Exclude<LinkType, 'email_change'>,
  wanted_redirect: string | null | undefined,
  challenge: Challenge | null = null,
): Promise<Link> {
  return mintStored(context, database, user, { type, stored: STORED[type], email: user.email ?? '' }, wanted_redirect, challenge);
}

const SENT = {
  confirmation_token: 'confirmation_sent_at', recovery_token: 'recovery_sent_at',
  email_change_token_current: 'email_change_sent_at', email_change_token_new: 'email_change_sent_at',
} as const;

/** A link to `email`, kept in one column of the user. */
export async function mintStored(
  context: AuthContext,
  database: Database,
  user: UserRow,
  { type, stored, email }: { type: LinkType; stored: Stored; email: string },
  wanted_redirect: string | null | undefined,
  challenge: Challenge | null,
): Promise<Link> {
  const sent = SENT[stored];
  const email_otp = newCode();
  const hashed_token = (challenge ? PKCE_PREFIX : '') + codeHash(email, email_otp);
  const updated = await database.query<UserRow>(
    `update auth.users u set ${stored} = $2, ${sent} = now(), updated_at = now() where u.id = $1 returning ${USER_COLUMNS}`,
    [user.id, hashed_token],
  );
  await database.query(
    `insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
     values ($1, $2, $3, $4, $5, now() at time zone 'utc', now() at time zone 'utc')
     on conflict (user_id, token_type) do update
       set token_hash = excluded.token_hash, relates_to = excluded.relates_to, created_at = excluded.created_at,
           updated_at = excluded.updated_at`,
    [randomUUID(), user.id, stored, hashed_token, email],
  );
  if (challenge) context.flows.remember(hashed_token, challenge);
  const redirect_to = allowedRedirect(context.site_url, wanted_redirect);
  const query = new URLSearchParams({ token: hashed_token, type, redirect_to });
  return { user: updated.rows[0]!, email, action_link: `${context.external_url}/verify?${query}`, email_otp, hashed_token, redirect_to };
}

/**
 * Hands a mail to the outbox. A link that the browser which asked for it need not open (no PKCE) leads to the site's own page with the
 * token, as a Supabase project's mail template does for apps with sessions in cookies: a server cannot read a fragment. It names the address,
 * to which the page asks whoever opens it to agree.
 */
export function deliver(context: AuthContext, type: LinkType, link: Link): void {
  const landing = new URL(link.redirect_to);
  const ours = landing.pathname === CONFIRM_PAGE && !isPkceLink(link.hashed_token);
  if (ours) for (const [name, value] of Object.entries({ token_hash: link.hashed_token, type, email: link.email })) landing.searchParams.set(name, value);
  context.send({ type, to: link.email, link: ours ? landing.href : link.action_link, code: link.email_otp });
}

/** Of an account whose address only the bearer of an invitation's link has vouched for: the inviter knows that link, too. */
export const UNPROVEN = { address: 'unproven' } as const;
export const PROVEN = { address: null };

/** A mailed link proves the address: what somebody else may have prepared for its owner, a password and open sessions, ends. */
async function proveAddress(database: Database, user: UserRow): Promise<UserRow> {
  if (user.raw_app_meta_data?.address !== UNPROVEN.address) return user;
  await closeSessions(database, user.id, 'global', null);
  return changeUser(database, user, { password_hash: '', app_metadata: PROVEN });
}

export const expired = (): AuthError => new AuthError(403, 'otp_expired', 'Email link is invalid or has expired');

const ACCEPTED: Record<string, Stored[]> = {
  signup: ['confirmation_token'],
  invite: ['confirmation_token'],
  magiclink: ['recovery_token'],
  recovery: ['recovery_token'],
  email: ['confirmation_token', 'recovery_token'],
};

export type Proof = { type: string; hashed_token: string } | { type: string; email: string; code: string };

export function hashesOf(proof: Proof): string[] {
  return 'code' in proof ? [codeHash(proof.email, proof.code), PKCE_PREFIX + codeHash(proof.email, proof.code)] : [proof.hashed_token];
}

/**
 * Uses up a link or a code and confirms the user's e-mail; call it in a transaction. Throws 403 `otp_expired` for one
 * that is wrong, used or over an hour old, and 400 `validation_failed` for an unknown type.
 */
export async function redeemLink(database: Database, proof: Proof): Promise<UserRow> {
  const accepted = ACCEPTED[proof.type];
  if (!accepted) throw new AuthError(400, 'validation_failed', 'Verify requires a verification type');
  const hashes = hashesOf(proof);
  const used = await database.query<{ user_id: string; token_type: Stored; live: boolean; relates_to: string }>(
    `delete from auth.one_time_tokens
     where token_hash = any ($1) and token_type::text = any ($2)
     returning user_id, token_type, relates_to, created_at > (now() at time zone 'utc') - make_interval(secs => $3) as live`,
    [hashes, accepted, LIFETIME_SECONDS],
  );
  const token = used.rows[0];
  if (!token?.live) throw expired();
  const cleared = await database.query<UserRow>(
    `update auth.users u set ${token.token_type} = '' where u.id = $1 and u.email = $2 and u.deleted_at is null returning ${USER_COLUMNS}`,
    [token.user_id, token.relates_to],
  );
  const user = cleared.rows[0];
  if (!user) throw expired();
  if (user.banned_until !== null && Date.parse(user.banned_until) > Date.now()) {
    throw new AuthError(403, 'user_banned', 'User is banned');
  }
  return user.email_confirmed_at ? proveAddress(database, user) : changeUser(database, user, { confirm_email: true });
}

export function isPkceLink(hashed_token: string): boolean {
  return hashed_token.startsWith(PKCE_PREFIX);
}

/** Where the browser goes after a link was opened. Errors go into the fragment, and for PKCE into the query as well. */
export function redirectWith(target: string, fragment: Record<string, unknown>, query: Record<string, string> = {}): { status: number; headers: Record<string, string> } {
  const url = new URL(target);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const members = Object.entries(fragment).map(([name, value]): [string, string] => [name, String(value)]);
  if (members.length > 0) url.hash = new URLSearchParams(members).toString();
  return { status: 303, headers: { location: url.href, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' } };
}

/** The identity of an attempt, for counting failures. */
export function attemptSubject(request: AuthRequest, email: string | null | undefined): string {
  return `${request.ip} ${(email ?? '').toLowerCase()}`;
}
