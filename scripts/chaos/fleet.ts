/** The executors of a storm, each a process of its own that is started again whenever it ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "../build.mjs";
import { anExecutor, type Tenant } from "../../executors/testing/live.ts";
import { startWorker } from "../../executors/testing/worker-process.ts";
import { readLedger, type Entry } from "./ledger.ts";
import type { LightSettings } from "./light-process.ts";
import { between, seeded } from "./random.ts";
import type { ChaosStack } from "./stack.ts";

export interface Member {
  name: string;
  /** Each does nothing, and answers false, where the process is down. */
  kill(): boolean;
  pause(): boolean;
  resume(): boolean;
  shiftClock(): boolean;
}
export interface Fleet {
  members: Member[];
  ledgers(): Entry[];
  /** SIGKILL to all; nothing starts again. */
  end(): Promise<void>;
}
export interface FleetOptions {
  seed: number;
  light: number;
  workers: number;
  lease_seconds: number;
  queues: { light: string; worker: string };
}

interface Started {
  child: ChildProcess;
  /** Ends it and what it left running. */
  end(): Promise<void>;
}

export async function startFleet(stack: ChaosStack, tenant: Tenant, options: FleetOptions): Promise<Fleet> {
  const { live } = stack;
  const folder = path.join(stack.data_dir, "chaos", options.queues.light);
  mkdirSync(folder, { recursive: true });
  const bundle = await bundleLight();
  const clock = `--import=${pathToFileURL(path.join(ROOT, "scripts/chaos/shift-clock.mjs")).href}`;
  const ledgers: string[] = [];

  const members = await Promise.all(Array.from({ length: options.light + options.workers }, async (_, index) => {
    const is_light = index < options.light;
    const name = is_light ? `light-${index}` : `worker-${index - options.light}`;
    const { token } = await anExecutor(live, tenant);
    const random = seeded(options.seed, name);
    const env = (): Record<string, string> => ({ NODE_OPTIONS: clock, CLOCK_SHIFT_MS: String(Math.floor(random() * 3 - 1) * 10_800_000) });
    if (!is_light) {
      return keepRunning(name, random, () => {
        const worker = startWorker(live, { token, queue: options.queues.worker, env: { LEASE_SECONDS: String(Math.max(2, options.lease_seconds)), EXECUTOR_SLOTS: "2", EXECUTOR_THREADS: "1", ...env() } });
        return { child: worker.child, end: () => worker.kill() };
      });
    }
    const ledger = path.join(folder, `${name}.jsonl`);
    ledgers.push(ledger);
    let starts = 0;
    return keepRunning(name, random, () => {
      starts += 1;
      const settings: LightSettings = {
        name, seed: options.seed + starts, transport: index % 3 === 2 ? "rpc" : "http", url: live.stack.app_url, supabase_url: live.stack.supabase_url, publishable_key: live.stack.publishable_key,
        token, queue: options.queues.light, lease_seconds: options.lease_seconds, slots: 4, ledger,
      };
      const child = spawn(process.execPath, [bundle.file], { stdio: ["ignore", "ignore", "inherit"], env: { PATH: process.env["PATH"] ?? "", LIGHT_EXECUTOR: JSON.stringify(settings), ...env() } });
      const ended = once(child, "exit");
      return { child, end: async () => { child.kill("SIGKILL"); await ended; } };
    });
  }));
  return {
    members,
    ledgers: () => ledgers.flatMap(readLedger),
    end: async () => {
      await Promise.all(members.map((member) => member.end()));
      bundle.remove();
    },
  };
}

function keepRunning(name: string, random: () => number, start: () => Started): Member & { end(): Promise<void> } {
  let current: Started | null = null;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    const started = start();
    current = started;
    started.child.once("exit", () => {
      if (over) return;
      current = null;
      timer = setTimeout(begin, between(random, 100, 800));
      void started.end();
    });
  };
  begin();
  const send = (signal: NodeJS.Signals) => (): boolean => current?.child.kill(signal) ?? false;
  return {
    name, kill: send("SIGKILL"), pause: send("SIGSTOP"), resume: send("SIGCONT"), shiftClock: send("SIGUSR2"),
    async end() {
      over = true;
      clearTimeout(timer);
      await current?.end();
    },
  };
}

/** Below the checkout, so that the packages it imports are found. */
async function bundleLight(): Promise<{ file: string; remove(): void }> {
  const outdir = path.join(ROOT, "dist", `chaos-${process.pid}-${Date.now()}`);
  await build({
    entryPoints: [{ in: path.join(ROOT, "scripts/chaos/light-process.ts"), out: "light-process" }], outdir, outExtension: { ".js": ".mjs" },
    bundle: true, packages: "external", platform: "node", format: "esm", target: "node20.19", logLevel: "error",
  });
  return { file: path.join(outdir, "light-process.mjs"), remove: () => rmSync(outdir, { recursive: true, force: true }) };
}
