import { endpoint, route } from "@/lib/api/handler.ts";
import { openapi } from "@/contracts/openapi.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_openapi", () => Promise.resolve(Response.json(openapi()))),
});
