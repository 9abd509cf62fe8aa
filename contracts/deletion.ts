import { z } from "zod";
import { text, uuid } from "./common.ts";

export const deletionKinds = ["environment", "project", "organization", "account"] as const;
export type DeletionKind = (typeof deletionKinds)[number];
export const deletionQuery = z.object({ kind: z.enum(deletionKinds), id: uuid });

export const deletionPreview = z.object({
  kind: z.enum(deletionKinds),
  id: uuid,
  name: z.string(),
  typed_name: z.string().describe("what is to be typed: a slug, or an account's e-mail address"),
  counts: z.record(z.string(), z.int()).describe("what would go"),
  hindrance: z.string().nullable().describe("why it may not go now"),
}).meta({ id: "DeletionPreview" });
export type DeletionPreview = z.infer<typeof deletionPreview>;

export const deleteRequest = z.strictObject({ kind: z.enum(deletionKinds), id: uuid, typed_name: text.max(320) }).meta({ id: "DeleteRequest" });
