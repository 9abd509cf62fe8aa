import { importJWK, SignJWT } from "jose";
import { newSigningKey } from "../../../scripts/stack/secrets.ts";

/** The key that tests sign with; `startPostgrest` trusts it. */
export const SIGNING_KEY = newSigningKey();

/** A session token as the auth server issues it, valid for an hour. `user_id` is the `sub`. */
export function signUserToken(user_id: string, claims: Record<string, unknown> = {}): Promise<string> {
  return signToken({ sub: user_id, role: "authenticated", aal: "aal1", email: `${user_id}@example.com`, ...claims });
}

/** A token of a bare role (`anon`, `service_role`), as the gateway puts it in place of an API key. */
export function signRoleToken(role: string): Promise<string> {
  return signToken({ role });
}

async function signToken(claims: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: SIGNING_KEY.kid })
    .setAudience("authenticated")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(await importJWK(SIGNING_KEY, "ES256"));
}
