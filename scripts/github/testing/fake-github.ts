import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { z } from "zod";
import type { GitHub } from "../api.ts";

/** What GitHub publishes about the operations that we call, in OpenAPI 3.0 (its source and licence stand in the file). */
const published = JSON.parse(readFileSync(new URL("rest-api.json", import.meta.url), "utf8")) as {
  operations: Record<string, { body?: object; answer: object; status: number }>;
};
const validator = (schema: object): z.ZodType => z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0], { defaultTarget: "openapi-3.0" });
const operations = Object.entries(published.operations).map(([key, { body, answer, status }]) => {
  const [method, path] = key.split(" ") as [string, string];
  return { key, method, path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "([^/]+)")}$`), body: body === undefined ? null : validator(body), answer: validator(answer), status };
});

type Settings = Record<string, unknown> & { required_status_checks: { strict: boolean; checks?: object[] } | null; required_pull_request_reviews: object | null };
const user = {
  login: "github-actions[bot]", id: 41_898_282, node_id: "n", avatar_url: "https://example.test/a", gravatar_id: "", url: "https://example.test/u", html_url: "https://example.test/h", followers_url: "https://example.test/f",
  following_url: "x", gists_url: "x", starred_url: "x", subscriptions_url: "https://example.test/s", organizations_url: "https://example.test/o", repos_url: "https://example.test/r", events_url: "x",
  received_events_url: "https://example.test/e", type: "Bot", site_admin: false,
};

/** The form in which GitHub answers what it was asked to protect. */
function protectionOf(settings: Settings): object {
  const url = "https://example.test/protection";
  const { required_status_checks: checks, required_pull_request_reviews: reviews, restrictions: _, enforce_admins, ...flags } = settings;
  return {
    url,
    ...(checks === null ? {} : { required_status_checks: { url, contexts_url: url, strict: checks.strict, checks: checks.checks ?? [], contexts: (checks.checks ?? []).map((check) => (check as { context: string }).context) } }),
    enforce_admins: { url, enabled: enforce_admins === true },
    ...(reviews === null ? {} : { required_pull_request_reviews: { url, dismiss_stale_reviews: false, require_code_owner_reviews: false, ...reviews } }),
    ...Object.fromEntries(Object.entries(flags).map(([key, value]) => [key, { enabled: value === true }])),
  };
}

/**
 * A GitHub on this machine that takes and gives what GitHub's published schema says: another body is refused with 422, an answer of its own that does not fit fails the
 * test. It keeps protections by branch and comments by issue, and takes one token.
 */
export async function fakeGitHub() {
  const protections = new Map<string, Settings>();
  const comments = new Map<string, { id: number; body: string; user: typeof user }[]>();
  const calls: string[] = [];
  const broken: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
      const say = (status: number, value: unknown) => { response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value)); };
      calls.push(`${request.method} ${pathname}`);
      if (request.headers.authorization !== "Bearer right") return say(401, { message: "Bad credentials" });
      const operation = operations.find((each) => each.method === request.method && each.path.test(pathname));
      if (operation === undefined) return say(404, { message: "Not Found" });
      const body: unknown = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString("utf8"));
      const refused = operation.body?.safeParse(body).error;
      if (refused !== undefined) return say(422, { message: `Invalid request.\n\n${z.prettifyError(refused)}` });
      const answer = act(operation.key.split(" ")[0]!, pathname, searchParams, body);
      if (answer === null) return say(404, { message: "Branch not protected" });
      const wrong = operation.answer.safeParse(answer).error;
      if (wrong !== undefined) broken.push(wrong);
      say(operation.status, answer);
    });
  });
  function act(method: string, path: string, query: URLSearchParams, body: unknown): unknown {
    if (path.endsWith("/protection")) {
      if (method === "PUT") protections.set(path, body as Settings);
      const settings = protections.get(path);
      return settings === undefined ? null : protectionOf(settings);
    }
    const comment = (each: { id: number; body: string; user: typeof user }) => ({
      ...each, node_id: "n", url: "https://example.test/c", html_url: "https://example.test/c", issue_url: "https://example.test/i", created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z", author_association: "NONE",
    });
    const text = (body as { body?: string } | undefined)?.body ?? "";
    if (method === "PATCH") {
      const found = [...comments.values()].flat().find((each) => path.endsWith(`/${each.id}`))!;
      found.body = text;
      return comment(found);
    }
    const all = comments.get(path) ?? [];
    if (method === "POST") {
      const made = { id: 1000 + [...comments.values()].flat().length, body: text, user };
      comments.set(path, [...all, made]);
      return comment(made);
    }
    const [page, size] = [Number(query.get("page") ?? 1), Number(query.get("per_page") ?? 30)];
    return all.slice((page - 1) * size, page * size).map(comment);
  }
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  onTestFinished(async () => {
    await new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
    if (broken.length > 0) throw new Error(`the fake answers what GitHub would not: ${String(broken[0])}`);
  });
  const api: GitHub = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "right" };
  return { api, protections, comments, calls, user };
}
