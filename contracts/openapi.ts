import type { z } from "zod";
import { errorCatalogue, problem, type ErrorCode } from "./error.ts";
import { operations, type Operation } from "./http.ts";
import { problemCodes, renderer, type Json, type JsonObject } from "./json-schema.ts";

const groups: Record<Operation["group"], string> = {
  service: "Health, this document, the scheduler's tick.",
  runs: "Queue, read, cancel and repeat runs.",
  executing: "What an executor calls: claim, then report under the lease.",
  objects: "Bytes by SHA-256, and the artifacts that name them.",
  registry: "Templates, executors, datasets.",
};

let built: JsonObject | undefined;

/** The contract as OpenAPI 3.1, built from `operations`; the same object at every call. */
export function openapi(): JsonObject {
  return (built ??= build());
}

function build(): JsonObject {
  const components = new Map<string, JsonObject>();
  const sent = renderer("input", components);
  const answered = renderer("output", components);
  answered(problem);
  const answeredCodes = new Set<ErrorCode>();
  const paths: Record<string, JsonObject> = {};
  for (const [name, operation] of Object.entries(operations) as [string, Operation][]) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = describe(name, operation, sent, answered);
    for (const code of problemCodes(operation)) answeredCodes.add(code);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Lakehouse Control Room",
      version: "1.0.0",
      description: "Run a lakehouse: queue, claim, execute, watch and prove runs. Names are snake_case, 64-bit integers and decimals travel as text, lists page by an opaque cursor, every error is application/problem+json with a stable code.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/api/v1" }],
    tags: Object.entries(groups).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API token (lct_…), an executor's token (lcx_…), or a user's access token (JWT)." },
        session: { type: "apiKey", in: "cookie", name: "control-room", description: "The browser's session: one or more HttpOnly cookies whose names begin with control-room-. Calls that change something need an Origin header of the same site." },
        scheduler: { type: "http", scheme: "bearer", description: "CRON_SECRET." },
      },
      headers: { RequestId: { description: "Names this request in the logs.", schema: { type: "string" } } },
      examples: Object.fromEntries([...answeredCodes].toSorted().map((code) => [code, { value: example(code) }])),
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

type Render = (schema: z.ZodType) => JsonObject;

function describe(name: string, operation: Operation, sent: Render, answered: Render): JsonObject {
  const parameters: Json[] = [
    ...Object.entries(operation.params ?? {}).map(([key, schema]) => ({ name: key, in: "path", required: true, schema: sent(schema) })),
    ...Object.entries(operation.query?.shape ?? {}).map(([key, schema]) => ({ name: key, in: "query", required: !(schema as z.ZodType).safeParse(undefined).success, schema: queryValue(sent(schema as z.ZodType)) })),
    ...Object.entries(operation.headers ?? {}).map(([key, { schema, required, description }]) => ({ name: key, in: "header", required, description, schema: sent(schema) })),
  ];
  return {
    operationId: name,
    tags: [operation.group],
    summary: operation.summary,
    ...(operation.rpc === undefined ? {} : { description: `The same as the function \`ops.${operation.rpc}\` on PostgREST.` }),
    security: security(operation),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(operation.body === undefined ? {} : { requestBody: requestBody(operation.body, sent) }),
    responses: responses(operation, answered),
  };
}

/** z.coerce has no input type of its own: what it accepts is what it gives. */
function queryValue(schema: JsonObject): JsonObject {
  return schema.type === undefined && schema.$ref === undefined && (schema.minimum !== undefined || typeof schema.default === "number") ? { type: "integer", ...schema } : schema;
}

function security(operation: Operation): Json[] {
  if (operation.access === "public") return [];
  if (operation.access === "scheduler") return [{ scheduler: [] }];
  return operation.access === "member" ? [{ bearer: [] }, { session: [] }] : [{ bearer: [] }];
}

function requestBody(body: NonNullable<Operation["body"]>, sent: Render): JsonObject {
  if (body.kind === "bytes") return { required: true, content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } };
  return {
    required: !body.schema.safeParse({}).success,
    description: `At most ${body.limit_bytes} bytes.`,
    content: { "application/json": { schema: sent(body.schema) } },
  };
}

const reasons: Record<number, string> = { 200: "Done", 201: "Created", 204: "Nothing to do", 206: "A part of the bytes", 304: "You have these bytes already", 503: "Degraded" };
const requestIdHeader = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };

function responses(operation: Operation, answered: Render): JsonObject {
  const all: Record<string, JsonObject> = {};
  for (const [status, answer] of Object.entries(operation.answers)) {
    const content: JsonObject = {};
    if (answer === "bytes") content["*/*"] = { schema: { type: "string", format: "binary" } };
    else if (answer === "openapi") content["application/json"] = { schema: { type: "object" } };
    else if (answer !== "empty") content["application/json"] = { schema: answered(answer) };
    if (operation.streams && status === "200") content["text/event-stream"] = { schema: { type: "string", description: "Events `run_event` whose data is a RunEvent and whose id is its seq; `end` after the last." } };
    all[status] = { description: reasons[Number(status)] ?? "Answer", headers: requestIdHeader, ...(Object.keys(content).length > 0 ? { content } : {}) };
  }
  const byStatus = new Map<string, ErrorCode[]>();
  for (const code of problemCodes(operation)) {
    const status = String(errorCatalogue[code].status);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status, codes] of byStatus) {
    const described = codes.map((code) => `\`${code}\`: ${errorCatalogue[code].title}`).join(" ");
    const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" }, examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])) } };
    const present = all[status];
    // A status may be an answer and a problem: /health is 503 with its own body.
    if (present === undefined) all[status] = { description: described, headers: requestIdHeader, content };
    else all[status] = { ...present, description: `${String(present.description)}. ${described}`, content: { ...(present.content as JsonObject), ...content } };
  }
  return all;
}

function example(code: ErrorCode): JsonObject {
  const { status, title, remedy } = errorCatalogue[code];
  return { type: "about:blank", title, status, code, detail: `${title} ${remedy}`, errors: [], request_id: "0192f3ab-0000-7000-8000-00000000a001" };
}
