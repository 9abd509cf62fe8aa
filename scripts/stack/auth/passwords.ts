/** Passwords: GoTrue's rules, bcrypt hashes of cost 10 that hosted Supabase accepts as they are. */
import bcrypt from 'bcryptjs';
import { AuthError } from './errors.ts';

const COST = 10;
const MIN_BYTES = 6;
/** bcrypt reads no further than this. */
const MAX_BYTES = 72;

/** Throws 422 `weak_password` below 6 bytes and 400 `validation_failed` above 72 bytes. */
export function checkStrength(password: string): void {
  const bytes = Buffer.byteLength(password);
  if (bytes > MAX_BYTES) {
    throw new AuthError(400, 'validation_failed', `Password cannot be longer than ${MAX_BYTES} characters`);
  }
  if (bytes < MIN_BYTES) {
    throw new AuthError(422, 'weak_password', `Password should be at least ${MIN_BYTES} characters.`, {
      weak_password: { reasons: ['length'] },
    });
  }
}

export function hashPassword(password: string): Promise<string> {
  return bcrypt.hash(password, COST);
}

let decoy: Promise<string> | undefined;

/**
 * Whether the password fits the stored hash. With no hash (unknown email, user without a password) the same work is
 * done against a decoy and the answer is false, so that the time tells nothing about who has an account.
 */
export async function passwordFits(password: string, stored: string | null): Promise<boolean> {
  decoy ??= bcrypt.hash('no account has this password', COST);
  const fits = await bcrypt.compare(password, stored || (await decoy));
  return fits && Boolean(stored) && Buffer.byteLength(password) <= MAX_BYTES;
}

/** A hash brought along from elsewhere; only bcrypt can be compared here. */
export function checkForeignHash(hash: string): void {
  if (!/^\$2[aby]\$\d{2}\$[./A-Za-z0-9]{53}$/.test(hash)) {
    throw new AuthError(400, 'validation_failed', 'password_hash must be a bcrypt hash ($2a$, $2b$ or $2y$)');
  }
}
