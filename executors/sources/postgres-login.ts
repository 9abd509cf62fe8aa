import type pg from "pg";
import { CodedError } from "../storage/coded-error.ts";

/** Roles behind a PostgREST or a Supabase project: who may become one of them may claim to be anybody. */
const apiRoles = ["anon", "authenticated", "authenticator", "service_role", "ops_token", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin"];
/** Roles of PostgreSQL that read, write or run on the server's machine. */
const machineRoles = ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"];

export interface StrongLogin {
  login: string;
  /** What the login is or may become that no grant and no policy holds, in words: `it is a superuser`. */
  because: string;
}

/**
 * What a login may do beyond the grants that were meant for it; null where there is nothing. REPLICATION counts too (it reads every
 * table's changes), except where the connection is one that changes may be read from.
 */
export async function strongLogin(client: pg.Client, { replicates = false } = {}): Promise<StrongLogin | null> {
  const { rows } = await client.query<{ me: string; name: string; reason: string }>(
    `select session_user::text as me, r.rolname as name, case
        when r.rolsuper then 'a superuser' when r.rolbypassrls then 'not held by row level security (BYPASSRLS)' when r.rolcreaterole then 'let to make and change roles (CREATEROLE)'
        when r.rolreplication and not $3 then 'let to read every change of the server (REPLICATION)' when r.rolname = any ($2::name[]) then 'let to the server''s files and programs' else 'a role of an API' end as reason
    from pg_catalog.pg_roles as r
    where (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication and not $3 or r.rolname = any ($1::name[]) or r.rolname = any ($2::name[])) and pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    order by r.rolname <> session_user, r.rolname limit 3`, [apiRoles, machineRoles, replicates]);
  const [first] = rows;
  if (first === undefined) return null;
  return { login: first.me, because: rows.map(({ me, name, reason }) => (name === me ? `it is ${reason}` : `it may become ${name}, which is ${reason}`)).join("; ") };
}

/**
 * Other people's SQL runs with the rights of the connection's login, and `set_config('role', …)` is a question like any other: so it is
 * refused where the login is, or may become, one that no grant and no policy holds. Throws `source_login_too_strong`.
 */
export async function refuseStrongLogin(client: pg.Client, place: string): Promise<void> {
  const strong = await strongLogin(client);
  if (strong !== null) throw loginTooStrong(strong, place, "may do more than a query needs");
}

export function loginTooStrong({ login, because }: StrongLogin, place: string, what: string): CodedError {
  return new CodedError({
    code: "source_login_too_strong", message: `The login ${login} ${what}: ${because}`, place,
    remedy: "Give the connection a login that is no superuser and a member of nothing: create role reader login password '…' noinherit; then grant it SELECT.",
  });
}
