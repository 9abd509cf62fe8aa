import { CST, isAlias, isMap, isNode, isScalar, isSeq, Lexer, LineCounter, parseDocument, type Document, type Node } from "yaml";
import { jsonPointer } from "./canonical.ts";
import type { ErrorPlace } from "./error.ts";

/** A text that was read as YAML 1.2 or JSON, with the places of everything in it. */
export interface SpecText {
  value: unknown;
  errors: ErrorPlace[];
  /** An error at a path; `key: true` points at the name instead of the value. Falls back to the nearest parent. */
  placeOf(path: readonly PropertyKey[], options?: { key?: boolean }): Pick<ErrorPlace, "path" | "line" | "column">;
}

/** The yaml parser recurses, and its regular expressions end the process at some thousand levels: bound it before. */
const maximumFlowDepth = 64;
const maximumBlockColumn = 256;
/** Values that aliases may repeat in all, against "billion laughs". */
const maximumAliasCount = 100;

/** Reads YAML 1.2 or JSON. Never throws for what the text holds; `value` is meaningful only without errors. */
export function readSpecText(text: string): SpecText {
  const lines = new LineCounter();
  const deep = tooDeep(text);
  if (deep !== null) {
    const before = text.slice(0, deep);
    const line = before.split("\n").length;
    const place = { path: "", line, column: deep - before.lastIndexOf("\n") };
    return { value: undefined, errors: [{ ...place, code: "too_deep", message: "is nested too deeply" }], placeOf: () => place };
  }
  const document = parseDocument(text, { version: "1.2", uniqueKeys: true, prettyErrors: false, strict: true, lineCounter: lines });
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const errors: ErrorPlace[] = [...document.errors, ...document.warnings].map((error) => ({
    path: "", message: error.code === "MULTIPLE_DOCS" ? "holds more than one document" : error.message, code: error.code.toLowerCase(), ...at(error.pos[0]),
  }));
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== "1.2") {
    errors.push({ path: "", message: "is not YAML 1.2: remove the %YAML line", code: "yaml_version", line: 1, column: 1 });
  }
  let value: unknown;
  if (errors.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: maximumAliasCount });
    } catch (error) {
      errors.push({ path: "", code: "bad_alias", message: error instanceof Error ? error.message : String(error), ...at(document.range[0]) });
    }
  }
  const placeOf: SpecText["placeOf"] = (path, options = {}) => ({ path: jsonPointer(path), ...at(offsetOf(document, path, options.key ?? false)) });
  return { value, errors, placeOf };
}

/** The offset at which the nesting passes the limits, or null. Reads tokens one by one, without recursion. */
function tooDeep(text: string): number | null {
  let offset = 0;
  let lineStart = 0;
  let flow = 0;
  let scalar = false;
  for (const token of new Lexer().lex(text)) {
    // Control tokens stand for themselves, not for characters of the text; SCALAR announces the text of a scalar.
    if (token === CST.DOCUMENT || token === CST.FLOW_END || token === CST.SCALAR) {
      scalar = token === CST.SCALAR;
      continue;
    }
    const type = scalar ? "scalar" : CST.tokenType(token);
    scalar = false;
    if (type === "flow-map-start" || type === "flow-seq-start") {
      flow += 1;
      if (flow > maximumFlowDepth) return offset;
    } else if (type === "flow-map-end" || type === "flow-seq-end") {
      flow = Math.max(0, flow - 1);
    } else if (flow === 0 && (type === "seq-item-ind" || type === "map-value-ind" || type === "explicit-key-ind")) {
      if (offset - lineStart > maximumBlockColumn) return offset;
    }
    offset += token.length;
    const newline = token.lastIndexOf("\n");
    if (newline >= 0) lineStart = offset - (token.length - newline - 1);
  }
  return null;
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], key: boolean): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const [index, segment] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(segment));
      if (pair === undefined) return offset;
      offset = (last && key ? rangeStart(pair.key) : rangeStart(pair.value) ?? rangeStart(pair.key)) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(segment)];
      if (item === undefined) return offset;
      offset = rangeStart(item) ?? offset;
      node = item;
    } else {
      return offset;
    }
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
