import { stringify } from "yaml";
import { ControlRoomError } from "../../contracts/error.ts";
import { type OdooContract, checkOdooContract, contractBreaches, contractPipeline } from "../../contracts/odoo-contract.ts";
import { openStored } from "../core/open-connection.ts";
import { loadPipelineFile } from "../pipeline-file.ts";
import { type CutoverStep, checkOdoo } from "../sources/check-odoo.ts";
import { readInputFile } from "./input-file.ts";
import { exit, plain, type ExitCode, type Output } from "./output.ts";

export interface OdooCheckOptions { pipeline?: string; secretFile?: string }

/** What no program can see. */
const MANUAL: [step: string, why: string][] = [
  ["connection_test", "Control room, Connections, Test: an executor of the environment opens the secret and reaches the database."],
  ["first_landing", "Run the pipeline once, and compare the trial balance and the open orders of gold with Odoo's own reports."],
  ["alerts", "Make alert rules for failed runs, broken freshness, and the warning source_slot_lag; see one arrive."],
  ["way_back", "Agree who decides to go back and until when, and how: pause the schedule, drop the slot, go on with what was there before."],
];

/** Checks a contract against the live database and prints the cutover checklist. Ends with 1 where a step failed. */
export async function checkOdooFile(output: Output, file: string, options: OdooCheckOptions, env: Record<string, string | undefined>, signal: AbortSignal): Promise<ExitCode> {
  const contract = await readContract(file);
  const secret = await findSecret(contract, options, env);
  const connection = openStored("odoo", contract.source, secret?.value ?? null);
  const steps: CutoverStep[] = [
    secret === null
      ? { step: "secret", state: "fail", why: `the password of ${contract.secret} is not here`, remedy: `Set ${secretVariable(contract)}, or name a file with --secret-file. In the control room it is the secret ${contract.secret}.` }
      : { step: "secret", state: "pass", why: `${contract.secret} comes from ${secret.from}` },
    ...(connection?.kind === "odoo" && secret !== null ? await checkOdoo(contract, connection.url, signal) : [{ step: "database", state: "fail", why: "was not asked: there is no password", remedy: "See the step secret." } as const]),
    pipelineStep(contract, options.pipeline),
    ...MANUAL.map(([step, why]) => ({ step, state: "manual" as const, why })),
  ];
  const count = (state: CutoverStep["state"]): number => steps.filter((each) => each.state === state).length;
  const ready = count("fail") === 0;
  if (output.json) output.value({ contract: contract.name, ready, steps });
  else {
    for (const { step, state, why, remedy } of steps) {
      output.line(`${output.paint(state === "pass" ? "green" : state === "fail" ? "red" : "yellow", state.padEnd(6))}  ${step.padEnd(18)} ${plain(why)}`);
      if (remedy !== undefined) output.line(output.paint("dim", `${" ".repeat(27)}${plain(remedy)}`));
    }
    output.line(`${count("pass")} passed, ${count("fail")} failed, ${count("manual")} for a person`);
  }
  return ready ? exit.ok : exit.failed;
}

/** Prints the pipeline that lands what the contract says, as YAML. */
export async function printOdooPipeline(output: Output, file: string): Promise<ExitCode> {
  const pipeline = contractPipeline(await readContract(file));
  if (output.json) output.value(pipeline);
  else output.line(stringify(pipeline, { lineWidth: 150, aliasDuplicateObjects: false }).trimEnd());
  return exit.ok;
}

async function readContract(file: string): Promise<OdooContract> {
  const { contract, errors } = checkOdooContract(await readInputFile(file));
  if (contract === null) throw new ControlRoomError("invalid_input", `${file} is no contract.`, { errors });
  return contract;
}

function pipelineStep(contract: OdooContract, file: string | undefined): CutoverStep {
  if (file === undefined) return { step: "pipeline", state: "manual", why: "name it with --pipeline, or make it of the contract: control-room odoo pipeline" };
  const breaches = contractBreaches(contract, loadPipelineFile(file).spec.phases);
  return breaches.length === 0
    ? { step: "pipeline", state: "pass", why: `${file} lands what the contract says` }
    : { step: "pipeline", state: "fail", why: breaches.join("; "), remedy: "Make it of the contract: control-room odoo pipeline" };
}

function secretVariable(contract: OdooContract): string {
  return `CONTROL_ROOM_SECRET_${contract.secret.toUpperCase()}`;
}

/** The password as the machine has it where this runs; the control room's own copy opens for executors alone. */
async function findSecret(contract: OdooContract, { secretFile }: OdooCheckOptions, env: Record<string, string | undefined>): Promise<{ value: string; from: string } | null> {
  if (secretFile !== undefined) return { value: (await readInputFile(secretFile)).replace(/\r?\n$/, ""), from: "the file that was named" };
  const variable = secretVariable(contract);
  const given = env[variable];
  if (given !== undefined && given !== "") return { value: given, from: variable };
  const connection = `CONTROL_ROOM_CONNECTION_${contract.connection.toUpperCase()}`;
  const url = env[connection] ?? "";
  const password = URL.canParse(url) ? decodeURIComponent(new URL(url).password) : "";
  return password === "" ? null : { value: password, from: connection };
}
