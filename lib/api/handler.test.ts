import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problem } from "@/contracts/error.ts";
import { sessionCookieName } from "@/lib/supabase/client.ts";
import type { Handler } from "./handler.ts";

const secret = "a-secret-of-the-scheduler";
const before = { ...process.env };
const given = {
  // A port that nobody listens on: what reaches the database is database_unavailable.
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEY: "sb_publishable_test",
  CRON_SECRET: secret,
  APP_URL: "https://control.example",
  LOG_LEVEL: "silent",
};
const token = `lct_${"a".repeat(43)}`;
const runId = "0192f3ab-0000-7000-8000-00000000a001";

type Routes = Record<"GET" | "POST" | "PUT" | "DELETE" | "HEAD", Handler>;
let runs: Routes, run: Routes, cancel: Routes, tick: Routes, claims: Routes, nowhere: Routes;

beforeAll(async () => {
  Object.assign(process.env, given);
  [runs, run, cancel, tick, claims, nowhere] = await Promise.all([
    import("@/app/api/v1/runs/route.ts"),
    import("@/app/api/v1/runs/[run_id]/route.ts"),
    import("@/app/api/v1/runs/[run_id]/cancel/route.ts"),
    import("@/app/api/v1/internal/tick/route.ts"),
    import("@/app/api/v1/claims/route.ts"),
    import("@/app/api/v1/[[...path]]/route.ts"),
  ]);
});
afterAll(() => {
  for (const name of Object.keys(given)) delete process.env[name];
  Object.assign(process.env, before);
});

interface Sent {
  method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  path?: string;
  params?: Record<string, string>;
  headers?: Record<string, string>;
  body?: BodyInit;
}
async function call(routes: Routes, { method = "GET", path = "/runs", params = {}, headers = {}, body }: Sent) {
  const init: RequestInit & { duplex: "half" } = { method, headers: { host: "control.example", ...headers }, body, duplex: "half" };
  const response = await routes[method](new Request(`https://control.example/api/v1${path}`, init), { params: Promise.resolve(params) });
  return response;
}
async function problemOf(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = problem.parse(await response.json());
  expect(body.status).toBe(response.status);
  expect(body.request_id).toBe(response.headers.get("x-request-id"));
  return body;
}
const asToken = { authorization: `Bearer ${token}` };
const json = { ...asToken, "content-type": "application/json" };

describe("who calls", () => {
  test("nobody is 401 and is told how to sign in", async () => {
    const response = await call(runs, {});
    expect(await problemOf(response)).toMatchObject({ status: 401, code: "unauthenticated" });
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
  });
  test.each(["Bearer", "Bearer lct_short", "Basic abc", `Bearer ${token} x`])("%s is no token", async (authorization) => {
    expect((await problemOf(await call(runs, { headers: { authorization } }))).code).toBe("token_invalid");
  });
  test("a session cookie from another site changes nothing", async () => {
    const cookie = `${sessionCookieName()}=base64-e30`;
    const sent = { method: "POST", path: `/runs/${runId}/cancel`, params: { run_id: runId }, body: "{}" } as const;
    const elsewhere: Record<string, string>[] = [{}, { origin: "https://evil.example" }, { origin: "null" }, { origin: "https://control.example.evil.example" }, { "sec-fetch-site": "cross-site" }];
    for (const headers of elsewhere) {
      const response = await call(cancel, { ...sent, headers: { cookie, "content-type": "application/json", ...headers } });
      expect((await problemOf(response)).code, JSON.stringify(headers)).toBe("origin_refused");
    }
    const own = await call(cancel, { ...sent, headers: { cookie, "content-type": "application/json", origin: "https://control.example" } });
    expect((await problemOf(own)).code).toBe("unauthenticated");
  });
  test("only the scheduler's secret ticks", async () => {
    expect((await problemOf(await call(tick, { path: "/internal/tick" }))).code).toBe("unauthenticated");
    expect((await problemOf(await call(tick, { path: "/internal/tick", headers: asToken }))).code).toBe("token_invalid");
    expect((await problemOf(await call(tick, { path: "/internal/tick", headers: { authorization: `Bearer ${secret}` } }))).code).toBe("database_unavailable");
  });
});

describe("what is sent", () => {
  test.each([
    ["not JSON", "{", json, "invalid_json"],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), json, "invalid_json"],
    ["another content type", "a=b", { ...asToken, "content-type": "application/x-www-form-urlencoded" }, "unsupported_media_type"],
    ["a NUL byte", '{"parameters":{"a":"\\u0000"}}', json, "invalid_text"],
    ["a lone surrogate in a name", '{"parameters":{"\\ud800":1}}', json, "invalid_text"],
    ["an unknown field", '{"template_key":"a","colour":"red"}', json, "invalid_input"],
    ["neither template nor spec", "{}", json, "invalid_input"],
    ["an array", "[]", json, "invalid_input"],
    ["deep nesting", `{"parameters":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`, json, "limit_exceeded"],
  ])("%s is refused before the database is asked", async (_, body, headers, code) => {
    expect((await problemOf(await call(runs, { method: "POST", headers, body }))).code).toBe(code);
  });
  test("the place of a mistake is named", async () => {
    const wrong = await problemOf(await call(runs, { method: "POST", headers: json, body: '{"template_key":"A","priority":"x","more":1}' }));
    expect(wrong.errors.map((place) => place.path).toSorted()).toEqual(["/more", "/priority", "/template_key"]);
    const broken = await problemOf(await call(runs, { method: "POST", headers: json, body: '{\n "a": 1,\n oops}' }));
    expect(broken.errors).toEqual([{ path: "", message: "is not valid JSON here", line: 3, column: 2 }]);
  });
  test("a body over its limit is 413, announced or not, and is not read to its end", async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
      },
    });
    expect(await problemOf(await call(runs, { method: "POST", headers: json, body: endless }))).toMatchObject({ status: 413, code: "payload_too_large" });
    expect(pulled).toBeLessThan(10);
    const announced = await call(claims, { method: "POST", path: "/claims", headers: { ...json, "content-length": "999999999" }, body: "{}" });
    expect((await problemOf(announced)).code).toBe("payload_too_large");
  });
  test.each([
    ["?limit=0", "limit"],
    ["?limit=5&limit=6", "limit"],
    ["?environment=prod", "environment"],
    ["?status=queued,asleep", "status/1"],
    ["?environment_id=1", "environment_id"],
  ])("the query %s is refused at %s", async (query, place) => {
    const refused = await problemOf(await call(runs, { path: `/runs${query}`, headers: asToken }));
    expect(refused.code).toBe("invalid_input");
    expect(refused.errors[0]?.path).toBe(place);
  });
  test("what goes beyond a limit of depth or page size is 422", async () => {
    const deep = `{"template_key":"a","parameters":{"a":${"[".repeat(250)}${"]".repeat(250)}}}`;
    expect(await problemOf(await call(runs, { method: "POST", headers: json, body: deep }))).toMatchObject({ status: 422, code: "limit_exceeded" });
    expect(await problemOf(await call(runs, { path: "/runs?limit=201", headers: asToken }))).toMatchObject({ status: 422, code: "limit_exceeded", errors: [{ path: "limit" }] });
    expect(await problemOf(await call(runs, { path: "/runs?limit=201&status=asleep", headers: asToken })), "and is wrong elsewhere").toMatchObject({ status: 400, code: "invalid_input" });
  });
  test("an id that is none is refused", async () => {
    expect(await problemOf(await call(run, { path: "/runs/7", params: { run_id: "7" }, headers: asToken }))).toMatchObject({ status: 400, errors: [{ path: "run_id" }] });
  });
});

describe("every other answer", () => {
  test("a path without an operation is not_found", async () => {
    expect(await problemOf(await call(nowhere, { path: "/ghosts" }))).toMatchObject({ status: 404, code: "not_found" });
  });
  test("another method is 405 and names those that work", async () => {
    const response = await call(runs, { method: "DELETE" });
    expect(await problemOf(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
    expect(response.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
  });
  test("a database that is away is 503 with Retry-After, and says nothing of where it was", async () => {
    const response = await call(run, { path: `/runs/${runId}`, params: { run_id: runId }, headers: asToken });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("cache-control")).toContain("no-store");
    const body = await problemOf(response);
    expect(body.code).toBe("database_unavailable");
    expect(JSON.stringify(body)).not.toContain("127.0.0.1");
  });
  test("the caller's request id comes back, unless it is no plain one", async () => {
    expect((await call(nowhere, { headers: { "x-request-id": "trace-1" } })).headers.get("x-request-id")).toBe("trace-1");
    expect((await call(nowhere, { headers: { "x-request-id": "a b" } })).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
  test("HEAD has the headers and no body", async () => {
    const response = await call(runs, { method: "HEAD" });
    expect(response.status).toBe(401);
    expect(response.body).toBeNull();
  });
});
