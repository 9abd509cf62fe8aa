import { expect, type Page } from "@playwright/test";
import { api, type Stack } from "./stack.ts";

type Address = (runId: string, executorId: string, scheduleId: string, backfillId: string) => string;
/** Every page behind the sign-in that is looked at: by name, with its address for a run that made gold tables, the executor of that run, a schedule and a backfill. */
export const pages: [name: string, address: Address][] = [
  ["overview", () => "/overview?range=7d"],
  ["runs", () => "/runs"],
  ["runs, filtered to nothing", () => "/runs?search=nothing-has-this-name"],
  ["run", (id) => `/runs/${id}`],
  ["run graph", (id) => `/runs/${id}?tab=graph`],
  ["run lineage", (id) => `/runs/${id}?tab=lineage`],
  ["run quality", (id) => `/runs/${id}?tab=quality`],
  ["run events", (id) => `/runs/${id}?tab=events`],
  ["run log", (id) => `/runs/${id}?tab=logs`],
  ["run artifacts", (id) => `/runs/${id}?tab=artifacts`],
  ["run spec", (id) => `/runs/${id}?tab=spec`],
  ["run verdict", (id) => `/runs/${id}?tab=verdict`],
  ["compare", (id) => `/runs/compare?a=${id}&b=${id}`],
  ["failures", () => "/failures"],
  ["failures, marked", () => "/failures?state=marked"],
  ["alerts", () => "/alerts"],
  ["alerts, resolved", () => "/alerts?view=resolved"],
  ["alert rules", () => "/alerts?view=rules"],
  ["pipelines", () => "/pipelines"],
  ["pipeline", () => "/pipelines/silver_to_gold"],
  ["new pipeline", () => "/pipelines/new-pipeline"],
  ["edit pipeline", () => "/pipelines/silver_to_gold/edit"],
  ["pipeline versions", () => "/pipelines/silver_to_gold/versions"],
  ["run form", () => "/pipelines/silver_to_gold/run"],
  ["schedules", () => "/schedules"],
  ["schedule", (_run, _executor, scheduleId) => `/schedules/${scheduleId}`],
  ["new schedule", () => "/schedules/new"],
  ["edit schedule", (_run, _executor, scheduleId) => `/schedules/${scheduleId}/edit`],
  ["calendar", () => "/schedules/calendar"],
  ["backfills", () => "/backfills"],
  ["backfill", (_run, _executor, _schedule, backfillId) => `/backfills/${backfillId}`],
  ["backfills, filtered to nothing", () => "/backfills?status=completed"],
  ["executors", () => "/executors"],
  ["executor", (_, executorId) => `/executors/${executorId}`],
  ["add executor", () => "/executors/new"],
  ["datasets", () => "/datasets?layer=gold"],
  ["dataset", () => "/datasets/gold.receivables_ageing"],
  ["lineage", () => "/lineage"],
  ["lineage, focused", () => "/lineage?dataset=gold.receivables_ageing&depth=2"],
  ["lineage, as a list", () => "/lineage?view=list"],
  ["lineage, searched for nothing", () => "/lineage?search=nothing-has-this-name"],
  ["caps", () => "/caps"],
  ["audit", () => "/audit?action=run"],
  ["audit, filtered to nothing", () => "/audit?actor=nobody-of-this-name"],
  ["settings", () => "/settings"],
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
  const { items } = await api<{ items: { run_id: string; executor_id: string; isolated: boolean }[] }>(running, "GET", "/runs?status=succeeded&template_key=silver_to_gold&limit=50");
  // A verification makes no table.
  return items.find(({ isolated }) => !isolated) ?? { run_id: "", executor_id: "" };
}

/** A page's address in this stack. */
export async function addressOf(running: Stack, address: Address): Promise<string> {
  const [{ run_id, executor_id }, { items: schedules }, { items: backfills }] = await Promise.all([
    lastGoldRun(running), api<{ items: { name: string; schedule_id: string }[] }>(running, "GET", "/schedules?limit=200"), api<{ items: { backfill_id: string }[] }>(running, "GET", "/backfills?status=paused&limit=1"),
  ]);
  return address(run_id, executor_id, schedules.find(({ name }) => name === clockwork.schedule.name)?.schedule_id ?? "", backfills[0]?.backfill_id ?? "");
}

/** What start-stack.ts makes for the pages to show; schedule and backfill are paused, so that nothing runs by the clock while tests count runs. One of the rules fires. */
export const clockwork = {
  schedule: { name: "gold, every working night", template_key: "silver_to_gold", cron: "30 2 * * 1-5", time_zone: "Europe/Brussels", overlap: "buffer_one", pause_on_failure: 3 },
  cap: { cap_key: "reports", unit: "cost", period: "month", time_zone: "Europe/Brussels", limit_amount: "250" },
  alertRules: [
    { name: "Gold fails again and again", condition: { kind: "run_failed", pipeline: "silver_to_gold", in_a_row: 3 }, severity: "critical" },
    { name: "Gold waited for an executor", condition: { kind: "run_signal", pipeline: "silver_to_gold", signal: "queue_wait_seconds", at_least: 0 }, severity: "info" },
    { name: "Reports cost too much", condition: { kind: "cap_used", cap_key: "reports", percent: 80 }, for_minutes: 15, severity: "warning" },
  ],
  backfill: { template_key: "silver_to_gold", unit: "day", time_zone: "Europe/Brussels", range_start: "2025-03-01T00:00:00+01:00", range_end: "2025-04-01T00:00:00+02:00" },
} as const;

export async function openPage(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  // What is still loading has no contrast and no names of its own to check.
  await expect(page.locator("[data-slot=skeleton]")).toHaveCount(0);
}
