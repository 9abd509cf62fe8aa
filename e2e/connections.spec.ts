import { expect, expectAccessible, test } from "./support/test.ts";

test("a secret and a connection are made, tested, and deleted; the value is shown nowhere", async ({ signedIn: page }) => {
  const value = "typed-once-and-never-shown";
  await page.goto("/secrets");
  await page.getByRole("button", { name: "New secret" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("warehouse_password");
  await page.getByRole("textbox", { name: "Value" }).fill("short");
  await page.getByRole("button", { name: "Seal and store" }).click();
  await expect(page.getByText("too few to be taken out of logs")).toBeVisible();
  await expectAccessible(page, "secret form");
  await page.getByRole("textbox", { name: "Value" }).fill(value);
  await page.getByRole("button", { name: "Seal and store" }).click();
  await expect(page.getByRole("cell", { name: "warehouse_password", exact: true })).toBeVisible();
  expect(await page.content()).not.toContain(value);

  await page.goto("/connections");
  await expect(page.getByRole("row", { name: /odoo_ingest_bronze/ })).toBeVisible();
  await page.getByRole("button", { name: "New connection" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("warehouse");
  await page.getByRole("textbox", { name: "Host" }).fill("not a host");
  await page.getByRole("textbox", { name: "Port" }).fill("1");
  await page.getByRole("textbox", { name: "Database" }).fill("dwh");
  await page.getByRole("textbox", { name: "User" }).fill("reader");
  await page.getByRole("combobox", { name: "Password" }).click();
  await page.getByRole("option", { name: "warehouse_password" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("a name or an address")).toBeVisible();
  await expectAccessible(page, "connection form");
  await page.screenshot({ path: "test-results/pages/connection-form.png" });
  await page.getByRole("textbox", { name: "Host" }).fill("127.0.0.1");
  await page.getByRole("button", { name: "Save" }).click();
  const row = page.getByRole("row", { name: /reader@127.0.0.1:1\/dwh/ });
  await row.getByRole("button", { name: "Test the connection warehouse" }).click();
  await expect(row.getByText("source_unreachable")).toBeVisible({ timeout: 60_000 });
  await page.screenshot({ path: "test-results/pages/connections-tested.png", fullPage: true });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.screenshot({ path: "test-results/pages/connections-narrow.png", fullPage: true });
  await page.setViewportSize({ width: 1360, height: 900 });

  await row.getByRole("button", { name: "Delete the connection warehouse" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(row).toHaveCount(0);
  await page.goto("/secrets");
  await page.getByRole("button", { name: "Delete the secret warehouse_password" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByRole("cell", { name: "warehouse_password", exact: true })).toHaveCount(0);
});
