/** What every handler of the auth server receives and returns. */
import type pg from 'pg';
import type { PendingFlows } from './pkce.ts';
import type { RateLimits } from './rate-limit.ts';
import type { SigningKey } from './tokens.ts';

/** A mail that cannot be sent here. */
export type Mail = { type: string; to: string; link: string; code: string };

export type LogLine = (line: Record<string, unknown>) => void;

export type AuthContext = {
  database: pg.Pool;
  key: SigningKey;
  /** Base URL of the auth server as clients see it, without a slash at the end; also the `iss` of its tokens. */
  external_url: string;
  /** Where one-time links lead when the request names no allowed `redirect_to`. */
  site_url: string;
  disable_signup: boolean;
  limits: RateLimits;
  flows: PendingFlows;
  log: LogLine;
  send: (mail: Mail) => void;
  /** Whether whoever shows this token of an invitation may sign up with this address though sign-up is closed. */
  invited: (email: string, invitation_token: string | null) => Promise<boolean>;
};

export type AuthRequest = {
  method: string;
  /** Below `/auth/v1`, for example `/token`. */
  path: string;
  query: URLSearchParams;
  /** Parsed JSON; `{}` for a request without a body. */
  body: unknown;
  /** The bearer token, or null. */
  token: string | null;
  ip: string;
  user_agent: string | null;
  api_version: string | null;
};

export type AuthResponse = {
  status: number;
  /** An object is sent as JSON, a string as plain text, undefined as no body. */
  body?: unknown;
  headers?: Record<string, string>;
};

export type AuthHandler = (context: AuthContext, request: AuthRequest) => Promise<AuthResponse>;
