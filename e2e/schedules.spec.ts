import { randomUUID } from "node:crypto";
import { api, until } from "./support/stack.ts";
import { createTenant } from "./support/tenant.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

type Named = { name: string; schedule_id: string };

test("a schedule is written with its next times shown, paused with a note, resumed, run now, changed and deleted", async ({ signedIn: page, stack }) => {
  const name = `nightly ${randomUUID().slice(0, 8)}`;
  await page.goto("/schedules");
  await page.getByRole("link", { name: "New schedule" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("combobox", { name: "Pipeline" }).click();
  await page.getByRole("option", { name: "Silver to gold" }).click();
  // A zone is reached by typing, and its clock changes are marked; a pattern that cannot be read says so at once.
  await page.getByRole("combobox", { name: "Time zone" }).fill("Asia/Singapore");
  await expect(page.getByText("Now UTC+08:00 there.")).toBeVisible();
  await page.getByRole("textbox", { name: "Cron" }).fill("61 * * * *");
  await expect(page.getByText(/is not a cron pattern of five fields/)).toBeVisible();
  await page.getByRole("textbox", { name: "Cron" }).fill(`30 2 ${nextSpringForward()} 3 *`);
  await page.getByRole("combobox", { name: "Time zone" }).fill("Europe/Brussels");
  const times = page.getByRole("table", { name: "Next times" });
  await expect(times.getByRole("row").nth(1)).toContainText("The clock jumps over this time");
  await expect(times.getByRole("row").nth(1)).toContainText("03:00 (UTC+02:00)");
  await page.getByRole("button", { name: "Weekdays" }).click();
  await expect(page.getByText("At 06:00 from Monday to Friday")).toBeVisible();
  await expect(times.getByRole("row")).toHaveCount(11);
  await expectAccessible(page, "schedule form");
  await page.getByRole("radio", { name: "Let one wait" }).check();
  await page.getByRole("textbox", { name: "Parameters as JSON" }).fill("{");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("must be one JSON object")).toBeVisible();
  await page.getByRole("textbox", { name: "Parameters as JSON" }).fill("{}");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  // What is stored is what was written.
  const { items } = await api<{ items: Named[] }>(stack, "GET", "/schedules?limit=200");
  expect(items.find((each) => each.name === name)).toMatchObject({ cron: "0 6 * * 1-5", time_zone: "Europe/Brussels", overlap: "buffer_one", template_key: "silver_to_gold", parameters: {} });

  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("textbox", { name: "Why" }).fill("The source is moved");
  await page.getByRole("button", { name: "Pause it" }).click();
  await expect(page.getByText("The source is moved")).toBeVisible();
  await expect(page.getByText("Its times, were it resumed now")).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("Active", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Run now" }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  await page.goBack();
  await expect(page.getByRole("table", { name: "Fired times, newest first" }).getByRole("row").nth(1)).toContainText("by hand");
  await page.getByRole("navigation", { name: "Outcome" }).getByRole("link", { name: "Missed" }).click();
  await expect(page.getByText("Nothing matches these filters")).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).click();

  await page.getByRole("link", { name: "Edit" }).click();
  await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue(name);
  await page.getByRole("textbox", { name: "Pause after failures in a row" }).fill("0");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The schedule was not saved")).toBeVisible();
  await page.getByRole("textbox", { name: "Pause after failures in a row" }).fill("3");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("after 3 failed runs in a row")).toBeVisible();

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Schedules" })).toBeVisible();
  await expect(page.getByText(name)).toHaveCount(0);
});

test("a backfill says how many runs it would make, makes exactly those, and is paused and canceled", async ({ signedIn: page, stack }) => {
  await page.goto("/backfills");
  await page.getByRole("button", { name: "Backfill" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Pipeline" }).selectOption({ label: "Silver to gold" });
  await dialog.getByRole("button", { name: "Preview" }).click();
  await expect(dialog.getByText("is needed").first()).toBeVisible();
  // Days that no other test's backfill has run.
  const first = new Date(Date.UTC(1990 + Math.floor(Math.random() * 30), Math.floor(Math.random() * 12), 1 + Math.floor(Math.random() * 20)));
  const day = (offset: number) => new Date(first.getTime() + offset * 86_400_000).toISOString().slice(0, 10);
  await dialog.getByLabel("First day").fill(day(0));
  await dialog.getByLabel("Last day, included").fill(day(39));
  await dialog.getByRole("textbox", { name: "Open at once" }).fill("1");
  await dialog.getByRole("button", { name: "Preview" }).click();
  await expect(dialog.getByRole("status")).toContainText("40 of 40 partitions would get a run");
  await expectAccessible(page, "backfill dialog");
  // A change takes the preview away: what is made is what was seen.
  await dialog.getByLabel("Last day, included").fill(day(29));
  await dialog.getByRole("button", { name: "Preview" }).click();
  await dialog.getByRole("button", { name: "Make 30 runs" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Backfill of silver_to_gold" })).toBeVisible();
  const id = new URL(page.url()).pathname.split("/").at(-1);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Pause it" }).click();
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("Active", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("textbox", { name: "Why" }).fill("Only a test");
  await page.getByRole("button", { name: "Cancel it" }).click();
  await expect(page.getByText("Canceled", { exact: true }).first()).toBeVisible();
  await expect(page.getByText("Only a test")).toBeVisible();
  const over = await until(() => api<{ status: string; total: number; progress: Record<string, number> }>(stack, "GET", `/backfills/${id}`), ({ progress }) => progress.running === 0 && progress.queued === 0, 60_000);
  expect(over).toMatchObject({ status: "canceled", total: 30 });
});

/** The day of next March on which Central Europe has no 02:30: its last Sunday. */
function nextSpringForward(): number {
  const now = new Date();
  const last = (year: number) => 31 - new Date(Date.UTC(year, 2, 31)).getUTCDay();
  const thisYear = last(now.getUTCFullYear());
  return now.getTime() < Date.UTC(now.getUTCFullYear(), 2, thisYear) ? thisYear : last(now.getUTCFullYear() + 1);
}

test("a viewer of an environment without anything sees so, by keyboard, and why nothing can be made", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { role: "viewer" });
  try {
    await signIn(page, tenant);
    await expect(page.getByRole("region", { name: "Needs attention" })).toBeVisible();
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await expect(page.getByText("No schedule yet")).toBeVisible();
    const make = page.getByRole("button", { name: "New schedule" });
    await expect(make).toHaveAttribute("aria-disabled", "true");
    await make.focus();
    await expect(page.getByRole("tooltip")).toContainText("This needs the role editor.");
    await page.getByRole("navigation", { name: "By the clock" }).getByRole("link", { name: "Backfills" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByText("No backfill yet")).toBeVisible();
    await page.goto("/schedules/new");
    await expect(page.getByText("There is no pipeline to run")).toBeVisible();
    await page.goto(`/schedules/${randomUUID()}`);
    await expect(page.getByText("There is nothing here")).toBeVisible();
  } finally {
    await tenant.remove();
  }
});
