import { isStorableText } from "../../contracts/common.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { LeaseLost, PermanentError, PhaseError, RetryLater } from "./errors.ts";
import { Unreachable } from "./remote-call.ts";

/** Somebody asked for the run to be cancelled. */
export class Canceled extends Error {
  readonly code = "canceled";
  constructor(reason: string | null) {
    super(reason ?? "The run was canceled.");
    this.name = "Canceled";
  }
}
/** This executor stops; another goes on. */
export class ShuttingDown extends Error {
  readonly code = "shutting_down";
  constructor() {
    super("the executor is shutting down");
    this.name = "ShuttingDown";
  }
}
/** This executor may run only so long (an Edge Function), and the end is near: another, or its next turn, goes on. */
export class OutOfTime extends Error {
  readonly code = "out_of_time";
  constructor() {
    super("the executor's time limit is near");
    this.name = "OutOfTime";
  }
}
export class PhaseTimeout extends Error {
  readonly code = "timeout";
  constructor(seconds: number) {
    super(`did not end within ${seconds} s (timeout_seconds)`);
    this.name = "PhaseTimeout";
  }
}

export interface Failure {
  code: string;
  message: string;
  data: Record<string, unknown>;
  permanent: boolean;
  /** Not before so many seconds from now; null: the control room decides. */
  retry_after_seconds: number | null;
}

const codePattern = /^[a-z][a-z0-9_]{0,62}$/;
const messageLimit = 10_000;

/** What a thrown value means for the phase and its run. Takes anything, an Error or not. */
export function failureOf(thrown: unknown, redact: (text: string) => string = (text) => text): Failure {
  const failure = { code: "phase_failed", message: tidyText(redact(messageOf(thrown)), messageLimit), data: {}, permanent: false, retry_after_seconds: null };
  if (thrown instanceof PermanentError) return { ...failure, code: codeOr(thrown.code), data: thrown.data, permanent: true };
  if (thrown instanceof RetryLater) return { ...failure, code: codeOr(thrown.code), retry_after_seconds: Math.min(86_400, Math.max(0, thrown.seconds)) };
  if (thrown instanceof PhaseError) return { ...failure, code: codeOr(thrown.code), data: thrown.data };
  if (thrown instanceof PhaseTimeout || thrown instanceof Canceled || thrown instanceof LeaseLost || thrown instanceof Unreachable) return { ...failure, code: thrown.code };
  if (thrown instanceof ControlRoomError) return { ...failure, code: thrown.code, permanent: thrown.status < 500 && thrown.status !== 429 };
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown) || typeof thrown.code !== "string") return failure;
  if (thrown.code === "ENOSPC" || thrown.code === "EDQUOT") return { ...failure, code: "storage_full" };
  // Errors of the storage and lake modules say of themselves whether a repeat may help.
  const permanent = "retryable" in thrown && thrown.retryable === false;
  return { ...failure, code: codeOr(thrown.code), permanent };
}

function codeOr(code: string): string {
  return codePattern.test(code) ? code : "phase_failed";
}

function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return thrown.message === "" ? thrown.name : thrown.message;
    return typeof thrown === "string" ? thrown : `a phase threw ${JSON.stringify(thrown) ?? String(thrown)}`;
  } catch {
    return "a phase threw a value that cannot be printed";
  }
}

/** Text that PostgreSQL stores: no NUL bytes, no lone surrogates, at most `limit` characters. */
export function tidyText(text: string, limit: number): string {
  const storable = isStorableText(text) ? text : text.toWellFormed().replaceAll("\u0000", "\ufffd");
  return storable.length <= limit ? storable : `${storable.slice(0, limit - 1).toWellFormed().replace(/\ufffd$/, "")}…`;
}

/** A value as JSON can carry it: bigints and what JSON lacks become text, texts are made storable. */
export function tidyJson(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return tidyText(value, 1_000_000);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value === "boolean") return value;
  if (depth > 50) return "…";
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return tidyText(value.message, messageLimit);
  if (Array.isArray(value)) return value.map((item) => tidyJson(item, depth + 1) ?? null);
  if (typeof value === "object") return tidyObject(value, depth + 1);
  return undefined;
}
export function tidyObject(value: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [tidyText(key, 1000), tidyJson(item, depth)] as const).filter(([, item]) => item !== undefined));
}
