import path from "node:path";
import { fileURLToPath } from "node:url";
import { addressOf, openPage, pages } from "./support/pages.ts";
import { expect, test } from "./support/test.ts";

const folder = fileURLToPath(new URL("../docs/images", import.meta.url));

test.describe.configure({ mode: "parallel" });
for (const [name, address] of pages) {
  test(`${name}, light, dark and narrow`, async ({ signedIn: page, stack }) => {
    await openPage(page, await addressOf(stack, address));
    // A tab's panel comes with its code, and asks for its content then: lines of a log, a verdict.
    await expect(page.getByRole("main").getByText(/^Loading/)).toHaveCount(0);
    // Whoever follows a run that goes on is never idle.
    await page.waitForLoadState("networkidle", { timeout: 5_000 }).catch(() => undefined);
    const shoot = (look: string) => page.screenshot({ path: path.join(folder, `${name.replaceAll(/[, ]+/g, "-")}-${look}.jpg`), type: "jpeg", quality: 75, animations: "disabled" });
    await shoot("light");
    await page.emulateMedia({ colorScheme: "dark" });
    await expect(page.locator("html")).toHaveClass(/\bdark\b/);
    await shoot("dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 375, height: 800 });
    await shoot("narrow");
  });
}
