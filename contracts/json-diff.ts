import { canonicalJson, pointerSegment } from "./canonical.ts";

/** What differs at one place. `path` is a JSON pointer; an item of a list that is matched by identity is `key=value` there. */
export interface JsonDifference {
  path: string;
  kind: "added" | "removed" | "changed";
  before?: unknown;
  after?: unknown;
}

export interface DiffOptions {
  /** Names of properties that say when or where something was written down, not what it is. */
  volatile?: readonly string[];
  /** Properties that together name an item of a list; the first that every item on both sides has, without a double, is used. */
  identity?: readonly (readonly string[])[];
  /** Names of lists whose order means something, though their items have an identity. */
  ordered?: readonly string[];
}

export const volatileKeys: readonly string[] = ["created_at", "updated_at", "generated_at", "exported_at", "last_seen_at", "last_used_at", "created_by"];
export const identities: readonly (readonly string[])[] = [["id"], ["template_key"], ["scope", "environment", "cap_key", "unit", "period"], ["environment", "name"], ["name"], ["key"]];
/** Of the rules of a routing matrix the first that holds decides. */
export const orderedLists: readonly string[] = ["rules"];

/** Text without what editors and file systems do to it: NFC, and LF at the ends of lines. */
export function plainText(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").normalize("NFC");
}

/** A value with every text plain, keys included. Throws where two keys of an object are one then. */
export function plainValue(value: unknown): unknown {
  if (typeof value === "string") return plainText(value);
  if (Array.isArray(value)) return value.map(plainValue);
  if (value === null || typeof value !== "object") return value;
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) {
    const name = plainText(key);
    if (name in plain) throw new Error(`two keys are "${name}" once Unicode forms are made one`);
    plain[name] = plainValue(item);
  }
  return plain;
}

/** Canonical JSON that a person can read in a diff: keys sorted as in `canonicalJson`, two spaces a level, a newline at the end. */
export function canonicalLines(value: unknown): string {
  const text = canonicalJson(value);
  let lines = "";
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    if (quoted) {
      lines += char;
      if (char === "\\") lines += text[(at += 1)];
      else if (char === '"') quoted = false;
      continue;
    }
    const empty = (char === "{" && text[at + 1] === "}") || (char === "[" && text[at + 1] === "]");
    if (empty) lines += char + text[(at += 1)];
    else if (char === "{" || char === "[") lines += `${char}\n${"  ".repeat((depth += 1))}`;
    else if (char === "}" || char === "]") lines += `\n${"  ".repeat((depth -= 1))}${char}`;
    else if (char === ",") lines += `,\n${"  ".repeat(depth)}`;
    else lines += char === ":" ? ": " : char;
    quoted = char === '"';
  }
  return `${lines}\n`;
}

/**
 * What differs between two JSON values, in the order of their canonical form: the order of keys, volatile keys, Unicode forms and line
 * ends are no difference, nor is the order of a list whose items have an identity, unless it is one of `ordered`: of that one difference tells who is where. Throws CanonicalJsonError for what is no JSON.
 */
export function diffJson(before: unknown, after: unknown, options: DiffOptions = {}): JsonDifference[] {
  const volatile = new Set(options.volatile ?? volatileKeys);
  const found: JsonDifference[] = [];
  compare(plainValue(before), plainValue(after), "", { volatile, identity: options.identity ?? identities, ordered: new Set(options.ordered ?? orderedLists) }, found);
  return found;
}

interface Rules { volatile: Set<string>; identity: readonly (readonly string[])[]; ordered: Set<string> }
type Members = Record<string, unknown>;
const isObject = (value: unknown): value is Members => value !== null && typeof value === "object" && !Array.isArray(value);

function compare(before: unknown, after: unknown, path: string, rules: Rules, found: JsonDifference[]): void {
  if (Array.isArray(before) && Array.isArray(after)) return compareLists(before, after, path, rules, found);
  if (isObject(before) && isObject(after)) return compareMembers(before, after, path, rules, found, (key) => rules.volatile.has(key));
  if (canonicalJson(before) !== canonicalJson(after)) found.push({ path, kind: "changed", before, after });
}

function compareMembers(before: Members, after: Members, path: string, rules: Rules, found: JsonDifference[], leftOut: (key: string) => boolean): void {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !leftOut(key)).toSorted((a, b) => (a < b ? -1 : 1));
  for (const key of keys) {
    const at = path + pointerSegment(key);
    // An absent property and one that is undefined are the same, as in canonical JSON.
    if (before[key] === undefined && after[key] === undefined) continue;
    if (before[key] === undefined) found.push({ path: at, kind: "added", after: after[key] });
    else if (after[key] === undefined) found.push({ path: at, kind: "removed", before: before[key] });
    else compare(before[key], after[key], at, rules, found);
  }
}

function compareLists(before: unknown[], after: unknown[], path: string, rules: Rules, found: JsonDifference[]): void {
  for (const keys of rules.identity) {
    const [old, present] = [byIdentity(before, keys), byIdentity(after, keys)];
    if (old === null || present === null || before.length + after.length === 0) continue;
    compareMembers(old, present, path, rules, found, () => false);
    if (rules.ordered.has(path.slice(path.lastIndexOf("/") + 1))) compareOrder(Object.keys(old), Object.keys(present), path, found);
    return;
  }
  if (![...before, ...after].some(isObject)) {
    // A list of plain values is one value.
    if (canonicalJson(before) !== canonicalJson(after)) found.push({ path, kind: "changed", before, after });
    return;
  }
  return compareMembers(Object.fromEntries(before.entries()), Object.fromEntries(after.entries()), path, rules, found, () => false);
}

/** An item that is added or removed moves none of the others. */
function compareOrder(before: string[], after: string[], path: string, found: JsonDifference[]): void {
  const [old, present] = [before.filter((name) => after.includes(name)), after.filter((name) => before.includes(name))];
  if (old.some((name, index) => name !== present[index])) found.push({ path, kind: "changed", before: old, after: present });
}

function byIdentity(items: unknown[], keys: readonly string[]): Members | null {
  const named: Members = Object.create(null) as Members;
  for (const item of items) {
    if (!isObject(item)) return null;
    const name = keys.map((key) => `${key}=${isObject(item[key]) || Array.isArray(item[key]) ? "?" : String(item[key])}`).join(",");
    if (keys.some((key) => item[key] === undefined) || name.includes("?") || name in named) return null;
    named[name] = item;
  }
  return named;
}
