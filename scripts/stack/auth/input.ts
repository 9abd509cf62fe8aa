/** Reading request bodies. Members that a handler does not know are ignored, as GoTrue does. */
import { z } from 'zod';
import { AuthError } from './errors.ts';

const text = z.string().max(10_000).nullish();
const metadata = z.record(z.string(), z.unknown()).nullish();

export const inputs = {
  signup: z.object({ email: text, phone: text, password: text, data: metadata }),
  password: z.object({ email: text, phone: text, password: text }),
  refresh: z.object({ refresh_token: text }),
  pkce: z.object({ auth_code: text, code_verifier: text }),
  user: z.object({ email: text, phone: text, password: text, data: metadata, code_challenge: text, code_challenge_method: text }),
  link: z.object({
    email: text, phone: text, type: text, data: metadata, create_user: z.boolean().nullish(),
    code_challenge: text, code_challenge_method: text,
  }),
  verify: z.object({ type: text, token: text, token_hash: text, email: text, phone: text, redirect_to: text }),
  admin_user: z.object({
    id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i).nullish(),
    email: text, phone: text, password: text, password_hash: text, role: text, email_confirm: z.boolean().nullish(),
    user_metadata: metadata, app_metadata: metadata, ban_duration: text,
  }),
  admin_delete: z.object({ should_soft_delete: z.boolean().nullish() }),
  generate_link: z.object({ type: text, email: text, password: text, data: metadata, redirect_to: text, new_email: text }),
} as const;

/** The parsed body, or 400 `validation_failed` that names the first member that does not fit. */
export function read<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') || 'body';
  throw new AuthError(400, 'validation_failed', `${place}: ${issue?.message ?? 'does not fit'}`);
}

/** What a sign-up says about itself, and the token of an invitation among it: that one is asked about once, and kept nowhere. */
export function takeInvitation(data: Record<string, unknown> | null | undefined): { invitation_token: string | null; user_metadata: Record<string, unknown> } {
  const { invitation_token, ...user_metadata } = data ?? {};
  return { invitation_token: typeof invitation_token === 'string' ? invitation_token : null, user_metadata };
}

/** Nanoseconds are the smallest unit of a Go duration; here the value is in seconds. */
const UNIT_SECONDS: Record<string, number> = { ns: 1e-9, us: 1e-6, 'µs': 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600 };

/** Seconds of a Go duration such as `1h30m`; 0 for `none`. Throws 400 `validation_failed`. At most 292 years. */
export function banSeconds(duration: string): number {
  if (duration === 'none') return 0;
  const parts = /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(duration) ? [...duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)] : [];
  const seconds = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_SECONDS[unit!]!, 0);
  if (parts.length === 0 || seconds > 9_223_372_036) {
    throw new AuthError(400, 'validation_failed', `invalid format for ban duration: time: invalid duration "${duration.slice(0, 50)}"`);
  }
  return seconds;
}

/** The local stack sends no text messages. */
export function refusePhone(phone: string | null | undefined): void {
  if (phone) throw new AuthError(400, 'phone_provider_disabled', 'Phone signups are disabled');
}
