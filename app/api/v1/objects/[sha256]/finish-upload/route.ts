import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { finishUpload } from "@/lib/ops/objects.ts";

export const dynamic = "force-dynamic";
export const maxDuration = 300;

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("finish_upload", async ({ db, params, body }) => reply(200, await finishUpload(db, { ...params, ...body }))),
});
