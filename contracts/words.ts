/**
 * The closed lists of the system's words, and what follows from a word alone. The schemas beside this file are made of them; the pages
 * load them too, so nothing here may bring zod (30 kB that no page needs to be read) into a browser.
 */
export const runStatuses = ["queued", "claimed", "running", "succeeded", "failed", "canceled"] as const;
type RunStatus = (typeof runStatuses)[number];
export const terminalStatuses = ["succeeded", "failed", "canceled"] as const satisfies readonly RunStatus[];
export function isTerminal(status: RunStatus): boolean {
  return (terminalStatuses as readonly RunStatus[]).includes(status);
}
export const runKinds = ["sql", "spark", "dbt", "python", "notebook", "pipeline"] as const;
export const runTriggers = ["manual", "api", "schedule", "backfill", "retry", "verify", "parent"] as const;

/** What a run needs and an executor offers: `engine:duckdb`, `gpu`. */
export const labelPattern = /^[a-z0-9][a-z0-9._:/-]{0,62}$/;

/** Weakest first; each may do what those before it may. */
export const roles = ["viewer", "operator", "editor", "admin", "owner"] as const;
type Role = (typeof roles)[number];
export function atLeast(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed);
}

/**
 * Why a run or phase failed. Written by executors into `error_code`; open for other executors' own codes
 * (`^[a-z][a-z0-9_]*$`), these are the ones the product itself writes.
 */
export const runErrorCodes = [
  "lease_exhausted", "release_limit", "expired", "cap_exceeded", "superseded", "canceled", "timeout", "upstream_failed", "invalid_spec", "invalid_parameters",
  "unknown_phase_type", "no_engine", "sql_error", "engine_crashed", "engine_memory", "quality_failed", "source_unreachable", "source_auth_failed", "source_login_too_strong", "source_address_refused",
  "source_table_missing", "source_column_missing", "source_company_missing", "source_path_refused", "source_rows_invalid", "source_changed", "source_mask_refused", "source_wal_level", "source_standby", "source_replication_denied", "source_publication_missing", "source_publication_incomplete", "source_replica_identity",
  "source_not_logged", "source_slot_lost", "source_slot_invalid", "source_slot_busy", "source_slots_exhausted", "connection_missing", "connection_invalid", "secret_unreadable", "dataset_missing", "lake_conflict", "lake_unsupported", "child_failed", "storage_full", "hash_mismatch", "phase_failed",
] as const;

/** Written by SQL in the transaction that changes the state; executors append the rest. */
export const stateEventTypes = [
  "RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED", "RUN_RELEASED", "RUN_REQUEUED", "LEASE_EXPIRED", "CANCEL_REQUESTED", "RUN_STOPPING",
  "PHASE_STARTED", "PHASE_SUCCEEDED", "PHASE_FAILED", "PHASE_SKIPPED", "PHASE_REUSED", "PHASE_RESET", "PHASE_FANNED_OUT", "RUN_WAITS", "ARTIFACT_REGISTERED", "DATASET_PUBLISHED", "QUALITY_CHECKED", "INPUTS_PINNED", "SECRETS_READ",
  "RUN_SUCCEEDED", "RUN_FAILED", "RUN_CANCELED",
] as const;
export const eventLevels = ["debug", "info", "warn", "error"] as const;

/** `engine`: what the executor and its engines say of their work; the others are what a phase's process printed. */
export const logStreams = ["stdout", "stderr", "engine"] as const;
/** From the least to the worst. */
export const logLevels = ["debug", "info", "warn", "error"] as const;

/** What a new environment needs before it works for a team; each is true as soon as the database holds what it asks for. */
export const checklistSteps = ["source", "executor", "run", "gold", "schedule", "member"] as const;

export const partitionUnits = ["hour", "day", "week", "month"] as const;
export const partitionStates = ["missing", "active", "succeeded", "failed", "canceled"] as const;

/** What a search finds; each has a page, or a place on one. */
export const searchKinds = ["run", "pipeline", "schedule", "dataset", "executor", "backfill", "artifact", "event", "connection", "secret", "cap", "member", "audit"] as const;

export const freshnessStates = ["ok", "late", "breached"] as const;

export const capUnits = ["runs", "seconds", "rows", "bytes", "cost"] as const;
export const capPeriods = ["hour", "day", "week", "month"] as const;
/** What a cap holds: one environment, all environments of a project, or all of an organization. */
export const capScopes = ["environment", "project", "organization"] as const;

export const webhookEvents = ["run.failed", "dataset.breached", "executor.offline", "executor.online", "alert.firing", "alert.resolved"] as const;

/** An Odoo database is a PostgreSQL database that the `odoo` source knows its way in. */
export const connectionKinds = ["postgres", "odoo", "http", "s3"] as const;
export const sslModes = ["disable", "require", "verify-full"] as const;
export const httpAuths = ["none", "bearer", "basic", "header"] as const;

export const lineageDirections = ["both", "upstream", "downstream"] as const;
/** The namespace of an environment's tables and pipelines; ops_private.lineage_home says the same. */
export function lineageHome(environmentId: string): string {
  return `lakehouse://${environmentId}`;
}

/** Use in the default branch of a switch over a closed union. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${String(value)}`);
}
