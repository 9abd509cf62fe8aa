import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { api } from "./support/stack.ts";
import { expect, expectAccessible, test } from "./support/test.ts";

test("a webhook is set, told off for a wrong address, tested, shown with what the receiver said, and removed", async ({ signedIn: page, stack: running }) => {
  const heard: { type: string; signature: string | undefined }[] = [];
  let answer = 503;
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      heard.push({ type: (JSON.parse(body) as { type: string }).type, signature: request.headers["webhook-signature"] as string | undefined });
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  try {
    await api(running, "DELETE", "/webhook");
    await page.goto("/webhook");
    const url = page.getByRole("textbox", { name: "URL" });
    await expect(url).toHaveValue("");
    await page.screenshot({ path: "test-results/pages/webhook-empty.png", fullPage: true });
    await url.fill("ftp://files.example.com");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("an https:// URL without a user name")).toBeVisible();
    await expectAccessible(page, "webhook form, refused");
    await url.fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`);
    // Other tests' runs fail meanwhile: they are not of this one.
    await page.getByRole("checkbox", { name: /A run failed/ }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("The webhook is saved.")).toBeVisible();
    await page.reload();
    await expect(page.getByRole("checkbox", { name: /A run failed/ })).not.toBeChecked();

    await page.getByRole("button", { name: "Send a test" }).click();
    const row = page.getByRole("row", { name: /webhook\.test/ }).first();
    await expect(row.getByText(/HTTP 503/)).toBeVisible({ timeout: 60_000 });
    await expect(row.getByText("Pending")).toBeVisible();
    await expectAccessible(page, "webhook with deliveries");
    answer = 204;
    await row.getByRole("button", { name: /^Send again: webhook\.test/ }).click();
    await expect(row.getByText("Delivered")).toBeVisible({ timeout: 60_000 });
    await page.screenshot({ path: "test-results/pages/webhook.png", fullPage: true });
    await page.setViewportSize({ width: 375, height: 800 });
    await page.screenshot({ path: "test-results/pages/webhook-narrow.png", fullPage: true });
    await page.setViewportSize({ width: 1360, height: 900 });
    // What other tests leave behind (an executor that went silent) is told meanwhile, too.
    const asked = heard.filter(({ type }) => type === "webhook.test");
    expect(asked).toHaveLength(2);
    expect(asked[1]?.signature).toMatch(/^v1a,/);
    await page.getByRole("link", { name: "Failed", exact: true }).click();
    await expect(page.getByRole("link", { name: "Failed", exact: true })).toHaveAttribute("aria-current", "page");
    await expect(page.getByText("Delivered", { exact: true })).toHaveCount(1); // the choice itself

    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
    await expect(url).toHaveValue("");
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});
