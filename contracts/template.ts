import { z } from "zod";
import { errorPlace } from "./error.ts";
import { jsonObject, page, pageQuery, sha256, slug, text, timestamp, uuid, word } from "./common.ts";
import { layer } from "./dataset.ts";
import { runKind } from "./run.ts";

export const template = z.object({
  template_id: uuid,
  project_id: uuid,
  template_key: word,
  title: z.string(),
  description: z.string(),
  kind: runKind,
  layer: layer.nullable(),
  owner: z.string().nullable(),
  tags: z.array(z.string()),
  current_version: z.int(),
  spec_sha256: sha256,
  parameters_schema: jsonObject,
  created_at: timestamp,
  updated_at: timestamp,
}).meta({ id: "Template" });
export type Template = z.infer<typeof template>;
export const templateDetail = template.extend({
  spec: jsonObject,
  source_text: z.string().nullable().describe("the YAML as it was written, comments included"),
}).meta({ id: "TemplateDetail" });
export type TemplateDetail = z.infer<typeof templateDetail>;
export const templateVersion = z.object({
  version: z.int(), spec_sha256: sha256, git_sha: z.string().nullable(), created_by: z.string().nullable(), created_at: timestamp,
}).meta({ id: "TemplateVersion" });
/** A version with its spec, as it was written where that is known. */
export const templateVersionDetail = templateVersion.extend({ spec: jsonObject, source_text: z.string().nullable() }).meta({ id: "TemplateVersionDetail" });
export type TemplateVersionDetail = z.infer<typeof templateVersionDetail>;
export const templatePage = page(template).meta({ id: "TemplatePage" });
export const templateVersionPage = page(templateVersion).meta({ id: "TemplateVersionPage" });
export const listTemplatesQuery = pageQuery.extend({ project_id: uuid.optional() });

/** A spec as an object, or as YAML or JSON text. */
export const saveTemplateRequest = z.strictObject({
  spec: z.unknown().optional(),
  text: text.max(2_000_000).optional(),
  git_sha: z.string().regex(/^[0-9a-f]{7,64}$/).optional(),
  project: slug.optional(),
  base_version: z.int().min(0).max(2_147_483_647).optional().describe("the version that was read before the change; 0 where there is none yet: refused (conflict) where the template has gone on since"),
}).refine((body) => (body.spec === undefined) !== (body.text === undefined), { error: "needs exactly one of spec and text" })
  .meta({ id: "SaveTemplateRequest" });
export type SaveTemplateRequest = z.infer<typeof saveTemplateRequest>;
export const validateTemplateRequest = z.strictObject({ spec: z.unknown().optional(), text: text.max(2_000_000).optional() }).meta({ id: "ValidateTemplateRequest" });
export const validateTemplateResponse = z.object({ valid: z.boolean(), spec_sha256: sha256.nullable(), errors: z.array(errorPlace) }).meta({ id: "ValidateTemplateResponse" });
