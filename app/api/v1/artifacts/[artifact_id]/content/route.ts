import { endpoint, route } from "@/lib/api/handler.ts";
import { artifactContent } from "@/lib/ops/artifact-content.ts";
import { getArtifact } from "@/lib/ops/artifacts.ts";

export const dynamic = "force-dynamic";
export const maxDuration = 300;

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_artifact_content", async ({ db, params, request }) => artifactContent(await getArtifact(db, params.artifact_id), request)),
});
