/** A value that has no canonical JSON; `path` is its JSON pointer. */
export class CanonicalJsonError extends Error {
  readonly code = "invalid_input";
  readonly path: string;
  constructor(path: string, problem: string) {
    super(`${path === "" ? "the value" : path} ${problem}`);
    this.name = "CanonicalJsonError";
    this.path = path;
  }
}

/** Deeper values are refused: they would overflow the stack of whoever reads them. */
export const maximumJsonDepth = 200;

/**
 * One text for one JSON value, after RFC 8785 (JCS): keys sorted by UTF-16 code units, no white space, numbers and
 * strings as ECMAScript prints them. What specs, phase inputs and phase outputs are hashed by. Properties that are
 * `undefined` are left out. Throws CanonicalJsonError for NaN, infinities, bigints, lone surrogates, `undefined` in an
 * array, functions, objects other than plain ones, cycles and depths beyond `maximumJsonDepth`.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "", 0);
}

/** One segment of a JSON pointer (RFC 6901). */
export function pointerSegment(key: string | number): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => pointerSegment(typeof key === "symbol" ? String(key) : key)).join("");
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > maximumJsonDepth) throw new CanonicalJsonError(path, `is nested deeper than ${maximumJsonDepth} levels, or contains itself`);
  switch (typeof value) {
    case "string": return writeText(value, path);
    case "boolean": return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) throw new CanonicalJsonError(path, `is ${value}, which JSON cannot hold`);
      return JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `[${Array.from(value, (item: unknown, index) => write(item, path + pointerSegment(index), depth + 1)).join(",")}]`;
      return writeObject(value, path, depth);
    default: throw new CanonicalJsonError(path, `is of type ${typeof value}, which JSON cannot hold`);
  }
}

function writeText(value: string, path: string): string {
  if (!value.isWellFormed()) throw new CanonicalJsonError(path, "holds a lone surrogate");
  return JSON.stringify(value);
}

function writeObject(value: object, path: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm (a vm context, as some test runners use) have another Object.prototype.
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain) throw new CanonicalJsonError(path, `is a ${value.constructor?.name ?? "class instance"}, not a plain object`);
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    // The default comparison of strings is by UTF-16 code units, as RFC 8785 wants.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${writeText(key, path + pointerSegment(key))}:${write(item, path + pointerSegment(key), depth + 1)}`);
  return `{${members.join(",")}}`;
}
