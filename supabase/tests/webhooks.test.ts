import { execFileSync } from "node:child_process";
import { createPublicKey, randomBytes, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { checkControlPlane } from "../../contracts/check-control-plane.ts";
import { controlPlaneArgumentOf } from "../../contracts/control-plane.ts";
import { route } from "../../contracts/routing.ts";
import type { RpcArgs, RpcName } from "../../contracts/rpc.ts";
import { post, refusedUrl } from "../../lib/ops/webhook-post.ts";
import { publicKey } from "../../lib/ops/signing-key.ts";
import { allSettled, webhooks } from "../../lib/ops/tick/webhooks.ts";
import type { Db } from "../../lib/supabase/client.ts";
import { ROOT } from "./support/test-server.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, call, cronSecret, openWorld, refusal, statusOf, type Tenant, type World } from "./world.ts";

vi.hoisted(() => {
  process.env.LOG_LEVEL = "error";
});
// Deliveries to a receiver that is real, and misbehaves.
let world: World;
let tenant: Tenant;
let executor: { token: string; executor_id: string };
let receiver: Server;
let url: string;
const received: { headers: IncomingMessage["headers"]; body: string; path: string }[] = [];
let behave: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  process.env.CONTROL_ROOM_SIGNING_KEY = `whsk_${randomBytes(32).toString("base64")}`;
  process.env.CONTROL_ROOM_OUTBOUND_ALLOW = "127.0.0.0/8";
  process.env.APP_URL = "https://room.example.test";
  world = await openWorld(12);
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url ?? "" });
      behave(request, response);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await world?.drop();
});
beforeEach(async () => {
  behave = (_, response) => response.writeHead(204).end();
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
  await call(world, tenant.api, "put_webhook", { project_id: tenant.project_id, url });
});
afterEach(async () => {
  received.length = 0;
  await call(world, tenant.api, "delete_webhook", { project_id: tenant.project_id });
  await tickOnce();
});

/** The scheduler's client, straight on SQL. */
const db = {
  rpc: async <N extends RpcName>(name: N, args: RpcArgs<N>) => ({ data: await call(world, { token: cronSecret }, name, args), error: null, status: 200 }),
} as unknown as Db;
const tickOnce = async () => {
  await webhooks.run(db, performance.now() + 20_000);
  await allSettled();
};

async function aFailedRun(of = tenant, by = executor): Promise<string> {
  const run_id = await aRun(world, of);
  const { lease } = await aClaim(world, by, { run_id });
  await call(world, by, "fail_run", { ...lease, error_code: "sql_error", error_message: "x".repeat(2000), permanent: true });
  return run_id;
}
const deliveries = async () => (await world.owner.query("select * from ops.webhook_deliveries where project_id = $1 order by delivery_id", [tenant.project_id])).rows;
const dueNow = () => world.owner.query("update ops.webhook_deliveries set next_attempt_at = clock_timestamp() where project_id = $1 and status = 'pending'", [tenant.project_id]);

test("who answers by the project's routing matrix is told with what happened", async () => {
  const { document } = checkControlPlane(readFileSync(path.join(ROOT, "config/routing_matrix.yml"), "utf8"));
  const args = { project_id: tenant.project_id, document: controlPlaneArgumentOf(document!), prune: false };
  const { state_sha256, after_sha256 } = await call(world, tenant.api, "plan_control_plane", args);
  const failed = async () => {
    await aFailedRun();
    return (await deliveries()).at(-1).payload.data.route as unknown;
  };
  expect(await failed()).toBeNull();
  await call(world, tenant.api, "apply_control_plane", { ...args, state_sha256, after_sha256 });
  expect(route.parse(await failed())).toEqual({ rule: "run_failed", area: "pipelines", channel: "project_webhook", severity: "warning", primary: "data-owners", secondary: "platform-owners" });
});

test("a failed run is told once, signed by the key that everybody may ask for", async () => {
  const run_id = await aFailedRun();
  await tickOnce();
  await tickOnce();
  expect(received).toHaveLength(1);
  const [{ headers, body }] = received as [(typeof received)[number]];
  const message = JSON.parse(body) as { type: string; data: Record<string, unknown> };
  expect(message).toMatchObject({ type: "run.failed", data: { run_id, environment: "dev", error_code: "sql_error", url: `https://room.example.test/runs/${run_id}` } });
  expect(String(message.data.error_message)).toHaveLength(500);
  const key = createPublicKey({ key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(publicKey().slice(5), "base64")]), format: "der", type: "spki" });
  const signature = Buffer.from(String(headers["webhook-signature"]).replace("v1a,", ""), "base64");
  const signed = (text: string) => Buffer.from(`${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${text}`);
  expect(verify(null, signed(body), key, signature)).toBe(true);
  expect(verify(null, signed(`${body} `), key, signature)).toBe(false);
  expect(await deliveries()).toMatchObject([{ delivery_id: headers["webhook-id"], status: "delivered", attempts: 1, last_status: 204, last_error: null }]);
});

test("only an end as failed is told: not a success, a cancellation, an attempt that is retried, a verification, or a part of a run", async () => {
  const run_id = await aRun(world, tenant);
  await call(world, tenant.api, "cancel_run", { run_id });
  const retried = await aRun(world, tenant);
  const { lease } = await aClaim(world, executor, { run_id: retried });
  await call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "again" });
  const isolated = await aRun(world, tenant);
  await world.owner.query("update ops.runs set isolated = true where run_id = $1", [isolated]);
  await call(world, executor, "fail_run", { ...(await aClaim(world, executor, { run_id: isolated })).lease, error_code: "sql_error", error_message: "no", permanent: true });
  const part = await aRun(world, tenant);
  await world.owner.query("update ops.runs set parent_run_id = $2, parent_phase = 'parts', child_key = '1' where run_id = $1", [part, retried]);
  await call(world, executor, "fail_run", { ...(await aClaim(world, executor, { run_id: part })).lease, error_code: "sql_error", error_message: "no", permanent: true });
  expect([await statusOf(world, isolated), await statusOf(world, part)]).toEqual(["failed", "failed"]);
  expect(await deliveries()).toEqual([]);
});

test("a refusal, a redirect and a closed socket are tried again with the same id and body, then given up after eight tries", async () => {
  await aFailedRun();
  const misdeeds: typeof behave[] = [
    (_, response) => response.writeHead(500).end(),
    (_, response) => response.writeHead(302, { location: `${url}/elsewhere` }).end(),
    (request) => request.socket.destroy(),
  ];
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 8; attempt++) {
    behave = misdeeds[attempt % 3] as typeof behave;
    await tickOnce();
    const [row] = await deliveries();
    expect(row).toMatchObject({ attempts: attempt, status: attempt === 8 ? "failed" : "pending" });
    expect(row.last_error).toMatch(attempt % 3 === 0 ? /HTTP 500/ : attempt % 3 === 1 ? /redirects are not followed/ : /connection failed/);
    if (row.next_attempt_at !== null) waits.push((row.next_attempt_at - Date.now()) / 60_000);
    await tickOnce(); // nothing is due
    await dueNow();
  }
  expect(received).toHaveLength(8);
  expect(new Set(received.map((each) => `${String(each.headers["webhook-id"])} ${each.body} ${each.path}`)).size).toBe(1);
  for (const [index, minutes] of waits.entries()) {
    expect(minutes).toBeGreaterThan(3 ** index * 0.95);
    expect(minutes).toBeLessThan(3 ** index * 1.55);
  }
  const [given] = await deliveries();
  expect((await call(world, tenant.api, "retry_delivery", { delivery_id: given.delivery_id })).status).toBe("pending");
  behave = (_, response) => response.writeHead(200).end();
  await tickOnce();
  expect(await deliveries()).toMatchObject([{ status: "delivered", attempts: 9 }]);
  expect((await refusal(call(world, tenant.api, "retry_delivery", { delivery_id: given.delivery_id }))).code).toBe("illegal_transition");
});

test("a receiver that never answers costs the tick half a second, and nobody else anything; its outcome comes later", async () => {
  const other = await aTenant(world);
  await call(world, other.api, "put_webhook", { project_id: other.project_id, url: `${url}/quick` });
  behave = (request, response) => {
    if (request.url?.endsWith("/quick")) response.writeHead(204).end();
  };
  for (let made = 0; made < 6; made++) await call(world, tenant.api, "test_webhook", { project_id: tenant.project_id });
  const started = performance.now();
  await webhooks.run(db, started + 20_000);
  await call(world, other.api, "test_webhook", { project_id: other.project_id });
  await webhooks.run(db, performance.now() + 20_000);
  expect(performance.now() - started).toBeLessThan(5000);
  expect(received.filter((each) => each.path === "/hook")).toHaveLength(4); // a project has at most four under way
  expect(received.filter((each) => each.path === "/hook/quick")).toHaveLength(1); // and holds up nobody else
  await expect.poll(async () => (await deliveries()).filter((row) => row.last_error === "No answer within 10 s.").length, { timeout: 20_000, interval: 200 }).toBe(4);
  await call(world, other.api, "delete_webhook", { project_id: other.project_id });
});

test("eight schedulers at once send each message once", async () => {
  for (let made = 0; made < 30; made++) await call(world, tenant.api, "test_webhook", { project_id: tenant.project_id });
  await Promise.all(Array.from({ length: 8 }, () => tickOnce()));
  await expect.poll(async () => {
    await tickOnce(); // a busy machine may use up a tick's patience
    return (await deliveries()).every((row) => row.status === "delivered");
  }, { timeout: 30_000 }).toBe(true);
  expect(new Set(received.map((each) => each.headers["webhook-id"])).size).toBe(30);
  expect(received).toHaveLength(30);
});

test("an organization that has much to tell keeps no other one waiting", async () => {
  const elsewhere = await aTenant(world);
  await call(world, elsewhere.api, "put_webhook", { project_id: elsewhere.project_id, url });
  for (let made = 0; made < 3; made++) {
    const project = await aTenant(world, tenant);
    await call(world, project.api, "put_webhook", { project_id: project.project_id, url });
    for (let told = 0; told < 4; told++) await call(world, project.api, "test_webhook", { project_id: project.project_id });
  }
  await call(world, elsewhere.api, "test_webhook", { project_id: elsewhere.project_id });
  const taken = await call(world, { token: cronSecret }, "take_deliveries", { at_most: 2 });
  const { rows } = await world.owner.query("select p.organization_id from ops.webhook_deliveries as d join ops.projects as p using (project_id) where d.delivery_id = any ($1)", [taken.map(({ delivery_id }) => delivery_id)]);
  expect(rows.map((row) => row.organization_id as string).toSorted()).toEqual([tenant.organization_id, elsewhere.organization_id].toSorted());
  await world.owner.query("delete from ops.webhook_deliveries");
});

test("a sender that dies after it took a message leaves it to the next, and its late word changes nothing", async () => {
  await call(world, tenant.api, "test_webhook", { project_id: tenant.project_id });
  const service = { token: cronSecret };
  const [taken] = await call(world, service, "take_deliveries", {});
  expect(await call(world, service, "take_deliveries", {})).toEqual([]);
  await world.owner.query("update ops.webhook_deliveries set sending_until = now(), next_attempt_at = now() where project_id = $1", [tenant.project_id]);
  await tickOnce();
  expect(await deliveries()).toMatchObject([{ status: "delivered", attempts: 2 }]);
  const late = { delivery_id: taken?.delivery_id ?? "", attempt: 1, http_status: 500, error: "late" };
  expect(await call(world, service, "settle_delivery", late)).toBe(false);
  expect(await deliveries()).toMatchObject([{ status: "delivered", attempts: 2, last_error: null }]);
});

test("an executor that goes silent is told once an outage, and once that it is back; one that drains leaves without a word", async () => {
  const silent = (seconds: number, id = executor.executor_id) => world.owner.query("update ops.executors set last_seen_at = now() - make_interval(secs => $2) where executor_id = $1", [id, seconds]);
  const types = async () => (await deliveries()).map((row) => row.type);
  const watch = () => Promise.all(Array.from({ length: 8 }, () => call(world, { token: cronSecret }, "watch_executors", {})));
  const watching = (seconds: number, gap = 1) => world.owner.query("update ops_private.executor_watch set watching_since = now() - make_interval(secs => $1), watched_at = now() - make_interval(secs => $2) where only_row", [seconds, gap]);
  await watching(1000);
  await watch();
  expect(await types()).toEqual([]); // never seen: never online
  await silent(89);
  await watch();
  expect(await types()).toEqual([]);
  await silent(91);
  // The control plane itself was away, or has just come back: an executor that could not report is not blamed for it.
  await watching(1000, 76);
  await watch();
  await watching(89);
  await watch();
  expect(await types()).toEqual([]);
  await watching(91);
  await watch();
  await watch();
  expect(await types()).toEqual(["executor.offline"]);
  await silent(1);
  await watch();
  await watch();
  expect(await types()).toEqual(["executor.offline", "executor.online"]);
  const leaving = await anExecutor(world, tenant);
  await world.owner.query("update ops.executors set draining_since = now() where executor_id = $1", [leaving.executor_id]);
  await silent(500, leaving.executor_id);
  await silent(91);
  await watch();
  expect(await types()).toEqual(["executor.offline", "executor.online", "executor.offline"]);
});

test("without a webhook, with a disabled one, and for events it does not want, nothing is written; what waits is given up", async () => {
  await call(world, tenant.api, "put_webhook", { project_id: tenant.project_id, url, events: ["executor.offline"] });
  await aFailedRun();
  expect(await deliveries()).toEqual([]);
  await call(world, tenant.api, "test_webhook", { project_id: tenant.project_id });
  await call(world, tenant.api, "put_webhook", { project_id: tenant.project_id, url, enabled: false });
  await aFailedRun();
  expect((await refusal(call(world, tenant.api, "test_webhook", { project_id: tenant.project_id }))).code).toBe("not_found");
  await tickOnce();
  expect(await deliveries()).toMatchObject([{ type: "webhook.test", status: "failed", attempts: 0, last_error: "The project has no enabled webhook any more." }]);
  expect(received).toEqual([]);
});

test("only an admin of the whole project sets, reads, tests and resends", async () => {
  const one = { project_id: tenant.project_id };
  await call(world, tenant.api, "test_webhook", one);
  const [{ delivery_id }] = await deliveries();
  const weak: { token: string }[] = [await anApiToken(world, tenant.project_id, "editor"), executor];
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod')", [tenant.project_id]);
  weak.push(await anApiToken(world, tenant.project_id, "admin", tenant.environment_id));
  for (const caller of weak) {
    for (const attempt of [() => call(world, caller, "put_webhook", { ...one, url }), () => call(world, caller, "delete_webhook", one), () => call(world, caller, "test_webhook", one), () => call(world, caller, "retry_delivery", { delivery_id })]) {
      expect((await refusal(attempt())).code).toBe("forbidden");
    }
  }
  await world.owner.query("delete from ops.environments where project_id = $1 and slug = 'prod'", [tenant.project_id]);
  const audit = (await world.owner.query("select action, after from ops.audit_log where project_id = $1 order by audit_id", [tenant.project_id])).rows;
  expect(audit.map((row) => row.action)).toEqual(["webhook.saved", "webhook.tested"]);
  expect(JSON.stringify(audit)).not.toContain("/hook"); // a URL's path may be a secret
});

test("the verifier in docs/webhooks.md takes what is sent, and nothing that was changed or is old", async () => {
  const guide = readFileSync(path.join(import.meta.dirname, "../../docs/webhooks.md"), "utf8");
  const folder = mkdtempSync(path.join(tmpdir(), "verifier "));
  try {
    writeFileSync(path.join(folder, "verify.mjs"), /```js\n([\s\S]*?)```/.exec(guide)?.[1] ?? "");
    await call(world, tenant.api, "test_webhook", { project_id: tenant.project_id });
    await tickOnce();
    const [{ headers, body }] = received as [(typeof received)[number]];
    const accepts = (changed: object, text = body) => {
      const script = "import { verify } from './verify.mjs'; const [key, headers, body] = JSON.parse(process.argv[1]); console.log(verify(key, headers, body));";
      return execFileSync(process.execPath, ["--input-type=module", "-e", script, JSON.stringify([publicKey(), { ...headers, ...changed }, text])], { cwd: folder, encoding: "utf8", timeout: 20_000 }).trim();
    };
    expect(accepts({})).toBe("true");
    expect(accepts({}, body.replace("test", "text"))).toBe("false");
    expect(accepts({ "webhook-id": "another" })).toBe("false");
    expect(accepts({ "webhook-timestamp": String(Math.floor(Date.now() / 1000) - 600) })).toBe("false");
    expect(accepts({ "webhook-signature": `v1,abc ${String(headers["webhook-signature"])}` })).toBe("true");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("nothing is sent to this machine or a private network, nor without TLS, unless the installation allows it", async () => {
  const { env } = await import("../../lib/env.ts");
  const settings = env();
  settings.CONTROL_ROOM_OUTBOUND_ALLOW = [];
  try {
    expect(refusedUrl(url)).toBe("is an address of a private network");
    expect(refusedUrl("http://hook.example.test/x")).toBe("is not https");
    expect(refusedUrl("https://192.168.1.1/")).toBe("is an address of a private network");
    expect(refusedUrl("https://[::1]:8443/")).toBe("is an address of a private network");
    expect(refusedUrl("https://2130706433/")).toBe("is an address of a private network"); // 127.0.0.1, written as a number
    expect(refusedUrl("https://user:secret@hook.example.test/")).toBe("holds a user name or password");
    expect(refusedUrl("https://hook.example.test/x")).toBeNull();
    await expect(post("https://localhost/", {}, "{}")).rejects.toThrow("private network"); // what its name resolves to
    await aFailedRun();
    await tickOnce();
    expect(await deliveries()).toMatchObject([{ status: "pending", last_error: "The URL is an address of a private network." }]);
    expect(received).toEqual([]);
  } finally {
    settings.CONTROL_ROOM_OUTBOUND_ALLOW = ["127.0.0.0/8"];
  }
});
