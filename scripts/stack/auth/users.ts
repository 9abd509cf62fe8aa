/** Users and their e-mail identity: rows of `auth.users` and `auth.identities`, and the JSON that clients see. */
import { randomUUID } from 'node:crypto';
import type { Database } from './database.ts';
import { AuthError } from './errors.ts';

export type Metadata = Record<string, unknown>;

/** The columns of `auth.users` that are read here. Times are RFC 3339 texts in UTC. */
export type UserRow = {
  id: string;
  aud: string;
  role: string;
  email: string | null;
  encrypted_password: string | null;
  email_confirmed_at: string | null;
  invited_at: string | null;
  phone: string | null;
  phone_confirmed_at: string | null;
  confirmation_sent_at: string | null;
  email_change: string | null;
  email_change_sent_at: string | null;
  confirmed_at: string | null;
  recovery_sent_at: string | null;
  last_sign_in_at: string | null;
  raw_app_meta_data: Metadata | null;
  raw_user_meta_data: Metadata | null;
  created_at: string;
  updated_at: string;
  banned_until: string | null;
  is_anonymous: boolean;
};

type IdentityRow = {
  id: string;
  user_id: string;
  identity_data: Metadata;
  provider: string;
  last_sign_in_at: string;
  created_at: string;
  updated_at: string;
  email: string;
};

export const USER_COLUMNS = `u.id, u.aud, u.role, u.email, u.encrypted_password, u.email_confirmed_at, u.invited_at, u.phone,
  u.phone_confirmed_at, u.confirmation_sent_at, u.email_change, u.email_change_sent_at, u.confirmed_at, u.recovery_sent_at, u.last_sign_in_at,
  u.raw_app_meta_data, u.raw_user_meta_data, u.created_at, u.updated_at, u.banned_until, u.is_anonymous`;

/** Lower case, or 400 `validation_failed`. */
export function normalEmail(email: string): string {
  const normal = email.trim().toLowerCase();
  if (normal.length > 255 || !/^[^\s@"(),:;<>[\]\\\p{Cc}]+@[^\s@.\p{Cc}/]+(\.[^\s@.\p{Cc}/]+)*$/u.test(normal)) {
    throw new AuthError(400, 'validation_failed', 'Unable to validate email address: invalid format');
  }
  return normal;
}

export async function findUserByEmail(database: Database, email: string): Promise<UserRow | undefined> {
  const sql = `select ${USER_COLUMNS} from auth.users u where u.email = $1 and not u.is_sso_user and u.deleted_at is null`;
  return (await database.query<UserRow>(sql, [email])).rows[0];
}

export async function findUserById(database: Database, id: string): Promise<UserRow | undefined> {
  const sql = `select ${USER_COLUMNS} from auth.users u where u.id = $1 and u.deleted_at is null`;
  return (await database.query<UserRow>(sql, [id])).rows[0];
}

export function isBanned(user: UserRow): boolean {
  return user.banned_until !== null && Date.parse(user.banned_until) > Date.now();
}

export type NewUser = {
  id?: string;
  email: string;
  password_hash?: string | null;
  confirmed: boolean;
  invited?: boolean;
  role?: string;
  app_metadata?: Metadata;
  user_metadata?: Metadata;
  /** Whether `user_metadata` repeats the identity's data, as a sign-up does and an administrator's creation does not. */
  mirror_identity: boolean;
  /** The code of 422 for an e-mail that is taken. */
  taken: 'user_already_exists' | 'email_exists';
};

const TAKEN = {
  user_already_exists: 'User already registered',
  email_exists: 'A user with this email address has already been registered',
} as const;

export function takenError(code: keyof typeof TAKEN): AuthError {
  return new AuthError(422, code, TAKEN[code]);
}

/** Creates the user with its e-mail identity; call it in a transaction. Throws 422 with `taken` for a known e-mail. */
export async function insertUser(database: Database, user: NewUser): Promise<UserRow> {
  const id = user.id ?? randomUUID();
  const identity = { email: user.email, email_verified: false, phone_verified: false, sub: id };
  const shown = user.mirror_identity ? { ...user.user_metadata, ...identity } : { ...user.user_metadata };
  const user_metadata = user.confirmed ? { ...shown, email_verified: true } : shown;
  const app_metadata = { ...user.app_metadata, provider: 'email', providers: ['email'] };
  const identity_data = user.mirror_identity ? { ...user.user_metadata, ...identity } : identity;
  // GoTrue cannot read nulls in the token columns: they are empty texts, so that rows can be carried to it.
  const inserted = await database.query<UserRow>(
    `insert into auth.users as u (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, invited_at,
       raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
       confirmation_token, recovery_token, email_change_token_new, email_change)
     values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', $2, $3, $4,
       case when $5 then now() end, case when $6 then now() end, $7, $8, now(), now(), '', '', '', '')
     on conflict do nothing
     returning ${USER_COLUMNS}`,
    [id, user.role || 'authenticated', user.email, user.password_hash ?? '', user.confirmed, user.invited ?? false, app_metadata, user_metadata],
  );
  const row = inserted.rows[0];
  if (!row) throw takenError(user.taken);
  await database.query(
    `insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
     values ($1::uuid::text, $1::uuid, $2, 'email', now(), now(), now())`,
    [id, identity_data],
  );
  return row;
}

export type UserChange = {
  email?: string;
  password_hash?: string;
  role?: string;
  confirm_email?: boolean;
  /** Members are merged in; a null removes the member. */
  app_metadata?: Metadata;
  user_metadata?: Metadata;
  /** Seconds from now; 0 lifts the ban. */
  ban_seconds?: number;
};

/** `base` with the members of `change`; a null in `change` removes the member. */
function merged(base: Metadata | null, change: Metadata): Metadata {
  return Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== null));
}

/** Changes the user and what depends on it; call it in a transaction. Throws 422 `email_exists`. */
export async function changeUser(database: Database, user: UserRow, change: UserChange): Promise<UserRow> {
  const email = change.email !== undefined && change.email !== user.email ? change.email : null;
  let user_metadata = change.user_metadata ? merged(user.raw_user_meta_data, change.user_metadata) : null;
  if (change.confirm_email) user_metadata = { ...(user_metadata ?? user.raw_user_meta_data), email_verified: true };
  if (email !== null && user.raw_user_meta_data?.email !== undefined) {
    user_metadata = { ...(user_metadata ?? user.raw_user_meta_data), email };
  }
  if (email !== null && (await findUserByEmail(database, email))) throw takenError('email_exists');
  const changed = await database.query<UserRow>(
    `update auth.users u set
       email = coalesce($2, u.email),
       encrypted_password = coalesce($3, u.encrypted_password),
       role = coalesce($4, u.role),
       email_confirmed_at = case when $5 then coalesce(u.email_confirmed_at, now()) else u.email_confirmed_at end,
       raw_app_meta_data = coalesce($6, u.raw_app_meta_data),
       raw_user_meta_data = coalesce($7, u.raw_user_meta_data),
       banned_until = case when $8::float8 is null then u.banned_until when $8 > 0 then now() + make_interval(secs => $8) end,
       updated_at = now()
     where u.id = $1
     returning ${USER_COLUMNS}`,
    [
      user.id, email, change.password_hash ?? null, change.role ?? null, change.confirm_email ?? false,
      change.app_metadata ? merged(user.raw_app_meta_data, change.app_metadata) : null, user_metadata,
      change.ban_seconds ?? null,
    ],
  );
  const row = changed.rows[0];
  if (!row) throw new AuthError(404, 'user_not_found', 'User not found');
  if (email !== null) {
    await database.query(
      `update auth.identities set identity_data = identity_data || jsonb_build_object('email', $2::text), updated_at = now()
       where user_id = $1 and provider = 'email'`,
      [user.id, email],
    );
    // Links that were sent to the former address must not open the account any more.
    await database.query('delete from auth.one_time_tokens where user_id = $1', [user.id]);
  }
  return row;
}

/** `identities` null leaves them out of the answer's detail, as the list of users does. */
export function userBody(user: UserRow, identities: IdentityRow[] | null, with_confirmed_at = true): Metadata {
  const optional = (name: string, value: unknown): Metadata => (value ? { [name]: value } : {});
  return {
    id: user.id,
    aud: user.aud,
    role: user.role,
    email: user.email ?? '',
    ...optional('email_confirmed_at', user.email_confirmed_at),
    ...optional('invited_at', user.invited_at),
    phone: user.phone ?? '',
    ...optional('phone_confirmed_at', user.phone_confirmed_at),
    ...optional('confirmation_sent_at', user.confirmation_sent_at),
    ...optional('confirmed_at', with_confirmed_at && user.confirmed_at),
    ...optional('recovery_sent_at', user.recovery_sent_at),
    ...optional('new_email', user.email_change),
    ...optional('email_change_sent_at', user.email_change && user.email_change_sent_at),
    ...optional('last_sign_in_at', user.last_sign_in_at),
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    identities: identities?.map(({ id, user_id, ...identity }) => ({ identity_id: id, id: user_id, user_id, ...identity })) ?? null,
    created_at: user.created_at,
    updated_at: user.updated_at,
    ...optional('banned_until', user.banned_until),
    is_anonymous: user.is_anonymous,
  };
}

/** The user as clients see it, with identities. `with_confirmed_at` is false right after creation, as in GoTrue. */
export async function fullUserBody(database: Database, user: UserRow, with_confirmed_at = true): Promise<Metadata> {
  const identities = await database.query<IdentityRow>(
    `select id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, email
     from auth.identities where user_id = $1 order by created_at, id`,
    [user.id],
  );
  return userBody(user, identities.rows, with_confirmed_at);
}
