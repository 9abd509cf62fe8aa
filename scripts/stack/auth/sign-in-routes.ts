/** Handlers: sign-up, tokens, the signed-in user, sign-out. */
import { createHash } from 'node:crypto';
import type { AuthHandler, AuthResponse } from './context.ts';
import { inTransaction } from './database.ts';
import { AuthError } from './errors.ts';
import { inputs, read, refusePhone, takeInvitation } from './input.ts';
import { beginEmailChange } from './email-change.ts';
import { UNPROVEN, attemptSubject, deliver, readChallenge, type Link } from './links.ts';
import { checkStrength, hashPassword, passwordFits } from './passwords.ts';
import { closeSessions, openSession, refreshSession, requireUser, sessionBody, type SignOutScope } from './sessions.ts';
import { changeUser, findUserByEmail, fullUserBody, insertUser, isBanned, normalEmail, takenError } from './users.ts';

/**
 * POST /signup: the user is confirmed at once (nothing can be mailed) and signed in. Where it is closed, only who shows an invitation's
 * token makes an account, for the address that was invited; everybody else is told the same, whoever is invited or has an account.
 */
export const signUp: AuthHandler = async (context, request) => {
  context.limits.spend('signup', request.ip);
  const body = read(inputs.signup, request.body);
  if (!body.email && !body.phone) throw new AuthError(422, 'anonymous_provider_disabled', 'Anonymous sign-ins are disabled');
  if (!body.password) throw new AuthError(400, 'validation_failed', 'Signup requires a valid password');
  checkStrength(body.password);
  if (!body.email) refusePhone(body.phone);
  const email = normalEmail(body.email ?? '');
  const { invitation_token, user_metadata } = takeInvitation(body.data);
  const invited = await context.invited(email, invitation_token);
  if (context.disable_signup && !invited) throw new AuthError(422, 'signup_disabled', 'Signups not allowed for this instance');
  const known = await findUserByEmail(context.database, email);
  // The mail of an invitation made this account, without a password: who was invited chooses one here, as if there had been no mail.
  const waiting = known !== undefined && !known.email_confirmed_at && !known.encrypted_password && invited ? known : null;
  if (known && !waiting) throw takenError('user_already_exists');
  const password_hash = await hashPassword(body.password);
  const app_metadata = invited ? UNPROVEN : {};
  const opened = await inTransaction(context.database, async (client) => {
    const user = waiting ? await changeUser(client, waiting, { password_hash, confirm_email: true, app_metadata }) : await insertUser(client, {
      email, password_hash, confirmed: true, app_metadata, user_metadata, mirror_identity: true, taken: 'user_already_exists',
    });
    return openSession(client, user.id, 'password', request);
  });
  return { status: 200, body: await sessionBody(context, opened, false) };
};

/** POST /token?grant_type=password | refresh_token | pkce */
export const token: AuthHandler = (context, request) => {
  const grants: Record<string, AuthHandler> = { password: byPassword, refresh_token: byRefreshToken, pkce: byCode };
  const grant_type = request.query.get('grant_type') ?? '';
  const grant = Object.hasOwn(grants, grant_type) ? grants[grant_type] : undefined;
  // Not for refresh tokens: nobody guesses 60 random bits, and the web app carries everybody's sessions on from one address. Were they counted
  // together, whoever fails to sign in often enough would end the sessions of all others, since a refused refresh signs out.
  if (grant !== byRefreshToken) context.limits.spend('token', request.ip);
  if (!grant) throw new AuthError(400, 'invalid_credentials', 'unsupported_grant_type');
  return grant(context, request);
};

const byPassword: AuthHandler = async (context, request) => {
  const { email, phone, password } = read(inputs.password, request.body);
  if (!email && phone) refusePhone(phone);
  if (!email) throw new AuthError(400, 'validation_failed', 'missing email or phone');
  const subject = attemptSubject(request, email);
  context.limits.spend('failed_password', subject);
  const address = email.trim().toLowerCase();
  context.limits.spend('failed_account', address);
  const user = await findUserByEmail(context.database, address);
  if (!(await passwordFits(password ?? '', user?.encrypted_password ?? null)) || !user) {
    throw new AuthError(400, 'invalid_credentials', 'Invalid login credentials');
  }
  context.limits.refund('failed_password', subject);
  context.limits.refund('failed_account', address);
  if (isBanned(user)) throw new AuthError(400, 'user_banned', 'User is banned');
  if (!user.email_confirmed_at) throw new AuthError(400, 'email_not_confirmed', 'Email not confirmed');
  const opened = await inTransaction(context.database, (client) => openSession(client, user.id, 'password', request));
  return { status: 200, body: { ...(await sessionBody(context, opened)), weak_password: null } };
};

const byRefreshToken: AuthHandler = async (context, request) => {
  const { refresh_token } = read(inputs.refresh, request.body);
  if (!refresh_token) throw new AuthError(400, 'validation_failed', 'Refresh token is not valid');
  context.limits.spend('token', createHash('sha256').update(refresh_token).digest('base64url'));
  return { status: 200, body: await sessionBody(context, await refreshSession(context, refresh_token)) };
};

const byCode: AuthHandler = async (context, request) => {
  const { auth_code, code_verifier } = read(inputs.pkce, request.body);
  if (!auth_code || !code_verifier) {
    throw new AuthError(400, 'validation_failed', 'invalid request: both auth code and code verifier should be non-empty');
  }
  const { user_id, method_used } = context.flows.redeem(auth_code, code_verifier);
  const opened = await inTransaction(context.database, (client) => openSession(client, user_id, method_used, request));
  return { status: 200, body: await sessionBody(context, opened) };
};

/** GET /user */
export const getUser: AuthHandler = async (context, request) => {
  const { user } = await requireUser(context, request);
  return { status: 200, body: await fullUserBody(context.database, user) };
};

/** PUT /user: a new password ends the user's other sessions. A new e-mail holds when both addresses have confirmed it. */
export const putUser: AuthHandler = async (context, request) => {
  const { user, session_id } = await requireUser(context, request);
  const body = read(inputs.user, request.body);
  if (body.phone) refusePhone(body.phone);
  let password_hash: string | undefined;
  if (body.password !== null && body.password !== undefined) {
    checkStrength(body.password);
    if (await passwordFits(body.password, user.encrypted_password)) {
      throw new AuthError(422, 'same_password', 'New password should be different from the old password.');
    }
    password_hash = await hashPassword(body.password);
  }
  const email = body.email ? normalEmail(body.email) : user.email;
  const challenge = readChallenge(body);
  let links: Link[] = [];
  const changed = await inTransaction(context.database, async (client) => {
    if (password_hash !== undefined) await closeSessions(client, user.id, 'others', session_id);
    const present = await changeUser(client, user, { password_hash, user_metadata: body.data ?? undefined });
    if (email === null || email === user.email) return present;
    const begun = await beginEmailChange(context, client, present, email, request.query.get('redirect_to'), challenge);
    links = begun.links;
    return begun.user;
  });
  for (const link of links) deliver(context, 'email_change', link);
  return { status: 200, body: await fullUserBody(context.database, changed) };
};

/** POST /logout?scope=global | local | others */
export const logOut: AuthHandler = async (context, request): Promise<AuthResponse> => {
  const scope = request.query.get('scope') || 'global';
  if (scope !== 'global' && scope !== 'local' && scope !== 'others') {
    throw new AuthError(400, 'validation_failed', `Unsupported logout scope "${scope.slice(0, 20)}"`);
  }
  const { user, session_id } = await requireUser(context, request);
  await closeSessions(context.database, user.id, scope satisfies SignOutScope, session_id);
  return { status: 204 };
};

/** POST /factors: a second factor cannot be enrolled here. */
export const enrollFactor: AuthHandler = async (context, request) => {
  await requireUser(context, request);
  throw new AuthError(422, 'mfa_totp_enroll_not_enabled', 'MFA enroll is disabled for TOTP');
};
