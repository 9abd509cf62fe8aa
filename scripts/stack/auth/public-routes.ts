/** Handlers that need no user. */
import type { AuthHandler } from './context.ts';

/** GET /.well-known/jwks.json */
export const jwks: AuthHandler = async (context) => ({
  status: 200,
  body: context.key.jwks,
  headers: { 'cache-control': 'public, max-age=600' },
});

const PROVIDERS = [
  'anonymous_users', 'apple', 'azure', 'bitbucket', 'discord', 'facebook', 'snapchat', 'figma', 'fly', 'github', 'gitlab',
  'google', 'keycloak', 'kakao', 'linkedin', 'linkedin_oidc', 'notion', 'spotify', 'slack', 'slack_oidc', 'workos', 'twitch',
  'twitter', 'email', 'phone', 'zoom',
];

/** GET /settings: what a sign-in page may offer. */
export const settings: AuthHandler = async (context) => ({
  status: 200,
  body: {
    external: Object.fromEntries(PROVIDERS.map((name) => [name, name === 'email'])),
    disable_signup: context.disable_signup,
    mailer_autoconfirm: true,
    phone_autoconfirm: false,
    sms_provider: '',
    saml_enabled: false,
    saml_private_key_next_configured: true,
    passkeys_enabled: false,
  },
});

/** GET /health: fails when the database does not answer. */
export const health: AuthHandler = async (context) => {
  await context.database.query('select from auth.users limit 0');
  return { status: 200, body: { version: 'control-room', name: 'GoTrue', description: 'GoTrue-compatible local auth server' } };
};
