import { readFileSync } from "node:fs";
import { familyOf } from "./memory.ts";

const ticksPerSecond = 100; // USER_HZ of every Linux that Node runs on

/** Seconds of processor time that a process and everything it started have used so far. Linux. */
export function processorSeconds(pid: number): number {
  let ticks = 0;
  for (const member of familyOf(pid).keys()) {
    try {
      // The name of the program may hold spaces.
      const [user, system] = readFileSync(`/proc/${member}/stat`, "utf8").replace(/\(.*\)/, "name").split(" ").slice(13, 15);
      ticks += Number(user) + Number(system);
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks / ticksPerSecond;
}
