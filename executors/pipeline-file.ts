import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { checkSpec, type SpecCheck } from "../contracts/check-spec.ts";
import { ControlRoomError } from "../contracts/error.ts";
import type { PipelineSpec } from "../contracts/pipeline.ts";

const maximumFileBytes = 8_000_000;

export interface PipelineFile {
  spec: PipelineSpec;
  /** The file as it was written. */
  text: string;
  /** Canonical JSON of the spec with its SQL, and its hash. */
  spec_text: string;
  sha256: string;
}

/**
 * Reads a pipeline (YAML or JSON) and puts the SQL of every `sql_file` into it. SQL files are named relative to the
 * pipeline and may not lie outside its folder. Throws ControlRoomError `invalid_spec` with every place that is wrong,
 * or `not_found`.
 */
export function loadPipelineFile(path: string): PipelineFile {
  const { text, check } = checkPipelineFile(path);
  if (check.spec === null) {
    const first = check.errors[0];
    const where = first === undefined ? path : `${path}:${first.line ?? 1}:${first.column ?? 1}`;
    throw new ControlRoomError("invalid_spec", `${where} ${first?.path ?? ""} ${first?.message ?? "is not valid"}`, { errors: check.errors });
  }
  return { spec: check.spec, text, spec_text: check.spec_text, sha256: check.sha256 };
}

/** The same, but answers the errors. Throws only `not_found` and `invalid_text`, when the file cannot be read at all. */
export function checkPipelineFile(path: string): { text: string; check: SpecCheck } {
  const text = readText(path, path);
  return { text, check: checkSpec(text, { readSqlFile: (file) => readSqlFile(dirname(resolve(path)), file) }) };
}

function readSqlFile(folder: string, file: string): string {
  if (isAbsolute(file)) throw new Error(`${file} is absolute; name it relative to the pipeline's file`);
  const root = realpathSync(folder);
  const named = resolve(root, file);
  if (isOutside(root, named)) throw new Error(`${file} lies outside the pipeline's folder`);
  let real: string;
  try {
    real = realpathSync(named);
  } catch {
    throw new Error(`${file} does not exist beside the pipeline's file`);
  }
  if (isOutside(root, real)) throw new Error(`${file} lies outside the pipeline's folder`);
  // Equal SQL gives an equal hash, whatever line ends the checkout has.
  return readText(real, file).replaceAll("\r\n", "\n");
}

function isOutside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}

function readText(path: string, shown: string): string {
  let bytes: Uint8Array;
  try {
    if (statSync(path).size > maximumFileBytes) throw new ControlRoomError("payload_too_large", `${shown} is larger than ${maximumFileBytes} bytes`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof ControlRoomError) throw error;
    throw new ControlRoomError("not_found", `${shown} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ControlRoomError("invalid_text", `${shown} is not UTF-8`, { cause: error });
  }
}
