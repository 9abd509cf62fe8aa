import { z } from "zod";
import { page, slug, text, timestamp, uuid, word } from "./common.ts";
import { sourceKinds } from "./pipeline.ts";
import { runStatus } from "./run.ts";

/** An Odoo database is a PostgreSQL database that the `odoo` source knows its way in. */
export const connectionKinds = sourceKinds;
export const connectionKind = z.enum(connectionKinds);
export type ConnectionKind = z.infer<typeof connectionKind>;

export const sslModes = ["disable", "require", "verify-full"] as const;
/** Of both kinds. The password is the connection's secret. */
export const postgresSettings = z.strictObject({
  host: z.string().regex(/^[A-Za-z0-9_.:-]{1,253}$/, "a name or an address"),
  port: z.int().min(1).max(65_535).default(5432),
  database: text.min(1).max(63),
  user: text.min(1).max(63),
  sslmode: z.enum(sslModes).default("verify-full").describe("require encrypts, verify-full also checks whom it talks to"),
});
export type PostgresSettings = z.infer<typeof postgresSettings>;

const definition = { kind: connectionKind, settings: postgresSettings, secret_name: word.nullable().default(null).describe("the secret that holds the password") };
export const connection = z.object({
  connection_id: uuid,
  environment_id: uuid,
  name: word,
  ...definition,
  used_by: z.array(z.string()).describe("templates whose present version names it"),
  last_test: z.object({
    run_id: uuid, status: runStatus, error_code: z.string().nullable(), error_message: z.string().nullable(), created_at: timestamp, finished_at: timestamp.nullable(),
  }).nullable().describe("of its present settings"),
  created_by: z.string().nullable(),
  created_at: timestamp,
  updated_by: z.string().nullable(),
  updated_at: timestamp,
}).meta({ id: "Connection" });
export type Connection = z.infer<typeof connection>;
export const connectionPage = page(connection).meta({ id: "ConnectionPage" });
export const createConnectionRequest = z.strictObject({ environment: slug.optional(), project: slug.optional(), name: word, ...definition }).meta({ id: "CreateConnectionRequest" });
export const changeConnectionRequest = z.strictObject(definition).meta({ id: "ChangeConnectionRequest" });
