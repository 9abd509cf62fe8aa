import { operations, type Operation, type OperationName } from "../../contracts/http.ts";
import type { Role } from "../../contracts/role.ts";
import { roles } from "../../contracts/words.ts";
import type { RpcName } from "../../contracts/rpc.ts";
import { personaTable } from "./personas.ts";

/** Who may call an operation on a project's things. */
export interface Floor {
  /** The weakest role that may; absent: no role. */
  least?: Role;
  also?: readonly ("executor" | "scheduler")[];
  /** Who may not is told nothing: the list is empty. */
  hides?: boolean;
}
/** `public`: whoever asks. `own`: it answers what is the caller's own, or needs nothing that belongs to anybody. */
type Entry = Floor | "public" | "own";

type WithoutRpc = { [N in OperationName]: (typeof operations)[N] extends { rpc: RpcName } ? never : N }[OperationName];
const reads: Floor = { least: "viewer", also: ["executor"] };
const admin: Floor = { least: "admin" };
const hidden: Floor = { least: "admin", hides: true };

/** Operations with no RPC of the same name behind them: a new one without a line here does not compile. The others have theirs in personaTable. */
const byQuery: Record<WithoutRpc, Entry> = {
  get_health: "public", get_openapi: "public", get_webhook_key: "public",
  validate_template: "own", preview_times: "own",
  list_runs: reads, get_run: reads, get_run_score: reads, get_bulk: reads, list_bulk_items: reads, list_phases: reads, list_events: reads, list_logs: reads, list_artifacts: reads, compare_runs: reads, get_verification: reads, get_provenance: reads, get_run_openlineage: reads,
  get_artifact_content: reads, get_artifact_preview: reads, list_templates: reads, get_template: reads, list_template_versions: reads, get_template_version: reads, list_executors: reads, get_executor: reads, list_environment_keys: reads,
  list_datasets: reads, list_quality: reads, list_lineage_readers: reads, list_alert_rules: reads, get_alert_rule: reads, list_notifications: reads, list_freshness: reads, list_freshness_signals: reads, list_dataset_versions: reads, list_schedules: reads, get_schedule: reads, preview_schedule: reads, list_fires: reads, list_backfills: reads, get_backfill: reads, list_backfill_items: reads,
  create_upload_url: { least: "operator", also: ["executor"] },
  update_executor: admin, create_executor_token: admin, get_webhook: admin, list_deliveries: admin, verify_audit: admin,
  list_executor_tokens: hidden, list_invitations: hidden, list_api_tokens: hidden, list_audit: hidden, export_audit: hidden,
};

/** Who may stands above any project: no role in one is enough. */
const aboveTheProject: Floor = {};

export function floorOf(name: OperationName): Entry {
  const { rpc }: Operation = operations[name];
  if (rpc === undefined) return byQuery[name as WithoutRpc];
  const entry = personaTable[rpc];
  if (entry === "above the project" || name === "revoke_session") return aboveTheProject; // another's session is nobody's
  if (entry === "own things") return "own";
  return entry;
}

/** The roles that may not. */
export function rolesBelow({ least }: Floor): Role[] {
  return least === undefined ? [...roles] : roles.slice(0, roles.indexOf(least));
}

interface Answer { status: number; body: unknown; text: string }

/** Refused as a whole, or each of the things that it names; for a list that hides, nothing is in it. */
export function isRefusal({ status, body, text }: Answer, { hides = false }: Floor): boolean {
  if ([401, 403, 404].includes(status)) return true;
  const items = typeof body === "object" && body !== null && "items" in body && Array.isArray(body.items) ? (body.items as { ok?: boolean }[]) : null;
  if (status !== 200) return false;
  if (hides) return items === null ? text.trim().split("\n").length <= 1 : items.length === 0;
  return items !== null && items.length > 0 && items.every((item) => item.ok === false);
}
