/** For tests: the real supervisor as a program of its own, over a data folder that is removed at the end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { asRecord, readJsonFile } from './json-file.ts';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Bundles `main` and `reset` beside the real ones, so that a test runs the sources as they are now. */
export async function bundleForTests(): Promise<{ main: string; reset: string; remove(): void }> {
  const outdir = path.join(REPOSITORY, 'dist', `test-${process.pid}`);
  await build({
    entryPoints: ['main', 'reset'].map((name) => path.join(REPOSITORY, 'scripts/stack', `${name}.ts`)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'error',
  });
  return { main: path.join(outdir, 'main.mjs'), reset: path.join(outdir, 'reset.mjs'), remove: () => rmSync(outdir, { recursive: true, force: true }) };
}

/** An empty data folder with a space in its path, that other users may pass through. */
export function makeDataFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'stack test '));
  chmodSync(folder, 0o755);
  return folder;
}

export type Running = {
  pid: number;
  output(): string;
  /** Resolves when the output matches; rejects when the program ends before, or after 90 s. */
  shows(pattern: RegExp): Promise<RegExpMatchArray>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** As the terminal does: to the whole group. */
  ctrlC(): void;
};

export function launch(
  script: string,
  args: string[],
  environment: Record<string, string>,
  user?: { uid: number; gid: number },
): Running {
  // The present environment may hold settings of a Supabase, or a PORT, of the one who runs the tests.
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', LANG: 'C.UTF-8', ...environment };
  const child: ChildProcess = spawn(process.execPath, [script, ...args], {
    cwd: REPOSITORY,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    output: () => text,
    ended,
    ctrlC: () => process.kill(-pid, 'SIGINT'),
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => finish(() => reject(new Error(`after 90 s no ${pattern} in:\n${text}`))), 90_000);
        const look = () => {
          const match = pattern.exec(text);
          if (match !== null) finish(() => resolve(match));
        };
        const finish = (settle: () => void) => {
          clearTimeout(timer);
          listeners.delete(look);
          settle();
        };
        listeners.add(look);
        void ended.then(() => finish(() => reject(new Error(`ended without ${pattern}:\n${text}`))));
        look();
      }),
  };
}

/** Programs whose command line or environment names the folder. */
export function programsOf(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1').replaceAll('\0', ' ');
      const state = /\) (\S)/.exec(read('stat'))?.[1];
      if (state !== 'Z' && (read('cmdline').includes(folder) || read('environ').includes(folder))) found.push(`${pid} ${read('cmdline')}`);
    } catch {
      continue; // gone
    }
  }
  return found;
}

/** Pid of a part, out of the data folder. */
export function pidOf(data_dir: string, part: string): number {
  const pid = asRecord(asRecord(readJsonFile(path.join(data_dir, 'parts.json')))?.[part])?.pid;
  if (typeof pid !== 'number') throw new Error(`${part} is not noted as running`);
  return pid;
}

export function readSecret(data_dir: string, key: string): string {
  return String(asRecord(readJsonFile(path.join(data_dir, 'secrets.json')))?.[key]);
}
