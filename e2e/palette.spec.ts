import { randomUUID } from "node:crypto";
import { api } from "./support/stack.ts";
import { createTenant } from "./support/tenant.ts";
import { lastGoldRun } from "./support/pages.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

test("whatever id or hash is pasted into the palette opens its page, by keyboard alone", async ({ signedIn: page, stack }) => {
  const { run_id, executor_id } = await lastGoldRun(stack);
  const { items: artifacts } = await api<{ items: { sha256: string; artifact_id: string }[] }>(stack, "GET", `/runs/${run_id}/artifacts`);
  const { items: datasets } = await api<{ items: { dataset_id: string; name: string }[] }>(stack, "GET", "/datasets?limit=200");
  const dataset = datasets.find(({ name }) => name === "gold.receivables_ageing");
  await page.goto("/health");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const paste = async (text: string, shown: RegExp, address: RegExp) => {
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("dialog", { name: "Command palette" })).toBeVisible();
    await page.keyboard.insertText(text);
    await expect(page.getByRole("option", { name: shown }).first()).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("Enter");
    await page.waitForURL(address);
    await expect(page.getByRole("dialog", { name: "Command palette" })).toHaveCount(0);
  };
  await paste(run_id, /silver_to_gold.*Run$/, new RegExp(`/runs/${run_id}$`));
  await paste(executor_id, /Executor$/, new RegExp(`/executors/${executor_id}$`));
  await paste(artifacts[0]?.artifact_id ?? "", /Artifact$/, new RegExp(`/runs/${run_id}\\?tab=artifacts$`));
  await paste(artifacts[0]?.sha256 ?? "", /Artifact$/, /\/runs\/[0-9a-f-]{36}\?tab=artifacts$/);
  await paste(dataset?.dataset_id ?? "", /gold\.receivables_ageing/, /\/datasets\/gold\.receivables_ageing$/);
  await paste(`${run_id.slice(0, 8)}…${run_id.slice(-4)}`, /silver_to_gold.*Run$/, new RegExp(`/runs/${run_id}$`));
});

test("names find pages, pipelines, schedules and what may be done with them; nothing found is said so", async ({ signedIn: page, stack }) => {
  const name = `palette ${randomUUID().slice(0, 8)}`;
  const { schedule_id } = await api<{ schedule_id: string }>(stack, "POST", "/schedules", { name, template_key: "silver_to_gold", cron: "0 3 1 1 *" });
  const state = async () => (await api<{ paused_at: string | null }>(stack, "GET", `/schedules/${schedule_id}`)).paused_at !== null;
  await page.goto("/runs");
  await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
  await page.getByRole("button", { name: /Search or jump/ }).click();
  await page.keyboard.insertText(name);
  const pause = page.getByRole("option", { name: `Pause ${name}` });
  await expect(pause).toBeVisible();
  await expectAccessible(page, "palette with what was found");
  await pause.click();
  await expect(page.getByText(`${name} is paused.`)).toBeVisible();
  await expect.poll(state).toBe(true);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText(`${name} fires again.`)).toBeVisible();
  await expect.poll(state).toBe(false);
  await api(stack, "DELETE", `/schedules/${schedule_id}`);

  await page.keyboard.press("Control+k");
  await page.keyboard.insertText("silver gold");
  await page.getByRole("option", { name: "Run Silver to gold" }).click();
  await page.waitForURL(/\/pipelines\/silver_to_gold\/run$/);
  await page.keyboard.press("Control+k");
  await page.keyboard.insertText("no such thing anywhere");
  await expect(page.getByText("Nothing of this name, id or hash is here.")).toBeVisible();
  await expect(page.getByText("0 found")).toBeVisible();
});

test("who may only look is offered no deed, and finds nothing of another organization", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { role: "viewer" });
  const { run_id } = await lastGoldRun(stack);
  try {
    await signIn(page, tenant);
    await expect(page.getByText("No run is under way.")).toBeVisible();
    await page.getByRole("button", { name: /Search or jump/ }).click();
    await expect(page.getByRole("option", { name: "Runs" })).toBeVisible();
    await expect(page.getByRole("option", { name: "Write a pipeline" })).toHaveCount(0);
    await page.keyboard.insertText(run_id);
    await expect(page.getByText("0 found")).toBeVisible();
  } finally {
    await tenant.remove();
  }
});
