import { randomUUID } from "node:crypto";
import { holdRun } from "./support/held-run.ts";
import { createTenant } from "./support/tenant.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

test("a rule is written in words, previewed and saved; what it finds is acknowledged, snoozed and resolved; the rule is changed by keyboard and deleted", async ({ signedIn: page, stack }) => {
  const name = `alerts_${randomUUID().slice(0, 8)}`;
  const run = await holdRun(stack, ["load"], name);
  await page.goto("/alerts?view=rules");
  await page.getByRole("button", { name: "New rule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name" }).fill(`rule ${name}`);
  await dialog.getByRole("combobox", { name: "When" }).selectOption("A run takes too long");
  await dialog.getByRole("textbox", { name: "Longer than" }).fill("soon");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("is no duration")).toBeVisible();
  await expectAccessible(page, "alert rule, refused");
  await dialog.getByRole("textbox", { name: "Longer than" }).fill("1s");
  await expect(dialog.getByRole("status")).toContainText("When a run of any pipeline takes longer than 1s, tell it as warning.");
  await expect.poll(async () => {
    await dialog.getByRole("button", { name: "Preview" }).click();
    return dialog.getByRole("listitem").filter({ hasText: name }).count();
  }, { timeout: 60_000 }).toBe(1);
  await expect(dialog.getByRole("status")).toContainText(/It would have fired \d+ times? in the last 7 days/);
  await expectAccessible(page, "alert rule, previewed");
  await dialog.getByRole("button", { name: "Save" }).click();
  const rule = page.getByRole("row", { name: new RegExp(`^rule ${name}`) });
  await expect(rule.getByText("On", { exact: true })).toBeVisible();

  const view = (word: string) => page.getByRole("navigation", { name: "Alerts", exact: true }).getByRole("link", { name: word, exact: true }).click();
  // Runs of other tests take longer, too.
  const found = page.getByRole("row", { name: new RegExp(`^${name}: .*rule ${name}`) });
  await expect(async () => {
    await page.goto("/alerts");
    await expect(found).toHaveCount(1, { timeout: 1_000 });
  }).toPass({ timeout: 90_000 });
  await expect(found.getByRole("link")).toHaveAttribute("href", new RegExp(`/runs/${run.run_id}$`));
  await found.getByRole("button", { name: /^Acknowledge/ }).click();
  await expect(found).toHaveCount(0);
  await view("Acknowledged");
  await expect(found).toContainText("by ");
  await found.getByRole("button", { name: /^Snooze/ }).press("Enter");
  await page.getByRole("menuitem", { name: "4 hours" }).press("Enter");
  await expect(found).toHaveCount(0);
  await view("Snoozed");
  await expect(found).toContainText("until");
  await expectAccessible(page, "snoozed alerts");
  await found.getByRole("button", { name: /^Resolve/ }).click();
  await expect(found).toHaveCount(0);
  await view("Resolved");
  await expect(found).toContainText("over");
  await run.fail("sql_error", "no such column");

  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await expect(page).toHaveURL(/\/alerts$/);
  await view("Rules");
  await rule.getByRole("button", { name: /^Change/ }).press("Enter");
  await dialog.getByRole("checkbox", { name: "It watches" }).press("Space");
  await dialog.getByRole("textbox", { name: "Name" }).press("Enter");
  await expect(rule.getByText("Off", { exact: true })).toBeVisible();
  await rule.getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(rule).toHaveCount(0);
});

test("a viewer sees the inbox and the rules, and why none can be made", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { role: "viewer" });
  try {
    await signIn(page, tenant);
    await page.goto("/alerts");
    await expect(page.getByText("Nothing fires")).toBeVisible();
    await expect(page.getByRole("button", { name: "New rule" })).toHaveAttribute("aria-disabled", "true");
    await page.goto("/alerts?view=rules");
    await expect(page.getByText("No rule yet")).toBeVisible();
  } finally {
    await tenant.remove();
  }
});
