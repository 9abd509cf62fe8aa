import type { ConnectionOf } from "../core/open-connection.ts";
import type { PhaseContext } from "../core/phase.ts";
import { strongLogin } from "../sources/postgres-login.ts";
import { withSourceSession } from "../sources/postgres-session.ts";
import { sourcePlace } from "../sources/source-error.ts";

/** An Odoo database is one that has its table of modules. */
const questions = {
  postgres: "select current_database() as database, current_user as login, current_setting('server_version') as server_version",
  odoo: "select current_database() as database, current_user as login, latest_version as odoo_version from ir_module_module where name = 'base'",
} as const;

export function askPostgres({ kind, url }: ConnectionOf<"postgres" | "odoo">, context: PhaseContext<"connect">): Promise<Record<string, string>> {
  return withSourceSession({ url, place: sourcePlace(url), signal: context.signal, statement_timeout_ms: context.phase.timeout_seconds * 1000 }, async (client) => {
    const strong = await strongLogin(client, { replicates: true });
    if (strong !== null) context.log("warn", `the login ${strong.login} may do more than a source needs: ${strong.because}`);
    const { rows } = await client.query<Record<string, string>>(questions[kind]);
    return { ...rows[0], ...(strong === null ? {} : { warning: `the login may do more than a source needs: ${strong.because}` }) };
  });
}
