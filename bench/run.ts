/**
 * npm run bench -- [--scale small|full]: the product's speed and size, as figures of one run on this machine. Nothing here
 * fails for being slow; targets stand beside the figures. Ratios are against yardsticks measured in the same run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { startProduct } from "../scripts/running-product.mjs";
import { claimCost } from "./claim-cost.ts";
import { type Figure, printFigures } from "./figures.ts";
import { enqueueToClaim, enqueueToStart, pipelineSeconds } from "./latency.ts";
import { idleExecutors } from "./idle.ts";
import { idleMemory } from "./memory.ts";
import { reading } from "./reading.ts";
import { rlsCost } from "./rls-cost.ts";
import { throughput } from "./throughput.ts";

const scale = process.argv.includes("full") ? "full" : "small";
const folder = mkdtempSync(path.join(tmpdir(), "control room bench "));
const figures: Figure[] = [];
try {
  const cold = await startProduct({}, folder);
  const steps = readSteps(cold.shown());
  figures.push({ name: "embedded stack ready, cold", value: sum(steps, ["Database made", "PostgreSQL", "Roles and migrations", "PostgREST", "Gateway with auth"]), unit: "s", target: "< 3" });
  figures.push({ name: "npm start to the first green pipeline (installed, built)", value: sum(steps, [...steps.keys()].slice(0, [...steps.keys()].indexOf("First run of odoo_ingest_bronze") + 1)), unit: "s", target: "< 60" });
  await cold.stop();

  const warm = await startProduct({}, folder);
  try {
    figures.push({ name: "embedded stack ready, warm", value: sum(readSteps(warm.shown()), ["PostgreSQL", "Roles and migrations", "PostgREST", "Gateway with auth"]), unit: "s", target: "< 1" });
    figures.push(...(await pipelineSeconds(warm.stack)));
    figures.push(...(await enqueueToStart(warm.stack, scale === "full" ? 200 : 40)));
    figures.push(...(await enqueueToClaim(warm.stack, scale === "full" ? 300 : 60)));
    figures.push(await idleMemory(warm.pid));
    figures.push(...(await idleExecutors(warm, 200)));
    figures.push(...(await reading(warm.stack, scale)));
  } finally {
    await warm.stop();
  }

  // On a product of its own, as the yardstick's tables are its own: behind what others wrote, upkeep would be measured.
  const fresh = await startProduct();
  try {
    figures.push(...(await throughput(fresh, scale)));
  } finally {
    await fresh.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
figures.push(...(await claimCost(scale)));
figures.push(...(await rlsCost(scale)));
printFigures(figures, `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}, scale ${scale}`);

/** Seconds of each step that the start printed. */
function readSteps(shown: string): Map<string, number> {
  return new Map([...shown.matchAll(/^ {2}(\S.*?) {2,}(\d+\.\d+) s$/gm)].map((match) => [match[1]!, Number(match[2])]));
}
function sum(steps: Map<string, number>, names: string[]): number {
  return names.reduce((total, name) => total + (steps.get(name) ?? 0), 0);
}
