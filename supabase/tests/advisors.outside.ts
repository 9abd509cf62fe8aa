/**
 * The RLS and performance advisors of Supabase, on a database made by our migrations. Run: `npx tsx
 * supabase/tests/advisors.outside.ts`. Exits 1 where they find an error or a warning.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { databaseUrl } from "../../scripts/stack/postgres-server.ts";
import { PASSWORD, ROOT, startTestServer, TEMPLATE } from "./support/test-server.ts";

const server = await startTestServer();
try {
  const url = databaseUrl(server.port, "postgres", PASSWORD, TEMPLATE);
  const cli = path.join(ROOT, "node_modules/.bin/supabase");
  const { status, stdout, stderr } = spawnSync(cli, ["db", "advisors", `--remote=${url}`, "--level", "warn", "--fail-on", "warn"], { cwd: ROOT, encoding: "utf8", timeout: 120_000 });
  if (status !== 0) {
    console.error(stdout, stderr);
    throw new Error("the advisors found something");
  }
} finally {
  await server.stop();
}
