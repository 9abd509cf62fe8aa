import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { eventFeed } from "@/lib/ops/event-stream.ts";
import { listEvents } from "@/lib/ops/events.ts";
import { streamAnswer } from "@/lib/ops/follow.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";
export const maxDuration = 300;

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_events", async ({ db, params, query, headers, request }) => {
    if (!request.headers.get("accept")?.includes("text/event-stream")) return reply(200, await listEvents(db, params.run_id, query));
    return streamAnswer(db, params.run_id, eventFeed(db, params.run_id, query), headers["Last-Event-ID"] ?? query.after, request.signal);
  }),
  POST: route("append_events", async ({ db, params, headers, body }) =>
    reply(200, await callRpc(db, "append_events", { ...params, lease_token: headers["Lease-Token"], events: body.events }))),
});
