import { z } from "zod";
import { isStorableText, word } from "../../contracts/common.ts";
import { privateKeySet, type PrivateKey } from "../../contracts/sealing.ts";
import { engine, engineLabel, engines, largeMemoryLabel, longRuntimeLabel, type Engine } from "../../contracts/pipeline.ts";

const list = (fallback: string) => z.string().default(fallback).transform((value) => value.split(",").map((item) => item.trim()).filter((item) => item !== ""));
const whole = (least: number, most: number, fallback: number) => z.coerce.number().int().min(least).max(most).default(fallback);

const environment = z.object({
  CONTROL_ROOM_URL: z.url({ protocol: /^https?$/, error: "is not an http(s) URL" }),
  CONTROL_ROOM_TOKEN: z.string().regex(/^lcx_[A-Za-z0-9_-]{43}$/, "is not an executor's token (lcx_ and 43 characters)"),
  CONTROL_ROOM_LAKE: z.string().regex(/^(file:\/|s3:\/\/)/, "is not of the form file:/path or s3://bucket/prefix").transform((value) => value.replace(/\/+$/, "")),
  CONTROL_ROOM_SCRATCH: z.string().min(1).optional(),
  LEASE_SECONDS: whole(1, 600, 30),
  EXECUTOR_QUEUES: list("default").pipe(z.array(word).min(1).max(50)),
  EXECUTOR_ENGINES: list(engines.join(",")).pipe(z.array(engine).min(1)),
  EXECUTOR_LABELS: list("").pipe(z.array(z.string().refine(isStorableText)).max(100)),
  EXECUTOR_SLOTS: whole(1, 100, 1),
  EXECUTOR_PHASE_PARALLELISM: whole(1, 100, 2),
  EXECUTOR_MEMORY_MB: whole(64, 1_048_576, 1024),
  EXECUTOR_THREADS: whole(1, 1024, 2),
  EXECUTOR_CHILD_USER: z.string().regex(/^[1-9]\d{0,9}:[1-9]\d{0,9}$/, "is not uid:gid, both above 0").optional(),
  EXECUTOR_DRAIN_SECONDS: whole(0, 86_400, 25),
  EXECUTOR_KEYS: z.string().optional().transform(readKeySet),
  EXECUTOR_KEYS_FILE: z.string().min(1).optional(),
  CONTROL_ROOM_OUTBOUND_ALLOW: list(""),
  EXECUTOR_HEALTH_HOST: z.string().min(1).default("127.0.0.1"),
  EXECUTOR_HEALTH_PORT: whole(1, 65_535, 0),
  EXECUTOR_HEALTH_SECONDS: whole(1, 86_400, 180),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

/** An Edge Function: Supabase itself sets SUPABASE_URL and SUPABASE_ANON_KEY. */
const edgeEnvironment = environment.omit({ EXECUTOR_KEYS_FILE: true, CONTROL_ROOM_LAKE: true, CONTROL_ROOM_SCRATCH: true, CONTROL_ROOM_OUTBOUND_ALLOW: true, EXECUTOR_THREADS: true, EXECUTOR_CHILD_USER: true, EXECUTOR_DRAIN_SECONDS: true, EXECUTOR_HEALTH_HOST: true, EXECUTOR_HEALTH_PORT: true, EXECUTOR_HEALTH_SECONDS: true, LOG_LEVEL: true }).extend({
  SUPABASE_URL: z.url({ protocol: /^https?$/, error: "is not an http(s) URL" }),
  SUPABASE_PUBLISHABLE_KEY: z.string().min(1),
  POSTGREST_URL: z.url({ protocol: /^https?$/, error: "is not an http(s) URL" }).optional(),
  EXECUTOR_SECRET: z.string().min(32, "has fewer than 32 characters"),
  EXECUTOR_SECONDS: whole(5, 3600, 100),
  EXECUTOR_MEMORY_MB: whole(16, 4096, 200),
  EXECUTOR_ENGINES: list("postgres").pipe(z.array(z.literal("postgres")).min(1)),
});

export interface ExecutorSettings {
  url: string;
  token: string;
  /** `file:/path` or `s3://bucket/prefix`, without a slash at the end. */
  lake: string;
  /** Folder for files of phases under way; null: the system's folder for temporary files. */
  scratch: string | null;
  lease_seconds: number;
  queues: string[];
  /** What this executor computes with; a phase that needs another goes to another executor. */
  engines: Engine[];
  /** What it offers: a label for each engine, long runs, and its own. */
  labels: string[];
  /** Runs at once. */
  slots: number;
  /** Phases of one run at once. */
  phase_parallelism: number;
  memory_mb: number;
  threads: number;
  /** Whom processes with other people's SQL run as; absent: as this process. Only root may choose. */
  child_user?: { uid: number; gid: number } | null;
  /** How long runs may go on after a stop was asked for, before they are released. */
  drain_seconds: number;
  /** Where probes are answered (`/health`); null: nowhere. Failing after `seconds` without an answered claim. */
  health: { host: string; port: number; seconds: number } | null;
  log_level: "debug" | "info" | "warn" | "error";
  /** Private keys of environments, from the environment variable. */
  keys: PrivateKey[];
  /** A file with more of them, read again whenever a secret is opened; null: none. */
  keys_file: string | null;
  /** Name (lower case) → URL with its secret; goes before the connection of that name in the control room. */
  connections: ReadonlyMap<string, string>;
  /** Hosts and networks that sources over http may reach beside public ones. */
  outbound_allow?: readonly string[];
}

/** Settings from environment variables. Throws an Error that names every variable that is missing or wrong, never its value. */
export function readSettings(env: Record<string, string | undefined>): ExecutorSettings {
  const values = parse(environment, env);
  return {
    ...common(values, env), lake: values.CONTROL_ROOM_LAKE, scratch: values.CONTROL_ROOM_SCRATCH ?? null,
    labels: [...new Set([...values.EXECUTOR_ENGINES.map(engineLabel), longRuntimeLabel, largeMemoryLabel, ...values.EXECUTOR_LABELS])],
    threads: values.EXECUTOR_THREADS, child_user: childUser(values.EXECUTOR_CHILD_USER), drain_seconds: values.EXECUTOR_DRAIN_SECONDS, keys_file: values.EXECUTOR_KEYS_FILE ?? null,
    outbound_allow: values.CONTROL_ROOM_OUTBOUND_ALLOW,
    health: values.EXECUTOR_HEALTH_PORT === 0 ? null : { host: values.EXECUTOR_HEALTH_HOST, port: values.EXECUTOR_HEALTH_PORT, seconds: values.EXECUTOR_HEALTH_SECONDS }, log_level: values.LOG_LEVEL,
  };
}

function childUser(text: string | undefined): ExecutorSettings["child_user"] {
  const [uid, gid] = (text ?? "").split(":").map(Number);
  return uid && gid ? { uid, gid } : null;
}

/** The same for an Edge Function, which has no disk, and a time limit in place of a signal to stop. */
export interface EdgeSettings extends Omit<ExecutorSettings, "lake" | "scratch" | "threads" | "drain_seconds" | "health" | "log_level" | "keys_file" | "outbound_allow"> {
  supabase_url: string;
  publishable_key: string;
  /** PostgREST itself; null: through the gateway at supabase_url. */
  postgrest_url: string | null;
  /** Who may ask for a turn. */
  secret: string;
  /** Of one turn, from the request to the answer. */
  seconds: number;
}
export function readEdgeSettings(env: Record<string, string | undefined>): EdgeSettings {
  const values = parse(edgeEnvironment, { ...env, SUPABASE_PUBLISHABLE_KEY: env["SUPABASE_PUBLISHABLE_KEY"] ?? env["SUPABASE_ANON_KEY"] });
  return {
    ...common(values, env), labels: [...new Set([...values.EXECUTOR_ENGINES.map(engineLabel), ...values.EXECUTOR_LABELS])],
    supabase_url: values.SUPABASE_URL, publishable_key: values.SUPABASE_PUBLISHABLE_KEY, postgrest_url: values.POSTGREST_URL ?? null, secret: values.EXECUTOR_SECRET, seconds: values.EXECUTOR_SECONDS,
  };
}

/** An empty variable is an unset one: shells and compose files cannot leave one out. */
function given(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
}

function parse<S extends z.ZodType>(schema: S, env: Record<string, string | undefined>): z.output<S> {
  const variables = given(env);
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${name} ${variables[name] === undefined ? "is missing" : issue.message}`;
  });
  throw new Error(`The executor's settings are not complete: ${[...new Set(problems)].join("; ")}. Set them as environment variables.`);
}

function readKeySet(text: string | undefined, issues: z.RefinementCtx): PrivateKey[] {
  if (text === undefined) return [];
  try {
    return privateKeySet.parse(JSON.parse(text)).keys;
  } catch {
    issues.addIssue({ code: "custom", message: "is not a JSON Web Key Set with private X25519 keys" });
    return z.NEVER;
  }
}

type CommonName = "CONTROL_ROOM_URL" | "CONTROL_ROOM_TOKEN" | "LEASE_SECONDS" | "EXECUTOR_QUEUES" | "EXECUTOR_SLOTS" | "EXECUTOR_PHASE_PARALLELISM" | "EXECUTOR_MEMORY_MB" | "EXECUTOR_KEYS";
function common(values: Pick<z.output<typeof environment>, CommonName> & { EXECUTOR_ENGINES: Engine[] }, env: Record<string, string | undefined>) {
  const prefix = "CONTROL_ROOM_CONNECTION_";
  return {
    url: values.CONTROL_ROOM_URL, token: values.CONTROL_ROOM_TOKEN, lease_seconds: values.LEASE_SECONDS, queues: values.EXECUTOR_QUEUES, engines: values.EXECUTOR_ENGINES,
    keys: values.EXECUTOR_KEYS, slots: values.EXECUTOR_SLOTS, phase_parallelism: values.EXECUTOR_PHASE_PARALLELISM, memory_mb: values.EXECUTOR_MEMORY_MB,
    connections: new Map(Object.entries(given(env)).filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length).toLowerCase(), value as string])),
  };
}

/** The variable that holds a connection's URL. */
export function connectionVariable(name: string): string {
  return `CONTROL_ROOM_CONNECTION_${name.toUpperCase().replaceAll("-", "_")}`;
}
