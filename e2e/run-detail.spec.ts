import { holdRun } from "./support/held-run.ts";
import { lastGoldRun } from "./support/pages.ts";
import { api, type Stack } from "./support/stack.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

test.describe.configure({ mode: "parallel" });

const hash = "0".repeat(64);
/** One phase succeeded, the next failed. */
async function failedRun(stack: Stack): Promise<string> {
  const run = await holdRun(stack, ["load", "shape"]);
  await run.setPhase("load", { status: "running" });
  await run.setPhase("load", { status: "succeeded", output_sha256: hash });
  await run.setPhase("shape", { status: "running" });
  await run.setPhase("shape", { status: "failed", error_code: "sql_error", error_message: "no such column" });
  await run.fail("sql_error", "no such column");
  return run.run_id;
}

test("a failed run is repaired from what failed, and the repair says why it waits", async ({ signedIn: page, stack }) => {
  const failed = await failedRun(stack);
  await page.goto(`/runs/${failed}`);
  await page.getByRole("button", { name: "More ways to run again" }).click();
  await page.getByRole("menuitem", { name: "Repair…" }).click();
  const dialog = page.getByRole("dialog", { name: "Repair this run" });
  await expect(dialog.getByRole("row", { name: /load/ })).toContainText("be taken over");
  await expect(dialog.getByRole("row", { name: /shape/ })).toContainText("execute");
  await expectAccessible(page, "repair dialog");
  await dialog.getByRole("radio", { name: "Everything" }).check();
  await expect(dialog.getByRole("row", { name: /load/ })).toContainText("execute");
  await dialog.getByRole("radio", { name: "What failed, and what follows" }).check();
  await dialog.getByRole("button", { name: "Repair: 1 of 2 phases" }).click();
  await page.waitForURL((url) => /\/runs\/[0-9a-f-]{36}/.test(url.pathname) && !url.pathname.endsWith(failed));

  // Nobody serves its queue any more: the executor of the first run has called once, and calls no more.
  const why = page.getByRole("region", { name: "Why it waits" });
  await expect(why.getByRole("listitem").first()).toBeVisible();
  const repair = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  const { reasons } = await api<{ reasons: { detail: string; remedy: string }[] }>(stack, "GET", `/runs/${repair}/explain`);
  await expect(why).toContainText(reasons[0]?.remedy ?? "");
  expect(await api(stack, "GET", `/runs/${repair}`)).toMatchObject({ repairs_run_id: failed, repair_mode: "failed" });
  await expectAccessible(page, "waiting run");
  await page.getByRole("link", { name: /^repeats/ }).click();
  await expect(page.getByText("repeated by")).toBeVisible();
  await api(stack, "POST", `/runs/${repair}/cancel`, {});
});

test("the graph of the phases is walked by arrow keys and opens a phase", async ({ signedIn: page, stack }) => {
  const { run_id } = await lastGoldRun(stack);
  const { items } = await api<{ items: { name: string; depends_on: string[] }[] }>(stack, "GET", `/runs/${run_id}/phases`);
  const later = items.find(({ depends_on }) => depends_on.length > 0);
  const first = items.find(({ name }) => name === later?.depends_on[0]);
  await page.goto(`/runs/${run_id}?tab=graph`);
  const graph = page.getByRole("region", { name: "Graph of the phases" });
  await expect(graph.getByRole("link")).toHaveCount(items.length);
  const focused = graph.locator("[data-phase]:focus");
  // The server draws a small graph: it is there before the browser listens to its keys.
  await expect(async () => {
    await graph.locator(`[data-phase="${first?.name}"]`).focus();
    await page.keyboard.press("ArrowRight");
    await expect(focused).toContainText(new RegExp(`after .*${first?.name}`), { timeout: 2_000 });
  }).toPass();
  const opened = await focused.getAttribute("data-phase");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`phase=${opened}`));
  await expect(page.getByRole("button", { name: new RegExp(`^${opened}`) })).toHaveAttribute("aria-expanded", "true");
});

test("what a run's checks found is on its page, the worst first", async ({ signedIn: page, stack }) => {
  // Not any newest run of the template: what other tests make of it (a verification, a backfill) need not have checked anything.
  const { items: runs } = await api<{ items: { run_id: string; isolated: boolean }[] }>(stack, "GET", "/runs?status=succeeded&template_key=bronze_to_silver&limit=100");
  const checked = runs.filter(({ isolated }) => !isolated).at(-1)?.run_id;
  const { items } = await api<{ items: { label: string; verdict: string }[] }>(stack, "GET", `/quality?run_id=${checked}&limit=200`);
  expect(items.length).toBeGreaterThan(0);
  await page.goto(`/runs/${checked}?tab=quality`);
  const table = page.getByRole("table", { name: "Quality checks of the run" });
  await expect(table.getByRole("row")).toHaveCount(items.length + 1);
  const worst = ["fail", "quarantine", "warn", "pass"].find((verdict) => items.some((item) => item.verdict === verdict)) ?? "";
  await expect(table.getByRole("row").nth(1)).toContainText({ fail: "Failed", quarantine: "Quarantined", warn: "Warned", pass: "Passed" }[worst] ?? "");
});

test("a panel whose data does not come says so and can be asked again", async ({ signedIn: page, stack }) => {
  const { run_id } = await lastGoldRun(stack);
  let broken = true;
  await page.route("**/api/v1/quality?*", (route) => (broken ? route.abort() : route.continue()));
  await page.goto(`/runs/${run_id}?tab=quality`);
  await expect(page.getByRole("alert").getByText("The control room does not answer")).toBeVisible();
  broken = false;
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("alert").getByText("The control room does not answer")).toHaveCount(0);
});
