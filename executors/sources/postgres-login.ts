import type pg from "pg";
import { CodedError } from "../storage/coded-error.ts";

/** Roles behind a PostgREST or a Supabase project: who may become one of them may claim to be anybody. */
const apiRoles = ["anon", "authenticated", "authenticator", "service_role", "ops_token", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin"];
/** Roles of PostgreSQL that read, write or run on the server's machine. */
const machineRoles = ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"];

/**
 * Other people's SQL runs with the rights of the connection's login, and `set_config('role', …)` is a question like any other: so it is
 * refused where the login is, or may become, one that no grant and no policy holds. Throws `source_login_too_strong`.
 */
export async function refuseStrongLogin(client: pg.Client, place: string): Promise<void> {
  const { rows } = await client.query<{ name: string; reason: string }>(
    `select r.rolname as name, case when r.rolsuper then 'a superuser' when r.rolbypassrls then 'not held by row level security (BYPASSRLS)' when r.rolname = any ($2::name[]) then 'let to the server''s files and programs' else 'a role of an API' end as reason
    from pg_catalog.pg_roles as r where (r.rolsuper or r.rolbypassrls or r.rolname = any ($1::name[]) or r.rolname = any ($2::name[])) and pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    order by r.rolname <> session_user, r.rolname limit 3`, [apiRoles, machineRoles]);
  if (rows.length === 0) return;
  const { rows: [me] } = await client.query<{ name: string }>("select session_user::text as name");
  const what = rows.map(({ name, reason }) => (name === me?.name ? `it is ${reason}` : `it may become ${name}, which is ${reason}`)).join("; ");
  throw new CodedError({
    code: "source_login_too_strong", message: `The login ${me?.name ?? ""} may do more than a query needs: ${what}`, place,
    remedy: "Give the connection a login that is no superuser and a member of nothing: create role reader login password '…' noinherit; then grant it SELECT.",
  });
}
