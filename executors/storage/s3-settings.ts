import { CodedError } from "./coded-error.ts";

export interface S3Settings {
  /** `https://s3.eu-west-1.amazonaws.com`, `https://PROJECT.supabase.co/storage/v1/s3`; without a trailing slash. */
  endpoint: string;
  bucket: string;
  /** Before every path: empty, or ending in `/`. */
  prefix: string;
  region: string;
  access_key_id: string;
  secret_access_key: string;
  session_token: string | null;
}

type Environment = Record<string, string | undefined>;

/**
 * `s3://bucket/prefix` with the variables that every S3 tool reads: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
 * `AWS_SESSION_TOKEN`, `AWS_REGION`, and `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` for a store that is not AWS. The URL
 * holds no secret: it is written into logs. Throws `storage_url_unsupported`, `not_configured`.
 */
export function s3Settings(url: string, env: Environment): S3Settings {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?#]*))?$/.exec(url);
  if (match === null) {
    throw new CodedError({
      code: "storage_url_unsupported",
      message: "This storage URL is not supported",
      place: url.replace(/\/\/[^/@]*@/, "//…@"),
      remedy: "Use s3://bucket/prefix; the key belongs into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    });
  }
  const region = set(env["AWS_REGION"]) ?? set(env["AWS_DEFAULT_REGION"]) ?? "us-east-1";
  const endpoint = set(env["AWS_ENDPOINT_URL_S3"]) ?? set(env["AWS_ENDPOINT_URL"]) ?? `https://s3.${region}.amazonaws.com`;
  if (!/^https?:\/\/[^/@?#]+(\/[^?#]*)?$/.test(endpoint)) throw missing(url, "AWS_ENDPOINT_URL_S3 is not an http(s) URL", "Set it to the store's S3 endpoint.");
  const access_key_id = set(env["AWS_ACCESS_KEY_ID"]);
  const secret_access_key = set(env["AWS_SECRET_ACCESS_KEY"]);
  if (access_key_id === null || secret_access_key === null) throw missing(url, "The store's key is not set", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  const prefix = (match[2] ?? "").replace(/^\/+|\/+$/g, "");
  if (prefix.split("/").some((part) => part === ".." || part === ".")) throw missing(url, "The prefix holds a dot segment", "Write the prefix without '.' and '..'.");
  return {
    endpoint: endpoint.replace(/\/+$/, ""),
    bucket: match[1]!,
    prefix: prefix === "" ? "" : `${decodeURIComponent(prefix)}/`,
    region,
    access_key_id,
    secret_access_key,
    session_token: set(env["AWS_SESSION_TOKEN"]),
  };
}

function set(value: string | undefined): string | null {
  return value === undefined || value === "" ? null : value;
}

function missing(place: string, message: string, remedy: string): CodedError {
  return new CodedError({ code: "not_configured", message, place, remedy });
}
