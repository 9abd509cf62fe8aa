import { z } from "zod";
import { bigintText, page, pageQuery, sha256, slug, timestamp, uuid } from "./common.ts";

export const actorTypes = ["user", "token", "executor", "service", "schedule"] as const;

/** One change: who made it, to what, and what was there before and after. */
export const auditEntry = z.object({
  audit_id: bigintText,
  organization_id: uuid,
  project_id: uuid.nullable(),
  environment_id: uuid.nullable(),
  actor_type: z.enum(actorTypes),
  actor_id: uuid.nullable(),
  actor_name: z.string().nullable(),
  action: z.string().describe("noun.verb, for example run.canceled"),
  object_type: z.string(),
  object_id: z.string(),
  before: z.unknown().describe("null where nothing was there, or it is not kept"),
  after: z.unknown(),
  request_id: z.string().nullable().describe("X-Request-Id of the call"),
  created_at: timestamp,
  seq: bigintText.nullable().describe("its place in the organization's chain; null for some seconds"),
  hash: sha256.nullable().describe("the chain's link at that place"),
}).meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof auditEntry>;
export const auditPage = page(auditEntry).meta({ id: "AuditPage" });

export const auditFilter = z.object({
  organization: slug.optional().describe("needed where several are visible"),
  environment_id: uuid.optional(),
  actor: z.string().min(1).max(320).optional().describe("a name as the log shows it, or an id"),
  action: z.string().regex(/^[a-z_]+(\.[a-z_]+)?$/).max(100).optional().describe("noun.verb, or a noun for all of its verbs"),
  object_type: z.string().min(1).max(100).optional(),
  object_id: z.string().min(1).max(300).optional(),
  since: timestamp.optional().describe("this moment or later"),
  until: timestamp.optional().describe("before this moment"),
});
export const listAuditQuery = pageQuery.extend(auditFilter.shape);
export const exportFormats = ["ndjson", "csv"] as const;
export const exportAuditQuery = auditFilter.extend({ format: z.enum(exportFormats).default("ndjson") });

const bad = <const R extends readonly [string, ...string[]]>(reasons: R) => z.object({ seq: bigintText.nullable(), audit_id: bigintText.nullable(), reason: z.enum(reasons) });
export const auditBreaks = ["link_missing", "entry_missing", "entry_changed", "entry_added"] as const;

/** How far one call of the verifier came. */
export const auditWalk = z.object({
  organization_id: uuid,
  checked: z.int(),
  last_seq: bigintText,
  hash: sha256.nullable().describe("the link at last_seq"),
  complete: z.boolean(),
  unsealed: z.int().nullable().describe("entries that wait for their seal; known at the end"),
  broken: bad(auditBreaks).nullable().describe("the first place that does not fit"),
});

/** A tip of the chain, signed and stored outside the database. */
export const auditHead = z.object({
  version: z.literal(1),
  organization_id: uuid,
  number: z.int().min(1).describe("1, 2, 3 … without a gap"),
  seq: bigintText,
  hash: sha256,
  signed_at: timestamp,
  signature: z.string().describe("Ed25519, base64, over the other fields joined by dots in this order"),
});
export type AuditHead = z.infer<typeof auditHead>;

export const verifyAuditQuery = z.object({ organization: slug.optional(), after_seq: z.string().regex(/^\d{1,18}$/).default("0").describe("go on after this link") });
export const headBreaks = ["signature_invalid", "chain_cut", "chain_differs"] as const;
export const auditVerification = auditWalk.extend({
  heads: z.object({
    stored: z.int(),
    checked: z.int().describe("the newest 200"),
    newest: z.object({ number: z.int(), seq: bigintText, signed_at: timestamp }).nullable(),
    broken: z.object({ number: z.int(), seq: bigintText.nullable(), reason: z.enum(headBreaks) }).nullable(),
  }).nullable().describe("what was stored outside the database against the chain; null before the end, and where nothing is signed"),
}).meta({ id: "AuditVerification" });
export type AuditVerification = z.infer<typeof auditVerification>;
