import "server-only";
import { randomUUID } from "node:crypto";
import { unstable_rethrow } from "next/navigation";
import { ControlRoomError, errorCatalogue, type ErrorCode, type ErrorPlace } from "@/contracts/error.ts";
import { log } from "@/lib/log.ts";

/** An error as pages and forms show it. Plain, so that it may travel to the browser. */
export interface Refusal {
  code: ErrorCode;
  /** What is wrong, here. */
  message: string;
  /** What to do. */
  remedy: string;
  errors: ErrorPlace[];
  /** Found again in the server's log; null where the message says all. */
  request_id: string | null;
}
export type Outcome<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

/** Runs `work` for a page or an action; an error of the contract becomes an answer, redirects of Next pass. Never throws others. */
export async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    unstable_rethrow(error);
    return { ok: false, refusal: refusalOf(error) };
  }
}

function refusalOf(error: unknown): Refusal {
  const known = error instanceof ControlRoomError ? error : new ControlRoomError("internal", undefined, { cause: error });
  const { title, remedy } = errorCatalogue[known.code];
  const ours = known.status >= 500;
  const request_id = ours ? randomUUID() : null;
  if (ours) log.error({ err: error, request_id, code: known.code }, "a page or action failed");
  // SQL appends its own remedy to the sentence; the general one beside it would say it twice.
  const message = known.message === "" ? title : known.message;
  return { code: known.code, message, remedy: message.includes(remedy) ? "" : remedy, errors: known.errors, request_id };
}
