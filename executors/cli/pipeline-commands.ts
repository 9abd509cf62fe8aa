import { existsSync } from "node:fs";
import { ControlRoomError } from "../../contracts/error.ts";
import { applyParameters } from "../../contracts/parameters.ts";
import type { CreateRunRequest } from "../../contracts/run.ts";
import { checkPipelineFile, loadPipelineFile } from "../pipeline-file.ts";
import { request, type Connection } from "./connection.ts";
import { exit, placeLine, type ExitCode, type Output } from "./output.ts";
import { watchRun } from "./run-commands.ts";

/** Checks pipeline files without a control room. */
export function validatePipelines(output: Output, files: string[]): ExitCode {
  let valid = true;
  for (const file of files) {
    try {
      const { check } = checkPipelineFile(file);
      if (check.errors.length > 0) valid = false;
      if (output.json) output.value({ file, valid: check.errors.length === 0, spec_sha256: check.sha256, errors: check.errors });
      else if (check.spec !== null) output.line(`${file} ${output.paint("green", "valid")} ${check.spec.name} ${check.sha256}`);
      else for (const error of check.errors) output.note(placeLine(file, error));
    } catch (error) {
      if (!(error instanceof ControlRoomError)) throw error;
      valid = false;
      if (output.json) output.value({ file, valid: false, spec_sha256: null, errors: [{ path: "", message: error.message, code: error.code }] });
      else output.note(`${file} ${error.message} (${error.code})`);
    }
  }
  return valid ? exit.ok : exit.invalid;
}

export interface RunOptions {
  param: string[];
  watch?: boolean;
  environment?: string;
  project?: string;
  priority?: number;
  queue?: string;
  label: string[];
  idempotencyKey?: string;
}

/** Queues a run of a template, or of a file without saving it. */
export async function runPipeline(connection: Connection, output: Output, keyOrFile: string, options: RunOptions): Promise<ExitCode> {
  const file = /\.(ya?ml|json)$/i.test(keyOrFile) || /[/\\]/.test(keyOrFile) || (existsSync(keyOrFile) && !/^[a-z][a-z0-9_]{0,62}$/.test(keyOrFile));
  const body: CreateRunRequest = {
    ...(options.environment === undefined ? {} : { environment: options.environment }), ...(options.project === undefined ? {} : { project: options.project }),
    ...(options.priority === undefined ? {} : { priority: options.priority }), ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...(options.label.length === 0 ? {} : { labels: options.label }),
  };
  if (file) {
    const { spec } = loadPipelineFile(keyOrFile);
    body.spec = spec;
    body.parameters = parseParameters(options.param, spec.parameters.properties);
    const { errors } = applyParameters(spec, body.parameters);
    if (errors.length > 0) throw new ControlRoomError("invalid_parameters", undefined, { errors });
  } else {
    body.template_key = keyOrFile;
    const properties = options.param.length === 0 ? {} : (await request(connection, "get_template", { params: { template_key: keyOrFile } })).parameters_schema["properties"];
    body.parameters = parseParameters(options.param, (properties ?? {}) as Record<string, Record<string, unknown>>);
  }
  const run = await request(connection, "create_run", { body, headers: { "idempotency-key": options.idempotencyKey ?? crypto.randomUUID() } });
  if (options.watch !== true) {
    if (output.json) output.value({ run });
    else output.line(run.run_id);
    return exit.ok;
  }
  if (!output.json) output.note(`Run ${run.run_id}`);
  return watchRun(connection, output, run.run_id);
}

/** `k=v` pairs; the value is read by the type that the pipeline declares, as text otherwise. */
export function parseParameters(pairs: string[], properties: Record<string, Record<string, unknown>>): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals <= 0) throw new ControlRoomError("invalid_parameters", `--param "${pair}" is not of the form name=value`);
    const name = pair.slice(0, equals);
    parameters[name] = readValue(pair.slice(equals + 1), Object.hasOwn(properties, name) ? properties[name] : undefined);
  }
  return parameters;
}

function readValue(text: string, schema: Record<string, unknown> | undefined): unknown {
  const types = [schema?.["type"]].flat();
  if (types.includes("null") && text === "") return null;
  if ((types.includes("integer") || types.includes("number")) && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  if (types.includes("array") || types.includes("object")) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // Left as text: the check against the schema names it.
    }
  }
  return text;
}
