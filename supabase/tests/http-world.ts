import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect } from "vitest";
import { operations, type OperationName } from "../../contracts/http.ts";
import type { Handler } from "../../lib/api/handler.ts";
import { closeClaimWaiter } from "../../lib/ops/lane-listener.ts";
import { createDatabase, type TestDatabase } from "./support/database.ts";
import { startPostgrest, type TestPostgrest } from "./support/postgrest.ts";
import { signRoleToken, signUserToken } from "./support/tokens.ts";
import { aTenant, anExecutor, request, type Caller, type Tenant } from "./world.ts";

// The handlers of /api/v1 as they are, over a real PostgreSQL, a real PostgREST and a real store: only the socket is missing.

let database: TestDatabase;
let postgrest: TestPostgrest;
let gateway: Server;
let rest: pg.Pool;
export let owner: pg.Pool;
export let tenant: Tenant;
export let stranger: Tenant;
export let executor: { token: string };
export let folder: string;
export let userToken: string;
export const secret = "the-secret-of-the-scheduler";
const environment: Record<string, string> = {};

/** Opens it before the tests of the file that calls this, with the template `daily` in versions 1 and 2, and closes it after them. `settings`, asked then, go before its own. */
export function useApi(settings: () => Record<string, string> = () => ({})): void {
  beforeAll(() => open(settings()), 120_000);
  afterAll(close);
}

async function open(settings: Record<string, string>): Promise<void> {
  database = await createDatabase();
  owner = database.pool;
  rest = new pg.Pool({ connectionString: database.urlOf("authenticator"), max: 3 });
  postgrest = await startPostgrest(database.urlOf("authenticator"));
  gateway = createServer((incoming, outgoing) => {
    const target = forward(postgrest.url + (incoming.url ?? "").replace("/rest/v1", ""), { method: incoming.method, headers: { ...incoming.headers, host: "rest" } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    target.on("error", () => outgoing.writeHead(502).end());
    incoming.pipe(target);
  });
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  folder = mkdtempSync(path.join(tmpdir(), "api test "));
  const receiptKey = randomBytes(32).toString("hex");
  Object.assign(environment, {
    SUPABASE_URL: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
    SUPABASE_PUBLISHABLE_KEY: await signRoleToken("anon"),
    CRON_SECRET: secret,
    STORAGE_RECEIPT_KEY: receiptKey,
    API_STREAMS: "6",
    CONTROL_ROOM_STORAGE: pathToFileURL(folder).href,
    CONTROL_ROOM_SIGNING_KEY: `whsk_${randomBytes(32).toString("base64")}`,
    CONTROL_ROOM_LISTEN_URL: database.urlOf("ops_listener"),
    MAX_OBJECT_BYTES: "20000000",
    LOG_LEVEL: "error",
    ...settings,
  });
  Object.assign(process.env, environment);
  await owner.query("select ops_private.put_setting('cron_secret_sha256', $1), ops_private.put_setting('storage_receipt_key', $2)", [createHash("sha256").update(secret).digest("hex"), receiptKey]);
  tenant = await aTenant({ owner, rest });
  stranger = await aTenant({ owner, rest });
  executor = await anExecutor({ owner, rest }, tenant);
  userToken = await signUserToken(tenant.user);
  await ok(201, api("save_template", { body: { text: yaml } }));
  await ok(201, api("save_template", { body: { text: yaml.replace("select 1", "select 2") } }));
}

async function close(): Promise<void> {
  for (const name of Object.keys(environment)) delete process.env[name];
  await closeClaimWaiter();
  await Promise.allSettled([rest?.end(), postgrest?.stop()]);
  gateway?.closeAllConnections();
  gateway?.close();
  await database?.drop();
  if (folder) rmSync(folder, { recursive: true, force: true });
}

/** A statement as the caller's own, beside the API. */
export const asCaller = <T>(caller: Caller, sql: string): Promise<T[]> => request<T>({ owner, rest }, caller, sql);

interface Sent {
  as?: string;
  params?: Record<string, string>;
  query?: string;
  body?: unknown;
  bytes?: Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}
export async function api(name: OperationName, { as = tenant.api.token, params = {}, query = "", body, bytes, headers = {}, signal }: Sent = {}): Promise<Response> {
  const operation = operations[name];
  const place = operation.path.replaceAll(/\{(\w+)\}/g, (_, key: string) => params[key] ?? "");
  const all = new Headers({ authorization: `Bearer ${as}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers });
  if (headers.authorization === "") all.delete("authorization");
  const init: RequestInit = {
    method: operation.method,
    headers: all,
    body: body === undefined ? bytes : JSON.stringify(body),
    signal,
  };
  const file = path.join(import.meta.dirname, "../../app/api/v1", operation.path.replaceAll(/\{(\w+)\}/g, "[$1]"), "route.ts");
  const handler = ((await import(/* @vite-ignore */ file)) as Record<string, Handler>)[operation.method];
  if (handler === undefined) throw new Error(`no handler for ${name}`);
  return handler(new Request(`http://control.test/api/v1${place}${query}`, init), { params: Promise.resolve(params) });
}
/** The handlers behind a socket, for a program that calls them by its own client; closes itself after the tests of the file. */
export async function serveApi(): Promise<string> {
  const answered = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { pathname, search } = new URL(incoming.url ?? "", "http://control.test");
    const found = (Object.keys(operations) as OperationName[]).flatMap((name) => {
      const { method, path: pattern } = operations[name];
      const groups = new RegExp(`^/api/v1${pattern.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`).exec(pathname)?.groups;
      return method === incoming.method && (groups !== undefined || pathname === `/api/v1${pattern}`) ? [{ name, params: { ...groups } }] : [];
    })[0];
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const answer = found === undefined ? new Response(null, { status: 404 }) : await api(found.name, {
      params: found.params, query: search, headers: incoming.headers as Record<string, string>, ...(chunks.length === 0 ? {} : { bytes: new Uint8Array(Buffer.concat(chunks)) }),
    });
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    outgoing.end(Buffer.from(await answer.arrayBuffer()));
  };
  const server = createServer((incoming, outgoing) => void answered(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The JSON of an answer that must have this status. */
export async function ok(status: number, response: Promise<Response>): Promise<Record<string, never>> {
  const answer = await response;
  const text = await answer.text();
  expect(answer.status, text).toBe(status);
  return (text === "" ? {} : JSON.parse(text)) as Record<string, never>;
}
export async function refused(status: number, code: string, response: Promise<Response>): Promise<void> {
  expect(await ok(status, response)).toMatchObject({ code, status });
}

export const yaml = `version: 1
name: daily
title: Daily
parameters:
  type: object
  properties:
    as_of: { type: string, format: date, default: "2026-11-22" }
  additionalProperties: false
phases:
  - { name: land, type: query, config: { sql: select 1 } }
`;
export const newRun = (more: object = {}) => api("create_run", { body: { template_key: "daily", ...more } });
export async function claimed(runId: string): Promise<{ run_id: string; headers: { "Lease-Token": string } }> {
  const { items } = (await ok(200, api("claim_runs", { as: executor.token, body: { run_id: runId, queues: ["default", "whole"] } }))) as unknown as { items: { lease_token: string }[] };
  return { run_id: runId, headers: { "Lease-Token": items[0]?.lease_token ?? "" } };
}
export const executing = (name: OperationName, lease: Awaited<ReturnType<typeof claimed>>, body?: unknown, params = {}) =>
  api(name, { as: executor.token, params: { run_id: lease.run_id, ...params }, headers: lease.headers, body });
export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
