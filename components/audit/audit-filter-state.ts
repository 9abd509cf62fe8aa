import type { Environment } from "@/contracts/role";
import type { AuditFilter } from "@/lib/ops/audit";

/** The filters as the address holds them; what is absent is not filtered by. */
export type AuditFilterState = Partial<Record<"actor" | "action" | "object" | "since" | "until" | "where", string>>;
const names = ["actor", "action", "object", "since", "until", "where"] as const;

export function auditFilterOf(read: (name: string) => string | undefined): AuditFilterState {
  const state: AuditFilterState = {};
  for (const name of names) {
    const text = read(name)?.trim().slice(0, 300);
    if (text) state[name] = text;
  }
  return state;
}

/** Days of the filter are days in UTC, `until` with its whole day; a text that is no day or no action filters nothing out, and is left away. */
export function auditQuery(state: AuditFilterState, environment: Pick<Environment, "environment_id" | "organization_slug">): AuditFilter {
  const dayAfter = (text: string, days: number): string | undefined => {
    const moment = Date.parse(`${text}T00:00:00Z`);
    return Number.isNaN(moment) ? undefined : new Date(moment + days * 86_400_000).toISOString();
  };
  const filter: AuditFilter = { organization: environment.organization_slug };
  if (state.actor) filter.actor = state.actor;
  if (state.action && /^[a-z_]+(\.[a-z_]+)?$/.test(state.action)) filter.action = state.action;
  if (state.object) filter.object_id = state.object;
  const since = state.since && dayAfter(state.since, 0);
  const until = state.until && dayAfter(state.until, 1);
  if (since) filter.since = since;
  if (until) filter.until = until;
  if (state.where === "here") filter.environment_id = environment.environment_id;
  return filter;
}
