import { lastGoldRun } from "./support/pages.ts";
import { api } from "./support/stack.ts";
import { expect, test } from "./support/test.ts";

test("a run is verified by its button, and the page of either run says that the same came out", async ({ signedIn: page, stack }) => {
  const { run_id } = await lastGoldRun(stack);
  await page.goto(`/runs/${run_id}?tab=verdict`);
  const verification = page.locator("[data-slot=verification]");
  await expect(verification.getByRole("link", { name: "Signed provenance" })).toHaveAttribute("href", `/api/v1/runs/${run_id}/provenance`);
  await verification.getByRole("button", { name: /^Verify/ }).click();
  await expect(page).not.toHaveURL(new RegExp(run_id));
  await expect(verification).toHaveAttribute("data-verdict", "equal", { timeout: 90_000 });
  await expect(verification).toContainText("The same came out as in run");
  await expect(verification.getByRole("button", { name: /^Verify/ })).toHaveCount(0);
  await verification.locator("p").getByRole("link").click();
  await expect(page).toHaveURL(new RegExp(`${run_id}.*tab=verdict`));
  await expect(verification).toHaveAttribute("data-verdict", "equal");
  await expect(verification.getByRole("button", { name: "Verify again" })).toBeVisible();
});

test("a dataset says how fresh it is, in the list and on its page", async ({ signedIn: page, stack }) => {
  await page.goto("/datasets?layer=gold");
  await expect(page.getByRole("row").filter({ hasText: "gold.receivables_ageing" })).toContainText(/Fresh|Late|Breached/);
  await page.getByRole("link", { name: "gold.receivables_ageing" }).click();
  const { environments } = await api<{ environments: { environment_id: string }[] }>(stack, "GET", "/whoami");
  const { items } = await api<{ items: { state: string }[] }>(stack, "GET", `/freshness?environment_id=${environments[0]!.environment_id}&name=gold.receivables_ageing`);
  await expect(page.locator("section").filter({ has: page.getByRole("heading", { name: "Freshness" }) })).toContainText({ ok: "Fresh", late: "Late", breached: "Breached" }[items[0]!.state]!);
});
