import { z } from "zod";

/** PostgreSQL jsonb and text hold neither U+0000 nor lone surrogates: refuse both before SQL does. */
export function isStorableText(value: string): boolean {
  return !value.includes("\u0000") && value.isWellFormed();
}
export const text = z.string().refine(isStorableText, { error: "holds a NUL byte or a lone surrogate" });

export const uuid = z.guid();
export const timestamp = z.iso.datetime({ offset: true }).describe("RFC 3339, the database's clock");
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits").describe("SHA-256, 64 lower-case hex digits");
/** bigint travels as a string: JavaScript's numbers end at 2^53. */
export const bigintText = z.string().regex(/^-?\d{1,20}$/).describe("a 64-bit integer as text");
export const slug = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63");
export const word = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, "lower-case letters, digits and underscores, at most 63, a letter first");
export const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, "a plain SQL identifier");
export const templated = text.max(500).describe("may hold ${{ parameters.NAME }}");
export const datasetName = z.string().regex(/^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$/, "schema.table, lower case").describe("schema.table, for example silver.partners");
export const datasetReference = z.string().regex(/^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}(@([1-9]\d{0,8}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)))?$/, "schema.table, schema.table@VERSION or schema.table@TIME")
  .describe("a dataset as readers see it; with @ a registered version by its number, or the one that readers followed at a moment (RFC 3339)");
export const capKey = z.string().regex(/^[a-z][a-z0-9_.:-]{0,126}$/, "lower-case letters, digits and _ . : -, at most 127, a letter first");
/** What a run takes of the caps under a key. */
export const capUse = z.strictObject({
  key: capKey,
  amount: z.number().min(0).max(1e18).optional().describe("reserved for the run, in the unit of the cap; a cap on runs takes 1"),
});
export const json: z.ZodType<unknown> = z.unknown();
export const jsonObject = z.record(z.string(), z.unknown());

/** A page of a list: newest first unless said otherwise; `next_cursor` is null on the last page. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
});
