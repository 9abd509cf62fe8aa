import { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import { readAllowList } from "@/executors/sources/outbound-address.ts";
import { languages } from "@/lib/messages/language.ts";

/** `10.1.0.0/16, hooks.internal`, as executors/sources/outbound-address.ts reads it. */
const allowList = z.string().transform((text) => text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "")).superRefine((entries, context) => {
  try {
    readAllowList(entries);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

const settings = z.object({
  SUPABASE_URL: z.url().optional(),
  SUPABASE_PUBLISHABLE_KEY: z.string().min(1).optional(),
  CRON_SECRET: z.string().min(16, "at least 16 characters").optional(),
  STORAGE_RECEIPT_KEY: z.string().regex(/^([0-9a-f]{2}){32,}$/i, "hex of at least 32 bytes").optional(),
  CONTROL_ROOM_STORAGE: z.string().min(1).optional(),
  POSTGREST_URL: z.url().optional(),
  CONTROL_ROOM_LISTEN_URL: z.string().regex(/^postgres(ql)?:\/\//, "a postgres:// URL").optional(),
  APP_URL: z.url().optional(),
  CONTROL_ROOM_SIGNING_KEY: z.string().regex(/^whsk_[A-Za-z0-9+/]{43}=$/, "whsk_ and 32 bytes in base64").optional(),
  CONTROL_ROOM_OUTBOUND_ALLOW: allowList.default([]),
  MAX_OBJECT_BYTES: z.coerce.number().int().min(1).default(50_000_000_000),
  API_CALLS_PER_SECOND: z.coerce.number().min(1).default(1000),
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(9).default(0),
  API_STREAMS: z.coerce.number().int().min(1).default(200),
  CONTROL_ROOM_LANGUAGE: z.enum(languages).default("en"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});
export type Env = z.output<typeof settings>;

/** Older and `NEXT_PUBLIC_` names that a Supabase project may bring along; the first that is set wins. */
const otherNames: Partial<Record<keyof Env, readonly string[]>> = {
  SUPABASE_URL: ["NEXT_PUBLIC_SUPABASE_URL"],
  SUPABASE_PUBLISHABLE_KEY: [
    "NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY",
    "NEXT_PUBLIC_SUPABASE_PUBLISHABLE_DEFAULT_KEY",
    "SUPABASE_ANON_KEY",
    "NEXT_PUBLIC_SUPABASE_ANON_KEY",
  ],
};

/** Reads the settings out of `source`. Throws `not_configured` naming each variable that is malformed. */
export function parseEnv(source: Readonly<Record<string, string | undefined>>): Env {
  const found: Record<string, string | undefined> = {};
  for (const name of Object.keys(settings.shape) as (keyof Env)[]) {
    // An empty variable counts as unset: `FOO= npm start` is how a shell clears one.
    found[name] = [name, ...(otherNames[name] ?? [])].map((each) => source[each]).find((value) => value) ?? undefined;
  }
  const parsed = settings.safeParse(found);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message }));
  throw new ControlRoomError("not_configured", `These settings are malformed: ${places.map((place) => `${place.path} (${place.message})`).join(", ")}.`, { errors: places });
}

let parsed: Env | undefined;

/** The settings, read once at the first request (never while building). */
export function env(): Env {
  // Indexing by a variable keeps the bundler from baking build-time NEXT_PUBLIC_ values in.
  return (parsed ??= parseEnv(process.env));
}

/** A setting that the operation at hand cannot do without. Throws `not_configured`. */
export function required<K extends keyof Env>(name: K): NonNullable<Env[K]> {
  const value = env()[name];
  if (value === undefined) {
    throw new ControlRoomError("not_configured", `${name} is not set.`, { errors: [{ path: name, message: "is not set" }] });
  }
  return value;
}

/** On a hosted function: bodies are limited to 4.5 MB and a request to some minutes. */
export function isHosted(): boolean {
  return process.env.VERCEL !== undefined;
}
