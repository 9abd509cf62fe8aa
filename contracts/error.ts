import { z } from "zod";

/**
 * Every error that the product answers: its HTTP status, one sentence for people, and what to do.
 * SQL raises the code (`ops_private.fail`), `lib/ops/rpc.ts` turns it into a status, the API renders
 * problem+json (RFC 9457), the pages show `title` and `remedy`. A parity test holds SQL against this list.
 */
export const errorCatalogue = {
  invalid_input: { status: 400, title: "The request is not valid.", remedy: "Correct the fields that are named and send it again." },
  empty_filter: { status: 400, title: "The filter is empty.", remedy: "Say which runs are meant; nothing was done." },
  too_many_runs: { status: 422, title: "More runs fit the filter than the job may touch.", remedy: "Narrow the filter, or raise the limit (at most 10,000)." },
  limit_exceeded: { status: 422, title: "A number in the request goes beyond what is allowed.", remedy: "Stay within the limit that is named." },
  invalid_pattern: { status: 400, title: "The regular expression cannot be read.", remedy: "Correct the place that is named, or search for plain text." },
  invalid_json: { status: 400, title: "The body is not valid JSON.", remedy: "Send UTF-8 JSON with content type application/json." },
  invalid_text: { status: 400, title: "The text holds a NUL byte or a lone surrogate.", remedy: "Send valid Unicode without U+0000." },
  invalid_spec: { status: 422, title: "The pipeline spec is not valid.", remedy: "Correct the places that are named; `control-room pipeline validate FILE` shows them all." },
  invalid_parameters: { status: 422, title: "The parameters do not fit the pipeline.", remedy: "Correct the fields that are named." },
  unauthenticated: { status: 401, title: "Nobody is signed in.", remedy: "Sign in, or send a valid token." },
  token_invalid: { status: 401, title: "The token is unknown, expired or revoked.", remedy: "Create a new token, or rotate it." },
  forbidden: { status: 403, title: "This needs a role that you do not have.", remedy: "Ask an admin of the project for the role that is named." },
  origin_refused: { status: 403, title: "The request comes from another site.", remedy: "Use the control room's own pages, or a token." },
  not_found: { status: 404, title: "There is no such thing, or you may not see it.", remedy: "Check the id and the environment." },
  method_not_allowed: { status: 405, title: "This path does not take that method.", remedy: "See /api/v1/openapi.json." },
  lease_lost: { status: 409, title: "The lease has ended or belongs to another attempt.", remedy: "Stop the work and write nothing more; the run goes on elsewhere." },
  run_finished: { status: 409, title: "The run has already ended.", remedy: "Run it again as a new run." },
  illegal_transition: { status: 409, title: "The run or phase cannot go from its state to that one.", remedy: "Read its state again." },
  idempotency_conflict: { status: 409, title: "This Idempotency-Key was used for another request.", remedy: "Use a new key for a new request." },
  event_conflict: { status: 409, title: "This event_id was used for another event.", remedy: "Give every event its own UUID." },
  conflict: { status: 409, title: "It already exists, or something still depends on it.", remedy: "Read its present state first." },
  table_busy: { status: 409, title: "Another run is publishing this table.", remedy: "Wait for its end, then try again." },
  send_alone: { status: 409, title: "This cannot be done together with others in one call.", remedy: "Send it by itself." },
  object_missing: { status: 409, title: "The bytes are not in the store yet.", remedy: "Upload them where POST /objects/{sha256}/upload-url says, then register the artifact." },
  hash_mismatch: { status: 422, title: "The bytes do not have that SHA-256.", remedy: "Hash exactly the bytes that you send; nothing was stored." },
  payload_too_large: { status: 413, title: "The body is too large.", remedy: "Send less per call; large bytes belong into an artifact." },
  use_upload_url: { status: 413, title: "The body is too large for this door.", remedy: "Ask POST /objects/{sha256}/upload-url where to send it." },
  range_not_satisfiable: { status: 416, title: "The range lies outside the artifact.", remedy: "Ask for a range below byte_size." },
  unsupported_media_type: { status: 415, title: "The content type is not supported.", remedy: "Send application/json." },
  rate_limited: { status: 429, title: "Too many requests.", remedy: "Wait for Retry-After seconds." },
  storage_full: { status: 507, title: "The disk of the store is full.", remedy: "Free space, then retry; nothing was half written." },
  storage_unavailable: { status: 503, title: "The store of artifacts cannot be reached.", remedy: "Check CONTROL_ROOM_STORAGE, then retry." },
  database_unavailable: { status: 503, title: "The database cannot be reached or is too busy.", remedy: "Retry after a moment; /api/v1/health shows its state." },
  not_configured: { status: 503, title: "A setting is missing.", remedy: "Set what is named and start again." },
  internal: { status: 500, title: "Something broke on our side.", remedy: "Retry; if it stays, report the request id." },
} as const satisfies Record<string, { status: number; title: string; remedy: string }>;

export type ErrorCode = keyof typeof errorCatalogue;
export const errorCodes = Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]];

/** One place that is wrong: a JSON pointer and, where a text was parsed, its line and column (from 1). */
export const errorPlace = z.object({
  path: z.string().describe("JSON pointer into the body, or a field name"),
  message: z.string(),
  code: z.string().optional(),
  line: z.int().min(1).optional(),
  column: z.int().min(1).optional(),
}).meta({ id: "ErrorPlace" });
export type ErrorPlace = z.infer<typeof errorPlace>;

/** An error beside other answers, where one call does many things. */
export const itemError = z.object({ code: z.enum(errorCodes), detail: z.string(), remedy: z.string() }).meta({ id: "ItemError" });

/** application/problem+json, RFC 9457. */
export const problem = z.object({
  type: z.string().describe("about:blank, or a URL that explains the code"),
  title: z.string(),
  status: z.int(),
  code: z.enum(errorCodes),
  detail: z.string().describe("what is wrong here, and what to do"),
  errors: z.array(errorPlace),
  request_id: z.string(),
}).meta({ id: "Problem" });
export type Problem = z.infer<typeof problem>;

/** An error with a stable code. `detail` says what is wrong here; secrets and row content never belong in it. */
export class ControlRoomError extends Error {
  readonly code: ErrorCode;
  readonly errors: ErrorPlace[];
  readonly retryAfterSeconds: number | undefined;
  constructor(code: ErrorCode, detail?: string, options: { errors?: ErrorPlace[]; cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(detail ?? errorCatalogue[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ControlRoomError";
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
  get status(): number {
    return errorCatalogue[this.code].status;
  }
}
