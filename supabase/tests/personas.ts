import type { RpcName } from "../../contracts/rpc.ts";
import type { Role } from "../../contracts/role.ts";
import { roles } from "../../contracts/words.ts";

/** What a persona is to the project whose things it touches: null is nobody, or somebody of another organization. */
export type Holds = Role | "executor" | "scheduler" | null;
interface Entry {
  /** The weakest role that may. */
  least?: Role;
  /** Others that may. */
  also?: readonly ("executor" | "scheduler")[];
  /** The action of the entry that a person's or token's call (of an operation of executors alone, theirs) leaves in the audit log; absent where nothing of theirs is changed. */
  audits?: string;
}

export function allows({ least, also = [] }: Entry, holds: Holds): boolean {
  if (holds === null) return false;
  if (holds === "executor" || holds === "scheduler") return also.includes(holds);
  return least !== undefined && roles.indexOf(holds) >= roles.indexOf(least);
}

const executor: Entry = { also: ["executor"] };
const scheduler: Entry = { also: ["scheduler"] };
const reads: Entry = { least: "viewer", also: ["executor"] };
const operator = (audits?: string): Entry => ({ least: "operator", ...(audits === undefined ? {} : { audits }) });
const editor = (audits: string): Entry => ({ least: "editor", audits });
const admin = (audits?: string): Entry => ({ least: "admin", ...(audits === undefined ? {} : { audits }) });
/** Answers what is the caller's own, and so refuses nobody who has proven who they are. */
const ownThings = "own things";
/** For invited people, and for what stands above a project: supabase/tests/members.test.ts. */
const aboveTheProject = "above the project";

/** Who may call what on the things of a project of their own, in one place. A new RPC without a line here does not compile. */
export const personaTable: Record<RpcName, Entry | typeof ownThings | typeof aboveTheProject> = {
  whoami: ownThings, save_view: ownThings, delete_view: ownThings, put_personal_setting: ownThings, list_sessions: ownThings, revoke_session: ownThings, requeue_stale_runs: ownThings,
  get_invitation: aboveTheProject, accept_invitation: aboveTheProject, create_organization: aboveTheProject, create_project: aboveTheProject,

  read_logs: reads, list_caps: reads, get_cap: reads, explain_run: reads, read_overview: reads, search: reads, list_views: reads, read_checklist: reads, count_runs: reads, list_failures: reads, get_signal_weights: reads, export_control_plane: { least: "viewer" }, plan_control_plane: admin(), apply_control_plane: admin(), list_members: reads,
  preview_alert_rule: { least: "viewer" }, mark_notification: operator("notification.acknowledged"),
  read_lineage_records: reads, get_lineage_receiver: admin(), put_lineage_receiver: admin("lineage_receiver.saved"), delete_lineage_receiver: admin("lineage_receiver.deleted"), take_lineage: scheduler, settle_lineage: scheduler,
  read_lineage: reads, read_column_lineage: reads, record_lineage: { least: "operator", also: ["executor"] },
  object_stored: { least: "operator", also: ["executor"] }, cap_allow: { least: "operator", also: ["executor"] }, record_object: { least: "operator", also: ["executor"], audits: "object.stored" },

  create_run: operator("run.created"), create_runs: operator("run.created"), cancel_run: operator("run.canceled"), retry_run: operator("run.retried"), compute_run_score: operator("run.scored"), mark_failure: operator("failure.acknowledged"),
  create_bulk: operator("bulk.created"), abort_bulk: operator("bulk.aborted"), run_schedule: operator("run.created"), pause_schedule: operator("schedule.paused"), resume_schedule: operator("schedule.resumed"),
  preview_backfill: operator(), create_backfill: operator("backfill.created"), pause_backfill: operator("backfill.paused"), resume_backfill: operator("backfill.resumed"), cancel_backfill: operator("backfill.canceled"),

  save_template: editor("template.saved"), put_signal_weights: editor("signal_weights.saved"),
  create_schedule: editor("schedule.created"), update_schedule: editor("schedule.changed"), delete_schedule: editor("schedule.deleted"),

  save_alert_rule: admin("alert_rule.created"), delete_alert_rule: admin("alert_rule.deleted"),
  rename_scope: admin("environment.renamed"), save_cap: admin("cap.created"), delete_cap: admin("cap.deleted"), verify_audit: admin(), preview_deletion: admin(), delete_scope: admin("environment.deleted"), create_environment: admin("environment.created"),
  create_executor: admin("executor.created"), update_executor: admin("executor.changed"), delete_executor: admin("executor.deleted"), create_executor_token: admin("executor.token_created"), revoke_executor_token: admin("executor.token_revoked"),
  put_webhook: admin("webhook.saved"), delete_webhook: admin("webhook.deleted"), test_webhook: admin("webhook.tested"), retry_delivery: admin("webhook.retried"),
  change_member: admin("member.changed"), remove_member: admin("member.removed"), invite_member: admin("member.invited"), revoke_invitation: admin("invitation.revoked"),
  create_api_token: admin("token.created"), rotate_api_token: admin("token.rotated"), revoke_api_token: admin("token.revoked"),

  list_secrets: reads, list_connections: reads, get_connection: reads, put_environment_key: admin("environment_key.added"), retire_environment_key: admin("environment_key.retired"), put_secret: admin("secret.replaced"), delete_secret: admin("secret.deleted"),
  save_connection: admin("connection.created"), delete_connection: admin("connection.deleted"), test_connection: operator("connection.tested"), reseal_secrets: admin("secrets.reseal_asked"), get_run_secrets: executor, reseal_secret: { ...executor, audits: "secret.resealed" },

  claim_runs: executor, claim_run: executor, start_run: executor, heartbeat_run: executor, append_events: executor, append_logs: executor, set_phase: executor, pin_inputs: executor, put_signals: executor, record_quality: executor,
  register_artifact: executor, begin_publish: executor, publish_dataset: executor, create_children: executor, wait_for_children: executor, release_run: executor, complete_run: executor, fail_run: executor,
  report_runs: executor, heartbeat_executor: executor,

  health: scheduler, tick: scheduler, read_heads: scheduler, take_logs: scheduler, read_log_chunks: scheduler, compact_logs: scheduler, settle_children: scheduler, advance_bulk_jobs: scheduler, score_ended_runs: scheduler, check_freshness: scheduler,
  check_alert_rules: scheduler, watch_executors: scheduler, take_deliveries: scheduler, settle_delivery: scheduler, due_schedules: scheduler, fire_schedule: scheduler, advance_backfill: scheduler,
  seal_audit: scheduler, take_audit_heads: scheduler, note_audit_head: scheduler, advance_deletions: scheduler, take_orphans: scheduler, settle_orphans: scheduler,
};
