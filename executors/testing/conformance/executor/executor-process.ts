import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface ExecutorProcess {
  /** Null while it runs. */
  ended(): { code: number | null; signal: NodeJS.Signals | null } | null;
  exited: Promise<void>;
  /** What it has printed, the last 20,000 characters. */
  log(): string;
  terminate(): void;
  /** Ends it and whatever it started, and removes its folder. */
  kill(): Promise<void>;
}

const ownSettings = /^(CONTROL_ROOM|EXECUTOR|LEASE_SECONDS|SUPABASE)/;

/** Starts the command in a process group of its own, with the environment that docs/executors.md describes. */
export function startExecutor(command: readonly string[], settings: Record<string, string>, onExit: () => void): ExecutorProcess {
  const [program, ...args] = command;
  if (program === undefined) throw new Error("no command is given");
  const folder = mkdtempSync(join(tmpdir(), "conformance-executor-"));
  // The caller's own settings of a control room must not reach the executor under test.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ownSettings.test(name)));
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"], detached: true,
    env: { ...inherited, CONTROL_ROOM_LAKE: pathToFileURL(join(folder, "lake")).href, CONTROL_ROOM_SCRATCH: folder, ...settings },
  });
  let log = "";
  let ended: { code: number | null; signal: NodeJS.Signals | null } | null = null;
  const keep = (text: string): void => { log = (log + text).slice(-20_000); };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", keep);
  const exited = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      ended ??= { code, signal };
      onExit();
      resolve();
    };
    child.once("exit", end);
    child.once("error", (error) => {
      keep(`${program} could not be started: ${error.message}`);
      end(null, null);
    });
  });
  return {
    ended: () => ended, exited, log: () => log,
    terminate: () => void child.kill("SIGTERM"),
    async kill() {
      if (child.pid !== undefined) {
        try {
          process.kill(-child.pid, "SIGKILL");
        } catch {
          // The group has ended already.
        }
        if (ended === null) await once(child, "exit");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
