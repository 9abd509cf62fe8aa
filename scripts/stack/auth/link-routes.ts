/** Handlers: everything that begins or ends with a one-time link. */
import type { AuthContext, AuthHandler, AuthRequest, AuthResponse } from './context.ts';
import { inTransaction } from './database.ts';
import { AuthError, asAuthError } from './errors.ts';
import { HALF_DONE, redeemEmailChange } from './email-change.ts';
import { inputs, read, refusePhone, takeInvitation } from './input.ts';
import {
  allowedRedirect, attemptSubject, checkMailPause, deliver, isPkceLink, mintLink, readChallenge, redeemLink, redirectWith,
  type LinkType, type Proof,
} from './links.ts';
import { openSession, requireAdmin, sessionBody } from './sessions.ts';
import { findUserByEmail, fullUserBody, insertUser, normalEmail, takenError, type UserRow } from './users.ts';

function wantedRedirect(request: AuthRequest): string | null {
  return request.query.get('redirect_to');
}

async function send(context: AuthContext, request: AuthRequest, user: UserRow, type: Exclude<LinkType, 'email_change'>): Promise<void> {
  checkMailPause(type === 'signup' || type === 'invite' ? user.confirmation_sent_at : user.recovery_sent_at);
  const challenge = readChallenge(read(inputs.link, request.body));
  const link = await inTransaction(context.database, (client) => mintLink(context, client, user, type, wantedRedirect(request), challenge));
  deliver(context, type, link);
}

/** POST /recover: the same answer whether or not the e-mail is known. */
export const recover: AuthHandler = async (context, request) => {
  context.limits.spend('email', request.ip);
  const body = read(inputs.link, request.body);
  if (!body.email) throw new AuthError(400, 'validation_failed', 'Password recovery requires an email');
  readChallenge(body);
  const user = await findUserByEmail(context.database, normalEmail(body.email));
  if (user) await send(context, request, user, 'recovery');
  return { status: 200, body: {} };
};

/** POST /otp (and /magiclink): creates the user where `create_user` is not false, and sign-up is open or an invitation's token is shown. */
export const otp: AuthHandler = async (context, request) => {
  context.limits.spend('email', request.ip);
  const body = read(inputs.link, request.body);
  if (body.phone) refusePhone(body.phone);
  if (!body.email) throw new AuthError(400, 'validation_failed', 'One of email or phone must be set');
  const email = normalEmail(body.email);
  readChallenge(body);
  let user = await findUserByEmail(context.database, email);
  if (!user) {
    if (body.create_user === false) throw new AuthError(422, 'otp_disabled', 'Signups not allowed for otp');
    const { invitation_token, user_metadata } = takeInvitation(body.data);
    if (context.disable_signup && !(await context.invited(email, invitation_token))) throw new AuthError(422, 'signup_disabled', 'Signups not allowed for this instance');
    user = await inTransaction(context.database, (client) =>
      insertUser(client, { email, confirmed: false, user_metadata, mirror_identity: true, taken: 'email_exists' }),
    );
  }
  await send(context, request, user, 'magiclink');
  return { status: 200, body: {} };
};

/** POST /resend {type: 'signup'}: nothing happens for a user who is unknown or confirmed. */
export const resend: AuthHandler = async (context, request) => {
  context.limits.spend('email', request.ip);
  const body = read(inputs.link, request.body);
  if (body.type !== 'signup') throw new AuthError(400, 'validation_failed', 'Missing one of these types: signup');
  if (!body.email) throw new AuthError(400, 'validation_failed', 'Type provided requires an email address');
  const user = await findUserByEmail(context.database, normalEmail(body.email));
  if (user && !user.email_confirmed_at) await send(context, request, user, 'signup');
  return { status: 200, body: {} };
};

/** POST /invite, for service keys. */
export const invite: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  const body = read(inputs.link, request.body);
  const email = normalEmail(body.email ?? '');
  const link = await inTransaction(context.database, async (client) => {
    const known = await findUserByEmail(client, email);
    if (known?.email_confirmed_at) throw takenError('email_exists');
    const user = known ?? (await insertUser(client, {
      email, confirmed: false, invited: true, user_metadata: body.data ?? {}, mirror_identity: false, taken: 'email_exists',
    }));
    return mintLink(context, client, user, 'invite', wantedRedirect(request));
  });
  deliver(context, 'invite', link);
  return { status: 200, body: await fullUserBody(context.database, link.user) };
};

/** `done` is false for the first of the two links of an e-mail change. */
async function redeem(context: AuthContext, proof: Proof, subject: string): Promise<{ user: UserRow; done: boolean }> {
  context.limits.spend('failed_verify', subject);
  const redeemed = await inTransaction(context.database, async (client) =>
    proof.type === 'email_change' ? redeemEmailChange(client, proof) : { user: await redeemLink(client, proof), done: true });
  context.limits.refund('failed_verify', subject);
  return redeemed;
}

/** POST /verify {type, token_hash} or {type, email, token}: signs in. */
export const verify: AuthHandler = async (context, request) => {
  const body = read(inputs.verify, request.body);
  const type = body.type ?? '';
  if (!type) throw new AuthError(400, 'validation_failed', 'Verify requires a verification type');
  if (!body.token && !body.token_hash) throw new AuthError(400, 'validation_failed', 'Verify requires a token or a token hash');
  if (body.token_hash && (body.email || body.phone)) {
    throw new AuthError(400, 'validation_failed', 'Only the token_hash and type should be provided');
  }
  const email = body.email ? normalEmail(body.email) : null;
  if (body.token && !body.token_hash && !email) throw new AuthError(400, 'validation_failed', 'Only an email address or phone number should be provided on verify');
  const proof: Proof = body.token_hash ? { type, hashed_token: body.token_hash } : { type, email: email!, code: body.token! };
  const { user, done } = await redeem(context, proof, attemptSubject(request, email));
  if (!done) return { status: 200, body: { msg: HALF_DONE, code: '200' } };
  const opened = await inTransaction(context.database, (client) => openSession(client, user.id, 'otp', request));
  return { status: 200, body: await sessionBody(context, opened) };
};

/** GET /verify?token=&type=&redirect_to=: what a link opens; always a redirect to the site. */
export const openLink: AuthHandler = async (context, request): Promise<AuthResponse> => {
  const hashed_token = request.query.get('token') ?? '';
  const type = request.query.get('type') ?? '';
  const target = allowedRedirect(context.site_url, wantedRedirect(request));
  try {
    if (!hashed_token) throw new AuthError(400, 'validation_failed', 'Verify requires a token or a token hash');
    const { user, done } = await redeem(context, { type, hashed_token }, attemptSubject(request, null));
    if (!done) return redirectWith(target, { message: HALF_DONE }, isPkceLink(hashed_token) ? { message: HALF_DONE } : {});
    if (isPkceLink(hashed_token)) {
      return redirectWith(target, {}, { code: context.flows.grant(hashed_token, user.id, 'otp') });
    }
    const opened = await inTransaction(context.database, (client) => openSession(client, user.id, 'otp', request));
    const { access_token, expires_at, expires_in, refresh_token, token_type } = await sessionBody(context, opened);
    return redirectWith(target, { access_token, expires_at, expires_in, refresh_token, token_type, type });
  } catch (thrown) {
    const error = asAuthError(thrown);
    if (error.status >= 500) throw thrown;
    const told = { error: 'access_denied', error_code: error.code, error_description: error.message };
    return redirectWith(target, told, isPkceLink(hashed_token) ? told : {});
  }
};
