import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Figure } from "./figures.ts";

/** A process and everything it started, with resident kilobytes. */
export function familyOf(pid: number): Map<number, number> {
  const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss="], { encoding: "utf8" }).trim().split("\n").map((row) => row.trim().split(/\s+/).map(Number));
  const family = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [child, parent] of rows) {
      if (child !== undefined && parent !== undefined && family.has(parent) && !family.has(child)) {
        family.add(child);
        grew = true;
      }
    }
  }
  return new Map(rows.flatMap(([child, , resident]) => (child !== undefined && family.has(child) ? [[child, resident ?? 0] as const] : [])));
}

/** Proportional set size of a process and everything it started (shared pages counted once), in MB. Linux; elsewhere resident size. */
export async function idleMemory(pid: number): Promise<Figure> {
  const family = familyOf(pid);
  let kilobytes = 0;
  for (const [child, resident] of family) {
    const rollup = `/proc/${child}/smaps_rollup`;
    const pss = existsSync(rollup) ? /^Pss:\s+(\d+)/m.exec(readFileSync(rollup, "utf8"))?.[1] : undefined;
    kilobytes += pss === undefined ? resident : Number(pss);
  }
  return { name: `idle memory of all ${family.size} processes`, value: kilobytes / 1024, unit: "MB", target: "< 1024" };
}
