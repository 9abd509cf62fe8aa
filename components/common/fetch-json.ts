import type { Problem } from "@/contracts/error";
import { messages } from "@/lib/messages";

const timeoutMs = 15_000;

/** A refused or failed call of /api/v1, with what the contract says about it. */
export class ApiError extends Error {
  readonly code: string;
  readonly requestId: string | undefined;
  constructor(message: string, code: string, requestId?: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.requestId = requestId;
  }
}

/** Reads JSON from our own API with the session cookie. An ended session goes to the sign-in page. Throws ApiError. */
export async function fetchJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(messages.error.unreachable, "unreachable");
  }
  if (response.ok) return (await response.json()) as T;
  if (response.status === 401) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const told: unknown = await response.json().catch(() => null);
  if (isProblem(told)) throw new ApiError(told.detail, told.code, told.request_id);
  throw new ApiError(messages.error.answered(response.status), "unreachable");
}

/** Our own API keeps its contract; something between it and the browser may answer anything. */
function isProblem(told: unknown): told is Pick<Problem, "detail" | "code" | "request_id"> {
  return typeof told === "object" && told !== null && "detail" in told && typeof told.detail === "string" && "code" in told && typeof told.code === "string";
}
