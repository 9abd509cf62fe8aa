import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { artifactPreview } from "@/lib/ops/artifact-preview.ts";
import { getArtifact } from "@/lib/ops/artifacts.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_artifact_preview", async ({ db, params }) => reply(200, await artifactPreview(await getArtifact(db, params.artifact_id)))),
});
