import { canonicalJson } from "@/contracts/canonical";

export interface ChangedField { field: string; before: string | null; after: string | null }

/** What differs between two values, field by field; values that are no objects are one field. */
export function changedFields(before: unknown, after: unknown): ChangedField[] {
  const [left, right] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .map((field) => ({ field, before: shown(left[field]), after: shown(right[field]) }))
    .filter(({ before: was, after: is }) => was !== is);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : { value };
}
function shown(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : canonicalJson(value);
}
