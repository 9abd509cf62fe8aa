import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { holdRun } from "./support/held-run.ts";
import { stack, type Stack } from "./support/stack.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

test.describe.configure({ mode: "parallel" });

const many = 20_000;
/** A failed run with 20,000 lines: every hundredth tells of a slow page, one of an error. */
async function longLog(running: Stack): Promise<string> {
  const run = await holdRun(running, ["load", "check"]);
  await run.setPhase("load", { status: "running" });
  await run.print(Array.from({ length: many - 2 }, (_, nth) => (nth + 1 === 12_345 ? "ERROR: page 12345 could not be read, see https://example.test/pages" : (nth + 1) % 100 === 0 ? `\u001B[33mslow\u001B[0m page ${nth + 1}` : `page ${nth + 1} read`)));
  await run.print(["a warning of the process"], { stream: "stderr" });
  await run.print(["checked"], { phase: "check" });
  await run.setPhase("load", { status: "failed", error_code: "source_unavailable", error_message: "page 12345 could not be read" });
  await run.fail("source_unavailable", "page 12345 could not be read");
  return run.run_id;
}

const line = (page: Page, number: number) => page.locator(`[data-line="${number}"]`);

test.describe("a long log of a failed run", () => {
  let runId: string;
  test.describe.configure({ mode: "default" });
  test.beforeAll(async () => {
    runId = await longLog(stack());
  });

  test("it opens at the first error; only what is on the screen is drawn; the keyboard reaches both ends", async ({ signedIn: page }) => {
    await page.goto(`/runs/${runId}`);
    await page.getByRole("link", { name: "The log at the error" }).click();
    await expect(line(page, 12_345)).toBeInViewport();
    await expect(page.getByText("20,000 lines")).toBeVisible();
    await expect(line(page, 12_345).getByRole("link", { name: "https://example.test/pages" })).toHaveAttribute("href", "https://example.test/pages");
    expect(await page.locator("[data-line]").count()).toBeLessThan(120);
    expect(new Set(await page.locator("[data-index]").evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height)))).toEqual(new Set([24]));
    const region = page.getByRole("region", { name: "Lines of the log" });
    await region.focus();
    await page.keyboard.press("Home");
    await expect(line(page, 1)).toBeInViewport();
    await page.keyboard.press("End");
    await expect(line(page, many)).toBeInViewport();
    await expectAccessible(page, "the log");
  });

  test("a search covers all lines and tells how many there are; a hit is shown in its context", async ({ signedIn: page }) => {
    await page.goto(`/runs/${runId}?tab=logs`);
    await expect(line(page, 12_345)).toBeInViewport();
    await page.keyboard.press("Control+f");
    await expect(page.getByRole("searchbox", { name: "Search all lines of the log" })).toBeFocused();
    await page.keyboard.insertText("SLOW");
    await expect(page.getByText("199 of 20,000 lines found")).toBeVisible();
    await expect(page).toHaveURL(/find=SLOW/);
    await expect(line(page, 100).locator("mark")).toHaveText("slow");
    await line(page, 200).getByRole("link", { name: "200", exact: true }).click();
    await page.getByRole("button", { name: "Show in context" }).click();
    await expect(line(page, 199)).toBeInViewport();
    await expect(line(page, 200)).toHaveAttribute("data-picked");
    await page.getByRole("searchbox").fill("no such words");
    await expect(page.getByText("No line fits")).toBeVisible();
    await expect(page.getByText("All 20,000 lines of the run were searched.")).toBeVisible();
  });

  test("phase and output are filtered by the server", async ({ signedIn: page }) => {
    await page.goto(`/runs/${runId}?tab=logs&phase=check`);
    await expect(page.getByText("1 of 20,000 lines fit")).toBeVisible();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByRole("combobox", { name: "Output" }).click();
    await page.getByRole("option", { name: "Standard error" }).click();
    await expect(line(page, many - 1)).toContainText("a warning of the process");
    await expect(page.getByText("1 of 20,000 lines fit")).toBeVisible();
  });

  test("a link to lines opens there, shift-click makes a range, and what is copied has no numbers", async ({ signedIn: page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`/runs/${runId}?tab=logs#L15000-L15002`);
    await expect(line(page, 15_001)).toBeInViewport();
    expect(await page.locator("[data-picked]").count()).toBe(3);
    await line(page, 14_999).getByRole("link").click();
    await line(page, 15_001).getByRole("link").click({ modifiers: ["Shift"] });
    await expect(page).toHaveURL(/#L14999-L15001$/);
    await page.getByRole("group", { name: "Selected lines" }).getByRole("button", { name: "Copy", exact: true }).click();
    await expect(page.getByText("Copied 3 lines")).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("page 14999 read\nslow page 15000\npage 15001 read");
    await page.getByRole("textbox", { name: "Go to line" }).fill("17-18");
    await page.keyboard.press("Enter");
    await expect(line(page, 17)).toBeInViewport();
    await expect(page).toHaveURL(/#L17-L18$/);
  });

  test("a download holds every line, or those that fit the filters", async ({ signedIn: page }) => {
    const download = async (item: string) => {
      await page.getByRole("button", { name: "Download" }).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: item }).click()]);
      return { name: file.suggestedFilename(), lines: readFileSync(await file.path(), "utf8").trimEnd().split("\n") };
    };
    await page.goto(`/runs/${runId}?tab=logs&find=slow`);
    await expect(page.getByText("199 of 20,000 lines found")).toBeVisible();
    const all = await download("All lines, as text");
    expect(all.name).toBe(`run-${runId}.log`);
    expect(all.lines).toHaveLength(many);
    expect(all.lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z load stdout page 1 read$/);
    const fitting = await download("Lines that fit the filters, as NDJSON");
    expect(fitting.lines).toHaveLength(199);
    expect(JSON.parse(fitting.lines[1] ?? "")).toMatchObject({ line: 200, phase: "load", stream: "stdout" });
  });
});

test("a running log follows its end, stands still when one scrolls up, and jumps back", async ({ signedIn: page, stack }) => {
  const run = await holdRun(stack);
  await run.print(Array.from({ length: 300 }, (_, nth) => `early ${nth + 1}`));
  await page.goto(`/runs/${run.run_id}?tab=logs`);
  await expect(line(page, 300)).toBeInViewport();
  await run.print(Array.from({ length: 50 }, (_, nth) => `later ${nth + 1}`));
  await expect(line(page, 350)).toBeInViewport();
  await page.getByRole("region", { name: "Lines of the log" }).hover();
  await page.mouse.wheel(0, -3000);
  const jump = page.getByRole("button", { name: /Jump to latest/ });
  await expect(jump).toBeVisible();
  const top = await page.getByRole("region", { name: "Lines of the log" }).evaluate((place) => place.scrollTop);
  await run.print(["the newest line"]);
  await expect(jump).toHaveText(/1 new/);
  expect(await page.getByRole("region", { name: "Lines of the log" }).evaluate((place) => place.scrollTop)).toBe(top);
  await jump.click();
  await expect(page.getByText("the newest line")).toBeInViewport();
  await run.print(["and one more"]);
  await expect(page.getByText("and one more")).toBeInViewport();
  await expect(jump).toBeHidden();
  // A wrapped line is as high as its text.
  await run.print([`wide ${"word ".repeat(400)}`]);
  await page.getByRole("button", { name: "Wrap" }).click();
  await expect.poll(() => line(page, 353).evaluate((row) => row.getBoundingClientRect().height)).toBeGreaterThan(48);
  await run.fail("broken", "It broke.");
  await expect(page.getByText("Failed").first()).toBeVisible();
});

test("a run that printed nothing says so", async ({ signedIn: page, stack }) => {
  const run = await holdRun(stack);
  await page.goto(`/runs/${run.run_id}?tab=logs`);
  await expect(page.getByText("No line yet")).toBeVisible();
  await run.fail("broken", "It broke.");
  await page.goto(`/runs/${run.run_id}?tab=logs`);
  await expect(page.getByText("This run printed nothing")).toBeVisible();
});
