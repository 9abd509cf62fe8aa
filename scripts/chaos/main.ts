/**
 * npm run chaos -- [--seconds N] [--seed S] [--lease L]: a storm over a product of its own in a temporary folder. Executors are
 * killed, stopped past their lease and lied to by their clocks; database, PostgREST and web app are killed; the line to the
 * database is slow, silent or cut; requests come twice. Then all is healed, and nothing may be lost, doubled, leaked or stuck.
 * The same seed gives the same plan. Exits 1 where a promise was broken.
 */
import { parseArgs } from "node:util";
import { ensureBuilt } from "../build.mjs";
import { figures } from "./figures.ts";
import { faultKinds } from "./plan.ts";
import { startChaosStack } from "./stack.ts";
import { storm, type StormOptions } from "./storm.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "15" }, seed: { type: "string" }, lease: { type: "string", default: "2" }, quiet: { type: "boolean", default: false } } });
const whole = (name: string, text: string, least: number): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new Error(`--${name} is a whole number of at least ${least}, not ${text}`);
  return value;
};
const seconds = whole("seconds", values.seconds, 5);
const options: StormOptions = {
  seconds, seed: whole("seed", values.seed ?? String(Math.floor(Math.random() * 1e9)), 0), lease_seconds: whole("lease", values.lease, 1),
  faults: faultKinds, every_ms: 1500, light: 4, workers: seconds >= 30 ? 2 : 1, rate: 3, tables_per_second: 0.2, calm_seconds: 120, say: values.quiet ? () => undefined : console.log,
};

await ensureBuilt(["bundles", "web"]);
const stack = await startChaosStack((line) => options.say?.(`          ${line.split(" Log: ")[0]}`));
// Its parts are programs in sessions of their own: they would outlive us.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void stack.stop().finally(() => process.exit(130)));
let broken = false;
try {
  console.log(`chaos for ${seconds} s, seed ${options.seed}, leases of ${options.lease_seconds} s`);
  const outcome = await storm(stack, options);
  for (const line of await figures(stack, outcome, options)) console.log(line);
  broken = outcome.breaches.length > 0;
  if (broken) console.log(`\nBROKEN (seed ${options.seed}):\n${outcome.breaches.map((breach) => `  ${breach}`).join("\n")}\n\nThe supervisor said:\n${stack.said.join("\n")}`);
  else console.log("broken      nothing: no run lost, doubled or stuck, no gap, no leak, no bad artifact");
} finally {
  await stack.stop();
}
process.exit(broken ? 1 : 0);
