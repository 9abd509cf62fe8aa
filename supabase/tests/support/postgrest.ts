import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { endChild, startChild, tailOf } from "../../../scripts/stack/child.ts";
import { anyFreePort } from "../../../scripts/stack/ports.ts";
import { findPostgrest, postgrestCommand, waitForPostgrest } from "../../../scripts/stack/postgrest.ts";
import { publicKeySet } from "../../../scripts/stack/secrets.ts";
import type { Caller } from "../world.ts";
import { ROOT } from "./test-server.ts";
import { SIGNING_KEY, signRoleToken, signUserToken } from "./tokens.ts";

export type TestPostgrest = { url: string; stop(): Promise<void> };

/** PostgREST on a free port over one database; `database_url` is `database.urlOf("authenticator")`. */
export async function startPostgrest(database_url: string): Promise<TestPostgrest> {
  const folder = mkdtempSync(path.join(tmpdir(), "postgrest-test-"));
  const port = await anyFreePort();
  let admin_port = await anyFreePort();
  while (admin_port === port) admin_port = await anyFreePort();
  const log_file = path.join(folder, "postgrest.log");
  const command = findPostgrest(ROOT, process.env);
  const child = await startChild(
    postgrestCommand({ command, database_url, port, admin_port, jwks: publicKeySet(SIGNING_KEY), log_file, cwd: folder }),
  );
  const stop = async () => {
    await endChild(child, "SIGTERM", 3000);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitForPostgrest(admin_port, child, log_file);
    if (child.hasExited()) throw new Error(`PostgREST ended early:\n${tailOf(log_file)}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** A caller, or one that sends a token and a session at once. */
export type Asker = Caller | { token: string; user: string };

/** One request as the web app sends it: the session's JWT, or the anonymous one with a token beside it. */
export async function askPostgrest(rest: TestPostgrest, caller: Asker, method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const headers: Record<string, string> = { "content-type": "application/json", authorization: `Bearer ${"user" in caller ? await signUserToken(caller.user) : await signRoleToken("anon")}` };
  if ("token" in caller) headers["x-control-room-token"] = caller.token;
  const answer = await fetch(`${rest.url}/${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
}
