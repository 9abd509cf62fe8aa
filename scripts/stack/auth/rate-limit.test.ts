import { expect, test } from 'vitest';
import { AuthError } from './errors.ts';
import { RULES, createRateLimits } from './rate-limit.ts';

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
