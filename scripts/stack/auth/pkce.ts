/**
 * PKCE (RFC 7636) for links that are opened in another request than they were asked for, as `@supabase/ssr` does.
 * Kept in memory: a restart of the stack makes a link that is still open answer `flow_state_not_found`, and the
 * person asks for another.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { AuthError } from './errors.ts';

export type Challenge = { challenge: string; method: 'plain' | 's256' };
type Pending = Challenge & { expires_ms: number };
type Granted = Challenge & { user_id: string; method_used: string; expires_ms: number };

const LINK_LIFETIME_MS = 3_600_000;
const CODE_LIFETIME_MS = 300_000;
const MOST_FLOWS = 5_000;

export type PendingFlows = {
  remember(hashed_token: string, challenge: Challenge): void;
  /** The link was opened: gives the one-time `code` for the redirect. Throws 404 `flow_state_not_found`. */
  grant(hashed_token: string, user_id: string, method_used: string): string;
  /** Gives the user once, if the verifier fits. Throws 404 `flow_state_not_found`, 400 `bad_code_verifier`. */
  redeem(code: string, verifier: string): { user_id: string; method_used: string };
};

const NOT_FOUND = 'Invalid flow state, no valid flow state found; ask for a new link';

export function createFlows(now_ms: () => number = Date.now): PendingFlows {
  const pending = new Map<string, Pending>();
  const granted = new Map<string, Granted>();

  function put<T extends { expires_ms: number }>(map: Map<string, T>, key: string, value: T): void {
    for (const [other, { expires_ms }] of map) {
      if (expires_ms <= now_ms() || map.size >= MOST_FLOWS) map.delete(other);
      else break;
    }
    map.set(key, value);
  }

  function take<T extends { expires_ms: number }>(map: Map<string, T>, key: string): T {
    const found = map.get(key);
    map.delete(key);
    if (!found || found.expires_ms <= now_ms()) throw new AuthError(404, 'flow_state_not_found', NOT_FOUND);
    return found;
  }

  return {
    remember(hashed_token, challenge) {
      put(pending, hashed_token, { ...challenge, expires_ms: now_ms() + LINK_LIFETIME_MS });
    },
    grant(hashed_token, user_id, method_used) {
      const { challenge, method } = take(pending, hashed_token);
      const code = randomUUID();
      put(granted, code, { challenge, method, user_id, method_used, expires_ms: now_ms() + CODE_LIFETIME_MS });
      return code;
    },
    redeem(code, verifier) {
      const flow = take(granted, code);
      const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
      const shown = flow.method === 's256' ? digest(verifier).toString('base64url') : verifier;
      if (!timingSafeEqual(digest(shown), digest(flow.challenge))) {
        throw new AuthError(400, 'bad_code_verifier', 'code challenge does not match previously saved code verifier');
      }
      return { user_id: flow.user_id, method_used: flow.method_used };
    },
  };
}
