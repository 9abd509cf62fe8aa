import { CodedError, errorCode } from "../storage/coded-error.ts";
import { Refused } from "./refused.ts";

/** Where a connection leads, without its password: `user@host:5432/database`. Throws `source_url_invalid`. */
export function sourcePlace(url: string): string {
  try {
    const { protocol, username, hostname, port, pathname } = new URL(url);
    if (protocol !== "postgres:" && protocol !== "postgresql:") throw new TypeError("not a Postgres URL");
    return `${decodeURIComponent(username) || "?"}@${hostname || "localhost"}:${port || "5432"}${pathname}`;
  } catch {
    // The parser's own message would repeat the URL, password included.
    throw new CodedError({
      code: "source_url_invalid",
      message: "The connection's URL cannot be read",
      place: "connection",
      remedy: "Write postgres://user:password@host:5432/database and percent-encode special characters in the password.",
    });
  }
}

const UNREACHABLE = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET", "EPIPE", "57P01", "57P02", "57P03", "08006", "08001"]);

/**
 * Gives an error of the driver or the server a stable code. Messages of the server are kept only where they cannot
 * hold row content; never a password.
 */
export function sourceError(error: unknown, place: string): unknown {
  if (error instanceof CodedError || !(error instanceof Error)) return error;
  const code = errorCode(error) ?? "";
  const make = (name: string, message: string, remedy: string, retryable = false): CodedError =>
    // The cause is left out: the driver's errors carry the statement and sometimes values.
    new CodedError({ code: name, message, place, remedy, retryable });
  if (code === "28P01" || code === "28000" || /password must be a string|no password/i.test(error.message)) {
    return make("source_auth_failed", "The source refused the login", "Check user and password of the connection, and the server's pg_hba.conf.");
  }
  if (code === "3D000") return make("source_database_missing", "The source has no such database", "Correct the database name in the connection.");
  if (code === "53300") return make("source_unreachable", "The source has no free connection", "Raise max_connections or run less at once.", true);
  if (UNREACHABLE.has(code) || /timeout expired|connection terminated|timeout exceeded when trying to connect/i.test(error.message)) {
    return make("source_unreachable", `The source cannot be reached${code === "" ? "" : ` (${code})`}`, "Check that it runs, its host and port, and the network between.", true);
  }
  if (code === "57014" || code === "55P03") {
    return make("source_timeout", code === "55P03" ? "A table stayed locked" : "A statement took too long", "Try again when the source is quieter, or raise the phase's timeout_seconds.", true);
  }
  if (code === "42501" && /replication|WAL sender/i.test(error.message)) return make("source_replication_denied", "The login may not read the log", "alter role … replication (on Amazon RDS: grant rds_replication to …).");
  if (code === "42501") return make("source_permission_denied", error.message, "Grant SELECT on the table, or exclude the columns that this login may not read.");
  if (code === "42P01") return tableMissing(place);
  if (/^[0-9A-Z]{5}$/.test(code)) return make("source_failed", `The source answered ${code}: ${error.message}`, "See the source's log.", code.startsWith("40") || code.startsWith("53"));
  return error;
}

export function tableMissing(place: string): CodedError {
  return new CodedError({
    code: "source_table_missing",
    message: "The source has no such table",
    place,
    remedy: "Correct its name or schema, or mark it `optional: true` where the module that owns it may be absent.",
  });
}

/** A call that got no answer, by the checked way out. A refused address stays refused, whoever asks again. */
export function unreachableSource(error: unknown, place: string): CodedError {
  const refused = [error, (error as Error | undefined)?.cause].find((each) => each instanceof Refused);
  if (refused !== undefined) {
    return new CodedError({
      code: "source_address_refused", message: (refused as Refused).message.replace(/\.$/, ""), place,
      remedy: "A source over http is public and speaks https; where this one is meant, name its host or network in CONTROL_ROOM_OUTBOUND_ALLOW of the executor.",
    });
  }
  const said = error instanceof CodedError || !(error instanceof Error) ? "" : ` (${error.message.replace(/\.$/, "")})`;
  return new CodedError({ code: "source_unreachable", message: `The source cannot be reached${said}`, place, remedy: "Check that it runs, its address, and the network between.", retryable: true, cause: error });
}

/** An answer over http that is none. */
export function sourceStatus(status: number, place: string): CodedError {
  const make = (code: string, message: string, remedy: string, retryable = false): CodedError => new CodedError({ code, message: `${message} (${status})`, place, remedy, retryable });
  if (status === 401 || status === 403) return make("source_auth_failed", "The source refused access", "Check the connection's secret, and what it may read.");
  if (status === 404 || status === 410) return make("source_table_missing", "The source has nothing there", "Correct the address, bucket or path.");
  if (status >= 500 || status === 429 || status === 408) return make("source_unreachable", "The source cannot answer now", "Try again when it is quieter.", true);
  return make("source_failed", "The source gave an answer that is none", "Check the address: redirects are not followed.");
}
