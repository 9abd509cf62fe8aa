/** Handlers below /admin, for service keys only. */
import type { AuthContext, AuthHandler, AuthRequest } from './context.ts';
import { inTransaction } from './database.ts';
import { AuthError } from './errors.ts';
import { banSeconds, inputs, read, refusePhone } from './input.ts';
import { mintLink, type LinkType } from './links.ts';
import { checkForeignHash, checkStrength, hashPassword } from './passwords.ts';
import { closeSessions, requireAdmin } from './sessions.ts';
import {
  USER_COLUMNS, changeUser, findUserByEmail, findUserById, fullUserBody, insertUser, normalEmail, takenError, userBody,
  type UserRow,
} from './users.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MOST_PER_PAGE = 1_000;

async function passwordHash(body: { password?: string | null; password_hash?: string | null }): Promise<string | undefined> {
  if (body.password && body.password_hash) {
    throw new AuthError(400, 'validation_failed', 'Only a password or a password hash should be provided');
  }
  if (body.password_hash) {
    checkForeignHash(body.password_hash);
    return body.password_hash;
  }
  if (body.password === null || body.password === undefined) return undefined;
  checkStrength(body.password);
  return hashPassword(body.password);
}

async function userOfPath(context: AuthContext, request: AuthRequest): Promise<UserRow> {
  const id = request.path.slice('/admin/users/'.length);
  if (!UUID.test(id)) throw new AuthError(404, 'validation_failed', 'user_id must be an UUID');
  const user = await findUserById(context.database, id);
  if (!user) throw new AuthError(404, 'user_not_found', 'User not found');
  return user;
}

/** POST /admin/users */
export const createUser: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  const body = read(inputs.admin_user, request.body);
  if (!body.email && !body.phone) {
    throw new AuthError(400, 'validation_failed', 'Cannot create a user without either an email or phone');
  }
  if (body.phone) refusePhone(body.phone);
  const email = normalEmail(body.email ?? '');
  const ban_seconds = body.ban_duration ? banSeconds(body.ban_duration) : 0;
  if (await findUserByEmail(context.database, email)) throw takenError('email_exists');
  const password_hash = await passwordHash(body);
  const user = await inTransaction(context.database, async (client) => {
    const created = await insertUser(client, {
      id: body.id ?? undefined, email, password_hash, confirmed: body.email_confirm ?? false, role: body.role ?? undefined,
      app_metadata: body.app_metadata ?? {}, user_metadata: body.user_metadata ?? {}, mirror_identity: false, taken: 'email_exists',
    });
    return ban_seconds > 0 ? changeUser(client, created, { ban_seconds }) : created;
  });
  return { status: 200, body: await fullUserBody(context.database, user, false) };
};

function whole(text: string | null, fallback: number): number {
  const value = text ? Number(text) : fallback;
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new AuthError(400, 'validation_failed', 'Bad Pagination Parameters: page and per_page must be positive whole numbers');
  }
  return value;
}

/** GET /admin/users?page=&per_page=: newest first; totals in the headers `x-total-count` and `link`. */
export const listUsers: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  const page = whole(request.query.get('page'), 1);
  const per_page = Math.min(whole(request.query.get('per_page'), 50), MOST_PER_PAGE);
  const counted = await context.database.query<{ total: string }>('select count(*) as total from auth.users where deleted_at is null');
  const listed = await context.database.query<UserRow>(
    `select ${USER_COLUMNS} from auth.users u where u.deleted_at is null order by u.created_at desc, u.id limit $1 offset $2`,
    [per_page, (page - 1) * per_page],
  );
  const total = Number(counted.rows[0]!.total);
  const last = Math.max(1, Math.ceil(total / per_page));
  const links = page < last ? [`</admin/users?page=${page + 1}&per_page=${per_page}>; rel="next"`] : [];
  links.push(`</admin/users?page=${last}&per_page=${per_page}>; rel="last"`);
  return {
    status: 200,
    body: { users: listed.rows.map((user) => userBody(user, null)), aud: 'authenticated' },
    headers: { 'x-total-count': String(total), link: links.join(', ') },
  };
};

/** GET /admin/users/{id} */
export const readUser: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  return { status: 200, body: await fullUserBody(context.database, await userOfPath(context, request)) };
};

/** PUT /admin/users/{id}: a new password ends all sessions of the user. */
export const updateUser: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  const user = await userOfPath(context, request);
  const body = read(inputs.admin_user, request.body);
  if (body.phone) refusePhone(body.phone);
  const password_hash = await passwordHash(body);
  const changed = await inTransaction(context.database, async (client) => {
    if (password_hash !== undefined) await closeSessions(client, user.id, 'global', null);
    return changeUser(client, user, {
      email: body.email ? normalEmail(body.email) : undefined,
      password_hash,
      role: body.role ?? undefined,
      confirm_email: body.email_confirm ?? undefined,
      app_metadata: body.app_metadata ?? undefined,
      user_metadata: body.user_metadata ?? undefined,
      ban_seconds: body.ban_duration ? banSeconds(body.ban_duration) : undefined,
    });
  });
  return { status: 200, body: await fullUserBody(context.database, changed) };
};

/** DELETE /admin/users/{id} */
export const deleteUser: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  const user = await userOfPath(context, request);
  if (read(inputs.admin_delete, request.body).should_soft_delete) {
    throw new AuthError(400, 'validation_failed', 'Soft deletion is not available here; leave should_soft_delete out, or ban the user');
  }
  await context.database.query('delete from auth.users where id = $1', [user.id]);
  return { status: 200, body: {} };
};

const LINK_TYPES = new Set<string>(['signup', 'invite', 'magiclink', 'recovery'] satisfies LinkType[]);

/** POST /admin/generate_link: gives the link and the code instead of a mail, and writes neither to the log. */
export const generateLink: AuthHandler = async (context, request) => {
  await requireAdmin(context, request);
  const body = read(inputs.generate_link, request.body);
  const type = body.type ?? '';
  if (!LINK_TYPES.has(type)) {
    throw new AuthError(400, 'validation_failed', `Invalid email action link type requested: ${type.slice(0, 30)}; use signup, invite, magiclink or recovery`);
  }
  const email = normalEmail(body.email ?? '');
  const known = await findUserByEmail(context.database, email);
  if (!known && type === 'recovery') throw new AuthError(404, 'user_not_found', 'User with this email not found');
  if (known?.email_confirmed_at && (type === 'signup' || type === 'invite')) throw takenError('email_exists');
  if (type === 'signup' && !body.password) throw new AuthError(400, 'validation_failed', 'Signup requires a valid password');
  const password_hash = type === 'signup' ? await passwordHash(body) : undefined;
  const link = await inTransaction(context.database, async (client) => {
    const user = known
      ? await changeUser(client, known, { password_hash })
      : await insertUser(client, {
          email, password_hash, confirmed: false, invited: type === 'invite', user_metadata: body.data ?? {},
          mirror_identity: type !== 'invite', taken: 'email_exists',
        });
    return mintLink(context, client, user, type as Exclude<LinkType, 'email_change'>, request.query.get('redirect_to') ?? body.redirect_to);
  });
  const { action_link, email_otp, hashed_token, redirect_to } = link;
  const user = await fullUserBody(context.database, link.user);
  return { status: 200, body: { ...user, action_link, email_otp, hashed_token, verification_type: type, redirect_to } };
};
