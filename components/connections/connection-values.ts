import { assertNever } from "@/contracts/words";
import type { Connection, ConnectionKind } from "@/contracts/connection";

export const noSecret = "-";
/** What the form holds: text, of all kinds side by side, so that a look at another kind loses nothing. */
const fresh = {
  name: "", secret_name: noSecret,
  host: "", port: "5432", database: "", user: "", sslmode: "verify-full",
  url: "https://", auth: "none", header: "",
  endpoint: "https://s3.us-east-1.amazonaws.com", region: "us-east-1", bucket: "", prefix: "", access_key_id: "",
};
export type ConnectionField = keyof typeof fresh;
export type ConnectionValues = Record<ConnectionField, string> & { kind: ConnectionKind };

export function connectionValues(connection: Connection | undefined): ConnectionValues {
  if (connection === undefined) return { ...fresh, kind: "postgres" };
  const settings = Object.fromEntries(Object.entries(connection.settings).map(([name, value]) => [name, value === null ? "" : String(value)]));
  return { ...fresh, ...settings, kind: connection.kind, name: connection.name, secret_name: connection.secret_name ?? noSecret };
}

/** Whether there is a secret to choose. */
export function takesSecret({ kind, auth }: ConnectionValues): boolean {
  return kind !== "http" || auth !== "none";
}

/** Kind, settings and secret, as the contract has them. */
export function definitionOf(values: ConnectionValues): Record<string, unknown> {
  const secret_name = takesSecret(values) && values.secret_name !== noSecret ? values.secret_name : null;
  return { kind: values.kind, settings: settingsOf(values), secret_name };
}

function settingsOf({ kind, ...values }: ConnectionValues): Record<string, unknown> {
  switch (kind) {
    case "postgres":
    case "odoo": {
      const { host, port, database, user, sslmode } = values;
      return { host, port: Number(port), database, user, sslmode };
    }
    case "http": {
      const { url, auth, user, header } = values;
      return { url, auth, user: auth === "basic" ? user : null, header: auth === "header" ? header : null };
    }
    case "s3": {
      const { endpoint, region, bucket, prefix, access_key_id } = values;
      return { endpoint, region, bucket, prefix, access_key_id };
    }
    default: return assertNever(kind);
  }
}
