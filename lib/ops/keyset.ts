import { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";

const values = z.array(z.string().max(200)).min(1).max(4);

/** An opaque cursor: the sort key of the last row of the page. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** The sort key in a cursor, each part checked by its schema. Throws `invalid_input`. */
export function decodeCursor(cursor: string | undefined, parts: readonly z.ZodType<string>[]): string[] | null {
  if (cursor === undefined) return null;
  let key: string[] | null = null;
  try {
    key = values.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    // Not base64url, not JSON, not ours: one answer for all of them, below.
  }
  if (key === null || key.length !== parts.length || !parts.every((part, index) => part.safeParse(key[index]).success)) {
    throw new ControlRoomError("invalid_input", "The cursor is not one that this list gave.", { errors: [{ path: "cursor", message: "is not one that this list gave" }] });
  }
  return key;
}

/**
 * PostgREST's `or` filter for the rows after (`gt`) or before (`lt`) a two-part key: `a > x or (a = x and b > y)`.
 * https://docs.postgrest.org/en/v12/references/api/tables_views.html#logical-operators
 */
export function beyond(names: readonly [string, string], key: readonly string[], direction: "gt" | "lt"): string {
  const [first, second] = [quoted(key[0] ?? ""), quoted(key[1] ?? "")];
  return `${names[0]}.${direction}.${first},and(${names[0]}.eq.${first},${names[1]}.${direction}.${second})`;
}

/** A value inside PostgREST's filter syntax: in double quotes, `"` and `\` escaped. */
export function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A page out of `limit + 1` rows: the extra one only says that there is more. */
export function pageOf<T>(rows: readonly T[], limit: number, key: (row: T) => readonly string[]): { items: T[]; next_cursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null };
}
