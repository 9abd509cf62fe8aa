import type { HttpSettings, PostgresSettings } from "../../contracts/connection.ts";
import { httpSettings, postgresSettings, s3Settings } from "../../contracts/connection.ts";
import type { S3Settings } from "../storage/s3-settings.ts";
import { PermanentError } from "./errors.ts";

/** A connection with its secret in its place. */
export type OpenConnection =
  | { kind: "postgres"; url: string }
  | { kind: "odoo"; url: string }
  /** `url` is the base address without a slash at its end; `headers` hold the secret. */
  | { kind: "http"; url: string; headers: Record<string, string> }
  | { kind: "s3"; settings: S3Settings }
  /** A folder of this machine. Only the executor's own environment names one: the control room keeps none. */
  | { kind: "file"; folder: string };
export type OpenKind = OpenConnection["kind"];
export type ConnectionOf<K extends OpenKind> = Extract<OpenConnection, { kind: K }>;

/** Throws `connection_invalid` where the connection is of none of the kinds. */
export function ofKind<K extends OpenKind>(connection: OpenConnection, name: string, kinds: readonly K[]): ConnectionOf<K> {
  if ((kinds as readonly string[]).includes(connection.kind)) return connection as ConnectionOf<K>;
  throw new PermanentError("connection_invalid", `The connection "${name}" is of kind ${connection.kind}; this phase asks one of kind ${kinds.join(" or ")}.`, { connection: name });
}

/** From what the control room keeps; `secret` is null where the connection names none. Null where the settings are not those of the kind. */
export function openStored(kind: string, settings: unknown, secret: string | null): OpenConnection | null {
  switch (kind) {
    case "postgres":
    case "odoo": {
      const { data } = postgresSettings.safeParse(settings);
      return data === undefined ? null : { kind, url: postgresUrl(data, secret) };
    }
    case "http": {
      const { data } = httpSettings.safeParse(settings);
      return data === undefined || (data.auth !== "none" && secret === null) ? null : { kind, url: withoutSlash(data.url), headers: authHeaders(data, secret ?? "") };
    }
    case "s3": {
      const { data } = s3Settings.safeParse(settings);
      if (data === undefined || secret === null) return null;
      const { endpoint, bucket, prefix, region, access_key_id } = data;
      return { kind, settings: { endpoint: withoutSlash(endpoint), bucket, prefix: folder(prefix), region, access_key_id, secret_access_key: secret, session_token: null } };
    }
    default: return null;
  }
}

/**
 * From an executor's own environment: `postgres://user:password@host/database`, `https://user:password@host/path`,
 * `s3://KEY:SECRET@bucket/prefix?region=…&endpoint=…`, or `file:/folder`. Null where it is none of them.
 */
export function openUrl(text: string): OpenConnection | null {
  if (!URL.canParse(text) || /^postgres(ql)?:/.test(text)) return { kind: "postgres", url: text };
  const url = new URL(text);
  const [user, password] = [url.username, url.password].map(decodeURIComponent) as [string, string];
  if (url.protocol === "s3:") {
    const region = url.searchParams.get("region") ?? "us-east-1";
    const settings = { endpoint: url.searchParams.get("endpoint") ?? `https://s3.${region}.amazonaws.com`, region, bucket: url.hostname, prefix: decodeURIComponent(url.pathname.slice(1)), access_key_id: user };
    return openStored("s3", settings, password);
  }
  if (url.protocol === "file:") return url.host === "" && url.search === "" ? { kind: "file", folder: decodeURIComponent(url.pathname) } : null;
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  const auth = user === "" ? { auth: "none" } : { auth: "basic", user };
  return openStored("http", { url: `${url.origin}${url.pathname}`, ...auth }, password);
}

/** node-postgres checks certificates for `require` too, where libpq only encrypts: `no-verify` is its word for that. */
const sslWords = { disable: "disable", require: "no-verify", "verify-full": "verify-full" } as const;

function postgresUrl({ host, port, database, user, sslmode }: PostgresSettings, password: string | null): string {
  const login = password === null ? encodeURIComponent(user) : `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${login}@${host.includes(":") ? `[${host}]` : host}:${port}/${encodeURIComponent(database)}?sslmode=${sslWords[sslmode]}`;
}

function authHeaders({ auth, user, header }: HttpSettings, secret: string): Record<string, string> {
  if (auth === "none") return {};
  if (auth === "bearer") return { authorization: `Bearer ${secret}` };
  if (auth === "basic") return { authorization: `Basic ${Buffer.from(`${user ?? ""}:${secret}`).toString("base64")}` };
  return { [(header ?? "").toLowerCase()]: secret };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
function folder(prefix: string): string {
  return prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
}
