import { z } from "zod";
import { page, slug, text, timestamp, uuid, word } from "./common.ts";
import { runStatus } from "./run.ts";
import { connectionKinds, httpAuths, sslModes } from "./words.ts";

export type ConnectionKind = (typeof connectionKinds)[number];

/** Of both kinds. The password is the connection's secret. */
export const postgresSettings = z.strictObject({
  host: z.string().regex(/^[A-Za-z0-9_.:-]{1,253}$/, "a name or an address"),
  port: z.int().min(1).max(65_535).default(5432),
  database: text.min(1).max(63),
  user: text.min(1).max(63),
  sslmode: z.enum(sslModes).default("verify-full").describe("require encrypts, verify-full also checks whom it talks to"),
});
export type PostgresSettings = z.infer<typeof postgresSettings>;

/** No user name, no query: what a URL holds is shown to viewers. */
const baseUrl = z.string().max(2000).regex(/^https?:\/\/([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$/, "https://host/path, without user, query and fragment");
/** What decides where a request ends and to whom it goes is the client's own. */
const clientHeaders = new Set(["host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect"]);
export const httpSettings = z.strictObject({
  url: baseUrl.describe("base address; a source names paths below it"),
  auth: z.enum(httpAuths).default("none").describe("how the secret is sent: as a bearer token, as the password of basic authentication, or as a header of its own"),
  user: text.min(1).max(200).regex(/^[^:]+$/, "holds no colon").nullable().default(null).describe("auth basic only"),
  header: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "letters, digits and hyphens").refine((name) => !clientHeaders.has(name.toLowerCase()), "is a header that the client itself sends").nullable().default(null).describe("auth header only: its name"),
}).refine(({ auth, user }) => (auth === "basic") === (user !== null), { path: ["user"], error: "auth basic needs a user, and only it has one" })
  .refine(({ auth, header }) => (auth === "header") === (header !== null), { path: ["header"], error: "auth header needs the header's name, and only it has one" });
export type HttpSettings = z.infer<typeof httpSettings>;

function isKeyPrefix(prefix: string): boolean {
  return !/^\/|[\u0000-\u001f\u007f]/.test(prefix) && !prefix.split("/").some((part) => part === "." || part === "..");
}
/** The secret is the secret access key. A public bucket needs none: it is read over http. */
export const s3Settings = z.strictObject({
  endpoint: baseUrl.describe("https://s3.eu-west-1.amazonaws.com, or that of another store"),
  region: z.string().regex(/^[a-z0-9-]{1,40}$/, "lower-case letters, digits and hyphens").default("us-east-1"),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "3 to 63 lower-case letters, digits, dots and hyphens"),
  prefix: text.max(500).refine(isKeyPrefix, "a path without a slash before it, control characters and dot segments").default("").describe("a source names keys below it"),
  access_key_id: z.string().regex(/^[A-Za-z0-9._+/=@-]{1,128}$/, "the key's id"),
});
export type S3Settings = z.infer<typeof s3Settings>;

const secretName = word.nullable().default(null).describe("the secret that opens it: password, token or secret access key");
/** What is sent, of each kind, with what else it holds. */
function ofEachKind<T extends z.ZodRawShape>(shape: T) {
  return z.discriminatedUnion("kind", [
    z.strictObject({ ...shape, kind: z.enum(["postgres", "odoo"]), settings: postgresSettings, secret_name: secretName }),
    z.strictObject({ ...shape, kind: z.literal("http"), settings: httpSettings, secret_name: secretName })
      .refine((given) => (auth(given) === "none") === isWithoutSecret(given), { error: "auth none sends no secret, every other one needs it", path: ["secret_name"] }),
    z.strictObject({ ...shape, kind: z.literal("s3"), settings: s3Settings, secret_name: secretName }).refine((given) => !isWithoutSecret(given), { error: "needs the secret access key", path: ["secret_name"] }),
  ]);
}
// The compiler does not follow a shape that is not known yet.
const auth = (given: unknown): string => (given as { settings: HttpSettings }).settings.auth;
const isWithoutSecret = (given: unknown): boolean => (given as { secret_name: string | null }).secret_name === null;

const stored = {
  connection_id: uuid,
  environment_id: uuid,
  name: word,
  used_by: z.array(z.string()).describe("templates whose present version names it"),
  last_test: z.object({
    run_id: uuid, status: runStatus, error_code: z.string().nullable(), error_message: z.string().nullable(), created_at: timestamp, finished_at: timestamp.nullable(),
  }).nullable().describe("of its present settings"),
  created_by: z.string().nullable(),
  created_at: timestamp,
  updated_by: z.string().nullable(),
  updated_at: timestamp,
  secret_name: word.nullable(),
};
/** An answer may hold more than is known here. */
export const connection = z.discriminatedUnion("kind", [
  z.object({ ...stored, kind: z.enum(["postgres", "odoo"]), settings: postgresSettings }),
  z.object({ ...stored, kind: z.literal("http"), settings: httpSettings }),
  z.object({ ...stored, kind: z.literal("s3"), settings: s3Settings }),
]).meta({ id: "Connection" });
export type Connection = z.infer<typeof connection>;
export const connectionPage = page(connection).meta({ id: "ConnectionPage" });
export const createConnectionRequest = ofEachKind({ environment: slug.optional(), project: slug.optional(), name: word }).meta({ id: "CreateConnectionRequest" });
export const changeConnectionRequest = ofEachKind({}).meta({ id: "ChangeConnectionRequest" });
/** What the page's form sends: it knows its environment. */
export const newConnection = ofEachKind({ environment_id: uuid, name: word });
