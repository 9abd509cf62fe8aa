/** The gates: `npm run gate` runs them all, `npm run gate -- TOOL --help` explains one. Exit 0: nothing found, 1: findings, 2: called wrongly. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backlogGate } from "./backlog.ts";
import { contractGate } from "./contract.ts";
import { UsageError, type Gate, type Options, type Report } from "./gate.ts";
import { coverageGate } from "./coverage.ts";
import { exportsGate } from "./exports.ts";
import { migrationsGate } from "./migrations.ts";
import { routingGate } from "./routing.ts";
import { summaryGate } from "./summary.ts";

/** In the order in which they run. */
export const gates = { contract: contractGate, migrations: migrationsGate, routing: routingGate, backlog: backlogGate, exports: exportsGate, coverage: coverageGate, summary: summaryGate } satisfies Record<string, Gate>;
type GateName = keyof typeof gates;

const usage = `npm run gate -- [TOOL] [OPTIONS]

Without TOOL all gates run. Exit 0: nothing found; 1: a finding; 2: called wrongly.

${Object.entries(gates).map(([name, gate]) => `  ${name.padEnd(14)} ${gate.title}`).join("\n")}

  --json   one JSON object: ok, and per tool findings (rule, file, line, message), notes, summary, seconds
  --help   this, or with TOOL its own options
`;

type Timed = Report & { seconds: number };

async function timed(root: string, gate: Gate, options: Options): Promise<Timed> {
  const began = performance.now();
  const report = await gate.run(root, options);
  return { ...report, seconds: Math.round((performance.now() - began) / 100) / 10 };
}

function textOf(name: string, { findings, notes = [], summary, seconds }: Timed): string {
  const lines = [`${findings.length === 0 ? "ok  " : "FAIL"} ${name.padEnd(14)} ${summary} (${seconds.toFixed(1)} s)`];
  for (const { file, line, rule, message } of findings) lines.push(`  ${file}:${line}: ${message} [${name}/${rule}]`);
  for (const note of notes) lines.push(`  note: ${note}`);
  return `${lines.join("\n")}\n`;
}

/** Runs one tool or all; `print` gets what goes to standard output. Answers the exit code. */
export async function runGates(root: string, args: string[], print: (text: string) => void, complain: (text: string) => void): Promise<number> {
  try {
    const name = args[0] !== undefined && !args[0].startsWith("-") ? args[0] : undefined;
    if (name !== undefined && !Object.hasOwn(gates, name)) throw new UsageError(`There is no tool ${name}.`);
    const gate: Gate | undefined = name === undefined ? undefined : gates[name as GateName];
    const { values } = parseArgs({ args: name === undefined ? args : args.slice(1), strict: true, options: { ...gate?.options, json: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
    const options = values as Options;
    if (options["help"] === true) {
      print(gate === undefined ? usage : `npm run gate -- ${gate.help}\n  --json     the same for programs\n`);
      return 0;
    }
    const chosen: [string, Gate][] = gate === undefined ? Object.entries(gates) : [[name!, gate]];
    const reports: Record<string, Timed> = {};
    for (const [each, its] of chosen) {
      const report = (reports[each] = await timed(root, its, options));
      if (options["json"] !== true) print(gate !== undefined && report.output !== undefined && report.findings.length === 0 ? report.output : textOf(each, report));
    }
    const ok = Object.values(reports).every((report) => report.findings.length === 0);
    if (options["json"] === true) print(`${JSON.stringify({ ok, gates: reports }, null, 2)}\n`);
    return ok ? 0 : 1;
  } catch (error) {
    if (error instanceof UsageError || (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"))) {
      complain(`${error.message}\n\n${usage}`);
      return 2;
    }
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  process.exitCode = await runGates(root, process.argv.slice(2), (text) => process.stdout.write(text), (text) => process.stderr.write(text));
}
