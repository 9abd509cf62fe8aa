import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseAst } from "vitest/node";

type Node = { type: string; start: number; end: number } & Record<string, unknown>;

/** Attributes and properties whose text people read. */
const readNames = /^(title|label|description|alt|placeholder|legend|hint|what|confirm|submit|word|absent|note|remedy|finding|aria-(label|description|roledescription|valuetext))$/;
/** Calls and attributes whose strings are for programs. */
const codeCalls = /^(cn|cva|clsx|fetch|fetchJson|Error|TypeError|RegExp|URL|URLSearchParams)$|^(Intl|z|document|window|router)\b/;
const codeAttributes = /^(className|inputClassName|d|id|href|key|pattern|style|snippet|value|points|viewBox|transform)$/;
/** Names that no language writes otherwise. */
const names = /^(UTC|SHA-256|JSON|YAML|SQL|CSV|NDJSON|PNG|SVG|S3 bucket|PostgreSQL|Node|Docker|Ctrl)$/;

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && typeof (value as Node).type === "string";
const nameOf = (node: unknown): string => {
  if (!isNode(node)) return "";
  if (node.type === "MemberExpression") return `${nameOf(node.object)}.${nameOf(node.property)}`;
  if (node.type === "JSXMemberExpression") return nameOf(node.property);
  return String(node.name ?? node.value ?? "");
};
/** Two letters side by side, and neither an address, nor a class or an id. */
const isText = (text: string): boolean => /[A-Za-z]{2}/.test(text) && !names.test(text.trim()) && !/^[/#.]|^\S+[-_/:.=]\S*$|^https?:|^(npx|npm|docker|curl) /.test(text.trim());
const isSentence = (text: string): boolean => isText(text) && /^\s*[“A-Za-z][\w’']*[,:]? ([\w“”’'()-]+[,:;]? )*[\w“”’'()-]+[.?!…]?/.test(text) && /[A-Z].* [a-z]|[a-z]+ [a-z]+ [a-z]+/.test(text) && !/[{}<>=]|\b(px|flex|grid|text|bg|border|size|min|max|gap|items|rounded)-|::|\bselect\b/.test(text);

/** The texts of a file that people would read and that stand in it, each with its line. */
function textsIn(code: string, tsx: boolean): string[] {
  const found = new Map<number, string>();
  const lineOf = (at: number): number => code.slice(0, at).split("\n").length;
  const tell = (node: Node, text: string): void => void found.set(node.start, `${lineOf(node.start)}: ${text.trim().replaceAll(/\s+/g, " ").slice(0, 80)}`);
  /** What an expression in a place that people read may come to. */
  const shown = (node: unknown): void => {
    if (!isNode(node)) return;
    switch (node.type) {
      case "Literal": if (typeof node.value === "string" && isText(node.value)) tell(node, node.value); break;
      case "TemplateLiteral": { const text = (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join("…"); if (isText(text)) tell(node, text); break; }
      case "ConditionalExpression": shown(node.consequent); shown(node.alternate); break;
      case "LogicalExpression": shown(node.left); shown(node.right); break;
      case "BinaryExpression": if (node.operator === "+") { shown(node.left); shown(node.right); } break;
      case "ArrowFunctionExpression": shown(node.body); break;
      case "TSAsExpression": case "ParenthesizedExpression": case "JSXExpressionContainer": shown(node.expression); break;
    }
  };
  const walk = (node: unknown, inCode = false): void => {
    if (Array.isArray(node)) return node.forEach((each) => walk(each, inCode));
    if (!isNode(node) || /^(Import|Export(All|NamedDeclaration$)|TS(Type|Interface|Literal|Union))/.test(node.type) && node.declaration == null) return;
    let code_ = inCode;
    if (node.type === "ThrowStatement") return;
    if (node.type === "JSXElement" || node.type === "JSXFragment") {
      const tag = node.type === "JSXElement" ? nameOf((node.openingElement as Node).name) : "";
      if (tag !== "code" && tag !== "kbd") for (const child of node.children as Node[]) { if (child.type === "JSXText") { if (isText(String(child.value))) tell(child, String(child.value)); } else if (child.type === "JSXExpressionContainer") shown(child); }
      code_ = false;
    }
    if (node.type === "JSXAttribute") { if (readNames.test(nameOf(node.name)) || (nameOf(node.name) === "name" && isNode(node.value) && /^[A-Z]/.test(String(node.value.value)))) shown(node.value); else if (codeAttributes.test(nameOf(node.name))) code_ = true; }
    if (node.type === "Property" && readNames.test(nameOf(node.key))) shown(node.value);
    if (node.type === "CallExpression" || node.type === "NewExpression") { const callee = nameOf(node.callee); if (/^toast\b/.test(callee)) (node.arguments as Node[]).forEach(shown); if (codeCalls.test(callee)) code_ = true; }
    if (node.type === "Literal" && typeof node.value === "string" && !code_ && isSentence(node.value)) tell(node, node.value);
    if (node.type === "TemplateElement" && !code_ && isSentence((node.value as { cooked: string }).cooked)) tell(node, (node.value as { cooked: string }).cooked);
    for (const [name, value] of Object.entries(node)) if (name !== "directive" && typeof value === "object") walk(value, code_);
  };
  walk(parseAst(code, { lang: tsx ? "tsx" : "ts" }));
  return [...found].toSorted(([a], [b]) => a - b).map(([, text]) => text);
}

test("no text that people read stands outside the catalogue", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const files = ["app", "components"].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file))).filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file) && !file.startsWith("app/api/"));
  expect(files.length).toBeGreaterThan(200);
  expect(files.flatMap((file) => textsIn(readFileSync(join(root, file), "utf8"), file.endsWith("x")).map((text) => `${file}:${text}`))).toEqual([]);
});

test("it would be found wherever it stands, and code is none", () => {
  const raw = ["const a = <p>Raw text</p>;", "const b = <p>{ok ? \"fine\" : null}</p>;", "const c = <Input placeholder=\"Type here\" />;", "const d = { word: \"Paused\" };", "toast.success(`Saved ${name}.`);", "const e = [\"A sentence in a list.\"];", "const f = <b aria-label={`Delete ${name}`} />;"];
  for (const code of raw) expect(textsIn(code, true), code).toHaveLength(1);
  const fine = ["const a = <p className=\"flex items-center gap-2 truncate\">{words.a.b}</p>;", "const b = <code>npm run executor</code>;", "throw new Error(\"This cannot happen here.\");", "const c = cn(\"text-sm font-medium\", on && \"text-link underline\");", "const d = { word: words.a.b, href: \"/runs?status=failed\" };", "const e = <p>{count} / {total} · {unit}</p>;"];
  for (const code of fine) expect(textsIn(code, true), code).toEqual([]);
});
