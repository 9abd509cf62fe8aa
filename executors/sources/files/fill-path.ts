import { fillTemplate } from "../../../contracts/parameters.ts";
import type { FileIngestConfig } from "../../../contracts/pipeline-files.ts";
import { PermanentError } from "../../core/errors.ts";

/**
 * The path with parameters in it. What a parameter says is one part of a path, however it is written: it chooses no other folder, no
 * other query and no pattern. Throws PermanentError `invalid_parameters`.
 */
export function filledPath(path: string, parameters: Record<string, unknown>, source: FileIngestConfig["source"]): string {
  const filled = fillTemplate(path, parameters, (value) => {
    if (source === "http") return encodeURIComponent(value);
    if (/[/\\*?\u0000-\u001f\u007f]/.test(value)) throw cannotStand(value);
    return value;
  });
  if (filled.split("?")[0]!.split("/").some((part) => /^(\.|%2e){1,2}$/i.test(part) || part === "")) throw cannotStand(filled);
  return filled;
}

function cannotStand(value: string): PermanentError {
  return new PermanentError("invalid_parameters", `${JSON.stringify(value)} cannot stand in a path: a parameter that is put there must be given, and is no dot segment, slash, * or ?.`);
}
