import { calculateJwkThumbprint, compactDecrypt, CompactEncrypt, exportJWK, generateKeyPair, importJWK } from "jose";
import { z } from "zod";

/**
 * How a secret's value is sealed to an environment: a compact JWE (RFC 7516) with ECDH-ES over X25519 (RFC 8037) and A256GCM. The
 * header names key, environment and secret, and is authenticated with the value, so that one cannot pass for another's.
 */
const algorithm = "ECDH-ES";
const encryption = "A256GCM";

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "32 bytes in base64url");
/** Strict: a private key (`d`) that is sent by mistake is refused, not stored. */
export const publicKey = z.strictObject({ kty: z.literal("OKP"), crv: z.literal("X25519"), x: coordinate });
export type PublicKey = z.infer<typeof publicKey>;
/** `kid` is the thumbprint of the public part (RFC 7638). */
export const privateKey = z.object({ kty: z.literal("OKP"), crv: z.literal("X25519"), x: coordinate, d: coordinate, kid: z.string().min(1) });
export type PrivateKey = z.infer<typeof privateKey>;
export const privateKeySet = z.object({ keys: z.array(privateKey) });

/** What a value is sealed for. */
export interface SealPlace {
  environment_id: string;
  /** The secret's. */
  name: string;
}

/** `key_missing`: none of the keys at hand is the one that it was sealed to. `seal_broken`: damaged, or sealed for something else. */
export class SealError extends Error {
  readonly code: "key_missing" | "seal_broken";
  constructor(code: SealError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SealError";
    this.code = code;
  }
}

export async function newPrivateKey(): Promise<PrivateKey> {
  const pair = await generateKeyPair(algorithm, { crv: "X25519", extractable: true });
  const jwk = await exportJWK(pair.privateKey);
  return privateKey.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk) });
}

export function publicPart({ kty, crv, x }: PrivateKey): PublicKey {
  return { kty, crv, x };
}

export async function seal(value: string, place: SealPlace, key: PublicKey & { kid: string }): Promise<string> {
  const { kid, ...jwk } = key;
  return new CompactEncrypt(new TextEncoder().encode(value))
    .setProtectedHeader({ alg: algorithm, enc: encryption, kid, environment_id: place.environment_id, name: place.name })
    .encrypt(await importJWK(jwk, algorithm));
}

/** The value, where it was sealed for this place to one of these keys. Throws SealError, which never holds the value. */
export async function open(sealed: string, place: SealPlace, keys: readonly PrivateKey[]): Promise<string> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, async ({ kid }) => {
      const key = keys.find((each) => each.kid === kid);
      if (key === undefined) throw new SealError("key_missing", `The secret ${place.name} is sealed to the key ${String(kid)}, which this executor does not hold.`);
      return importJWK(key, algorithm);
    }, { keyManagementAlgorithms: [algorithm], contentEncryptionAlgorithms: [encryption] });
    if (protectedHeader["environment_id"] === place.environment_id && protectedHeader["name"] === place.name) return new TextDecoder("utf-8", { fatal: true }).decode(plaintext);
  } catch (error) {
    if (error instanceof SealError) throw error;
    throw new SealError("seal_broken", `The secret ${place.name} cannot be opened: its seal is broken.`, { cause: error });
  }
  throw new SealError("seal_broken", `The secret ${place.name} was sealed for another environment or name.`);
}
