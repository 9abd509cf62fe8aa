import type { Product } from "../../scripts/running-product.mjs";
import { ask, runToEnd, seconds } from "../latency.ts";
import { commandOf, type Measured, watchFamily } from "./measured.ts";

type Spec = Record<string, unknown>;
/** Of a run of ten millions of rows. */
const LONGEST_MS = 900_000;

/** A whole run by the product, from its request to its end by the database's clock; memory is that of the executor with its engine, processor time of everything. */
export async function measuredRun({ stack, pid }: Product, spec: Spec): Promise<Measured & { phases: Record<string, number> }> {
  const watch = watchFamily(pid, (member) => /\b(worker|duckdb-child)\b/.test(commandOf(member)));
  try {
    const run = await runToEnd(stack, { spec }, LONGEST_MS);
    const { items } = await ask<{ items: { name: string; started_at: string; finished_at: string }[] }>(stack, `/runs/${run.run_id}/phases`);
    return { seconds: seconds(run.created_at, run.finished_at), phases: Object.fromEntries(items.map((phase) => [phase.name, seconds(phase.started_at, phase.finished_at)])), ...watch() };
  } finally {
    watch();
  }
}

/** Milliseconds that one more phase adds to a run whose phases do nothing, one after the other: all of it, the engine's process too. */
export async function phaseOverhead(product: Product, more: number): Promise<number> {
  const noOps = (count: number): Spec => ({
    version: 1, name: "no_ops",
    phases: Array.from({ length: count }, (_, nth) => ({ name: `p${nth}`, type: "query", config: { sql: "select 1 as one" }, ...(nth === 0 ? {} : { depends_on: [`p${nth - 1}`] }) })),
  });
  const least = async (count: number): Promise<number> => {
    const took = [];
    for (let nth = 0; nth < 3; nth += 1) took.push((await measuredRun(product, noOps(count))).seconds);
    return Math.min(...took);
  };
  const one = await least(1);
  return (1000 * ((await least(1 + more)) - one)) / more;
}
