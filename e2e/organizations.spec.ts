import { api, stack } from "./support/stack.ts";
import { createTenant, tenantToken, type Tenant } from "./support/tenant.ts";
import { expect, signIn, test } from "./support/test.ts";

let north: Tenant;
let south: Tenant;
test.beforeAll(async () => {
  north = await createTenant(stack(), { name: "North", project_slug: "lake" });
  south = await createTenant(stack(), { name: "South", project_slug: "lake", second_owner: north.user_id });
});

const pipeline = "name: same_name\nversion: 1\nphases:\n  - name: only\n    type: query\n    config: { sql: select 1 as one }\n";

test("a member of two organizations whose projects have one slug switches between them and starts a run in the one that the page shows", async ({ page, stack: running }) => {
  for (const tenant of [north, south]) await api({ ...running, api_token: await tenantToken(running, tenant) }, "POST", "/templates", { text: pipeline });
  await signIn(page, north);
  await page.goto("/o");
  for (const name of ["North", "South"]) await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await page.goto(`/o/${north.organization_slug}/lake/dev/pipelines/same_name`);
  const shown = page.getByRole("button", { name: /North.*North lake.*North development/ });
  await shown.click();
  await expect(page.getByRole("menuitem")).toHaveText(["North development", "South development", "Organizations and projects"]);
  await page.getByRole("menuitem", { name: "South development" }).click();
  await expect(page).toHaveURL(new RegExp(`/o/${south.organization_slug}/lake/dev/pipelines$`));
  await expect(page.getByRole("button", { name: /South.*South lake.*South development/ })).toBeVisible();
  for (const tenant of [south, north]) {
    await page.goto(`/o/${tenant.organization_slug}/lake/dev/pipelines/same_name/run`);
    await page.getByRole("button", { name: /^Run in/ }).click();
    await page.waitForURL(new RegExp(`/o/${tenant.organization_slug}/lake/dev/runs/[0-9a-f-]{36}`));
    const run = (await (await page.request.get(`/api/v1/runs/${page.url().split("/").at(-1)?.split("?")[0]}`)).json()) as { environment_id: string };
    expect(run.environment_id).toBe(tenant.environment_id);
  }
});
