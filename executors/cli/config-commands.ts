import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { canonicalJson } from "../../contracts/canonical.ts";
import { checkControlPlane } from "../../contracts/check-control-plane.ts";
import { applyControlPlaneRequest, type ControlPlane, type ControlPlaneChange } from "../../contracts/control-plane.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { canonicalLines, diffJson } from "../../contracts/json-diff.ts";
import { request, type Connection } from "./connection.ts";
import { readInputFile } from "./input-file.ts";
import { exit, placeLine, plain, type ExitCode, type Output } from "./output.ts";

export interface ExportOptions { project?: string; routing?: boolean }
export interface PlanOptions { project?: string; prune?: boolean; out?: string }

/** Prints the document, or its routing matrix alone, as canonical JSON; its SHA-256 goes to stderr. Equal content gives equal bytes in every control room. */
export async function exportConfig(connection: Connection, output: Output, { project, routing = false }: ExportOptions): Promise<ExitCode> {
  const { document: whole, state_sha256 } = await request(connection, "export_control_plane", { query: { project } });
  if (routing && whole.routing === null) throw new ControlRoomError("not_found", "The project has no routing matrix: apply one with `config plan config/routing_matrix.yml`.");
  const document = routing ? { version: whole.version, ...whole.routing } : whole;
  const sha256 = createHash("sha256").update(canonicalJson(document)).digest("hex");
  if (output.json) output.value({ document, sha256, state_sha256 });
  else {
    output.line(canonicalLines(document).trimEnd());
    output.note(`SHA-256 of the canonical JSON: ${sha256}`);
  }
  return exit.ok;
}

/** Checks documents without a control room. */
export async function validateConfig(output: Output, files: string[]): Promise<ExitCode> {
  let valid = true;
  for (const file of files) {
    const { document, errors } = checkControlPlane(await readInputFile(file));
    valid &&= document !== null;
    if (output.json) output.value({ file, valid: document !== null, errors });
    else if (document !== null) output.line(`${file} ${output.paint("green", "valid")}`);
    else for (const error of errors) output.note(placeLine(file, error));
  }
  return valid ? exit.ok : exit.invalid;
}

/** Shows what an apply would change. */
export async function planConfig(connection: Connection, output: Output, file: string, { project, prune = false, out }: PlanOptions): Promise<ExitCode> {
  const { document, errors } = checkControlPlane(await readInputFile(file));
  if (document === null) throw new ControlRoomError("invalid_input", `${file} is not right.`, { errors });
  const plan = await request(connection, "plan_control_plane", { query: { project }, body: { document, prune } });
  const { changes, ...states } = plan;
  if (out !== undefined) writeFileSync(out, canonicalLines({ document, prune, ...states }));
  show(output, changes, "would be");
  if (output.json) output.value(plan);
  return exit.ok;
}

/** Applies what was planned. Ends with 1 (`conflict`) where the project is not as it was then. */
export async function applyConfig(connection: Connection, output: Output, file: string, project?: string): Promise<ExitCode> {
  let value: unknown;
  try {
    value = JSON.parse(await readInputFile(file));
  } catch (error) {
    if (error instanceof ControlRoomError) throw error;
    throw new ControlRoomError("invalid_input", `${file} is no plan: write one with \`config plan FILE --out ${file}\`.`);
  }
  const planned = applyControlPlaneRequest.safeParse(value);
  if (!planned.success) throw new ControlRoomError("invalid_input", `${file} is no plan: write one with \`config plan FILE --out ${file}\`.`);
  const applied = await request(connection, "apply_control_plane", { query: { project }, body: planned.data satisfies { document: ControlPlane } });
  show(output, applied.changes, "was");
  if (output.json) output.value(applied);
  return exit.ok;
}

const marks = { create: "+", change: "~", delete: "-" } as const;

function show(output: Output, changes: ControlPlaneChange[], verb: string): void {
  if (output.json) return;
  for (const { action, kind, name, before, after } of changes) {
    output.line(output.paint(action === "delete" ? "red" : action === "create" ? "green" : "yellow", plain(`${marks[action]} ${kind} ${name}`)));
    if (action !== "change") continue;
    for (const each of diffJson(before, after)) output.line(plain(`    ${each.path.slice(1)}: ${JSON.stringify(each.before) ?? "nothing"} → ${JSON.stringify(each.after) ?? "nothing"}`));
  }
  output.line(changes.length === 0 ? "Nothing differs." : `${changes.length} ${changes.length === 1 ? "thing" : "things"} ${changes.length === 1 || verb === "would be" ? verb : "were"} changed.`);
}
