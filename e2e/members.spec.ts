import { randomBytes } from "node:crypto";
import { mailedLink } from "./support/mail.ts";
import { createTenant, type Tenant } from "./support/tenant.ts";
import { expect, expectAccessible, signIn, test } from "./support/test.ts";
import { stack } from "./support/stack.ts";

let tenant: Tenant;
test.beforeAll(async () => {
  tenant = await createTenant(stack());
});
test.afterAll(() => tenant.remove());

const password = randomBytes(18).toString("base64url");
const guest = `guest-${randomBytes(4).toString("hex")}@control-room.local`;

test("an owner invites; the invited person signs up by the link, sees what the role allows, and nothing once removed", async ({ page, browser, stack: running }) => {
  test.setTimeout(240_000);
  await signIn(page, tenant);
  await page.getByRole("link", { name: "Members", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Members" })).toBeVisible();
  await page.screenshot({ path: "test-results/pages/members.png", fullPage: true });
  await page.getByRole("textbox", { name: "E-mail" }).fill(guest);
  await page.getByLabel("Role", { exact: true }).selectOption("operator");
  await page.getByRole("button", { name: "Invite" }).click();
  const link = (await page.getByLabel("invitation link", { exact: true }).textContent()) ?? "";
  expect(link).toMatch(/\/invitations\/lci_/);

  const theirs = await browser.newContext({ baseURL: running.app_url });
  const visitor = await theirs.newPage();
  await visitor.goto(link);
  await visitor.getByRole("link", { name: "Create an account" }).click();
  // The page before has a field of the same name.
  await expect(visitor.getByRole("heading", { name: "Create an account" })).toBeVisible();
  await visitor.getByLabel("E-mail").fill(`nobody-${guest}`);
  await visitor.getByLabel("Password").fill(password);
  await visitor.getByRole("button", { name: "Create the account" }).click();
  await expect(visitor.getByText("A new account needs the link of an invitation")).toBeVisible();
  await visitor.getByLabel("E-mail").fill(guest);
  await visitor.getByLabel("Password").fill(password);
  await visitor.getByRole("button", { name: "Create the account" }).click();
  await expect(visitor.getByRole("heading", { name: "Join Other" })).toBeVisible();
  await expectAccessible(visitor, "invitation");
  await visitor.getByRole("button", { name: "Accept" }).click();
  await expect(visitor.getByRole("heading", { level: 1, name: "Organizations and projects" })).toBeVisible();
  await expect(visitor.getByText("operator")).toBeVisible();
  await expect(visitor.getByRole("button", { name: /^New/ })).toHaveCount(0);
  await visitor.goto(link);
  await expect(visitor.getByRole("heading", { name: "The invitation cannot be used" })).toBeVisible();
  await visitor.goto("/tokens");
  await expect(visitor.getByText("Tokens are for admins")).toBeVisible();
  await visitor.goto("/members");
  await expect(visitor.getByRole("cell", { name: guest })).toBeVisible();
  await expect(visitor.getByText(tenant.email)).toHaveCount(0);
  await expect(visitor.getByRole("button", { name: "Invite" })).toHaveCount(0);

  await page.reload();
  await page.getByLabel(`Role of ${guest}`).selectOption("admin");
  await expect(page.getByLabel(`Role of ${guest}`)).toHaveValue("admin");
  await expect(async () => {
    await visitor.goto("/tokens");
    await expect(visitor.getByRole("button", { name: "Create token" })).toBeVisible({ timeout: 3_000 });
  }).toPass();
  await page.getByRole("button", { name: `Remove ${guest}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText(guest)).toHaveCount(0);
  await visitor.goto("/runs");
  await expect(visitor.getByText("You are a member of nothing yet")).toBeVisible();
  await theirs.close();
});

test("a token is shown once, works, and is refused once revoked", async ({ page }) => {
  await signIn(page, tenant);
  await page.goto("/tokens");
  await page.getByLabel("Name").fill("nightly export");
  await page.getByRole("button", { name: "Create token" }).click();
  const token = (await page.getByLabel("token", { exact: true }).textContent()) ?? "";
  const asks = async () => (await fetch(`${stack().api_url}/whoami`, { headers: { Authorization: `Bearer ${token}` } })).status;
  expect(await asks()).toBe(200);
  await page.screenshot({ path: "test-results/pages/tokens.png", fullPage: true });
  await page.reload();
  await expect(page.getByText(token)).toHaveCount(0);
  await expect(page.getByText(token.slice(0, 12))).toBeVisible();
  await page.getByRole("button", { name: "Revoke nightly export" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("revoked")).toBeVisible();
  expect(await asks()).toBe(401);
});

test("a forgotten password is replaced by the mailed link, a session is ended from another browser", async ({ page, browser, stack: running }) => {
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Forgot password?" }).click();
  await expect(page.getByRole("heading", { name: "Forgot password" })).toBeVisible();
  await page.getByLabel("E-mail").fill(tenant.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByRole("status")).toContainText("on its way");
  await page.goto(await mailedLink(tenant.email));
  await page.getByLabel("New password").fill(password);
  await page.getByRole("button", { name: "Save the password" }).click();
  await page.waitForURL("**/overview");

  const elsewhere = await browser.newContext({ baseURL: running.app_url });
  const other = await elsewhere.newPage();
  await signIn(other, { email: tenant.email, password });
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Account" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
  await page.screenshot({ path: "test-results/pages/account.png", fullPage: true });
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByRole("button", { name: "Sign out everywhere else" })).toHaveCount(0);
  await other.goto("/runs");
  await expect(other).toHaveURL(/\/sign-in/);
  await elsewhere.close();
});

test("a new environment is made, opened, and switched from, keeping the page", async ({ page }) => {
  await signIn(page, { email: tenant.email, password });
  await page.goto("/o");
  await page.getByRole("button", { name: "New environment in Other lake" }).click();
  await page.getByLabel("Name").fill("Production");
  await expect(page.getByLabel("In addresses")).toHaveValue("production");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page).toHaveURL(/\/production\/overview$/);
  await page.getByRole("link", { name: "Members", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Members" })).toBeVisible();
  await page.getByRole("button", { name: /Production/ }).click();
  await page.getByRole("menuitem", { name: "Other development" }).click();
  await expect(page).toHaveURL(/\/dev\/members$/);
});
