import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { storeObject } from "@/lib/ops/objects.ts";

export const dynamic = "force-dynamic";
export const maxDuration = 300;

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PUT: route("put_object", async ({ db, params, query, request }) => {
    const { object, created } = await storeObject(db, { ...params, ...query }, request);
    return reply(created ? 201 : 200, object);
  }),
});
