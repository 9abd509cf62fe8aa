import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Live } from "./live.ts";

const bundle = fileURLToPath(new URL("../../dist/worker.mjs", import.meta.url));

export interface WorkerOptions {
  token: string;
  queue: string;
  /** The built program; that of this checkout by default. */
  program?: string;
  /** Beside those below, and instead of them. */
  env?: Record<string, string>;
}

/** A worker in a process of its own, as `npm run executor` starts it. */
export interface WorkerProcess {
  child: ChildProcess;
  pid: number;
  /** What it has logged so far. */
  log(): string;
  /** Where phases keep their files. */
  scratch: string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGKILL, unless it has ended; also ends what it left running. */
  kill(): Promise<void>;
}

export function lakeOf(live: Live): string {
  return pathToFileURL(join(live.stack.data_dir, "lake")).href;
}

/** Leases of three seconds, two threads, no patience when it is stopped. */
export function startWorker(live: Live, options: WorkerOptions): WorkerProcess {
  const program = options.program ?? bundle;
  if (!existsSync(program)) throw new Error(`${program} is missing: build it with \`npm run build\`.`);
  const scratch = mkdtempSync(join(tmpdir(), "control-room-worker-"));
  chmodSync(scratch, 0o711); // engines that run as another user pass through
  const child = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "", NODE_ENV: "production", CONTROL_ROOM_URL: live.stack.app_url, CONTROL_ROOM_TOKEN: options.token, CONTROL_ROOM_LAKE: lakeOf(live),
      CONTROL_ROOM_SCRATCH: scratch, EXECUTOR_QUEUES: options.queue, LEASE_SECONDS: "3", EXECUTOR_DRAIN_SECONDS: "0", ...options.env,
    },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { log += text; });
  const exited = once(child, "close").then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
  const pid = child.pid;
  if (pid === undefined) throw new Error("the worker did not start");
  return {
    child, pid, scratch, exited, log: () => log,
    async kill() {
      const below = childrenOf(pid);
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      for (const left of below) endQuietly(left);
      await exited;
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** Process ids of the engines that a worker runs now; empty where the system has no /proc. */
export function childrenOf(pid: number): number[] {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((each) => {
    try {
      // pid (name, which may hold spaces and brackets) state parent …
      return Number(readFileSync(`/proc/${each}/stat`, "utf8").replace(/^.*\) \S /s, "").split(" ")[0]) === pid;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
