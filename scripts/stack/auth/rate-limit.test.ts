import { expect, test } from 'vitest';
import type { AuthContext, AuthRequest } from './context.ts';
import { AuthError } from './errors.ts';
import { RULES, createRateLimits } from './rate-limit.ts';
import { token } from './sign-in-routes.ts';
import { newCode } from './tokens.ts';

function attempt(work: () => void): string {
  try {
    work();
    return 'allowed';
  } catch (error) {
    return error instanceof AuthError ? `${error.status} ${error.code}` : String(error);
  }
}

test('after the last failure of a window an attempt is refused, and allowed again as time passes', () => {
  let now_ms = 0;
  const limits = createRateLimits(() => now_ms);
  const { capacity, window_seconds } = RULES.failed_password;
  for (let count = 0; count < capacity; count += 1) limits.spend('failed_password', 'a');
  expect(attempt(() => limits.spend('failed_password', 'a'))).toBe('429 over_request_rate_limit');
  expect(attempt(() => limits.spend('failed_password', 'b'))).toBe('allowed');
  now_ms += (window_seconds / capacity) * 1_000;
  expect(attempt(() => limits.spend('failed_password', 'a'))).toBe('allowed');
  expect(attempt(() => limits.spend('failed_password', 'a'))).toBe('429 over_request_rate_limit');
});

test('attempts that succeed cost nothing', () => {
  const limits = createRateLimits(() => 0);
  for (let count = 0; count < RULES.failed_password.capacity * 3; count += 1) {
    limits.spend('failed_password', 'a');
    limits.refund('failed_password', 'a');
  }
  expect(attempt(() => limits.spend('failed_password', 'a'))).toBe('allowed');
});

test('a flood of other subjects does not lift the limit of one that is in use', () => {
  let now_ms = 0;
  const limits = createRateLimits(() => now_ms);
  for (let count = 0; count < RULES.failed_password.capacity; count += 1) limits.spend('failed_password', 'target');
  for (let count = 0; count < 9_000; count += 1) limits.spend('failed_password', `other ${count}`);
  now_ms += 1_000;
  expect(attempt(() => limits.spend('failed_password', 'target'))).toBe('429 over_request_rate_limit');
});

test('whoever spends the sign-ins of an address ends no session: each refresh token has a limit of its own', async () => {
  const limits = createRateLimits(() => 0);
  const away = new Error('the database was asked');
  const context = { limits, database: { connect: () => Promise.reject(away) } } as unknown as AuthContext;
  const exchange = async (grant_type: string, body: unknown): Promise<string> => {
    try {
      await token(context, { ip: '127.0.0.1', query: new URLSearchParams({ grant_type }), body } as unknown as AuthRequest);
      return 'answered';
    } catch (error) {
      return error instanceof AuthError ? error.code : (error as Error).message;
    }
  };
  for (let count = 0; count < RULES.token.capacity; count += 1) limits.spend('token', '127.0.0.1');
  expect(await exchange('password', { email: 'a@example.com', password: 'x' })).toBe('over_request_rate_limit');
  expect(await exchange('unknown', {})).toBe('over_request_rate_limit');
  for (let count = 0; count < RULES.token.capacity; count += 1) expect(await exchange('refresh_token', { refresh_token: 'one' })).toBe(away.message);
  expect(await exchange('refresh_token', { refresh_token: 'one' })).toBe('over_request_rate_limit');
  expect(await exchange('refresh_token', { refresh_token: 'two' })).toBe(away.message);
});

test('a year of guessing as often as is allowed finds one code in a thousand at most', () => {
  const { capacity, window_seconds } = RULES.failed_verify;
  const year_seconds = 365 * 86_400;
  const codes = Array.from({ length: 200 }, newCode);
  expect(new Set(codes.map((code) => /^\d+$/.test(code) && code.length))).toEqual(new Set([10]));
  expect(new Set(codes.map((code) => code.slice(0, 1))).size).toBe(10);
  expect((capacity / window_seconds) * year_seconds).toBeLessThan(10 ** 10 / 1_000);
});
