import { z } from "zod";
import { bigintText, jsonObject, sha256, text, timestamp, uuid, word } from "./common.ts";
import { label, run, runPhase, runStatus } from "./run.ts";

export const claimRequest = z.strictObject({
  max_runs: z.int().min(1).max(100).default(1),
  wait_seconds: z.number().min(0).max(50).default(0).describe("long poll: how long an empty queue is waited on"),
  lease_seconds: z.int().min(1).max(600).default(30),
  queues: z.array(word).min(1).max(50).default(["default"]),
  labels: z.array(z.string()).max(100).default([]).describe("what this executor offers; a run needs all of its own"),
  run_id: uuid.optional().describe("claim only this run"),
  start: z.boolean().default(false).describe("the runs begin with the claim: no call of start is needed"),
  share_specs: z.boolean().default(false).describe("each spec once, in `specs` by its spec_sha256; `spec` of the claims is null"),
  version: text.max(100).optional(),
  hostname: text.max(200).optional(),
}).meta({ id: "ClaimRequest", examples: [{ max_runs: 10, wait_seconds: 0, lease_seconds: 30, queues: ["default"], labels: [], start: true, version: "1.0.0", hostname: "worker-1" }] });
export type ClaimRequest = z.input<typeof claimRequest>;

/** What an executor needs of the run that it holds: claims are the most frequent large answers. */
export const claimedRun = run.pick({
  run_id: true, project_id: true, environment_id: true, status: true, template_key: true, template_version: true, spec_slug: true, spec_sha256: true,
  git_sha: true, parameters: true, trigger: true, scheduled_for: true, input_manifest: true, attempt: true, max_attempts: true, isolated: true, parent_run_id: true,
  repairs_run_id: true, repair_mode: true, created_at: true, claimed_at: true, started_at: true,
}).meta({ id: "ClaimedRun" });
export const claim = z.object({
  run: claimedRun.describe("the rest is answered by GET /runs/{run_id}"),
  phases: z.array(runPhase),
  spec: jsonObject.describe("the pipeline spec that this run executes"),
  lease_token: uuid,
  lease_expires_at: timestamp,
  lease_seconds: z.int(),
  attempt: z.int(),
  fence: bigintText.describe("grows with every claim of any run; orders writers of a table"),
}).meta({ id: "Claim" });
export type Claim = z.infer<typeof claim>;
export const claimsResponse = z.object({
  items: z.array(claim),
  again: z.boolean().describe("nothing was taken but some runs were parked: ask again at once"),
  retry_after_ms: z.int().describe("when to ask again; less than 1000 where work may have come while this looked"),
}).meta({ id: "ClaimsResponse" });
export type ClaimsResponse = z.infer<typeof claimsResponse>;
/** What `share_specs` asks for. An answer without items is that of any claim. */
export const sharedClaimsResponse = claimsResponse.extend({
  items: z.array(claim.extend({ spec: z.null() }).meta({ id: "SharedClaim" })),
  specs: z.record(sha256, jsonObject).describe("by spec_sha256"),
}).meta({ id: "SharedClaimsResponse" });
/** Either answer, with each claim's spec in its place. */
export const anyClaimsResponse = z.union([sharedClaimsResponse, claimsResponse]);
export function withSpecs(answer: z.infer<typeof anyClaimsResponse>): ClaimsResponse {
  if (!("specs" in answer)) return answer;
  const { items, specs, ...rest } = answer;
  return { ...rest, items: items.map((item) => ({ ...item, spec: specs[item.run.spec_sha256] ?? {} })) };
}

export const leaseToken = uuid.describe("the claim's lease_token, in the header Lease-Token");
export const stopCodes = ["canceled", "cap_exceeded", "timeout"] as const;
export const heartbeatRequest = z.strictObject({
  phase: word.nullable().default(null),
  lease_seconds: z.int().min(1).max(600).optional(),
  usage: z.strictObject({ rows: z.number().min(0).max(1e18), bytes: z.number().min(0).max(1e18), cost: z.number().min(0).max(1e18) }).partial().optional().describe("since the claim, for caps; the metrics of ended phases count by themselves"),
}).meta({ id: "HeartbeatRequest" });
export const heartbeatResponse = z.object({
  lease_expires_at: timestamp,
  cancel_requested: z.boolean(),
  cancel_reason: z.string().nullable(),
  stop_code: z.enum(stopCodes).nullable().describe("why the work must stop; also timeout and cap_exceeded set cancel_requested"),
}).meta({ id: "HeartbeatResponse" });
export type HeartbeatResponse = z.infer<typeof heartbeatResponse>;
export const runState = z.object({
  run_id: uuid, status: runStatus, attempt: z.int(), finished_at: timestamp.nullable(), error_code: z.string().nullable(),
}).meta({ id: "RunState" });
export type RunState = z.infer<typeof runState>;
export const completeRequest = z.strictObject({ output_manifest: jsonObject.default({}) }).meta({ id: "CompleteRequest" });
export const failRequest = z.strictObject({
  error_code: word,
  error_message: text.max(10_000),
  error_data: jsonObject.default({}),
  permanent: z.boolean().default(false).describe("no retry, whatever attempts are left"),
  retry_after_seconds: z.number().min(0).max(86_400).optional(),
}).meta({ id: "FailRequest" });
export type FailRequest = z.input<typeof failRequest>;
export const releaseRequest = z.strictObject({
  reason: text.max(500).default("released"),
  labels: z.array(label).max(20).default([]).describe("what the run needs and this executor lacks: added to the run's labels"),
}).meta({ id: "ReleaseRequest" });
export type ReleaseRequest = z.input<typeof releaseRequest>;

/** One child run for each item of a for_each phase. The same key again answers the same child. */
export const createChildrenRequest = z.strictObject({
  phase: word,
  spec: jsonObject.describe("what each child executes: the phase without for_each, after those that come before it"),
  children: z.array(z.strictObject({ key: text.min(1).max(200), parameters: jsonObject })).min(1).max(1000),
  max_active: z.int().min(1).max(1000).optional(),
}).meta({ id: "CreateChildrenRequest" });
export type CreateChildrenRequest = z.infer<typeof createChildrenRequest>;
export const childRun = z.object({
  key: z.string(), run_id: uuid, status: runStatus, output_sha256: sha256.nullable().describe("of the phase, once it has succeeded"),
  error_code: z.string().nullable(), error_message: z.string().nullable(),
});
export type ChildRun = z.infer<typeof childRun>;
export const createChildrenResponse = z.object({ items: z.array(childRun) }).meta({ id: "CreateChildrenResponse" });
