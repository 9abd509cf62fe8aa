import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { addressOf, lastGoldRun, openPage, pages } from "./support/pages.ts";
import { stack } from "./support/stack.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

test("every page of an environment is among those that are looked at", () => {
  const root = fileURLToPath(new URL("../app/(control-room)/o/[organization]/[project]/[environment]", import.meta.url));
  const routes = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith("/page.tsx")).map((file) => `/${file.slice(0, -"/page.tsx".length)}`);
  expect(routes.length).toBeGreaterThan(10);
  const addresses = pages.map(([, address]) => address("an-id", "an-id", "an-id", "an-id").split("?")[0] ?? "");
  // A page with a name of its own is no place of the one beside it that takes any name.
  const fits = (route: string, address: string) => new RegExp(`^${route.replaceAll(/\[[^\]]+\]/g, "[^/]+")}$`).test(address) && (!route.includes("[") || !routes.includes(address));
  expect(routes.filter((route) => !addresses.some((address) => fits(route, address)))).toEqual([]);
});

/** Everything in the light theme; in the dark one what a theme can change: colours. The page is loaded once and follows the system. */
async function expectAccessibleInBothThemes(page: Page, name: string, without: string[] = []): Promise<void> {
  await expectAccessible(page, `${name}, light`, { without });
  await page.emulateMedia({ colorScheme: "dark" });
  await expect(page.locator("html")).toHaveClass(/\bdark\b/);
  await expectAccessible(page, `${name}, dark`, { only: ["color-contrast"] });
  await page.emulateMedia({ colorScheme: "light" });
}

// Each page is a test of its own, so that both browsers share them and a slow one is named.
test.describe.configure({ mode: "parallel" });

async function lookAt(page: Page, name: string, address: string): Promise<void> {
  await openPage(page, address);
  await expectAccessibleInBothThemes(page, name);
  await page.setViewportSize({ width: 320, height: 640 });
  // Tables and charts are laid out again when they have seen their new width.
  await expect.soft.poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), { message: `${name} is wider than the window`, timeout: 3000 }).toBeLessThanOrEqual(0);
}

for (const [name, address] of [["sign-in", "/sign-in"], ["sign-up", "/sign-up"], ["forgot password", "/forgot-password"], ["mailed link", "/auth/mailed?token_hash=x&type=magiclink&email=somebody%40example.com"]] as const) {
  test(`${name}: no violation in light and dark, and at 320 px nothing is lost sideways`, async ({ page }) => {
    await lookAt(page, name, address);
  });
}

for (const [name, address] of pages) {
  test(`${name}: no violation in light and dark, and at 320 px nothing is lost sideways`, async ({ signedIn: page }) => {
    await lookAt(page, name, await addressOf(stack(), address));
  });
}

test("dialogs, menus and drawers have no violation, in light and dark", async ({ signedIn: page }) => {
  const { run_id } = await lastGoldRun(stack());
  await openPage(page, `/runs/${run_id}?tab=artifacts`);
  await page.getByRole("button", { name: "gold.receivables_ageing.parquet", exact: true }).click();
  await expect(page.getByRole("dialog").getByRole("columnheader").first()).toBeVisible();
  await expectAccessibleInBothThemes(page, "artifact drawer");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More ways to run again" }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  // An open menu lies outside of the landmarks on purpose: it belongs to its button alone.
  await expectAccessibleInBothThemes(page, "menu", ["region"]);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toBeVisible();
  await expectAccessibleInBothThemes(page, "palette");
});

test("at 320 px a row keeps status, name, time and link, and the navigation opens", async ({ signedIn: page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await openPage(page, "/runs?pipeline=silver_to_gold&status=succeeded");
  const row = page.getByRole("row").filter({ hasText: "Silver to gold" }).first();
  await expect(row.getByText("Succeeded")).toBeVisible();
  await expect(row.getByText(/ago|just now/)).toBeVisible();
  await page.screenshot({ path: "test-results/pages/runs-narrow.png" });
  await row.getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Silver to gold" })).toBeVisible();
  await page.screenshot({ path: "test-results/pages/run-narrow.png" });
  await page.getByRole("button", { name: "Open navigation" }).click();
  await page.getByRole("dialog").getByRole("link", { name: "Datasets" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Datasets" })).toBeVisible();
});
