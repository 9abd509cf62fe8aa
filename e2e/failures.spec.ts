import { randomUUID } from "node:crypto";
import { holdRun } from "./support/held-run.ts";
import { api } from "./support/stack.ts";
import { createTenant } from "./support/tenant.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

test("a failed run is in the inbox until it is acknowledged or waived with a reason, and can be put back", async ({ signedIn: page, stack }) => {
  const name = `fails_${randomUUID().slice(0, 8)}`;
  const run = await holdRun(stack, ["load"], name);
  await run.fail("sql_error", "no such column");
  await page.goto("/overview");
  await page.getByRole("link", { name: "All failures" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Failures" })).toBeVisible();
  const row = page.getByRole("row", { name: new RegExp(name) });
  await expect(row).toContainText("no such column");
  await row.getByRole("button", { name: `Waive the failure of ${name}` }).click();
  await page.getByRole("button", { name: "Waive it" }).click();
  await expect(page.getByText("is needed")).toBeVisible();
  await expectAccessible(page, "waiver");
  await page.getByRole("textbox", { name: "Reason" }).fill("The source was being moved.");
  await page.getByRole("button", { name: "Waive it" }).click();
  await expect(row).toHaveCount(0);
  await page.getByRole("navigation", { name: "State" }).getByRole("link", { name: "Acknowledged and waived" }).click();
  await expect(row).toContainText("The source was being moved.");
  await expectAccessible(page, "marked failures");
  await row.getByRole("button", { name: `Put back the failure of ${name}` }).click();
  await expect(row).toHaveCount(0);
  await page.getByRole("navigation", { name: "State" }).getByRole("link", { name: "Open" }).click();
  await row.getByRole("button", { name: `Acknowledge the failure of ${name}` }).click();
  await expect(row).toHaveCount(0);
  const { items } = await api<{ items: { action: string }[] }>(stack, "GET", `/audit?object_id=${run.run_id}&action=failure`);
  expect(items.map(({ action }) => action).toSorted()).toEqual(["failure.acknowledged", "failure.reopened", "failure.waived"]);
});

test("where nothing failed the inbox says so, to a viewer too", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { role: "viewer" });
  try {
    await signIn(page, tenant);
    await page.goto("/failures");
    await expect(page.getByText("Nothing is left to deal with")).toBeVisible();
  } finally {
    await tenant.remove();
  }
});
