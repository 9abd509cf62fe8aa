import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { claimRuns } from "@/lib/ops/claims.ts";
import { claimWaiter } from "@/lib/ops/lane-listener.ts";
import { JsonBytes } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";
export const maxDuration = 60;

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("claim_runs", async ({ db, body, request }) => {
    const answer = await claimRuns(db, body, claimWaiter(), request.signal);
    // `again` with nothing taken is an answer of its own: the caller should not wait.
    if (answer instanceof JsonBytes || answer.again) return reply(200, answer);
    return reply(204, undefined, { "Retry-After": String(Math.ceil(answer.retry_after_ms / 1000)) });
  }),
});
