import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { deleteLineageReceiver, getLineageReceiver, putLineageReceiver } from "@/lib/ops/lineage-receiver.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_lineage_receiver", async ({ db, query }) => reply(200, await getLineageReceiver(db, query))),
  PUT: route("put_lineage_receiver", async ({ db, query, body }) => reply(200, await putLineageReceiver(db, query, body))),
  DELETE: route("delete_lineage_receiver", async ({ db, query }) => {
    await deleteLineageReceiver(db, query);
    return reply(204, undefined);
  }),
});
