import { randomUUID } from "node:crypto";
import type { Page } from "@playwright/test";
import { api } from "./support/stack.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

const specOf = (name: string, sql: string) => `# kept as it was written\nversion: 1\nname: ${name}\nphases:\n  - { name: totals, type: query, config: { inputs: [], sql: ${sql} } }\n`;

async function write(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Pipeline spec" }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

test("a pipeline is written, checked at line and column, saved, compared, restored, and never overwrites what another has saved meanwhile", async ({ signedIn: page, stack }) => {
  test.setTimeout(120_000);
  const name = `edited_${randomUUID().slice(0, 8)}`;
  await page.goto("/pipelines");
  await page.getByRole("link", { name: "New pipeline" }).click();
  await expect(page.getByText("valid", { exact: true })).toBeVisible();
  await write(page, specOf(name, "select 1").replace("type: query", "type: bake"));
  const problem = page.getByRole("button", { name: /^line 5/ });
  await expect(problem).toBeVisible();
  await expectAccessible(page, "editor with a problem");
  await page.screenshot({ path: "test-results/pages/editor-problem.png" });
  await problem.click();
  await expect(page.getByRole("textbox", { name: "Pipeline spec" })).toBeFocused();
  await write(page, specOf(name, "select 1"));
  await expect(page.getByText("valid", { exact: true })).toBeVisible();
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText(`Saved as version 1 of ${name}.`)).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  // What is stored is what was written, comments included.
  expect(await api<{ source_text: string }>(stack, "GET", `/templates/${name}`)).toMatchObject({ source_text: specOf(name, "select 1"), current_version: 1 });

  await page.getByRole("link", { name: "Edit" }).click();
  await expect(page.getByText("It is as it is stored.")).toBeVisible();
  await write(page, specOf(name, "select 2"));
  await page.getByRole("switch", { name: "Show changes since version 1" }).click();
  await expect(page.locator(".cm-deletedChunk")).toContainText("select 1");
  await page.screenshot({ path: "test-results/pages/editor-changes.png" });
  // Somebody else is faster.
  await api(stack, "POST", "/templates", { text: specOf(name, "select 3") });
  await page.getByRole("button", { name: "Save as version 2" }).click();
  await expect(page.getByText(/has version 2 by now/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Copy my text" })).toBeVisible();
  expect(await api(stack, "GET", `/templates/${name}`)).toMatchObject({ current_version: 2, source_text: specOf(name, "select 3") });

  page.once("dialog", (dialog) => void dialog.accept()); // the text that was not saved is left on purpose
  await page.goto(`/pipelines/${name}/versions`);
  await expect(page.getByRole("heading", { level: 1, name: "Version 1 and version 2" })).toBeVisible();
  await expect(page.locator(".cm-deletedChunk")).toContainText("select 1");
  await expectAccessible(page, "versions");
  await page.screenshot({ path: "test-results/pages/versions.png" });
  await page.getByRole("link", { name: "Restore version 1" }).click();
  await page.getByRole("button", { name: "Save as version 3" }).click();
  await expect(page.getByText(`Saved as version 3 of ${name}.`)).toBeVisible();
  expect(await api(stack, "GET", `/templates/${name}`)).toMatchObject({ current_version: 3, source_text: specOf(name, "select 1") });
});
