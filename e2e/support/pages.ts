import { expect, type Page } from "@playwright/test";
import { api, type Stack } from "./stack.ts";

/** Every page behind the sign-in that is looked at: by name, with its address for a run that made gold tables and the executor of that run. */
export const pages: [name: string, address: (runId: string, executorId: string) => string][] = [
  ["overview", () => "/overview?range=7d"],
  ["runs", () => "/runs"],
  ["runs, filtered to nothing", () => "/runs?search=nothing-has-this-name"],
  ["run", (id) => `/runs/${id}`],
  ["run events", (id) => `/runs/${id}?tab=events`],
  ["run log", (id) => `/runs/${id}?tab=logs`],
  ["run artifacts", (id) => `/runs/${id}?tab=artifacts`],
  ["run spec", (id) => `/runs/${id}?tab=spec`],
  ["run verdict", (id) => `/runs/${id}?tab=verdict`],
  ["compare", (id) => `/runs/compare?a=${id}&b=${id}`],
  ["pipelines", () => "/pipelines"],
  ["pipeline", () => "/pipelines/silver_to_gold"],
  ["new pipeline", () => "/pipelines/new"],
  ["edit pipeline", () => "/pipelines/silver_to_gold/edit"],
  ["pipeline versions", () => "/pipelines/silver_to_gold/versions"],
  ["run form", () => "/pipelines/silver_to_gold/run"],
  ["executors", () => "/executors"],
  ["executor", (_, executorId) => `/executors/${executorId}`],
  ["add executor", () => "/executors/new"],
  ["datasets", () => "/datasets?layer=gold"],
  ["dataset", () => "/datasets/gold.receivables_ageing"],
  ["audit", () => "/audit?action=run"],
  ["audit, filtered to nothing", () => "/audit?actor=nobody-of-this-name"],
  ["danger zone", () => "/danger"],
  ["connections", () => "/connections"],
  ["secrets", () => "/secrets"],
  ["members", () => "/members"],
  ["tokens", () => "/tokens"],
  ["health", () => "/health"],
  ["webhook", () => "/webhook"],
  ["account", () => "/account"],
  ["organizations", () => "/o"],
  ["nothing here", () => "/datasets/gold.no_such_table"],
];

export async function lastGoldRun(running: Stack): Promise<{ run_id: string; executor_id: string }> {
  const { items } = await api<{ items: { run_id: string; executor_id: string }[] }>(running, "GET", "/runs?status=succeeded&template_key=silver_to_gold&limit=1");
  return items[0] ?? { run_id: "", executor_id: "" };
}

export async function openPage(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  // What is still loading has no contrast and no names of its own to check.
  await expect(page.locator("[data-slot=skeleton]")).toHaveCount(0);
}
