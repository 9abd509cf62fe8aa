import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { accented } from "./pseudo.ts";

async function catalogueIn(language: string) {
  vi.stubEnv("CONTROL_ROOM_LANGUAGE", language);
  vi.resetModules();
  return import("./catalogue.ts");
}
afterEach(() => vi.unstubAllEnvs());

test("the pseudo-locale leaves no letter of a text as it was, makes it longer, and touches no value in its gaps", () => {
  const said = accented("Delete the run silver_to_gold of 3 May?", ["silver_to_gold", 3]);
  expect(said.replace("silver_to_gold", "")).not.toMatch(/[A-Za-z]/);
  expect(said).toContain("silver_to_gold");
  expect(said.length).toBeGreaterThan("Delete the run silver_to_gold of 3 May?".length * 1.15);
  expect(accented("")).toBe("");
});

test("in English a text is what was written; in the pseudo-locale each is marked, at every depth and in functions", async () => {
  const texts = { title: "Runs", dialog: { ask: (name: string) => `Cancel ${name}?` } };
  const english = (await catalogueIn("")).catalogue(texts);
  expect(english).toBe(texts);
  const marked = (await catalogueIn("en-XA")).catalogue(texts);
  expect(marked.title).toBe(accented("Runs"));
  expect(marked.dialog.ask("gold")).toBe(`${accented("Cancel ")}gold?`);
});

test("a sentence with elements in it keeps them in their places, and its texts alone are marked", async () => {
  const shown = async (language: string) => renderToStaticMarkup((await catalogueIn(language)).rich`Made by ${"run"} at ${1}.`);
  expect(await shown("en")).toBe("Made by run at 1.");
  expect(await shown("en-XA")).toBe(`${accented("Made by ")}run${accented(" at ")}1.`);
});

test("a count takes the form that belongs to it", async () => {
  const { plural } = await catalogueIn("en");
  expect([0, 1, 2, 21].map((count) => plural(count, { one: "run", other: "runs" }))).toEqual(["runs", "run", "runs", "runs"]);
});
