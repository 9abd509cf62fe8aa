import { randomUUID } from "node:crypto";
import { api } from "./support/stack.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

const runs = 55;

test("runs are selected by mouse and key, all that fit are canceled as one job, and its outcome is told once and truly", async ({ signedIn: page, stack }) => {
  test.setTimeout(120_000);
  const name = `bulk_${randomUUID().slice(0, 8)}`;
  const spec = { version: 1, name, phases: [{ name: "load", type: "query", config: { inputs: [], sql: "select 1" } }] };
  await api(stack, "POST", "/runs/batch", { runs: Array.from({ length: runs }, () => ({ spec, queue: name })) }, { "Idempotency-Key": name });
  await page.goto(`/runs?search=${name}`);
  await expect(page.getByRole("row")).toHaveCount(51); // a page of 50, and the header

  const bar = page.getByRole("region", { name: "Selected runs" });
  await page.getByRole("checkbox", { name: /^Select bulk_/ }).first().click();
  await expect(bar.getByText("1 run selected")).toBeVisible();
  await page.locator("body").press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(bar.getByText("2 runs selected")).toBeVisible();
  await expect(bar.getByRole("link", { name: "Compare" })).toHaveAttribute("href", /\/runs\/compare\?a=[0-9a-f-]{36}&b=[0-9a-f-]{36}/);
  await page.keyboard.press("Escape");
  await expect(bar).toHaveCount(0);

  await page.getByRole("checkbox", { name: "Select the runs of this page" }).click();
  await expect(bar.getByText("50 runs selected")).toBeVisible();
  await expectAccessible(page, "runs, selected");
  await page.screenshot({ path: "test-results/pages/runs-selected.png" });
  await bar.getByRole("button", { name: "Select all that fit the filters" }).click();
  await bar.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog.getByRole("heading", { name: `Cancel ${runs} runs?` })).toBeVisible();
  await dialog.getByRole("textbox", { name: "Reason" }).fill("not needed any more");
  await expectAccessible(page, "bulk dialog");
  await page.screenshot({ path: "test-results/pages/bulk-dialog.png" });
  await dialog.getByRole("button", { name: `Cancel ${runs} runs` }).click();
  await expect(page.getByText(`${runs} canceled.`)).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("cell", { name: "Canceled" })).toHaveCount(50);

  // What has ended cannot be canceled: the dialog says so before anything is asked for.
  await page.getByRole("checkbox", { name: "Select the runs of this page" }).click();
  await bar.getByRole("button", { name: "Cancel…" }).click();
  await expect(dialog.getByRole("button", { name: "Cancel 0 runs" })).toBeDisabled();
  await dialog.getByRole("button", { name: "Keep them" }).click();
  await page.setViewportSize({ width: 375, height: 800 });
  await page.screenshot({ path: "test-results/pages/runs-selected-narrow.png" });
});
