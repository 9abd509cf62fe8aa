import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { anyFreePort } from "../../../scripts/stack/ports.ts";
import { ROOT } from "./test-server.ts";

/** The Edge Function in a real Deno process, as Supabase's edge runtime runs it. */
export interface EdgeFunction {
  /** One request; a turn answers when it is over. */
  post(secret: string, method?: string): Promise<{ status: number; body: Record<string, unknown>; retry_after?: number }>;
  log(): string;
  /** SIGKILL: what a platform does when the time is over. */
  kill(): Promise<void>;
}

export async function startEdgeFunction(env: Record<string, string>): Promise<EdgeFunction> {
  const { runInstall } = createRequire(import.meta.url)("deno/install_api.cjs") as { runInstall(): string };
  const port = await anyFreePort();
  const folder = path.join(ROOT, "supabase/functions/executor");
  // What deno.json names is taken from node_modules: the same versions, without a network.
  const child = spawn(runInstall(), ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env", "--allow-read", "--cached-only", "--node-modules-dir=manual", `--config=${folder}/deno.json`, `${folder}/index.ts`], {
    cwd: ROOT, stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`, ...env },
  });
  const exited = once(child, "exit");
  let log = "";
  const listening = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("Listening on")) resolve();
      });
    }
    child.once("exit", (code) => reject(new Error(`Deno ended with ${code}:\n${log}`)));
  });
  await listening;
  return {
    log: () => log,
    async post(secret, method = "POST") {
      const response = await fetch(`http://127.0.0.1:${port}/executor`, { method, headers: { "x-executor-secret": secret }, signal: AbortSignal.timeout(60_000) });
      const retry_after = response.headers.get("retry-after");
      return { status: response.status, body: (await response.json()) as Record<string, unknown>, ...(retry_after === null ? {} : { retry_after: Number(retry_after) }) };
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
