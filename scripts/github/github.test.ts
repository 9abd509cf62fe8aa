import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { aTree, ROOT } from "../gate/testing.ts";
import { protectMain, requiredChecks, wanted } from "../protect-main.ts";
import { commentBody, marker, postComment, postCommentCommand } from "./post-comment.ts";
import { releaseNotes, releaseNotesCommand } from "./release-notes.ts";
import { fakeGitHub } from "./testing/fake-github.ts";

async function protect(api: { url: string; token: string } | null, ...args: string[]) {
  let [out, err] = ["", ""];
  const env = api === null ? {} : { GITHUB_TOKEN: api.token, GITHUB_API_URL: api.url };
  const code = await protectMain(args, env, (text) => { out += text; }, (text) => { err += text; });
  return { code, out, err };
}
const main = "/repos/acme/lake/branches/main/protection";

describe("protect-main", () => {
  test("changes nothing unless it is told to, and says everything that is missing", async () => {
    const { api, calls, protections } = await fakeGitHub();
    const { code, out } = await protect(api, "acme/lake");
    expect(code).toBe(1);
    expect(out).toContain("/required_status_checks: not set");
    expect(calls).toEqual([`GET ${main}`]);
    expect(protections.size).toBe(0);
  });

  test("sets the protection, reads it again, and has nothing to do the second time", async () => {
    const { api, calls } = await fakeGitHub();
    expect((await protect(api, "acme/lake", "--apply")).code).toBe(0);
    expect(calls).toEqual([`GET ${main}`, `PUT ${main}`, `GET ${main}`]);
    expect(await protect(api, "acme/lake", "--apply", "--json")).toMatchObject({ code: 0, out: `${JSON.stringify({ repository: "acme/lake", branch: "main", applied: false, differences: [] })}\n` });
    expect(calls.filter((call) => call.startsWith("PUT"))).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["/allow_force_pushes", { allow_force_pushes: true }],
    ["/enforce_admins", { enforce_admins: false }],
    ["/required_pull_request_reviews/require_code_owner_reviews", { required_pull_request_reviews: { ...wanted.required_pull_request_reviews, require_code_owner_reviews: false } }],
    ["/required_pull_request_reviews/bypass_pull_request_allowances", { required_pull_request_reviews: { ...wanted.required_pull_request_reviews, bypass_pull_request_allowances: { users: [], teams: [], apps: [] } } }],
    ["/required_status_checks/checks", { required_status_checks: { strict: true, contexts: [], checks: [{ context: "gate", app_id: 15_368 }] } }],
    ["/required_status_checks/strict", { required_status_checks: { ...wanted.required_status_checks, strict: false } }],
  ])("finds that somebody changed %s", async (path, change) => {
    const { api, protections } = await fakeGitHub();
    protections.set(main, { ...structuredClone(wanted), ...change } as never);
    const { code, out } = await protect(api, "acme/lake");
    expect(code).toBe(1);
    expect(out).toContain(`${path}`);
  });

  test("is refused by GitHub with GitHub's own words, and never shows the token", async () => {
    const { api } = await fakeGitHub();
    const { code, err } = await protect({ ...api, token: "secret-of-mine" }, "acme/lake", "--apply");
    expect(code).toBe(1);
    expect(err).toContain("Bad credentials");
    expect(err).not.toContain("secret-of-mine");
  });

  test("without a token prints what it would set; a wrong call is exit 2", async () => {
    expect(await protect(null, "acme/lake")).toMatchObject({ code: 0, out: expect.stringContaining('"context": "gate"') });
    expect((await protect(null, "acme/lake", "--apply")).code).toBe(2);
    expect((await protect(null)).code).toBe(2);
    expect((await protect(null, "no repository")).code).toBe(2);
    expect((await protect(null, "acme/lake", "--forse")).code).toBe(2);
    expect((await protect(null, "--help")).code).toBe(0);
  });

  test("requires checks that workflows of pull requests have", () => {
    const jobs = readdirSync(join(ROOT, ".github/workflows")).flatMap((name) => {
      const workflow = parse(readFileSync(join(ROOT, ".github/workflows", name), "utf8")) as { on: Record<string, unknown>; jobs: Record<string, { name?: string }> };
      return "pull_request" in workflow.on ? Object.entries(workflow.jobs).map(([id, job]) => job.name ?? id) : [];
    });
    expect(jobs).toEqual(expect.arrayContaining([...requiredChecks]));
  });
});

describe("the comment on a pull request", () => {
  test("is made once, changed when it says something else, and left alone otherwise", async () => {
    const { api, comments } = await fakeGitHub();
    const path = "/repos/acme/lake/issues/7/comments";
    expect(await postComment(api, "acme/lake", 7, "one")).toBe("created");
    expect(await postComment(api, "acme/lake", 7, "one")).toBe("same");
    expect(await postComment(api, "acme/lake", 7, "two")).toBe("changed");
    expect(comments.get(path)?.map(({ body }) => body)).toEqual([`${marker}\ntwo`]);
  });

  test("is found behind a hundred others, and a person's quote of it is not taken for it", async () => {
    const { api, comments, user } = await fakeGitHub();
    const path = "/repos/acme/lake/issues/7/comments";
    comments.set(path, Array.from({ length: 120 }, (_, index) => ({ id: index, body: index === 3 ? `${marker}\nmine` : "talk", user: index === 3 ? { ...user, type: "User" } : user })));
    comments.get(path)![110]!.body = `${marker}\nold`;
    expect(await postComment(api, "acme/lake", 7, "new")).toBe("changed");
    expect(comments.get(path)![110]!.body).toBe(`${marker}\nnew`);
    expect(comments.get(path)![3]!.body).toBe(`${marker}\nmine`);
  });

  test("is cut where GitHub would not take it", () => {
    expect(commentBody("x".repeat(100_000)).length).toBeLessThan(65_536);
  });
});

test("notes of a release are its section of the changelog, and a tag that is not the version has none", () => {
  const changelog = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-12-01\n\n### Added\n- a thing\n\n## 1.1.0\n";
  expect(releaseNotes(changelog, "1.2.0", "v1.2.0")).toEqual({ notes: "### Added\n- a thing\n" });
  expect(releaseNotes(changelog, "1.2.0", "v1.2.1")).toHaveProperty("problem");
  expect(releaseNotes(changelog, "1.1.0", "v1.1.0")).toHaveProperty("problem");
  expect(releaseNotes(changelog, "1.3.0", "v1.3.0")).toHaveProperty("problem");
});

describe("as commands", () => {
  type Result = { code: number; out: string; err: string };
  async function comment(api: { url: string; token: string } | null, ...args: string[]): Promise<Result> {
    let [out, err] = ["", ""];
    const env = api === null ? {} : { GITHUB_TOKEN: api.token, GITHUB_API_URL: api.url };
    const code = await postCommentCommand(args, env, () => "what differs", (text) => { out += text; }, (text) => { err += text; });
    return { code, out, err };
  }
  function notes(...args: string[]): Result {
    let [out, err] = ["", ""];
    const root = aTree({ "package.json": '{"version":"1.2.0"}', "CHANGELOG.md": "# Changelog\n\n## 1.2.0\n\n- a thing\n" });
    const code = releaseNotesCommand(root, args, (text) => { out += text; }, (text) => { err += text; });
    return { code, out, err };
  }

  test("both explain themselves, and end with 2 for a wrong call", async () => {
    expect(await comment(null, "--help")).toMatchObject({ code: 0, err: "", out: expect.stringContaining("Exit 0") });
    expect(notes("--help")).toMatchObject({ code: 0, err: "", out: expect.stringContaining("Exit 0") });
    const { api } = await fakeGitHub();
    for (const args of [[], ["acme/lake"], ["no repository", "7"], ["acme/lake", "seven"], ["acme/lake", "7", "8"], ["acme/lake", "7", "--forse"]]) expect(await comment(api, ...args), args.join(" ")).toMatchObject({ code: 2, out: "" });
    expect(await comment(null, "acme/lake", "7")).toMatchObject({ code: 2, err: expect.stringContaining("GITHUB_TOKEN") });
    for (const args of [[], ["v1.2.0", "v1.3.0"], ["v1.2.0", "--forse"]]) expect(notes(...args), args.join(" ")).toMatchObject({ code: 2, out: "" });
  });

  test("a comment is told in words and as JSON; where GitHub refuses, it ends with 1 and never shows the token", async () => {
    const { api } = await fakeGitHub();
    expect(await comment(api, "acme/lake", "7")).toEqual({ code: 0, out: "created\n", err: "" });
    expect(await comment(api, "acme/lake", "7", "--json")).toEqual({ code: 0, out: '{"repository":"acme/lake","number":7,"comment":"same"}\n', err: "" });
    const refused = await comment({ ...api, token: "secret-of-mine" }, "acme/lake", "7");
    expect(refused).toMatchObject({ code: 1, out: "", err: expect.stringContaining("Bad credentials") });
    expect(refused.err).not.toContain("secret-of-mine");
  });

  test("notes are printed in words and as JSON; a release that has none ends with 1", () => {
    expect(notes("v1.2.0")).toEqual({ code: 0, out: "- a thing\n", err: "" });
    expect(notes("v1.2.0", "--json")).toEqual({ code: 0, out: '{"notes":"- a thing\\n"}\n', err: "" });
    expect(notes("v1.3.0")).toMatchObject({ code: 1, out: "", err: expect.stringContaining("v1.3.0") });
    expect(notes("v1.3.0", "--json")).toMatchObject({ code: 1, out: expect.stringContaining('"problem"'), err: "" });
  });
});
