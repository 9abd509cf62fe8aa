import { z } from "zod";
import { capKey, page, pageQuery, slug, timestamp, uuid } from "./common.ts";
import { capPeriods, capScopes, capUnits } from "./words.ts";

export type CapScope = (typeof capScopes)[number];
/** A DECIMAL travels as text. */
const amount = z.string().regex(/^-?\d{1,32}(\.\d{1,6})?$/).describe("a decimal number as text");
const limitAmount = z.string().regex(/^\d{1,32}(\.\d{1,6})?$/, "a decimal number as text, not negative");

export const cap = z.object({
  cap_id: uuid,
  scope: z.enum(capScopes),
  organization_id: uuid,
  project_id: uuid.nullable().describe("null: the cap holds the whole organization"),
  environment_id: uuid.nullable().describe("null: the cap holds the whole project or organization"),
  cap_key: capKey,
  unit: z.enum(capUnits),
  period: z.enum(capPeriods),
  time_zone: z.string(),
  limit_amount: amount,
  enabled: z.boolean(),
  used: amount.describe("by leases that have ended, in the window of now"),
  reserved: amount.describe("by live leases, or used by them where that is more"),
  window_starts_at: timestamp,
  resets_at: timestamp,
  created_at: timestamp,
  updated_at: timestamp,
}).meta({ id: "Cap" });
export type Cap = z.infer<typeof cap>;
export const capPage = page(cap).meta({ id: "CapPage" });
export const listCapsQuery = pageQuery.extend({ environment_id: uuid.optional().describe("the caps that hold there, of whatever scope") });

export const createCapRequest = z.strictObject({
  scope: z.enum(capScopes).default("environment").describe("what it holds; needs the role admin over all of it"),
  environment: slug.optional().describe("may be left out where the caller sees one environment"),
  project: slug.optional(),
  organization: slug.optional().describe("may be left out where the caller sees one organization"),
  cap_key: capKey,
  unit: z.enum(capUnits),
  period: z.enum(capPeriods),
  time_zone: z.string().max(100).default("UTC").describe("IANA name; where days begin"),
  limit_amount: limitAmount,
  enabled: z.boolean().default(true),
}).meta({ id: "CreateCapRequest", examples: [{ scope: "project", cap_key: "odoo", unit: "rows", period: "day", time_zone: "Europe/Berlin", limit_amount: "5000000", enabled: true }] });
export const changeCapRequest = z.strictObject({ limit_amount: limitAmount.optional(), enabled: z.boolean().optional() }).meta({ id: "ChangeCapRequest" });

export const capAllowRequest = z.strictObject({
  environment: slug.optional(),
  project: slug.optional(),
  cap_key: capKey,
  amount: z.number().min(0).max(1e18).default(1),
  run_id: uuid.optional().describe("with the header Lease-Token: a yes reserves the amount until the lease ends"),
}).meta({ id: "CapAllowRequest" });
export const capAllowance = z.object({
  allowed: z.boolean(),
  cap_id: uuid.nullable().describe("the tightest cap with this key; null where there is none"),
  unit: z.enum(capUnits).nullable(),
  used: amount,
  reserved: amount,
  limit: amount.nullable(),
  resets_at: timestamp.nullable(),
}).meta({ id: "CapAllowance" });
