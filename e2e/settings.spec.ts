import { createTenant } from "./support/tenant.ts";
import { api } from "./support/stack.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

test("the first steps tick themselves, are hidden for one person and come back; what one governs is renamed", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { name: "Settled" });
  try {
    await signIn(page, tenant);
    const steps = page.getByRole("region", { name: "First steps" });
    await expect(steps).toContainText("0 of 6");
    await expect(steps.getByRole("link", { name: /^Connect a source ?, to do/ })).toBeVisible();
    await expectAccessible(page, "overview with first steps");
    await steps.getByRole("button", { name: "Hide for me" }).click();
    await expect(steps).toHaveCount(0);

    await page.goto("/settings");
    await page.getByRole("button", { name: "Show the first steps on my overview again" }).click();
    await expect(page.getByRole("button", { name: "Show the first steps on my overview again" })).toHaveCount(0);
    const environment = page.getByRole("region", { name: "Environment" });
    await environment.getByRole("textbox", { name: "Name of the environment" }).fill("Workshop");
    await environment.getByRole("button", { name: "Rename" }).click();
    await expect(page.getByText("The environment is called Workshop.")).toBeVisible();
    await expect(page.getByRole("button", { name: /Workshop/ })).toBeVisible();
    await page.goto("/overview");
    await expect(steps).toContainText("0 of 6");
  } finally {
    await tenant.remove();
  }
});

test("who is no admin sees the settings and why they cannot be changed", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { role: "viewer" });
  try {
    await signIn(page, tenant);
    await page.goto("/settings");
    await expect(page.getByRole("textbox", { name: "Name of the project" })).toHaveAttribute("readonly", "");
    const rename = page.getByRole("region", { name: "Project" }).getByRole("button", { name: "Rename" });
    await expect(rename).toHaveAttribute("aria-disabled", "true");
    await rename.hover();
    await expect(page.getByRole("tooltip").filter({ hasText: "This needs the role admin." })).toBeVisible();
  } finally {
    await tenant.remove();
  }
});

test("the calendar shows what fires by month and week, in the reader's zone and each schedule's, with changes of the clock marked", async ({ signedIn: page, stack }) => {
  const year = new Date().getUTCFullYear() + 1;
  const { schedule_id } = await api<{ schedule_id: string }>(stack, "POST", "/schedules", { name: "in the jumped hour", template_key: "silver_to_gold", cron: "30 2 * 3 *", time_zone: "Europe/Brussels" });
  try {
    await page.goto("/schedules");
    await page.getByRole("link", { name: "Calendar" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Calendar" })).toBeVisible();
    await page.goto(`/schedules/calendar?day=${year}-03-15&zone=schedule`);
    const jumped = page.getByRole("link", { name: /in the jumped hour.*The clock jumps over this time/ });
    await expect(jumped).toHaveCount(1);
    await expect(jumped).toContainText("03:00");
    await expectAccessible(page, "calendar of a month");
    await page.getByRole("link", { name: "Week" }).click();
    await page.waitForURL(/by=week/);
    await expect(page.getByRole("link", { name: /in the jumped hour/ })).toHaveCount(7);
    await page.getByRole("link", { name: "In my times" }).click();
    await expect(page.getByText(/Times in the zone /)).not.toContainText("of each schedule");
    await page.getByRole("link", { name: "The week after" }).click();
    await page.waitForURL(new RegExp(`day=${year}-03-22`));
  } finally {
    await api(stack, "DELETE", `/schedules/${schedule_id}`);
  }
});

test("a pipeline may be called new", async ({ signedIn: page, stack }) => {
  const spec = { version: 1, name: "new", title: "The new one", phases: [{ name: "only", type: "query", config: { inputs: [], sql: "select 1" } }] };
  await api(stack, "POST", "/templates", { spec });
  await page.goto("/pipelines/new");
  await expect(page.getByRole("heading", { level: 1, name: "The new one" })).toBeVisible();
  await page.goto("/pipelines/new/run");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.goto("/pipelines/new-pipeline");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/new pipeline/i);
});
