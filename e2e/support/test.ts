import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";
import { stack, type Stack } from "./stack.ts";

type Fixtures = { stack: Stack; signedIn: Page };

/**
 * The tests' own `test`: pages of the real stack, and any error in the browser's console or of a script fails it.
 * `signedIn` is a page of the admin.
 */
export const test = base.extend<Fixtures, { session: Awaited<ReturnType<import("@playwright/test").BrowserContext["storageState"]>> }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures out of the pattern
  stack: async ({}, use) => use(stack()),
  baseURL: async ({ stack: running }, use) => use(running.app_url),
  session: [
    async ({ browser }, use) => {
      const { app_url, admin } = stack();
      const context = await browser.newContext({ baseURL: app_url });
      const page = await context.newPage();
      await signIn(page, admin);
      const state = await context.storageState();
      await context.close();
      await use(state);
    },
    { scope: "worker" },
  ],
  page: async ({ page }, use) => {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(`${error.name}: ${error.message}`));
    page.on("console", (message) => {
      // A refused request (a 404 that a test asks for) is the browser's own line, not the page's.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
    });
    await use(page);
    expect(errors, "errors in the browser").toEqual([]);
  },
  signedIn: async ({ page, context, session }, use) => {
    await context.addCookies(session.cookies);
    await use(page);
  },
});

export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/overview");
}

/** No violation of WCAG 2.2 A and AA, nor of axe's best practices, in what is shown now; of all rules, or `only` of some, `without` some. */
export async function expectAccessible(page: Page, what: string, { only, without = [] }: { only?: string[]; without?: string[] } = {}): Promise<void> {
  // Motion of 150 ms and a fading dialog would be measured half transparent.
  await expect.poll(() => page.evaluate(() => document.getAnimations().filter((animation) => animation.playState === "running" && animation.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY).length), { message: `${what} is still moving` }).toBe(0);
  const axe = new AxeBuilder({ page }).options({ resultTypes: ["violations"] }); // the rest would be sent over and thrown away
  const rules = only ? axe.withRules(only) : axe.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).disableRules(without);
  const { violations } = await rules.analyze();
  const found = violations.map((violation) => `${violation.id} (${violation.impact}): ${violation.help}\n  ${violation.nodes.slice(0, 4).map((node) => `${node.target.join(" ")}: ${node.failureSummary?.split("\n").at(1)?.trim() ?? ""}`).join("\n  ")}`);
  // Soft: one look at all pages names every violation.
  expect.soft(found, `axe on ${what}`).toEqual([]);
}

export { expect };
