import "server-only";
import { buffer } from "node:stream/consumers";
import type { Artifact, ArtifactPreview } from "@/contracts/artifact.ts";
import { openBytes } from "./artifact-content.ts";
import { previewInSandbox } from "./parquet-sandbox.ts";
import { csvRecords, indentedJson, mostColumns, ndjsonTable } from "./text-preview.ts";

const previewRows = 50;
/** Of text, how much is read at most. */
const previewBytes = 256 * 1024;
/** Of JSON with its indents; what would be longer is shown as it is. */
const mostIndented = 8 * previewBytes;

/** The first rows or characters of an artifact. Unreadable bytes are an answer (`format: none`), not an error. Throws `storage_unavailable`. */
export async function artifactPreview(artifact: Artifact): Promise<ArtifactPreview> {
  const type = artifact.content_type.split(";")[0]?.trim() ?? "";
  if (type === "application/vnd.apache.parquet" || artifact.name.endsWith(".parquet")) return parquet(artifact);
  if (!/^(text\/|application\/(x-ndjson|json|yaml|x-yaml|sql|xml)$|application\/[\w.+-]*\+json$)/.test(type)) return nothing(artifact);
  const size = Number(artifact.byte_size);
  const read = Math.min(size, previewBytes);
  const bytes = read === 0 ? Buffer.alloc(0) : await buffer(await openBytes(artifact.sha256, { start: 0, end: read - 1 }));
  const truncated = size > read;
  // A multi-byte character may be cut at the end: streaming mode leaves it out instead of printing a replacement.
  const text = new TextDecoder().decode(bytes, { stream: truncated });
  const whole = truncated ? text.slice(0, text.lastIndexOf("\n") + 1) : text;
  if (type === "text/csv") return csv(artifact, whole, truncated);
  if (type === "application/x-ndjson" || type === "application/jsonl") {
    const table = ndjsonTable(whole, previewRows);
    if (table !== null) return { ...nothing(artifact), format: "table", columns: table.columns.map((name) => ({ name, type: "JSON" })), rows: table.rows, truncated: truncated || whole.split("\n").filter((line) => line.trim() !== "").length > previewRows };
  }
  const json = !truncated && (type === "application/json" || type.endsWith("+json")) ? indentedJson(text, mostIndented) : null;
  return { ...nothing(artifact), format: json === null ? "text" : "json", text: json ?? text, truncated };
}

function nothing(artifact: Artifact): ArtifactPreview {
  return { artifact_id: artifact.artifact_id, format: "none", columns: [], rows: [], total_rows: null, text: null, truncated: false };
}

async function parquet(artifact: Artifact): Promise<ArtifactPreview> {
  const file = {
    byteLength: Number(artifact.byte_size),
    slice: async (start: number, end = Number(artifact.byte_size)): Promise<ArrayBuffer> => {
      if (end <= start) return new ArrayBuffer(0);
      const bytes = await buffer(await openBytes(artifact.sha256, { start, end: end - 1 }));
      return new Uint8Array(bytes).buffer;
    },
  };
  const table = await previewInSandbox(file);
  // Not Parquet after all, a codec that only the engine knows, or more than a look may cost: the download still has every byte.
  if (table === null) return nothing(artifact);
  return { ...nothing(artifact), ...table, format: "table", truncated: BigInt(table.total_rows) > BigInt(table.rows.length) };
}

function csv(artifact: Artifact, text: string, truncated: boolean): ArtifactPreview {
  const [header = [], ...records] = csvRecords(text, previewRows + 2);
  const rows = records.slice(0, previewRows).map((record) => header.map((_, index) => record[index] ?? null));
  return { ...nothing(artifact), format: "table", columns: header.map((name) => ({ name, type: "VARCHAR" })), rows, truncated: truncated || records.length > previewRows || header.length === mostColumns };
}
