/** Signed and opaque tokens: ES256 JWTs, refresh tokens, one-time codes. */
import { createHash, createPublicKey, randomBytes, randomInt, type JsonWebKey } from 'node:crypto';
import { SignJWT, errors, importJWK, jwtVerify, type CryptoKey, type JWTPayload } from 'jose';
import { AuthError } from './errors.ts';

/** Life of an access token, in seconds. */
export const ACCESS_SECONDS = 3_600;
/** Life of a role token that stands for an opaque key, in seconds. */
const ROLE_SECONDS = 300;

export type ApiRole = 'anon' | 'service_role';
export type PublicKeySet = { keys: Record<string, unknown>[] };
export type SigningKey = { kid: string; private_key: CryptoKey; public_key: CryptoKey; jwks: PublicKeySet };

function kidOf(jwk: JsonWebKey): string {
  const { kid } = jwk;
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || !jwk.d || typeof kid !== 'string' || !kid) {
    throw new Error('AUTH_KEY_INVALID: the signing key must be a private ES256 (P-256) JWK with a kid; make a new one');
  }
  return kid;
}

/** The public half as a JWKS, for `/.well-known/jwks.json` and for PostgREST's `jwt-secret`. */
export function publicJwks(jwk: JsonWebKey): PublicKeySet {
  const kid = kidOf(jwk);
  const { x, y } = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' });
  return { keys: [{ alg: 'ES256', crv: 'P-256', key_ops: ['verify'], kid, kty: 'EC', use: 'sig', x, y }] };
}

export async function loadSigningKey(jwk: JsonWebKey): Promise<SigningKey> {
  const jwks = publicJwks(jwk);
  const { kty, crv, x, y, d } = jwk;
  const private_key = (await importJWK({ kty: kty as 'EC', crv: crv!, x, y, d }, 'ES256')) as CryptoKey;
  const public_key = (await importJWK({ kty: kty as 'EC', crv: crv!, x, y }, 'ES256')) as CryptoKey;
  return { kid: kidOf(jwk), private_key, public_key, jwks };
}

function sign(key: SigningKey, claims: JWTPayload): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'JWT' }).sign(key.private_key);
}

/** Signs the claims with `iat` now and `exp` in an hour; `expires_at` is in Unix seconds. */
export async function accessToken(key: SigningKey, claims: JWTPayload): Promise<{ token: string; expires_at: number }> {
  const iat = Math.floor(Date.now() / 1_000);
  const { iss, sub, aud, ...rest } = claims;
  const expires_at = iat + ACCESS_SECONDS;
  return { token: await sign(key, { iss, sub, aud, exp: expires_at, iat, ...rest }), expires_at };
}

/** A JWT of 5 minutes that acts as `anon` or `service_role`, without a user. */
export async function roleToken(jwk: JsonWebKey, role: ApiRole): Promise<string> {
  return signRole(await loadSigningKey(jwk), role);
}

function signRole(key: SigningKey, role: ApiRole): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000);
  return sign(key, { iss: 'supabase', role, iat, exp: iat + ROLE_SECONDS });
}

/** Role tokens, signed at most once in four minutes each: one handed out has a minute or more to live. */
export function roleTokens(key: SigningKey, now_ms: () => number = Date.now): (role: ApiRole) => Promise<string> {
  const held = new Map<ApiRole, { token: Promise<string>; renew_ms: number }>();
  return (role) => {
    const found = held.get(role);
    if (found && now_ms() < found.renew_ms) return found.token;
    const token = signRole(key, role);
    held.set(role, { token, renew_ms: now_ms() + (ROLE_SECONDS - 60) * 1_000 });
    return token;
  };
}

/** What Go's decoder would say about a token that is not one, or null for one that may be parsed. */
function malformed(token: string): string | null {
  const [header, ...others] = token.split('.');
  if (others.length !== 2) return 'token contains an invalid number of segments';
  const at = /[^A-Za-z0-9_-]/.exec(header!)?.index ?? (header!.length % 4 === 1 ? header!.length - 1 : -1);
  if (at >= 0) return `could not base64 decode header: illegal base64 data at input byte ${at}`;
  return null;
}

/** Claims of an access token signed here. Throws 401 `no_authorization` without one, 403 `bad_jwt` for a wrong one. */
export async function verifyToken(key: SigningKey, token: string | null): Promise<JWTPayload> {
  if (!token) throw new AuthError(401, 'no_authorization', 'This endpoint requires a valid Bearer token');
  const reject = (why: string): AuthError => new AuthError(403, 'bad_jwt', `invalid JWT: unable to parse or verify signature, ${why}`);
  const defect = malformed(token);
  if (defect) throw reject(`token is malformed: ${defect}`);
  try {
    const { payload } = await jwtVerify(token, key.public_key, { algorithms: ['ES256'] });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw reject('token has invalid claims: token is expired');
    if (error instanceof errors.JWSSignatureVerificationFailed) throw reject('token signature is invalid');
    throw reject('token is malformed or not signed with ES256');
  }
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** 12 characters of base32, 60 random bits, as GoTrue's. */
export function newRefreshToken(): string {
  return Array.from(randomBytes(12), (byte) => ALPHABET[byte & 31]).join('');
}

/**
 * Ten digits, the most that GoTrue may be set to. A link's token is a hash of address and code: with six, who asks for links of a known address
 * and tries as often as is allowed (360 an hour) would be in within a few months.
 */
export function newCode(): string {
  return randomInt(10_000_000_000).toString().padStart(10, '0');
}

/** GoTrue's token hash: SHA-224 over email and code, 56 hex digits. */
export function codeHash(email: string, code: string): string {
  return createHash('sha224').update(email + code).digest('hex');
}
