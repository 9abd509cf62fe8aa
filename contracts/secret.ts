import { z } from "zod";
import { page, slug, text, timestamp, uuid, word } from "./common.ts";
import { publicKey } from "./sealing.ts";

/** Which environment is meant; may be left out where the caller sees one. */
export const placeQuery = z.object({ environment: slug.optional(), project: slug.optional() });
export const kid = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "a thumbprint of 43 characters");

/** The public half of a key pair; the newest that is not retired is the one that values are sealed to. */
export const environmentKey = z.object({
  environment_id: uuid,
  kid,
  public_key: publicKey,
  created_by: z.string().nullable(),
  created_at: timestamp,
  retired_at: timestamp.nullable(),
}).meta({ id: "EnvironmentKey" });
export type EnvironmentKey = z.infer<typeof environmentKey>;
export const environmentKeyPage = page(environmentKey).meta({ id: "EnvironmentKeyPage" });
export const addEnvironmentKeyRequest = z.strictObject({ environment: slug.optional(), project: slug.optional(), public_key: publicKey }).meta({ id: "AddEnvironmentKeyRequest" });

/** A secret without its value, which nobody can read back. */
export const secret = z.object({
  secret_id: uuid,
  environment_id: uuid,
  name: word,
  kid: kid.describe("the key that it is sealed to"),
  version: z.int().describe("counts its values"),
  used_by: z.array(z.string()).describe("connections that name it"),
  created_by: z.string().nullable(),
  created_at: timestamp,
  updated_by: z.string().nullable(),
  updated_at: timestamp.describe("of its value"),
}).meta({ id: "Secret" });
export type Secret = z.infer<typeof secret>;
export const secretPage = page(secret).meta({ id: "SecretPage" });

/** Shorter texts stand by chance in logs: they could not be taken out of them without spoiling the rest. */
export const leastSecretLength = 8;
export const secretValue = text.min(leastSecretLength, `has fewer than ${leastSecretLength} characters, too few to be taken out of logs`).max(16_384);
/** `value` is sealed by the control room at once; `sealed` is the caller's own JWE, whose value the control room never sees. */
export const putSecretRequest = z.union([z.strictObject({ value: secretValue }), z.strictObject({ sealed: z.string().max(110_000) })]).meta({ id: "PutSecretRequest" });

/** What the holder of a lease is given: values as they are sealed. */
export const runSecrets = z.object({
  connections: z.array(z.object({ name: z.string(), kind: z.string(), settings: z.unknown(), secret_name: z.string().nullable() })),
  secrets: z.array(z.object({ name: z.string(), version: z.int(), kid: z.string(), sealed: z.string() })),
  active_key: publicKey.extend({ kid }).nullable().describe("what a run that reseals seals them to"),
}).meta({ id: "RunSecrets" });
export type RunSecrets = z.infer<typeof runSecrets>;
export const resealRequest = z.strictObject({ version: z.int().min(1), sealed: z.string().max(110_000) }).meta({ id: "ResealRequest" });
export const resealResponse = z.object({ resealed: z.boolean().describe("false where the secret was replaced or deleted meanwhile") }).meta({ id: "ResealResponse" });
