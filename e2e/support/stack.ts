import { readFileSync } from "node:fs";
import path from "node:path";

/** What the tests need of `stack.json`. */
export interface Stack {
  app_url: string;
  api_url: string;
  supabase_url: string;
  secret_key: string;
  database_url: string;
  admin: { email: string; password: string };
  api_token: string;
}

export function readStack(dataDir: string): Stack {
  const stack = JSON.parse(readFileSync(path.join(dataDir, "stack.json"), "utf8")) as Stack;
  // Another web server on the same database and store: `next dev` while the pages are being written.
  const app_url = process.env.E2E_APP_URL ?? stack.app_url;
  return { ...stack, app_url, api_url: `${app_url}/api/v1` };
}

/** The stack that start-stack.ts found or started. */
export function stack(): Stack {
  const dataDir = process.env.E2E_DATA_DIR;
  if (!dataDir) throw new Error("E2E_DATA_DIR is not set: start-stack.ts runs first and sets it.");
  return readStack(dataDir);
}

/** Calls the API with the install's token. Throws where the answer is not of the 200s. */
export async function api<T>(target: Stack, method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", route: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const response = await fetch(target.api_url + route, {
    method,
    headers: { Authorization: `Bearer ${target.api_token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`${method} ${route} answered ${response.status}: ${await response.text()}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Asks until the answer is wanted. Throws after `timeoutMs` with the last answer. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, timeoutMs: number): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`This did not come within ${timeoutMs} ms: ${JSON.stringify(answer).slice(0, 1000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
