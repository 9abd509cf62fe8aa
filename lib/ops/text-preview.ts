/** Reads delimited and line-wise text for people: only the beginning is ever given to these functions. */

/** Columns of a preview: a header of nothing but commas would ask for a quarter of a million in each row. */
export const mostColumns = 1000;

/** Records of RFC 4180 text: fields in double quotes may hold commas, line breaks and doubled quotes. At most `limit` records, and `mostColumns` fields of each. */
export function csvRecords(text: string, limit: number): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let inQuotes = false;
  const endField = (): void => {
    if (record.length < mostColumns) record.push(field);
    field = "";
  };
  const endRecord = (): void => {
    endField();
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
  };
  for (let at = 0; at < text.length && records.length < limit; at += 1) {
    const character = text[at];
    if (inQuotes) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') {
        field += '"';
        at += 1;
      } else inQuotes = false;
    } else if (character === '"' && field === "") inQuotes = true;
    else if (character === ",") endField();
    else if (character === "\n") endRecord();
    else if (character !== "\r" || text[at + 1] !== "\n") field += character;
  }
  if (records.length < limit && (field !== "" || record.length > 0)) endRecord();
  return records;
}

/**
 * Objects of newline-delimited JSON as a table whose columns are the keys in the order they appear, the first `mostColumns` of them; null where
 * a line is no object, or is nested deeper than it can be written back.
 */
export function ndjsonTable(text: string, limit: number): { columns: string[]; rows: (string | null)[][] } | null {
  const objects: Record<string, unknown>[] = [];
  for (const line of text.split("\n")) {
    if (objects.length >= limit) break;
    if (line.trim() === "") continue;
    try {
      const value: unknown = JSON.parse(line);
      if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
      objects.push(value as Record<string, unknown>);
    } catch {
      return null;
    }
  }
  const columns = [...new Set(objects.flatMap((each) => Object.keys(each)))].slice(0, mostColumns);
  const cell = (value: unknown): string | null => (value === undefined || value === null ? null : typeof value === "string" ? value : JSON.stringify(value));
  try {
    return { columns, rows: objects.map((each) => columns.map((name) => cell(Object.hasOwn(each, name) ? each[name] : undefined))) };
  } catch (error) {
    if (error instanceof RangeError) return null; // the stack's end
    throw error;
  }
}

/**
 * A JSON text with two spaces a level; null where it is no JSON, or would have more than `most` characters: in 125 kB of brackets each
 * line has thousands of spaces before it, which makes half a gigabyte.
 */
export function indentedJson(text: string, most: number): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return indentedLength(JSON.stringify(value)) > most ? null : JSON.stringify(value, null, 2);
  } catch {
    return null;
  }
}

/** How long compact JSON gets with two spaces a level; a little more where there are empty lists and objects. */
function indentedLength(json: string): number {
  let length = json.length;
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at] as string;
    if (inText) {
      if (character === "\\") at += 1;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === ":") length += 1;
    else if ("[{]},".includes(character)) {
      if (character === "[" || character === "{") depth += 1;
      else if (character !== ",") depth -= 1;
      length += 1 + 2 * depth;
    }
  }
  return length;
}
