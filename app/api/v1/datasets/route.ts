import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listDatasets } from "@/lib/ops/datasets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_datasets", async ({ db, query }) => reply(200, await listDatasets(db, query))),
});
