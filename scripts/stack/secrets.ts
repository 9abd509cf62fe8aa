import { generateKeyPairSync, randomBytes, randomUUID, type JsonWebKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { asRecord, readJsonFile, writeJsonFile } from './json-file.ts';
import { StackError } from './stack-error.ts';

/** Everything secret or random about one install, kept in `secrets.json` (mode 0600) of its data folder. */
export type Secrets = {
  install_id: string;
  created_at: string;
  passwords: Record<'supabase_admin' | 'postgres' | 'authenticator' | 'supabase_auth_admin' | 'ops_listener', string>;
  /** ES256 private key that signs sessions and role tokens. */
  jwk: JsonWebKey & { kid: string; alg: string };
  publishable_key: string;
  secret_key: string;
  cron_secret: string;
  /** 32 bytes, hex. */
  storage_receipt_key: string;
  /** ed25519 seed with which the web app signs what it sends out: whsk_ and 32 bytes in base64. */
  signing_key: string;
  /** Of the login that reads the demo source. */
  demo_source_password: string;
  admin: { email: string; password: string };
  api_token: string;
  executor_token: string;
  executor_id: string;
  organization_id: string;
  project_id: string;
  environment_id: string;
};

export const ADMIN_EMAIL = 'admin@control-room.local';

/**
 * Reads the secrets of an install, or makes them for a new one. Those that an older version did not have are added;
 * `given` ones (environment variables) go before, and are not stored.
 */
export function openSecrets(
  data_dir: string,
  database_exists: boolean,
  given: Partial<Record<'cron_secret' | 'storage_receipt_key' | 'signing_key' | 'executor_token', string | null>> = {},
): { secrets: Secrets; fresh: boolean } {
  const file = path.join(data_dir, 'secrets.json');
  if (!existsSync(file) && database_exists) {
    throw new StackError(
      'secrets_missing',
      `${file} is gone, but the database that it opens is still there.`,
      'Restore the file from a backup, or run `npm run reset` to begin anew.',
    );
  }
  const stored = asRecord(readJsonFile(file));
  const secrets = { ...newSecrets(), ...stored } as Secrets;
  if (stored === null || Object.keys(secrets).some((key) => !(key in stored))) writeJsonFile(file, secrets);
  secrets.cron_secret = given.cron_secret ?? secrets.cron_secret;
  secrets.storage_receipt_key = given.storage_receipt_key ?? secrets.storage_receipt_key;
  secrets.signing_key = given.signing_key ?? secrets.signing_key;
  secrets.executor_token = given.executor_token ?? secrets.executor_token;
  return { secrets, fresh: stored === null };
}

function newSecrets(): Secrets {
  const random = (bytes: number) => randomBytes(bytes).toString('base64url');
  return {
    install_id: randomUUID(),
    created_at: new Date().toISOString(),
    passwords: {
      supabase_admin: random(24),
      postgres: random(24),
      authenticator: random(24),
      supabase_auth_admin: random(24),
      ops_listener: random(24),
    },
    jwk: newSigningKey(),
    publishable_key: `sb_publishable_${random(24)}`,
    secret_key: `sb_secret_${random(24)}`,
    cron_secret: random(32),
    storage_receipt_key: randomBytes(32).toString('hex'),
    signing_key: `whsk_${randomBytes(32).toString('base64')}`,
    demo_source_password: random(24),
    admin: { email: ADMIN_EMAIL, password: random(15) },
    api_token: `lct_${random(32)}`,
    executor_token: `lcx_${random(32)}`,
    executor_id: randomUUID(),
    organization_id: randomUUID(),
    project_id: randomUUID(),
    environment_id: randomUUID(),
  };
}

/** A new ES256 private key as JWK. */
export function newSigningKey(): Secrets['jwk'] {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

/** The public half of a key, as the JSON Web Key Set that PostgREST verifies tokens with. */
export function publicKeySet(jwk: JsonWebKey & { kid?: string }): { keys: JsonWebKey[] } {
  const { kty, crv, x, y } = jwk;
  return { keys: [{ kty, crv, x, y, alg: 'ES256', use: 'sig', kid: jwk.kid }] };
}
