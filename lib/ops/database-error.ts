import { ControlRoomError, errorCatalogue, type ErrorCode } from "@/contracts/error.ts";

/** What PostgREST answers beside a status of 400 and more; every field may be missing or empty. */
export interface DatabaseError {
  code?: string | null;
  message?: string | null;
  details?: string | null;
  hint?: string | null;
}

/** SQLSTATEs and PostgREST codes that our own SQL does not raise. https://www.postgresql.org/docs/17/errcodes-appendix.html */
const byCode: Readonly<Record<string, ErrorCode>> = {
  "22P05": "invalid_text",
  "22021": "invalid_text",
  "22P02": "invalid_input",
  "22003": "invalid_input",
  "22007": "invalid_input",
  "22008": "invalid_input",
  "22009": "invalid_input",
  "23505": "conflict",
  "23503": "conflict",
  "23514": "invalid_input",
  "42501": "forbidden",
  // Statement timeout, lock timeout, deadlock, serialisation failure, connection limit, shutdown, crash, starting up.
  "57014": "database_unavailable",
  "55P03": "database_unavailable",
  "40P01": "database_unavailable",
  "40001": "database_unavailable",
  "53300": "database_unavailable",
  "57P01": "database_unavailable",
  "57P02": "database_unavailable",
  "57P03": "database_unavailable",
  // PostgREST: no connection, internal connection error, schema cache not loaded, pool exhausted.
  PGRST000: "database_unavailable",
  PGRST001: "database_unavailable",
  PGRST002: "database_unavailable",
  PGRST003: "database_unavailable",
  // PostgREST: the JWT is missing, does not verify, or has expired.
  PGRST301: "token_invalid",
  PGRST302: "unauthenticated",
  PGRST303: "token_invalid",
};

/**
 * An answer of the database as an error of the contract. Our SQL raises SQLSTATE `PTnnn` with the code as message,
 * a sentence as detail and the remedy as hint; what is unknown becomes `internal` and keeps its text to the log.
 */
export function fromDatabase(error: DatabaseError, status: number): ControlRoomError {
  const code = error.code ?? "";
  const message = error.message ?? "";
  if (/^PT\d{3}$/.test(code) && message in errorCatalogue) {
    const catalogued = errorCatalogue[message as ErrorCode];
    const sentence = error.details || catalogued.title;
    const wait = /^Wait (\d+) s\.$/.exec(error.hint ?? "")?.[1];
    return new ControlRoomError(message as ErrorCode, error.hint ? `${sentence} ${error.hint}` : sentence, { cause: error, retryAfterSeconds: wait === undefined ? undefined : Number(wait) });
  }
  const mapped = byCode[code];
  // Without a right to anything: nobody is signed in. With one, a role is missing.
  if (status === 401) return new ControlRoomError(mapped === "token_invalid" ? mapped : "unauthenticated");
  // Neither code nor words: the connection broke before the database could say anything.
  const speechless = status !== 401 && code === "" && message === "";
  if (mapped === "database_unavailable" || speechless || code.startsWith("08") || status === 0 || (status >= 502 && status <= 504)) {
    return new ControlRoomError("database_unavailable", undefined, { cause: error, retryAfterSeconds: 1 });
  }
  if (mapped !== undefined) return new ControlRoomError(mapped, undefined, { cause: error });
  return new ControlRoomError("internal", undefined, { cause: error });
}
