import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";

const root = import.meta.dirname;
const sources = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file)).map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));

/** Server actions, whom any browser may call with anything, and each one's source. */
const actions = sources.filter(({ text }) => text.startsWith('"use server"')).flatMap(({ file, text }) =>
  text.split(/^export /m).slice(1).map((body) => ({ name: /^async function (\w+)/.exec(body)?.[1] ?? `${file}: ${body.slice(0, 40)}`, body })));

/** Those for somebody who is nobody yet: what they ask for instead of a session. */
const forNobody: Record<string, RegExp> = {
  signInAction: /signIn\(email, password\)/, // which asks for the password
  signUpAction: /invitation_token: invitationToken\(next\)/,
  forgotPasswordAction: /resetPasswordForEmail/, // the mailbox
  openMailedLinkAction: /verifyOtp\(\{ token_hash[^]*data\.user\?\.email !== email/,
};

test("every server action acts by the session of whoever calls it, under row level security, or asks for a proof", () => {
  expect(actions.length).toBeGreaterThan(30);
  for (const { name, body } of actions) expect(body, name).toMatch(forNobody[name] ?? /await createSessionClient\(\)/);
  expect(Object.keys(forNobody).filter((name) => !actions.some((action) => action.name === name)), "a line of an action that is gone").toEqual([]);
});

test("no server action stands within another file, and no code of the web app holds a key that may do everything", () => {
  for (const { file, text } of sources) {
    if (!text.startsWith('"use server"')) expect(text, file).not.toMatch(/^\s*["']use server["'];/m);
    if (!file.endsWith(".test.ts")) expect(text, file).not.toMatch(/service_role|SUPABASE_SECRET_KEY/);
  }
});

test("every route handler outside of the API opens the caller's session, or is the landing of a mail", () => {
  const routes = sources.filter(({ file }) => basename(file) === "route.ts" && !file.startsWith("api/"));
  expect(routes.map(({ file }) => file).toSorted()).toEqual(["(auth)/auth/confirm/route.ts", "(control-room)/o/[organization]/[project]/[environment]/runs/[run_id]/log/route.ts"]);
  for (const { file, text } of routes) expect(text, file).toMatch(file.startsWith("(auth)") ? /exchangeCodeForSession/ : /await openEnvironment\(params\)/);
});
