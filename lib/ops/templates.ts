import { z } from "zod";
import { checkSpec } from "@/contracts/check-spec.ts";
import { jsonObject, uuid, word } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { pipelineSpec, type PipelineSpec } from "@/contracts/pipeline.ts";
import {
  template, templateDetail, templateVersion, templateVersionDetail,
  type listTemplatesQuery, type SaveTemplateRequest, type Template, type TemplateDetail, type TemplateVersionDetail, type validateTemplateRequest, type validateTemplateResponse,
} from "@/contracts/template.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveProject } from "./environments.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

export type TemplateFilter = Partial<z.output<typeof listTemplatesQuery>>;
interface Page<T> { items: T[]; next_cursor: string | null }

/** Templates by key. */
export async function listTemplates(db: Db, filter: TemplateFilter = {}): Promise<Page<Template>> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [word, uuid]);
  let query = db.from("template_list").select(columns(template.shape));
  if (filter.project_id !== undefined) query = query.eq("project_id", filter.project_id);
  if (after !== null) query = query.or(beyond(["template_key", "template_id"], after, "gt"));
  const rows = await readRows(template, query.order("template_key").order("template_id").limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.template_key, row.template_id]);
}

/** A template with its current spec. Throws `not_found`, or `invalid_input` where several projects have the key. */
export async function getTemplate(db: Db, wanted: { template_key: string; project_id?: string }): Promise<TemplateDetail> {
  let query = db.from("template_detail").select(columns(templateDetail.shape)).eq("template_key", wanted.template_key);
  if (wanted.project_id !== undefined) query = query.eq("project_id", wanted.project_id);
  return onlyOne(await readRows(templateDetail, query.limit(2)));
}

function onlyOne<T>(rows: readonly T[]): T {
  const [only, another] = rows;
  if (only === undefined) throw new ControlRoomError("not_found", "There is no such template, or you may not see it.");
  if (another !== undefined) {
    throw new ControlRoomError("invalid_input", "Several projects have a template of this key: name one with project_id.", { errors: [{ path: "project_id", message: "is needed, because several projects fit" }] });
  }
  return only;
}

const versionOrder = z.string().regex(/^\d{1,9}$/);

/** Versions of one template, newest first. Throws `not_found`, or `invalid_input` where several projects have the key. */
export async function listTemplateVersions(db: Db, templateKey: string, filter: TemplateFilter = {}): Promise<Page<z.output<typeof templateVersion>>> {
  const limit = filter.limit ?? 50;
  const before = decodeCursor(filter.cursor, [versionOrder]);
  const { template_id } = await getTemplate(db, { template_key: templateKey, project_id: filter.project_id });
  let query = db.from("template_version_list").select(columns(templateVersion.shape)).eq("template_id", template_id);
  if (before !== null) query = query.lt("version", before[0]);
  const rows = await readRows(templateVersion, query.order("version", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [String(row.version)]);
}

const specRow = z.object({ spec: jsonObject });
const versionRow = templateVersion.extend({ source_text: z.string().nullable() });

/** One version with its spec and, where it was saved as text, that text. Throws `not_found`, or `invalid_input` where several projects have the key. */
export async function getTemplateVersion(db: Db, wanted: { project_id?: string; template_key: string; version: number }): Promise<TemplateVersionDetail> {
  const { template_id, project_id } = await getTemplate(db, wanted);
  const [found] = await readRows(versionRow, db.from("job_template_versions").select(columns(versionRow.shape)).eq("template_id", template_id).eq("version", wanted.version));
  if (found === undefined) throw new ControlRoomError("not_found", `The template ${wanted.template_key} has no version ${wanted.version}.`, { errors: [{ path: "/template_version", message: "does not exist" }] });
  const [stored] = await readRows(specRow, db.from("specs").select("spec").eq("project_id", project_id).eq("spec_sha256", found.spec_sha256).limit(1));
  if (stored === undefined) throw new ControlRoomError("not_found", `Version ${wanted.version} of ${wanted.template_key} is gone.`);
  return templateVersionDetail.parse({ ...found, ...stored });
}

/** The stored spec of a template, of the current or of the given version. Throws `not_found`. */
export async function templateSpec(db: Db, wanted: { project_id: string; template_key: string; version?: number }): Promise<Pick<PipelineSpec, "parameters">> {
  const { version } = wanted;
  return parametersOf((version === undefined ? await getTemplate(db, wanted) : await getTemplateVersion(db, { ...wanted, version })).spec);
}

const specParameters = z.object({ parameters: pipelineSpec.shape.parameters });
/** Stored specs were checked when they were saved, perhaps by an older version: only the form is read here. */
function parametersOf(spec: Record<string, unknown>): Pick<PipelineSpec, "parameters"> {
  return specParameters.parse(spec);
}

/**
 * Checks and saves, in the project that the body names, or the one whose id the caller knows. `created` is false where the current
 * version is the same. Throws `invalid_spec`, `not_found`, `forbidden`, `conflict` where the template has gone on from `base_version`.
 */
export async function saveTemplate(db: Db, body: SaveTemplateRequest, knownProject?: string): Promise<{ template: TemplateDetail; created: boolean }> {
  const checked = checkSpec(body.text ?? body.spec);
  if (checked.spec === null) {
    const [first] = checked.errors;
    throw new ControlRoomError("invalid_spec", first && `The pipeline spec is not valid: ${first.line === undefined ? first.path : `line ${first.line}, column ${first.column}`}: ${first.message}.`, { errors: checked.errors });
  }
  const project_id = knownProject ?? (await resolveProject(db, body, "editor")).project_id;
  const { text = null, git_sha = null, base_version = null } = body;
  const saved = await callRpc(db, "save_template", { project_id, spec_text: checked.spec_text, source_text: text, git_sha, base_version });
  return { template: await getTemplate(db, { template_key: saved.template.template_key, project_id }), created: saved.created };
}

/** Checks a spec; an invalid one is an answer here, not an error. */
export function validateTemplate(body: z.output<typeof validateTemplateRequest>): z.output<typeof validateTemplateResponse> {
  if ((body.spec === undefined) === (body.text === undefined)) {
    throw new ControlRoomError("invalid_input", "A check needs exactly one of spec and text.", { errors: [{ path: "/text", message: "exactly one of spec and text is needed" }] });
  }
  const checked = checkSpec(body.text ?? body.spec);
  return { valid: checked.spec !== null, spec_sha256: checked.sha256, errors: checked.errors };
}
