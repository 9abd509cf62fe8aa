import { z } from "zod";
import { page, pageQuery, slug, text, timestamp, uuid, word } from "./common.ts";

export const executorStatuses = ["online", "draining", "offline"] as const;
export const executor = z.object({
  executor_id: uuid,
  project_id: uuid,
  name: z.string(),
  status: z.enum(executorStatuses),
  queues: z.array(word).describe("what it last claimed from"),
  allowed_queues: z.array(word).nullable().describe("what it may claim from; null: any"),
  version: z.string().nullable(),
  hostname: z.string().nullable(),
  last_seen_at: timestamp.nullable(),
  draining_since: timestamp.nullable(),
  drain_comment: z.string().nullable(),
  created_at: timestamp,
}).meta({ id: "Executor" });
export type Executor = z.infer<typeof executor>;
export const executorPage = page(executor).meta({ id: "ExecutorPage" });
export const listExecutorsQuery = pageQuery.extend({ project_id: uuid.optional() });

/** An executor with where it works and what it holds. */
export const executorDetail = executor.extend({
  active_runs: z.int(),
  environments: z.array(z.object({ environment_id: uuid, slug })),
}).meta({ id: "ExecutorDetail" });
export type ExecutorDetail = z.infer<typeof executorDetail>;

const executorName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/, "up to 100 letters, digits, spaces, dots, hyphens and underscores");
const environments = z.array(slug).min(1).max(100).describe("slugs of the project's environments");
const allowedQueues = z.array(word).min(1).max(100).nullable().describe("what it may claim from; null: any");
export const createExecutorRequest = z.strictObject({ name: executorName, environments, allowed_queues: allowedQueues.default(null), project: slug.optional() }).meta({ id: "CreateExecutorRequest" });
export const updateExecutorRequest = z.strictObject({
  name: executorName.optional(),
  environments: environments.optional(),
  allowed_queues: allowedQueues.optional(),
  draining: z.boolean().optional().describe("true: it gets no new runs and finishes those that it has"),
  drain_comment: text.max(500).nullable().optional(),
}).meta({ id: "UpdateExecutorRequest" });

export const executorToken = z.object({
  executor_token_id: uuid,
  executor_id: uuid,
  prefix: z.string().describe("the first characters, to tell tokens apart"),
  created_at: timestamp,
  expires_at: timestamp,
  revoked_at: timestamp.nullable(),
  last_used_at: timestamp.nullable(),
}).meta({ id: "ExecutorToken" });
export type ExecutorToken = z.infer<typeof executorToken>;
export const executorTokenPage = z.object({ items: z.array(executorToken), next_cursor: z.null() }).meta({ id: "ExecutorTokenPage" });
export const createExecutorTokenRequest = z.strictObject({
  expires_in_days: z.int().min(1).max(3650),
  overlap_seconds: z.int().min(0).max(2_592_000).optional().describe("a rotation: the tokens that it has end so much later"),
}).meta({ id: "CreateExecutorTokenRequest" });
export const newExecutorToken = executorToken.extend({ token: z.string().describe("shown this once; only its SHA-256 is kept") }).meta({ id: "NewExecutorToken" });

export const executorHeartbeatRequest = z.strictObject({ version: text.max(100).optional(), hostname: text.max(255).optional() }).meta({ id: "ExecutorHeartbeatRequest" });
export const executorHeartbeatResponse = z.object({ executor_id: uuid, status: z.enum(executorStatuses), drain_comment: z.string().nullable() }).meta({ id: "ExecutorHeartbeatResponse" });

export const health = z.object({
  status: z.enum(["ok", "degraded"]),
  version: z.string(),
  database: z.enum(["ok", "unavailable"]),
  schema_version: z.string().nullable(),
  queue_depth: z.int().nullable().describe("runs that wait; counted up to 10,000"),
  scheduler_lag_seconds: z.number().nullable().describe("since the last tick"),
  storage: z.enum(["ok", "unavailable"]),
}).meta({ id: "Health" });
export type Health = z.infer<typeof health>;
/** What the database did by itself in a tick. */
export const sweptResponse = z.object({ requeued: z.int(), ended: z.int(), promoted: z.int() });
export const tickResponse = sweptResponse.extend({ jobs: z.record(z.string(), z.int()).describe("what each job of the scheduler did; -1 where it failed") }).meta({ id: "TickResponse" });
