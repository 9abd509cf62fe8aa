import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listDatasetVersions } from "@/lib/ops/datasets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_dataset_versions", async ({ db, params, query }) => reply(200, await listDatasetVersions(db, params.dataset_id, query))),
});
