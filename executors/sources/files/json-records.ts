import { CodedError } from "../../storage/coded-error.ts";

/** Characters of one record at most: it is held in memory. */
const LONGEST_RECORD = 16 << 20;

export interface JsonRecord {
  /** One JSON object, as it stands in the text. */
  text: string;
  /** Where it begins, from 1. */
  line: number;
}

/**
 * Takes JSON text apart into its objects, piece by piece, so that a file may be larger than memory: the elements of the one array that
 * the text is, or values that follow each other (NDJSON). Throws CodedError `source_rows_invalid`.
 */
export function recordSplitter(place: string): { push(chunk: string): JsonRecord[]; end(): void } {
  let rest = "";
  let at = 0;
  let start = -1;
  let depth = 0;
  let quoted = false;
  let escaped = false;
  let line = 1;
  let begun = 1;
  /** What may stand between records: `first` nothing yet; then values, or an array whose next is an element, a comma, nothing more. */
  let state: "first" | "values" | "element" | "comma" | "closed" = "first";

  const between = (code: number): void => {
    if (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d || (code === 0xfeff && state === "first")) return;
    if (code === 0x5b && state === "first") state = "element";
    else if (code === 0x2c && state === "comma") state = "element";
    else if (code === 0x5d && (state === "comma" || state === "element")) state = "closed";
    else throw invalidJson(place, line, state === "closed" ? "more follows after the list's end" : "no object stands where a row should");
  };

  return {
    push(chunk) {
      const found: JsonRecord[] = [];
      rest += chunk;
      for (; at < rest.length; at += 1) {
        const code = rest.charCodeAt(at);
        if (code === 0x0a) line += 1;
        if (quoted) {
          if (escaped) escaped = false;
          else if (code === 0x5c) escaped = true;
          else if (code === 0x22) quoted = false;
        } else if (depth > 0) {
          if (code === 0x22) quoted = true;
          else if (code === 0x7b || code === 0x5b) depth += 1;
          else if ((code === 0x7d || code === 0x5d) && --depth === 0) {
            found.push({ text: rest.slice(start, at + 1), line: begun });
            start = -1;
          }
        } else if (code === 0x7b && (state === "first" || state === "values" || state === "element")) {
          state = state === "element" ? "comma" : "values";
          start = at;
          depth = 1;
          begun = line;
        } else between(code);
      }
      rest = start < 0 ? "" : rest.slice(start);
      if (start >= 0) start = 0;
      at = rest.length;
      if (rest.length > LONGEST_RECORD) throw invalidJson(place, begun, `a row has more than ${LONGEST_RECORD >> 20} million characters`);
      return found;
    },
    end() {
      if (depth > 0 || state === "element" || state === "comma") throw invalidJson(place, line, "it ends in the middle");
    },
  };
}

/** The members of an object with their values as they stand in the text: no number is read, so no digit is lost. Of a name that repeats the last counts. */
export function membersOf(record: JsonRecord, place: string): Map<string, string> {
  const { text } = record;
  try {
    // Well-formed from here on.
    JSON.parse(text);
  } catch {
    throw invalidJson(place, record.line, "it is not well-formed JSON");
  }
  const members = new Map<string, string>();
  for (let at = 1; ;) {
    at = skip(text, at);
    if (text[at] === "}") return members;
    const name = text.slice(at, (at = endOfValue(text, at)));
    const value = skip(text, at);
    members.set(JSON.parse(name) as string, text.slice(value, (at = endOfValue(text, value))));
    at = skip(text, at);
  }
}

/** The value at `data.items` of a document, as it stands in the text; null where there is none. */
export function rawAt(document: string, path: string, place: string): string | null {
  let raw = document.trim();
  for (const name of path.split(".")) {
    if (!raw.startsWith("{")) return null;
    const next = membersOf({ text: raw, line: 1 }, place).get(name);
    if (next === undefined) return null;
    raw = next;
  }
  return raw;
}

/** After white space, a comma and a colon. */
function skip(text: string, from: number): number {
  let at = from;
  while (" \t\n\r,:".includes(text[at]!)) at += 1;
  return at;
}

function endOfValue(text: string, from: number): number {
  if (text[from] === '"') return endOfString(text, from);
  if (text[from] !== "{" && text[from] !== "[") {
    scalar.lastIndex = from;
    scalar.exec(text);
    return scalar.lastIndex;
  }
  let depth = 0;
  for (let at = from; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at) - 1;
    else if (code === 0x7b || code === 0x5b) depth += 1;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return at + 1;
  }
}
const scalar = /[^,\]}\s]+/y;

function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at + 1;
  }
}

export function invalidJson(place: string, line: number, what: string): CodedError {
  return new CodedError({ code: "source_rows_invalid", message: `The JSON cannot be read: ${what}`, place: `${place}, line ${line}`, remedy: "Correct the file, or `format` and `records` of the table." });
}
