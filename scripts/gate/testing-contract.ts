/** A small contract that is right in every way, with a route for its one operation. */
export const good = {
  openapi: "3.1.1",
  info: { title: "T", version: "1.0.0", description: "d", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
  servers: [{ url: "/api/v1" }],
  tags: [{ name: "runs", description: "d" }],
  security: [],
  paths: {
    "/runs/{run_id}": {
      post: {
        operationId: "change_run", tags: ["runs"], summary: "s",
        parameters: [{ name: "run_id", in: "path", required: true, schema: { type: "string" } }, { name: "limit", in: "query", schema: { type: "integer", maximum: 200 } }],
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Change" } } } },
        responses: {
          "200": { description: "Done", content: { "application/json": { schema: { $ref: "#/components/schemas/Run" } } } },
          "400": { description: "No", content: { "application/problem+json": { schema: { type: "object" } } } },
        },
      },
    },
  },
  components: {
    schemas: {
      Change: { type: "object", additionalProperties: false, required: ["status"], properties: { status: { type: "string", enum: ["paused", "active"] }, note: { type: "string", maxLength: 10 }, count: { type: ["integer", "null"] }, labels: { type: "object", additionalProperties: { type: ["string", "null"] } }, place: { oneOf: [{ type: "string" }, { type: "object", properties: { at: { type: "string" } } }] } }, examples: [{ status: "paused" }] },
      Run: { type: "object", required: ["run_id", "status"], properties: { run_id: { type: "string" }, status: { type: "string", enum: ["queued", "done"] }, phases: { type: "array", items: { type: "object", required: ["name"], properties: { name: { type: "string" } } } }, place: { oneOf: [{ type: "string" }, { type: "integer" }] } } },
    },
  },
};

/** The route that serves it. */
export const route = { "app/api/v1/runs/[run_id]/route.ts": 'export const { GET } = endpoint({\n  POST: route("change_run", async () => reply(200, null)),\n});\n' };
