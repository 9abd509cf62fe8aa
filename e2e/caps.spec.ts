import { randomUUID } from "node:crypto";
import { api } from "./support/stack.ts";
import { createTenant } from "./support/tenant.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

test("a cap is made, what waits because of it is named, a higher limit lets it go, and it is deleted", async ({ signedIn: page, stack }) => {
  const key = `cap_${randomUUID().slice(0, 8)}`;
  await page.goto("/caps");
  await page.getByRole("button", { name: "New cap" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Key" }).fill(key);
  await dialog.getByRole("textbox", { name: "Limit" }).fill("-1");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("not negative")).toBeVisible();
  await expectAccessible(page, "cap form");
  await dialog.getByRole("textbox", { name: "Limit" }).fill("0");
  await dialog.getByRole("button", { name: "Save" }).click();
  const row = page.getByRole("row", { name: new RegExp(key) });
  await expect(row.getByText("Used up")).toBeVisible();

  const { run_id } = await api<{ run_id: string }>(stack, "POST", "/runs", {
    spec: { version: 1, name: "held_by_a_cap", phases: [{ name: "work", type: "query", config: { inputs: [], sql: "select 1" } }] }, queue: `nobody_${key}`, caps: [{ key }],
  });
  await page.reload();
  await row.getByRole("link", { name: "held_by_a_cap" }).click();
  const why = page.getByRole("region", { name: "Why it waits" });
  await expect(why).toContainText(`The cap ${key} of the environment allows 0 runs in this day`);
  await why.getByRole("link", { name: "Caps" }).first().click();

  await row.getByRole("button", { name: `Change the cap ${key}` }).click();
  await dialog.getByRole("textbox", { name: "Limit" }).fill("5");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(row.getByText("Enough")).toBeVisible();
  await expect(row.getByText("nothing")).toBeVisible();
  await api(stack, "POST", `/runs/${run_id}/cancel`, {});
  await row.getByRole("button", { name: `Delete the cap ${key}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(row).toHaveCount(0);
});

test("a viewer sees caps, and why none can be made", async ({ page, stack }) => {
  const tenant = await createTenant(stack, { role: "viewer" });
  try {
    await signIn(page, tenant);
    await page.goto("/caps");
    await expect(page.getByText("No cap yet")).toBeVisible();
    await expect(page.getByRole("button", { name: "New cap" })).toHaveAttribute("aria-disabled", "true");
  } finally {
    await tenant.remove();
  }
});
