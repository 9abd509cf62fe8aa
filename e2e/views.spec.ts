import { randomUUID } from "node:crypto";
import { expect, expectAccessible, test } from "./support/test.ts";

test("filters are kept under a name, opened, changed, made the default, and deleted", async ({ signedIn: page }) => {
  const name = `failed last week ${randomUUID().slice(0, 8)}`;
  const menu = page.getByRole("button", { name: /^View: / });
  await page.goto("/runs?status=failed&range=7d");
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  await menu.click();
  await page.getByRole("button", { name: "Save these filters as a view" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("checkbox", { name: "Shared with the project" }).check();
  await expectAccessible(page, "dialog of a view");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(menu).toHaveText(new RegExp(name));

  await menu.click();
  await page.getByRole("link", { name: "Everything" }).click();
  await page.waitForURL(/\/runs\?view=all$/);
  await expect(menu).toHaveText(/Everything/);
  await menu.click();
  await expectAccessible(page, "menu of views", { without: ["region"] });
  await page.getByRole("link", { name: new RegExp(name) }).click();
  await page.waitForURL(/status=failed/);
  await expect(page.getByRole("group", { name: "Status" }).getByRole("button", { name: "Failed" })).toHaveAttribute("aria-pressed", "true");

  await menu.click();
  await page.getByRole("button", { name: `Default: ${name}` }).click();
  await expect(page.getByRole("button", { name: `Default: ${name}` })).toHaveAttribute("aria-pressed", "true");
  await page.goto("/runs");
  await page.waitForURL(/range=7d&status=failed/);
  // Nothing filtered is a choice of its own, or nobody would get back to it.
  await menu.click();
  await page.getByRole("link", { name: "Everything" }).click();
  await page.waitForURL(/view=all/);
  await expect(page.getByRole("row").nth(1)).toBeVisible();

  await menu.click();
  await page.getByRole("button", { name: `Change ${name}` }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(`${name}, all`);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(menu).toHaveText(new RegExp(`${name}, all`));
  await menu.click();
  await page.getByRole("button", { name: `Delete ${name}, all` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("button", { name: `Default: ${name}, all` })).toHaveCount(0);
  await page.goto("/runs");
  await expect(page.getByRole("row").nth(1)).toBeVisible();
  expect(new URL(page.url()).search).toBe("");
});
