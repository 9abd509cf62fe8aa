/**
 * Opaque API keys. As on hosted Supabase each request names one in `apikey`; upstream it becomes a short-lived JWT of
 * the key's role, unless the request brings a JWT of its own.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiRole } from './tokens.ts';

export type KeyChecked =
  | { ok: true; role: ApiRole; /** What `authorization` carries besides the key, or null. */ authorization: string | null }
  | { ok: false; body: { code: string; message: string; hint: string } };

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const MISSING: KeyChecked = {
  ok: false,
  body: { code: 'no_api_key', message: 'No API key found in request', hint: 'No `apikey` request header was found.' },
};
const INVALID: KeyChecked = {
  ok: false,
  body: { code: 'invalid_api_key', message: 'Invalid API key', hint: 'Double check the publishable or secret API key.' },
};

/** Compares in constant time. An opaque key as bearer must be the one in `apikey`, as on hosted Supabase. */
export function keyChecker(publishable_key: string, secret_key: string): (apikey: string | undefined, authorization: string | undefined) => KeyChecked {
  const known: [Buffer, ApiRole][] = [
    [digest(publishable_key), 'anon'],
    [digest(secret_key), 'service_role'],
  ];
  const roleOf = (key: string): ApiRole | null => {
    const shown = digest(key);
    let role: ApiRole | null = null;
    for (const [expected, of] of known) if (timingSafeEqual(shown, expected)) role = of;
    return role;
  };
  return (apikey, authorization) => {
    const bearer = authorization?.match(/^Bearer +(\S+) *$/i)?.[1];
    const opaque = bearer?.startsWith('sb_') || bearer === publishable_key || bearer === secret_key;
    const shown = apikey ?? (opaque ? bearer : undefined);
    if (!shown) return MISSING;
    const role = roleOf(shown);
    if (!role || (opaque && roleOf(bearer!) !== role)) return INVALID;
    return { ok: true, role, authorization: opaque ? null : (authorization ?? null) };
  };
}
