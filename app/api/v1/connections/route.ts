import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createConnection, listConnections } from "@/lib/ops/connections.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_connections", async ({ db, query }) => reply(200, { items: await listConnections(db, query), next_cursor: null })),
  POST: route("create_connection", async ({ db, body }) => reply(201, await createConnection(db, body))),
});
