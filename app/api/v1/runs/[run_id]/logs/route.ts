import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { streamAnswer } from "@/lib/ops/follow.ts";
import { logFeed } from "@/lib/ops/log-stream.ts";
import { listLogs } from "@/lib/ops/logs.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";
export const maxDuration = 300;

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_logs", async ({ db, params, query, headers, request }) => {
    if (!request.headers.get("accept")?.includes("text/event-stream")) return reply(200, await listLogs(db, params.run_id, query));
    return streamAnswer(db, params.run_id, logFeed(db, params.run_id, query), headers["Last-Event-ID"] ?? query.after, request.signal);
  }),
  POST: route("append_logs", async ({ db, params, headers, body }) =>
    reply(200, await callRpc(db, "append_logs", { ...params, lease_token: headers["Lease-Token"], chunks: body.chunks }))),
});
