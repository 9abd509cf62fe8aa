import { randomBytes } from "node:crypto";
import { mailedLink } from "./support/mail.ts";
import { stack } from "./support/stack.ts";
import { createTenant, type Tenant } from "./support/tenant.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";

let tenant: Tenant;
test.beforeAll(async () => {
  tenant = await createTenant(stack());
});
test.afterAll(() => tenant.remove());

const anAddress = () => `mailed-${randomBytes(4).toString("hex")}@control-room.local`;

test("a mailed link signs in whom it was sent to after they agree, and nobody whom somebody else lures to it", async ({ page, browser, stack: running }) => {
  const [guest, attacker] = [anAddress(), anAddress()];
  await signIn(page, tenant);
  await page.goto("/members");
  for (const address of [guest, attacker]) {
    await page.getByRole("textbox", { name: "E-mail" }).fill(address);
    await page.getByRole("button", { name: "Invite" }).click();
    await expect(page.getByText(`${address} is invited`)).toBeVisible();
  }
  const theirs = await browser.newContext({ baseURL: running.app_url });
  const visitor = await theirs.newPage();
  const signedOut = async () => expect((await visitor.request.get("/api/v1/whoami")).status()).toBe(401);

  const lure = new URL(await mailedLink(attacker));
  await visitor.goto(lure.href);
  await expect(visitor.getByRole("button", { name: `Sign in as ${attacker}` })).toBeVisible();
  await signedOut();
  lure.searchParams.set("email", guest);
  await visitor.goto(lure.href);
  await expectAccessible(visitor, "mailed link");
  await visitor.getByRole("button", { name: `Sign in as ${guest}` }).click();
  await expect(visitor.getByText("The link was sent to another address")).toBeVisible();
  await signedOut();

  const link = new URL(await mailedLink(guest));
  link.searchParams.delete("email");
  await visitor.goto(link.href);
  await visitor.getByLabel("Your e-mail").fill(guest.toUpperCase());
  await visitor.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(visitor.getByRole("heading", { name: "Join Other" })).toBeVisible();
  await visitor.goto(link.href);
  await visitor.getByLabel("Your e-mail").fill(guest);
  await visitor.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(visitor.getByText("The link is used or expired")).toBeVisible();
  await theirs.close();
});

test("an e-mail address is changed by both its links, opened by the person who asked; a taken one is told of to nobody", async ({ page, browser, stack: running }) => {
  const [before, after] = [tenant.email, anAddress()];
  await signIn(page, tenant);
  await page.goto("/account");
  const ask = async (address: string) => {
    await page.getByLabel("New e-mail").fill(address);
    await page.getByRole("button", { name: "Change the address" }).click();
    await expect(page.getByText(`Unless another account has ${address}, a link was sent`)).toBeVisible();
  };
  await ask(running.admin.email);
  await ask(after);
  // Who finds the link to the new address elsewhere confirms the address, and is nobody there.
  const [present, wanted] = [await mailedLink(before), await mailedLink(after)];
  const elsewhere = await browser.newContext({ baseURL: running.app_url });
  const other = await elsewhere.newPage();
  await other.goto(wanted);
  await expect(other).toHaveURL(/\/sign-in/);
  await elsewhere.close();
  await page.goto("/account");
  await expect(page.getByText(before).first()).toBeVisible();
  await page.goto(present);
  await expect(page.getByText("Your e-mail address is changed.")).toBeVisible();
  await expect(page.getByText(after).first()).toBeVisible();
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel("E-mail").fill(before);
  await page.getByRole("textbox", { name: "Password" }).fill(tenant.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("E-mail or password is wrong")).toBeVisible();
  await signIn(page, { email: after, password: tenant.password });
  // Used up: neither link does anything again.
  await page.goto(present);
  await expect(page.getByText("That link is used, expired")).toBeVisible();
});
