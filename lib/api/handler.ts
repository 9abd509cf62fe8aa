import "server-only";
import type { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import { operations, type Operation, type OperationName } from "@/contracts/http.ts";
import { log } from "@/lib/log.ts";
import { JsonBytes } from "@/lib/ops/rpc.ts";
import { requestIdOf, withRequestId } from "@/lib/request-id.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { authenticate, type Caller } from "./authenticate.ts";
import { readJsonBody } from "./body.ts";
import { jsonResponse } from "./json-response.ts";
import { parseHeaders, parseOrRefuse, parseParams, parseQuery } from "./input.ts";
import { problemResponse } from "./problem.ts";

type Spec<N extends OperationName> = (typeof operations)[N];
type Outputs<T> = { [K in keyof T]: T[K] extends z.ZodType ? z.output<T[K]> : never };
type ParamsOf<N extends OperationName> = Spec<N> extends { params: infer P } ? Outputs<P> : Record<never, never>;
type QueryOf<N extends OperationName> = Spec<N> extends { query: infer Q extends z.ZodType } ? z.output<Q> : Record<never, never>;
type HeadersOf<N extends OperationName> = Spec<N> extends { headers: infer H }
  ? { [K in keyof H]: H[K] extends { schema: infer S extends z.ZodType } ? z.output<S> | (K extends "Lease-Token" ? never : undefined) : never }
  : Record<never, never>;
type BodyOf<N extends OperationName> = Spec<N> extends { body: { schema: infer S extends z.ZodType } } ? z.output<S> : undefined;
type Answers<N extends OperationName> = {
  [S in keyof Spec<N>["answers"]]: Spec<N>["answers"][S] extends z.ZodType
    ? { status: S; body: z.output<Spec<N>["answers"][S]> | JsonBytes; headers?: Record<string, string> }
    : { status: S; body?: undefined; headers?: Record<string, string> };
}[keyof Spec<N>["answers"]];

/** What an operation is given: everything parsed by the contract, and a database client that acts for the caller. */
export interface Call<N extends OperationName> {
  params: ParamsOf<N>;
  query: QueryOf<N>;
  body: BodyOf<N>;
  headers: HeadersOf<N>;
  db: Db;
  via: Caller["via"];
  request: Request;
  requestId: string;
}
type Reply<S, B> = S extends number ? { status: S; body: B; headers?: Record<string, string> } : never;
/** An answer by the contract: the status, then the body that belongs to it. */
export function reply<const S extends number, B>(status: S, body: B, headers?: Record<string, string>): Reply<S, B> {
  return { status, body, headers } as Reply<S, B>;
}
type Operate<N extends OperationName> = (call: Call<N>) => Promise<Answers<N> | Response>;

interface Context {
  params: Promise<Record<string, string | string[] | undefined>>;
}
export type Handler = (request: Request, context: Context) => Promise<Response>;
type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * One operation of the contract as a handler of Request objects: authenticates, parses, runs, checks the answer, and
 * turns every error into application/problem+json with the request's id.
 */
export function route<N extends OperationName>(name: N, operate: Operate<N>): Handler {
  const operation: Operation = operations[name];
  return async (request, context) => {
    const requestId = requestIdOf(request.headers);
    const started = performance.now();
    let caller: Caller | undefined;
    let response: Response;
    try {
      caller = await withRequestId(requestId, () => authenticate(request, operation.access));
      const params = parseParams(operation, await context.params);
      const query = parseQuery(operation, new URL(request.url).searchParams);
      const headers = parseHeaders(operation, request.headers);
      const body = await bodyOf(operation, request);
      const current = caller;
      const call = { params, query, body, headers, get db() { return current.db; }, via: caller.via, request, requestId };
      // The four values were parsed by this very operation's schemas, which TypeScript cannot follow by name.
      const answer = await withRequestId(requestId, () => operate(call as unknown as Call<N>));
      response = answer instanceof Response ? answer : jsonAnswer(operation, answer as AnyAnswer);
    } catch (error) {
      response = failed(error, requestId, name, request.signal.aborted);
    }
    response.headers.set("X-Request-Id", requestId);
    if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-store");
    for (const cookie of caller?.setCookies ?? []) response.headers.append("Set-Cookie", cookie);
    if (request.method === "HEAD" && response.body !== null) {
      await response.body.cancel();
      response = new Response(null, { status: response.status, headers: response.headers });
    }
    log.debug({ request_id: requestId, operation: name, status: response.status, via: caller?.via, duration_ms: Math.round(performance.now() - started) }, "answered");
    return response;
  };
}

/** The handlers of one path, with `method_not_allowed` for every other method. */
export function endpoint(handlers: Partial<Record<Exclude<Method, "HEAD">, Handler>>): Record<Method, Handler> {
  const allow = [...Object.keys(handlers), ...(handlers.GET ? ["HEAD"] : []), "OPTIONS"].join(", ");
  const refuse: Handler = (request) => {
    const error = new ControlRoomError("method_not_allowed", `${new URL(request.url).pathname} takes ${allow}, not ${request.method}.`);
    return Promise.resolve(problemResponse(error, requestIdOf(request.headers), { Allow: allow }));
  };
  return { GET: handlers.GET ?? refuse, HEAD: handlers.GET ?? refuse, POST: handlers.POST ?? refuse, PUT: handlers.PUT ?? refuse, PATCH: handlers.PATCH ?? refuse, DELETE: handlers.DELETE ?? refuse };
}

/** For paths below /api/v1 that no operation has. */
export const notFound: Handler = (request) => {
  const error = new ControlRoomError("not_found", `There is no operation at ${new URL(request.url).pathname.slice(0, 200)}. See /api/v1/openapi.json.`);
  return Promise.resolve(problemResponse(error, requestIdOf(request.headers)));
};

type AnyAnswer = { status: number; body?: unknown; headers?: Record<string, string> };

function jsonAnswer(operation: Operation, answer: AnyAnswer): Response {
  const schema = operation.answers[answer.status];
  if (schema === undefined || schema === "empty") return new Response(null, { status: answer.status, headers: answer.headers });
  if (typeof schema === "object" && process.env.NODE_ENV !== "production") {
    const checked = schema.safeParse(answer.body instanceof JsonBytes ? answer.body.read() : answer.body);
    if (!checked.success) throw new ControlRoomError("internal", undefined, { cause: checked.error });
  }
  return jsonResponse(answer.body instanceof JsonBytes ? answer.body.bytes : JSON.stringify(answer.body), { status: answer.status, headers: answer.headers });
}

async function bodyOf(operation: Operation, request: Request): Promise<unknown> {
  if (operation.body?.kind !== "json") return undefined;
  return parseOrRefuse(operation.body.schema, await readJsonBody(request, operation.body.limit_bytes), "body", "");
}

function failed(error: unknown, requestId: string, operation: OperationName, callerLeft: boolean): Response {
  const known = error instanceof ControlRoomError ? error : new ControlRoomError("internal", undefined, { cause: error });
  const line = { request_id: requestId, operation, code: known.code, err: known.cause ?? known };
  // A connection that the caller closed breaks what was being read from it: that is no fault of ours.
  if (callerLeft) log.debug(line, "the caller left");
  else if (known.status >= 500) log.error(line, "an operation failed");
  return problemResponse(known, requestId);
}
