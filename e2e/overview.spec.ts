import { randomUUID } from "node:crypto";
import { holdRun } from "./support/held-run.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

test("the overview says first what failed, follows its range in the URL, and every bar and figure leads to its runs", async ({ signedIn: page, stack }) => {
  const name = `overview_${randomUUID().slice(0, 8)}`;
  const held = await holdRun(stack, ["load"], name);
  await held.fail("source_unreachable", `No answer from the source ${held.run_id}`);
  const running = await holdRun(stack, ["load"], `${name}_again`);
  await page.goto("/overview");
  const attention = page.getByRole("region", { name: "Needs attention" });
  await expect(attention.getByText(`No answer from the source ${held.run_id}`)).toBeVisible();
  await expect(page.getByRole("region", { name: "Running now" }).getByRole("link", { name: `${name}_again` })).toHaveAttribute("href", new RegExp(running.run_id));
  await expectAccessible(page, "overview with a failure");

  // The range is in the URL, and Back goes to the one before.
  await page.getByRole("button", { name: "Last hour" }).click();
  await expect(page).toHaveURL(/range=1h/);
  await expect(page.getByRole("button", { name: "Last hour" })).toHaveAttribute("aria-pressed", "true");
  await page.goBack();
  await expect(page.getByRole("button", { name: "Last 24 hours" })).toHaveAttribute("aria-pressed", "true");

  // By keyboard: the last bar with runs, its runs, and any time again.
  const bar = page.getByRole("list", { name: "Runs by status over time" }).getByRole("link", { name: /failed/ }).last();
  await bar.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\?from=.+&to=/);
  await expect(page.getByRole("table", { name: "Runs, newest first" }).getByRole("row").nth(1)).toBeVisible();
  await page.getByRole("button", { name: "Any time again" }).press("Enter");
  await expect(page).toHaveURL(/\/runs$/);

  await page.goto("/overview");
  await page.getByRole("link", { name: /runs, show them/ }).click();
  await page.waitForURL(/\/runs\?status=failed&range=24h/);
  await expect(page.getByRole("cell", { name: "Succeeded" })).toHaveCount(0);
  // A range in which nothing ran invents no figure.
  await page.goto("/overview?from=2020-01-01T00:00:00.000Z&to=2020-01-02T00:00:00.000Z");
  await expect(page.getByText("nothing to compare").first()).toBeVisible();
  await expect(page.getByRole("list", { name: "Runs by status over time" }).getByRole("link", { name: /no run/ }).first()).toBeVisible();
  await running.fail("not_needed", "The test is done");
});
