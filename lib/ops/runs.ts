import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { run, type listRunsQuery, type retryRunRequest, type Run, type runCountFilter, type RunCounts, type RunPage } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { whoami } from "./environments.ts";
import { decodeCursor, encodeCursor, pageOf, quoted } from "./keyset.ts";
import { callRpc, readRows } from "./rpc.ts";

export type RunFilter = Partial<z.output<typeof listRunsQuery>>;
/** Beyond this a list over "all that I see" must name its environment: each is a query of its own. */
const environmentsAtOnce = 50;
const queriesAtOnce = 4;

/**
 * Runs, newest first; the keyset is run_id alone, because a UUIDv7 grows with time. Without `environment_id` the newest
 * of every visible environment are merged. Throws `not_found` for an environment that is not visible.
 */
export async function listRuns(db: Db, filter: RunFilter): Promise<RunPage> {
  const limit = filter.limit ?? 50;
  const before = decodeCursor(filter.cursor, [uuid])?.[0] ?? null;
  if (filter.environment_id !== undefined) {
    const oldest = filter.label === undefined ? null : await oldestLookedAt(db, filter.environment_id, before);
    const rows = await runsOf(db, filter.environment_id, filter, before, limit + 1, oldest);
    // Nothing found and nothing to be seen look alike under RLS: tell them apart only where it matters.
    if (rows.length === 0) await seen(db, filter.environment_id);
    const page = pageOf(rows, limit, (row) => [row.run_id]);
    return page.next_cursor === null && oldest !== null ? { ...page, next_cursor: encodeCursor([oldest]) } : page;
  }
  if (filter.label !== undefined || filter.tag !== undefined) {
    throw new ControlRoomError("invalid_input", "Labels and tags are looked for in one environment.", { errors: [{ path: "environment_id", message: "is needed beside label or tag" }] });
  }
  const { environments } = await whoami(db);
  if (environments.length > environmentsAtOnce) {
    throw new ControlRoomError("invalid_input", `You see ${environments.length} environments: name one with environment_id.`, { errors: [{ path: "environment_id", message: "is needed, because you see many environments" }] });
  }
  const waiting = environments.map((each) => each.environment_id);
  const merged: Run[] = [];
  const work = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) merged.push(...(await runsOf(db, id, filter, before, limit + 1)));
  };
  await Promise.all(Array.from({ length: queriesAtOnce }, work));
  // Lower-case hex: the order of the text is the order of the uuid.
  merged.sort((a, b) => (a.run_id < b.run_id ? 1 : -1));
  return pageOf(merged, limit, (row) => [row.run_id]);
}

/** How many of the newest 5,000 runs fit, by status. Throws `not_found`. */
export function countRuns(db: Db, environment_id: string, filter: z.input<typeof runCountFilter>): Promise<RunCounts> {
  return callRpc(db, "count_runs", { environment_id, filter });
}

async function seen(db: Db, environmentId: string): Promise<void> {
  const { environments } = await whoami(db);
  if (environments.some((each) => each.environment_id === environmentId.toLowerCase())) return;
  throw new ControlRoomError("not_found", "There is no such environment, or you may not see it.", { errors: [{ path: "environment_id", message: "is not an environment that you see" }] });
}

/** Which run a page by label looks at last, null where it looks at all that are left: no index serves labels under RLS. */
async function oldestLookedAt(db: Db, environmentId: string, before: string | null): Promise<string | null> {
  let query = db.from("runs").select("run_id").eq("environment_id", environmentId);
  if (before !== null) query = query.lt("run_id", before);
  const [oldest] = await readRows(runRow, query.order("run_id", { ascending: false }).range(labelledAtOnce - 1, labelledAtOnce - 1));
  return oldest?.run_id ?? null;
}
const runRow = z.object({ run_id: uuid });
const labelledAtOnce = 20_000;

const templateRow = z.object({ template_key: z.string() });
/** The templates that bear a tag, of the project of an environment. */
async function keysOfTag(db: Db, environmentId: string, tag: string): Promise<string[]> {
  const project = (await whoami(db)).environments.find((each) => each.environment_id === environmentId.toLowerCase())?.project_id;
  if (project === undefined) return [];
  return (await readRows(templateRow, db.from("job_templates").select("template_key").eq("project_id", project).contains("tags", [tag]))).map(({ template_key }) => template_key);
}

async function runsOf(db: Db, environmentId: string, filter: RunFilter, before: string | null, limit: number, oldest: string | null = null): Promise<Run[]> {
  let query = db.from("run_list").select("*").eq("environment_id", environmentId);
  if (before !== null) query = query.lt("run_id", before);
  const [status, ...more] = filter.status ?? [];
  if (status !== undefined) query = more.length === 0 ? query.eq("status", status) : query.in("status", [status, ...more]);
  for (const name of ["template_key", "kind", "trigger", "executor_id", "repairs_run_id", "parent_run_id", "schedule_id", "backfill_id", "error_code"] as const) {
    if (filter[name] !== undefined) query = query.eq(name, filter[name]);
  }
  if (filter.tag !== undefined) query = query.in("template_key", await keysOfTag(db, environmentId, filter.tag));
  if (filter.label !== undefined) query = query.contains("labels", [filter.label]);
  if (oldest !== null) query = query.gte("run_id", oldest);
  if (filter.checks === "failed") query = query.gt("failed_checks", 0);
  if (filter.checks === "passed") query = query.eq("failed_checks", 0);
  if (filter.min_duration_seconds !== undefined) query = query.gte("duration_seconds", filter.min_duration_seconds);
  if (filter.max_duration_seconds !== undefined) query = query.lte("duration_seconds", filter.max_duration_seconds);
  if (filter.created_after !== undefined) query = query.gte("created_at", filter.created_after);
  if (filter.created_before !== undefined) query = query.lt("created_at", filter.created_before);
  if (filter.search?.trim()) query = query.or(searchFilter(filter.search.trim()));
  return readRows(run, query.order("run_id", { ascending: false }).limit(limit));
}

/** A run id or its beginning, else words of pipeline or error message; `%` and `_` stand for themselves. */
export function searchFilter(search: string): string {
  const pattern = quoted(`%${search.replaceAll(/[\\%_]/g, (found) => `\\${found}`)}%`);
  const text = `spec_slug.ilike.${pattern},error_message.ilike.${pattern}`;
  const hex = search.toLowerCase().replaceAll("-", "");
  if (!/^[0-9a-f]{4,32}$/.test(hex)) return text;
  const bound = (filler: string): string => hex.padEnd(32, filler).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return `${text},and(run_id.gte.${bound("0")},run_id.lte.${bound("f")})`;
}

/** Throws `not_found`. */
export async function getRun(db: Db, runId: string): Promise<Run> {
  const [found] = await readRows(run, db.from("run_list").select("*").eq("run_id", runId).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such run, or you may not see it.");
  return found;
}

/** Throws `not_found`, `run_finished`, `forbidden`. */
export function cancelRun(db: Db, runId: string, reason?: string): Promise<Run> {
  return callRpc(db, "cancel_run", { run_id: runId, reason: reason ?? null });
}

/** Runs again as a new run, which this answers. Throws `not_found`, `illegal_transition`, `idempotency_conflict`, `forbidden`. */
export function retryRun(db: Db, runId: string, options: z.input<typeof retryRunRequest> & { idempotency_key?: string } = {}): Promise<Run> {
  return callRpc(db, "retry_run", { run_id: runId, mode: options.mode, definition: options.definition, idempotency_key: options.idempotency_key ?? null });
}
