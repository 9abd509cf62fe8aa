import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { Operation } from "../../contracts/http.ts";
import { operations, type OperationName } from "../../contracts/http.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { jsonAnswer, noRetry, patientRetry, remoteCall } from "../core/remote-call.ts";

/** Where the control room is, and who asks. */
export interface Connection {
  url: string;
  token: string;
}

const stackFile = z.object({ app_url: z.url(), api_token: z.string() });

/**
 * From options, else the environment (CONTROL_ROOM_URL, CONTROL_ROOM_TOKEN), else `stack.json` of the local stack
 * (in CONTROL_ROOM_DATA_DIR or ./.data). Throws ControlRoomError `not_configured`.
 */
export function findConnection(options: { url?: string; token?: string }, env: Record<string, string | undefined> = process.env): Connection {
  const stack = localStack(env);
  const set = (name: string): string | undefined => env[name] || undefined; // an empty variable is an unset one
  const url = options.url ?? set("CONTROL_ROOM_URL") ?? stack?.app_url;
  // A token is for one control room: the local one's is never sent to another.
  const local = stack !== null && url !== undefined && sameOrigin(url, stack.app_url);
  const token = options.token ?? set("CONTROL_ROOM_TOKEN") ?? (local ? stack.api_token : undefined);
  if (url === undefined) throw new ControlRoomError("not_configured", "No control room is named: give --url, set CONTROL_ROOM_URL, or start the local one with `npm start`.");
  if (!URL.canParse(url)) throw new ControlRoomError("not_configured", `"${url}" is not a URL.`);
  if (token === undefined) throw new ControlRoomError("not_configured", "No token is given: use --token or set CONTROL_ROOM_TOKEN (lct_…).");
  return { url, token };
}

function localStack(env: Record<string, string | undefined>): z.infer<typeof stackFile> | null {
  const file = join(resolve(env["CONTROL_ROOM_DATA_DIR"] || ".data"), "stack.json");
  try {
    return stackFile.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // No local stack here, or none that runs: the caller says what is missing.
    return null;
  }
}

function sameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && new URL(a).origin === new URL(b).origin;
}

type JsonOperation = { [N in OperationName]: Extract<(typeof operations)[N]["answers"][keyof (typeof operations)[N]["answers"]], z.ZodType> extends never ? never : N }[OperationName];
type AnswerOf<N extends OperationName> = z.output<Extract<(typeof operations)[N]["answers"][keyof (typeof operations)[N]["answers"]], z.ZodType>>;

export interface RequestInput {
  params?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** One operation of the contract. GETs, and POSTs with an Idempotency-Key, are retried. */
export function request<N extends JsonOperation>(connection: Connection, name: N, input: RequestInput = {}): Promise<AnswerOf<N>> {
  const operation: Operation = operations[name];
  const schema = Object.values(operation.answers).find((answer) => typeof answer !== "string") as z.ZodType;
  const { body } = operation;
  const repeatable = operation.method === "GET" || input.headers?.["idempotency-key"] !== undefined;
  return remoteCall({
    method: operation.method, url: operationUrl(connection, name, input), timeout_ms: 30_000, signal: input.signal,
    retry: repeatable ? { ...patientRetry, attempts: 4 } : noRetry,
    headers: { authorization: `Bearer ${connection.token}`, accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }), ...input.headers },
    ...(body === undefined ? {} : { body: () => JSON.stringify(input.body ?? {}) }),
    answer: jsonAnswer(schema) as (response: Response) => Promise<AnswerOf<N>>,
  });
}

export function operationUrl(connection: Connection, name: OperationName, input: Pick<RequestInput, "params" | "query">): string {
  const path = operations[name].path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(input.params?.[key] ?? ""));
  const url = new URL(`${connection.url.replace(/\/+$/, "")}/api/v1${path}`);
  for (const [key, value] of Object.entries(input.query ?? {})) if (value !== undefined) url.searchParams.set(key, String(value));
  return url.href;
}
