import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHILD_BUNDLE } from "./child-bundle.mjs";

/** SIGTERM comes this long after the request to stop, SIGKILL this long after SIGTERM. */
const GRACE_MS = 2000;
const PRLIMIT = ["/usr/bin/prlimit", "/bin/prlimit"].find((path) => process.platform === "linux" && existsSync(path));

const fromSource = new Map<string, Promise<string>>();

/**
 * The script that Node runs for the child `<name>`: the bundle `<name>.mjs` beside this code where this code is itself
 * bundled, else a bundle of `<name>.ts` made now, once a process and content.
 */
export async function childScript(name: string): Promise<string> {
  const bundle = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  if (existsSync(bundle)) return bundle;
  const made = fromSource.get(name) ?? bundleSource(name);
  fromSource.set(name, made);
  return made;
}

async function bundleSource(name: string): Promise<string> {
  const { build } = await import("esbuild");
  const source = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const { outputFiles } = await build({ ...CHILD_BUNDLE, entryPoints: [source], write: false, logLevel: "silent" });
  const content = outputFiles[0]!.contents;
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  // Inside node_modules, so that the child finds its native package.
  const folder = fileURLToPath(new URL("../../node_modules/.cache/control-room/", import.meta.url));
  const file = join(folder, `${name}-${hash}.mjs`);
  if (!existsSync(file)) {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.${process.pid}`, content);
    await rename(`${file}.${process.pid}`, file);
  }
  return file;
}

/** Whom a child runs as. Only root may choose. */
export interface ChildUser {
  uid: number;
  gid: number;
}

/**
 * Starts a Node child with an empty environment, stdin, stdout, stderr and a pipe at fd 3, without core dumps and,
 * where the system has prlimit, with a limit on CPU seconds that holds even when this process is gone. As another user it
 * keeps none of this one's groups (libuv drops them).
 */
export function spawnLimited(args: string[], options: { cwd: string; cpu_seconds: number; user?: ChildUser | null }): ChildProcess {
  const command = [process.execPath, ...args];
  if (PRLIMIT !== undefined) command.unshift(PRLIMIT, "--core=0", `--cpu=${Math.ceil(options.cpu_seconds)}`, "--");
  return spawn(command[0]!, command.slice(1), {
    cwd: options.cwd,
    env: {},
    ...options.user,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    detached: false,
  });
}

/** Asks a child to stop, then SIGTERM, then SIGKILL. Returns a function that calls the escalation off. */
export function stopInSteps(child: ChildProcess, ask: () => void): () => void {
  ask();
  const timers = [
    setTimeout(() => child.kill("SIGTERM"), GRACE_MS),
    setTimeout(() => child.kill("SIGKILL"), 2 * GRACE_MS),
  ];
  return () => timers.forEach(clearTimeout);
}
