import { api } from "./support/stack.ts";
import { createTenant, type Tenant } from "./support/tenant.ts";
import { expect, signIn, test } from "./support/test.ts";

let tenant: Tenant;
test.beforeAll(async () => {
  const { stack } = await import("./support/stack.ts");
  tenant = await createTenant(stack());
});
test.afterAll(() => tenant.remove());

test("a member of another project sees nothing of this one, by page or by API", async ({ page, stack }) => {
  const { items } = await api<{ items: { run_id: string; environment_id: string; executor_id: string }[] }>(stack, "GET", "/runs?status=succeeded&template_key=silver_to_gold&limit=1");
  const run = items[0] as (typeof items)[number];
  const artifacts = await api<{ items: { artifact_id: string }[] }>(stack, "GET", `/runs/${run.run_id}/artifacts`);
  const artifact = artifacts.items[0] as (typeof artifacts.items)[number];

  await signIn(page, tenant);
  await expect(page.getByText("No run is under way.")).toBeVisible();
  await page.goto("/runs");
  await expect(page.getByText("No run yet")).toBeVisible();
  await expect(page.getByRole("button", { name: /Other development/ })).toBeVisible();
  await page.goto("/pipelines");
  await expect(page.getByText("No pipeline yet")).toBeVisible();
  await page.goto("/datasets");
  await expect(page.getByText("No dataset yet")).toBeVisible();
  await page.goto("/executors");
  await expect(page.getByText("No executor yet")).toBeVisible();
  for (const address of [`/runs/${run.run_id}`, `/runs?env=${run.environment_id}`, `/pipelines?env=${run.environment_id}`, `/datasets?env=${run.environment_id}`, `/runs/compare?a=${run.run_id}&b=${run.run_id}`, `/executors/${run.executor_id}`, "/pipelines/silver_to_gold", "/datasets/gold.receivables_ageing"]) {
    await page.goto(address);
    await expect(page.getByRole("heading", { name: "There is nothing here" }), address).toBeVisible();
  }
  for (const path of [`/runs/${run.run_id}`, `/runs/${run.run_id}/events`, `/runs/${run.run_id}/phases`, `/runs/${run.run_id}/artifacts`, `/runs/${run.run_id}/logs`, `/artifacts/${artifact.artifact_id}/content`, `/artifacts/${artifact.artifact_id}/preview`]) {
    const answer = await page.request.get(`/api/v1${path}`);
    expect(answer.status(), path).toBe(404);
  }
  const listed = await page.request.get(`/api/v1/runs?environment_id=${run.environment_id}`);
  expect(((await listed.json()) as { items?: unknown[] }).items ?? []).toEqual([]);
});
