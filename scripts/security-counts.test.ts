import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** How many elements the list (or the object) has whose opening bracket ends the `nth` place of `opening` in a test's source. */
function elements(path: string, opening: string, nth = 1): number {
  const source = read(path);
  let begin = -1;
  for (let found = 0; found < nth; found += 1) {
    begin = source.indexOf(opening, begin + 1);
    if (begin < 0) throw new Error(`${path} has no ${nth} × ${opening}`);
  }
  let [depth, commas, pending] = [1, 0, false];
  for (let at = begin + opening.length; at < source.length; at += 1) {
    const char = source[at]!;
    if (`"'\``.includes(char)) {
      pending = true;
      for (at += 1; source[at] !== char; at += 1) if (source[at] === "\\") at += 1;
    } else if ("[{(".includes(char)) [depth, pending] = [depth + 1, true];
    else if ("]})".includes(char)) {
      depth -= 1;
      if (depth === 0) return commas + (pending ? 1 : 0);
    } else if (char === "," && depth === 1) [commas, pending] = [commas + 1, false];
    else if (/\S/.test(char)) pending = true;
  }
  throw new Error(`${path}: the list after ${opening} does not end`);
}
const outbound = "executors/sources/outbound.test.ts";
const uploads = "lib/ops/artifact-content.test.ts";
const postgres = "executors/phases/query-postgres.database.test.ts";

/** The beginning of a row of docs/security.md, and what its second cell must be. */
const rows: [attack: string, cases: () => string][] = [
  ["markup and code in a page", () => String(elements("e2e/security.spec.ts", "const markup: [directive: string, html: string][] = [") + elements("e2e/security.spec.ts", "const deeds: [directive: string, deed: () => void][] = ["))],
  ["server actions from other origins", () => String(elements("e2e/security.spec.ts", "for (const headers of ["))],
  ["cookie-authenticated calls", () => `${elements("lib/api/handler.test.ts", "const elsewhere: Record<string, string>[] = [")} + ${read("executors/testing/contract.live.test.ts").split('"origin_refused"').length - 1}`],
  // Behind a name go those without a zone.
  ["server-side requests", () => `${elements(outbound, "const privateAddresses = [")} + ${elements(outbound, "const privateAddresses = [") - (read(outbound).split("const privateAddresses = [")[1]?.split("\n];")[0]?.split("%").length ?? 0) + 1}`],
  ["the same written in decimal", () => `${elements(outbound, "test.each([", 2)} + ${elements(outbound, "test.each([", 3)}`],
  ["DuckDB: files", () => String(elements("executors/engines/duckdb.test.ts", "test.each(["))],
  ["Postgres engine: writing", () => String(elements(postgres, "for (const sql of ["))],
  ["Postgres engine: logins", () => String(elements(postgres, "const strong: Record<string, string[]> = {"))],
  ["who executes a run", () => String(elements("supabase/tests/secrets.test.ts", "const attacks: Record<string, unknown>[] = ["))],
  ["requests and reports, straight", () => `${elements("supabase/tests/bounds.test.ts", ">([")} + ${elements("supabase/tests/bounds.test.ts", "const attacks: [code: string, send: () => Promise<unknown>][] = [")}`],
  ["connections whose settings", () => String(elements("supabase/tests/connections.test.ts", "const wrong: [string, Given][] = ["))],
  ["uploads opened in a browser", () => String([1, 2, 3, 4].reduce((sum, nth) => sum + elements(uploads, "test.each([", nth), 0))],
  ["cells that a spreadsheet", () => String(elements("lib/csv.test.ts", "csvLine(["))],
];

test.each(rows)("docs/security.md counts what is attacked: %s", (attack, cases) => {
  const row = read("docs/security.md").split("\n").find((line) => line.startsWith(`| ${attack}`));
  expect(row?.split(" | ")[1]).toBe(cases());
});
