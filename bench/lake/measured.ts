import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { familyOf } from "../memory.ts";
import { processorSeconds } from "../processor.ts";

export interface Measured {
  /** By the clock. */
  seconds: number;
  /** Of all processes, user and system. */
  cpu_seconds: number;
  /** Resident bytes of all processes together, at most. */
  peak_memory_bytes: number;
}

/** Runs a program to its end; what it and all that it starts take. Throws with the end of what it said where it fails. */
export async function measuredProgram(command: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => void (said = `${said}${text}`.slice(-4000)));
  const watch = watchFamily(child.pid!);
  const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const seconds = (performance.now() - started) / 1000;
  const seen = watch();
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said}`);
  return { seconds, ...seen };
}

/** Looks at a process and its children ten times a second until it is asked for the sum. Linux. */
export function watchFamily(pid: number, among: (pid: number) => boolean = () => true): () => Omit<Measured, "seconds"> {
  let peak = 0;
  let cpu = 0;
  const begun = processorSeconds(pid);
  const look = (): void => {
    const resident = [...familyOf(pid)].filter(([member]) => among(member)).reduce((sum, [, kilobytes]) => sum + kilobytes, 0);
    peak = Math.max(peak, resident * 1024);
    cpu = Math.max(cpu, processorSeconds(pid) - begun);
  };
  look();
  const timer = setInterval(look, 100);
  return () => {
    clearInterval(timer);
    return { cpu_seconds: cpu, peak_memory_bytes: peak };
  };
}

/** What a process was started with. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
