/** Token buckets in memory. One gateway runs per stack, so nothing needs to be shared. */
import { AuthError } from './errors.ts';

type Rule = { capacity: number; window_seconds: number };
type Bucket = { tokens: number; at_ms: number };

/** Attempts per window; `failed_*` stay spent only for failures, the others for every request of an address, `token` of a refresh token for every use of it. */
export const RULES = {
  token: { capacity: 1_800, window_seconds: 300 },
  signup: { capacity: 300, window_seconds: 300 },
  email: { capacity: 120, window_seconds: 300 },
  failed_password: { capacity: 30, window_seconds: 300 },
  // Of one account, from everywhere.
  failed_account: { capacity: 300, window_seconds: 300 },
  failed_verify: { capacity: 30, window_seconds: 300 },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;

export type RateLimits = {
  /** Spends one token, or throws 429 `over_request_rate_limit`. */
  spend(rule: RuleName, subject: string): void;
  /** Gives one token back: the attempt turned out not to count. Spent first, so that attempts at once count too. */
  refund(rule: RuleName, subject: string): void;
};

/** Above this many buckets the full ones, which say nothing, are dropped. */
const SWEEP_AT = 10_000;

export function createRateLimits(now_ms: () => number = Date.now): RateLimits {
  const buckets = new Map<string, Bucket>();

  function refilled(rule: RuleName, bucket: Bucket, at_ms: number): number {
    const { capacity, window_seconds } = RULES[rule];
    return Math.min(capacity, bucket.tokens + ((at_ms - bucket.at_ms) / 1_000) * (capacity / window_seconds));
  }

  function sweep(at_ms: number): void {
    for (const [key, bucket] of buckets) {
      const rule = key.slice(0, key.indexOf('\n')) as RuleName;
      if (refilled(rule, bucket, at_ms) >= RULES[rule].capacity) buckets.delete(key);
    }
    // Everything that is left is partly spent: the oldest entries go first, so that memory stays bounded.
    for (const key of buckets.keys()) {
      if (buckets.size <= SWEEP_AT) break;
      buckets.delete(key);
    }
  }

  function take(rule: RuleName, subject: string, amount: 1 | -1): void {
    const at_ms = now_ms();
    const key = `${rule}\n${subject}`;
    const bucket = buckets.get(key);
    const tokens = bucket ? refilled(rule, bucket, at_ms) : RULES[rule].capacity;
    if (tokens < amount) {
      const seconds = Math.ceil((amount - tokens) * (RULES[rule].window_seconds / RULES[rule].capacity));
      throw new AuthError(429, 'over_request_rate_limit', 'Request rate limit reached', {}, Math.max(1, seconds));
    }
    // Deleted first, so that the map keeps the order of last use.
    buckets.delete(key);
    buckets.set(key, { tokens: Math.min(RULES[rule].capacity, tokens - amount), at_ms });
    if (buckets.size > SWEEP_AT) sweep(at_ms);
  }

  return {
    spend: (rule, subject) => take(rule, subject, 1),
    refund: (rule, subject) => take(rule, subject, -1),
  };
}
