import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createUploadUrl } from "@/lib/ops/objects.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("create_upload_url", async ({ db, params, body }) => reply(200, await createUploadUrl(db, { ...params, ...body }))),
});
