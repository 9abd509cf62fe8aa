import { expect, test } from "./support/test.ts";

test("the keyboard alone signs in, finds a run, reads it and goes on", async ({ page, stack }) => {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").focus();
  await page.keyboard.insertText(stack.admin.email);
  await page.keyboard.press("Tab");
  await page.keyboard.insertText(stack.admin.password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/overview");
  await expect(page.getByRole("region", { name: "Needs attention" })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await page.waitForURL("**/runs");
  await expect(page.getByRole("row").nth(1)).toBeVisible();

  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#content")).toBeFocused();

  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.insertText("silver_to_gold");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/search=silver_to_gold/);
  await expect(page.getByRole("row").nth(1)).toContainText("silver_to_gold");
  // In a field a letter is a letter.
  await page.keyboard.press("j");
  await expect(page.getByRole("searchbox")).toHaveValue("silver_to_goldj");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await expect(page).not.toHaveURL(/search=/);
  await expect(page.getByRole("row").nth(2)).toBeVisible();

  await page.keyboard.press("j");
  const links = page.locator("a[data-run]");
  await expect(links.nth(0)).toBeFocused();
  await page.keyboard.press("j");
  await expect(links.nth(1)).toBeFocused();
  await page.keyboard.press("k");
  await expect(links.nth(0)).toBeFocused();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);

  await page.getByRole("tab", { name: "Timeline" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Graph" })).toHaveAttribute("aria-selected", "true");
  await expect(page).toHaveURL(/tab=graph/);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Logs" })).toHaveAttribute("aria-selected", "true");
  await expect(page).toHaveURL(/tab=logs/);

  await page.keyboard.press("g");
  await page.keyboard.press("p");
  await expect(page.getByRole("heading", { level: 1, name: "Pipelines" })).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.keyboard.insertText("datasets");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Datasets" })).toBeVisible();
});
