import { randomUUID } from "node:crypto";
import { holdRun } from "./support/held-run.ts";
import { api } from "./support/stack.ts";
import { expect, test } from "./support/test.ts";

test.describe.configure({ mode: "parallel" });

type Executor = { executor_id: string; name: string };

test("an executor is added in three steps, its token is shown once, and its first heartbeat is seen live", async ({ signedIn: page, stack }) => {
  const name = `added ${randomUUID().slice(0, 8)}`;
  await page.goto("/executors");
  await expect(page.getByRole("table", { name: "Executors by name" })).toContainText("Online");
  await page.getByRole("link", { name: "Add executor" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("textbox", { name: "Queues" }).fill("nobody_asks_here");
  await page.getByRole("button", { name: "Make it and its token" }).click();
  const token = await page.locator("code", { hasText: /^lcx_/ }).innerText();
  await expect(page.getByRole("region", { name: "command" })).toContainText(token);
  await page.getByRole("button", { name: "Docker" }).click();
  await expect(page.getByRole("region", { name: "command" })).toContainText("docker run");
  await expect(page.getByText(`Waiting for ${name} to call…`)).toBeVisible();
  const { items } = await api<{ items: Executor[] }>(stack, "GET", "/executors?limit=200");
  const made = items.find((each) => each.name === name);
  // Its own first call, as the program in the command would make it; nothing on the page is reloaded.
  await api({ ...stack, api_token: token }, "POST", `/executors/${made?.executor_id}/heartbeat`, { hostname: "the-test", version: "1.2.3" });
  await expect(page.getByText(`${name} has called from the-test.`)).toBeVisible();
  await page.getByRole("link", { name: "Open it" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(page.getByText("It holds nothing")).toBeVisible();

  await page.getByRole("button", { name: "Drain" }).click();
  await page.getByRole("textbox", { name: "Comment" }).fill("Its disk is replaced");
  await page.getByRole("button", { name: "Drain it" }).click();
  await expect(page.getByText("Draining", { exact: true })).toBeVisible();
  await expect(page.getByText("Its disk is replaced")).toBeVisible();
  await page.getByRole("button", { name: "Enable" }).click();
  await expect(page.getByText("Online", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Rotate token" }).click();
  await page.getByRole("button", { name: "Make it" }).click();
  const second = await page.locator("code", { hasText: /^lcx_/ }).innerText();
  expect(second).not.toBe(token);
  await api({ ...stack, api_token: second }, "POST", `/executors/${made?.executor_id}/heartbeat`, {});
  await page.reload();
  await expect(page.getByRole("button", { name: "Rotate token" })).toBeVisible();
  await expect(page.getByText(second)).toHaveCount(0);

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Executors" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Executors by name" })).not.toContainText(name);
});

test("what an executor holds is shown with the time left, and while it holds anything it is not deleted", async ({ signedIn: page, stack }) => {
  const run = await holdRun(stack);
  const { executor_id } = await api<{ executor_id: string }>(stack, "GET", `/runs/${run.run_id}`);
  await page.goto(`/executors/${executor_id}`);
  const leases = page.getByRole("table", { name: "Leases held now" });
  await expect(leases.getByRole("row").nth(1)).toContainText(/\d+m \d\ds/);
  await expect(page.getByRole("table", { name: "Runs, newest first" })).toContainText("held_by_a_test");
  const remove = page.getByRole("button", { name: "Delete" });
  await expect(remove).toHaveAttribute("aria-disabled", "true");
  await remove.hover();
  await expect(page.getByRole("tooltip", { name: /It holds a run/ })).toBeVisible();
  await leases.getByRole("link").first().click();
  await expect(page).toHaveURL(new RegExp(`/runs/${run.run_id}$`));
  await run.fail("broken", "It broke.");
});
