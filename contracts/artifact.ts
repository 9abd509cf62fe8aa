import { z } from "zod";
import { bigintText, jsonObject, page, sha256, text, timestamp, uuid, word } from "./common.ts";

export const artifactKinds = ["log", "dataset", "report", "manifest", "checkpoint"] as const;
export const artifactKind = z.enum(artifactKinds);
export type ArtifactKind = z.infer<typeof artifactKind>;

export const artifact = z.object({
  artifact_id: uuid,
  run_id: uuid,
  phase: z.string().nullable(),
  name: z.string(),
  kind: artifactKind,
  content_type: z.string(),
  byte_size: bigintText,
  sha256,
  url: z.string().describe("immutable; who may read it is decided at each request"),
  metadata: jsonObject.describe("rows, columns, dataset and the like"),
  created_at: timestamp,
}).meta({ id: "Artifact" });
export type Artifact = z.infer<typeof artifact>;
export const artifactPage = page(artifact).meta({ id: "ArtifactPage" });

const fileName = text.regex(/^[A-Za-z0-9][A-Za-z0-9._@=+-]{0,199}$/, "letters, digits and ._@=+-, at most 200");
export const registerArtifactRequest = z.strictObject({
  phase: word.nullable().default(null),
  name: fileName,
  kind: artifactKind,
  content_type: text.regex(/^[\w.+-]+\/[\w.+-]+(; ?charset=[\w-]+)?$/),
  byte_size: z.int().min(0),
  sha256,
  metadata: jsonObject.default({}),
}).meta({ id: "RegisterArtifactRequest" });
export type RegisterArtifactRequest = z.input<typeof registerArtifactRequest>;

export const uploadUrlRequest = z.strictObject({ byte_size: z.int().min(0), environment_id: uuid }).meta({ id: "UploadUrlRequest" });
export const uploadUrlResponse = z.object({
  stored: z.boolean().describe("true: this environment already has these bytes, nothing is to be sent"),
  method: z.literal("PUT"),
  url: z.string().describe("where to send the bytes; a path is relative to the control room's URL"),
  headers: z.record(z.string(), z.string()).describe("to be sent with them, and with each part"),
  parts: z.array(z.object({ url: z.string(), byte_size: z.int().min(1) })).describe("not empty: the bytes are sent in these pieces, in this order, instead of to `url`; each answer's ETag is kept"),
  upload_id: z.string().nullable().describe("of an upload in parts"),
  finish_url: z.string().nullable().describe("the bytes go straight to the store: POST there when they are sent; null: the answer to the PUT is the end"),
}).meta({ id: "UploadUrlResponse" });
export const finishUploadRequest = z.strictObject({
  environment_id: uuid,
  upload_id: text.min(1).max(2000).nullable().default(null),
  etags: z.array(text.min(1).max(200)).max(10_000).default([]).describe("of the parts, in order"),
}).meta({ id: "FinishUploadRequest" });
export const storedObject = z.object({ sha256, byte_size: bigintText }).meta({ id: "StoredObject" });

/** The first rows or characters of an artifact, for people. */
export const artifactPreview = z.object({
  artifact_id: uuid,
  format: z.enum(["table", "json", "text", "none"]),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.string().nullable())),
  total_rows: bigintText.nullable(),
  text: z.string().nullable(),
  truncated: z.boolean(),
}).meta({ id: "ArtifactPreview" });
export type ArtifactPreview = z.infer<typeof artifactPreview>;
