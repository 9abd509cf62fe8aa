import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { api } from "./support/stack.ts";
import { expect, test } from "./support/test.ts";

type RunRow = { run_id: string; status: string; parameters: Record<string, unknown>; priority: number };

test("wrong credentials get one clear sentence, right ones open the page that was asked for", async ({ page, stack }) => {
  await page.goto("/datasets?layer=gold");
  await expect(page).toHaveURL(/\/sign-in\?next=%2Fdatasets%3Flayer%3Dgold/);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Type your e-mail address." })).toBeVisible();
  await page.getByLabel("E-mail").fill(stack.admin.email);
  await page.getByRole("textbox", { name: "Password" }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "E-mail or password is wrong." })).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue(stack.admin.email);
  await page.getByRole("textbox", { name: "Password" }).fill(stack.admin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/datasets\?layer=gold/);
  await expect(page.getByRole("link", { name: "gold.receivables_ageing" })).toBeVisible();
});

test("three pipelines have succeeded; a run shows phases, events and artifacts whose bytes match", async ({ signedIn: page, stack }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/overview$/);
  for (const [key, title] of [["odoo_ingest_bronze", "Odoo to bronze"], ["bronze_to_silver", "Bronze to silver"], ["silver_to_gold", "Silver to gold"]] as const) {
    await page.goto(`/runs?status=succeeded&pipeline=${key}`);
    await expect(page.getByRole("row").filter({ hasText: title }).first()).toContainText("Succeeded");
  }
  await page.getByRole("row").filter({ hasText: "Silver to gold" }).getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Silver to gold" })).toBeVisible();
  const phases = page.getByRole("table", { name: "Phases of the run" });
  for (const phase of ["receivables", "sales", "stock", "check", "publish"]) await expect(phases.getByRole("button", { name: phase })).toBeVisible();
  await phases.getByRole("button", { name: "publish" }).click();
  await expect(phases.getByText("Depends on")).toBeVisible();

  await page.getByRole("tab", { name: "Events" }).click();
  const events = page.getByRole("table", { name: "Events, oldest first" });
  await expect(events).toContainText("RUN_CREATED");
  await expect(events).toContainText("RUN_SUCCEEDED");
  await page.getByRole("combobox", { name: "Event type" }).click();
  await page.getByRole("option", { name: "PHASE_STARTED" }).click();
  await expect(events).not.toContainText("RUN_CREATED");
  await expect(events).toContainText("PHASE_STARTED");
  await events.getByRole("button", { name: /as JSON/ }).first().click();
  await expect(page.getByRole("dialog")).toContainText('"event_id"');
  await page.keyboard.press("Escape");

  await page.getByRole("tab", { name: "Artifacts" }).click();
  const artifacts = page.getByRole("table", { name: "Artifacts of the run" });
  const row = artifacts.getByRole("row").filter({ hasText: "gold.receivables_ageing.parquet" });
  await row.getByRole("button", { name: /^Verify/ }).click();
  await expect(row.getByText("verified here")).toBeVisible();
  await row.getByRole("button", { name: "gold.receivables_ageing.parquet", exact: true }).click();
  const preview = page.getByRole("dialog");
  await expect(preview.getByRole("columnheader", { name: /partner_id/ })).toBeVisible();
  await expect(preview.getByText(/of \d+ rows/)).toBeVisible();
  const [download] = await Promise.all([page.waitForEvent("download"), preview.getByRole("link", { name: "Download" }).click()]);
  const runId = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  const { items } = await api<{ items: { name: string; sha256: string }[] }>(stack, "GET", `/runs/${runId}/artifacts`);
  const registered = items.find((artifact) => artifact.name === "gold.receivables_ageing.parquet")?.sha256;
  expect(createHash("sha256").update(readFileSync(await download.path())).digest("hex")).toBe(registered);
  expect(download.suggestedFilename()).toBe("gold.receivables_ageing.parquet");
});

test("running again follows the events live and ends equal to the run before", async ({ signedIn: page }) => {
  await page.goto("/runs?status=succeeded&pipeline=silver_to_gold");
  await page.getByRole("row").filter({ hasText: "Silver to gold" }).last().getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Silver to gold" })).toBeVisible();
  const before = new URL(page.url()).pathname;
  await page.getByRole("button", { name: "Run again", exact: true }).click();
  await expect(page).not.toHaveURL(new RegExp(before));
  await page.getByRole("tab", { name: "Events" }).click();
  const events = page.getByRole("table", { name: "Events, oldest first" });
  await expect(events).toContainText("RUN_CREATED");
  // Nothing is reloaded from here on: what comes, comes over the stream.
  await expect(events.getByText("RUN_SUCCEEDED")).toBeVisible({ timeout: 90_000 });
  const numbers = await events.locator("tr[data-seq]").evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.seq)));
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  const verdict = page.locator("[data-slot=verdict]").first();
  await expect(verdict).toHaveAttribute("data-verdict", "equal");
  await expect(verdict).toContainText(/all \d+ phase hashes match/);
  await page.getByRole("tab", { name: "Verdict" }).click();
  await expect(page.getByRole("table", { name: "Output hashes of both runs" }).getByText("equal").first()).toBeVisible();
  await page.getByRole("link", { name: "Compare" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Compare runs" })).toBeVisible();
  await expect(page.locator("[data-slot=verdict]")).toHaveAttribute("data-verdict", "equal");
});

test("a run starts from the form with exactly what the form shows, and wrong values are named at their field", async ({ signedIn: page, stack }) => {
  await page.goto("/pipelines");
  await page.getByRole("link", { name: "Run Silver to gold" }).click();
  await page.getByLabel("Priority").fill("5000");
  await page.getByRole("button", { name: /^Run in/ }).click();
  await expect(page.getByLabel("Priority")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Priority").fill("42");
  await page.getByLabel("As of").fill("2025-06-30");
  await page.getByRole("button", { name: "JSON" }).click();
  const json = page.getByLabel("Parameters as JSON");
  await expect(json).toHaveValue(/"as_of": "2025-06-30"/);
  await json.fill('{ "as_of": "2025-06-30", ');
  await expect(page.getByRole("button", { name: /^Run in/ })).toBeDisabled();
  await json.fill('{ "as_of": "30 June" }');
  await page.getByRole("button", { name: "Form" }).click();
  await page.getByRole("button", { name: /^Run in/ }).click();
  await expect(page.getByLabel("As of")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("As of").fill("2025-05-31");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  const run = await api<RunRow>(stack, "GET", `/runs/${new URL(page.url()).pathname.split("/").at(-1)}`);
  expect(run.parameters).toEqual({ as_of: "2025-05-31" });
  expect(run.priority).toBe(42);
  await expect(page.getByText("Succeeded").first()).toBeVisible({ timeout: 90_000 });
});

test("a queued run shows its plan and is canceled with a reason", async ({ signedIn: page, stack }) => {
  const run = await api<RunRow>(stack, "POST", "/runs", { template_key: "silver_to_gold", queue: "nobody_works_here" });
  await page.goto(`/runs/${run.run_id}`);
  await expect(page.getByText("Queued").first()).toBeVisible();
  await expect(page.getByRole("table", { name: "Phases of the run" })).toContainText("after receivables, finance, sales, stock");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByLabel("Reason").fill("Not needed today");
  await dialog.getByRole("button", { name: "Cancel the run" }).click();
  await expect(page.getByText("Canceled").first()).toBeVisible();
  await expect(page.getByText("Not needed today").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Run again", exact: true })).toBeVisible();
});

test("a failed run says first what failed and where", async ({ signedIn: page, stack }) => {
  const spec = { version: 1, name: "broken_on_purpose", phases: [{ name: "ask", type: "query", config: { inputs: [], sql: "select nothing_of_that_name from nowhere" } }] };
  const run = await api<RunRow>(stack, "POST", "/runs", { spec, max_attempts: 1 });
  await page.goto(`/runs/${run.run_id}`);
  const failure = page.locator("[data-slot=failure]");
  await expect(failure).toContainText("Phase ask failed", { timeout: 60_000 });
  await expect(failure).toContainText("sql_error");
  await failure.getByRole("link", { name: "Errors in the events" }).click();
  await expect(page.getByRole("table", { name: "Events, oldest first" })).toContainText("PHASE_FAILED");
});

test("filters live in the URL, Back undoes them, and none left over hides everything without a word", async ({ signedIn: page }) => {
  await page.goto("/runs");
  await page.getByRole("button", { name: "Failed" }).click();
  await expect(page).toHaveURL(/status=failed/);
  await page.getByRole("button", { name: "Failed" }).click();
  await page.getByRole("searchbox").fill("no such run anywhere");
  await expect(page.getByText("Nothing matches these filters")).toBeVisible();
  await expect(page).toHaveURL(/search=no/);
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(page.getByRole("row").nth(1)).toBeVisible();
  await expect(page.getByRole("searchbox")).toHaveValue("");
  await page.getByRole("button", { name: "Succeeded" }).click();
  await expect(page).toHaveURL(/status=succeeded/);
  await page.goBack();
  await expect(page).not.toHaveURL(/status=/);
});

test("signing out ends the session", async ({ page, stack }) => {
  const { signIn } = await import("./support/test.ts");
  await signIn(page, stack.admin);
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
  await page.goto("/runs");
  await expect(page).toHaveURL(/\/sign-in/);
});

test("an unknown run, a wrong id and an unknown page say so inside the room", async ({ signedIn: page }) => {
  for (const address of ["/runs/0192f3ab-0000-7000-8000-000000000000", "/runs/not-a-run", "/pipelines/no_such_pipeline", "/datasets/gold.no_such_table"]) {
    await page.goto(address);
    await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
    await expect(page.getByRole("navigation", { name: "Main navigation" })).toBeVisible();
  }
});
