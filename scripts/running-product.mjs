// A whole product for tests and benchmarks: one `npm start` in an empty data folder, as a person gets it.
import { spawn } from "node:child_process";
import { chmodSync, createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "./build.mjs";
import { StepError } from "./run-step.mjs";

const START_LIMIT_MS = 300_000;

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

/** Resolves when the first runs are over, with `data_dir` (stack.json inside), what it printed, and `stop()`, which removes the folder unless it was given (`kept_dir`). */
export async function startProduct(env = {}, kept_dir = null) {
  const data_dir = kept_dir ?? mkdtempSync(path.join(tmpdir(), "control room "));
  // Children of another user (EXECUTOR_CHILD_USER) read the lake in it; what is secret in it is readable by its owner alone.
  if (kept_dir === null) chmodSync(data_dir, 0o711);
  const log_file = path.join(data_dir, "start.log");
  const log = createWriteStream(log_file);
  const child = spawn(process.execPath, [path.join(ROOT, "scripts/start.mjs")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CONTROL_ROOM_DATA_DIR: data_dir, PORT: await freePort(), LEASE_SECONDS: "10", ...env },
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
    if (kept_dir === null) rmSync(data_dir, { recursive: true, force: true });
  };
  let shown = "";
  try {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new StepError("start_slow", "npm start was not ready in 300 s.", `Read its output:\n${shown.slice(-3000)}`)), START_LIMIT_MS);
      const onText = (text) => {
        shown += text;
        if (/Ctrl-C/.test(shown)) {
          clearTimeout(timer);
          resolve();
        }
      };
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8");
        stream.on("data", onText);
        stream.pipe(log, { end: false });
      }
      child.once("exit", () => {
        clearTimeout(timer);
        reject(new StepError("start_failed", "npm start ended early.", `Read its output:\n${shown.slice(-3000)}`));
      });
    });
    if (!existsSync(path.join(data_dir, "stack.json"))) throw new StepError("start_failed", "npm start wrote no stack.json.", `Read its output:\n${readFileSync(log_file, "utf8").slice(-3000)}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { data_dir, shown: () => shown, pid: child.pid, stack: JSON.parse(readFileSync(path.join(data_dir, "stack.json"), "utf8")), stop };
}
