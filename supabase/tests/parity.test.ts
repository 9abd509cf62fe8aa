import { afterAll, beforeAll, expect, test } from "vitest";
import type { z } from "zod";
import { alertKinds, notificationStatuses } from "../../contracts/alert.ts";
import { actorTypes } from "../../contracts/audit.ts";
import { artifactKinds } from "../../contracts/artifact.ts";
import { backfillDirections, backfillStatuses, itemOutcomes, reprocessPolicies } from "../../contracts/backfill.ts";
import { connectionKinds, eventLevels, roles, runKinds, runStatuses, runTriggers, stateEventTypes } from "../../contracts/words.ts";
import { layers } from "../../contracts/dataset.ts";
import { errorCatalogue, type ErrorCode } from "../../contracts/error.ts";
import { eventDataLimitBytes } from "../../contracts/event.ts";
import { channelKinds, layers as routedLayers, severities } from "../../contracts/routing.ts";
import { rpc } from "../../contracts/rpc.ts";
import { claimedRun } from "../../contracts/claim.ts";
import { phaseStatuses, run, runPhase } from "../../contracts/run.ts";
import { catchUps, fireOutcomes, overlapPolicies } from "../../contracts/schedule.ts";
import { viewLists } from "../../contracts/view.ts";
import { deliveryTypes } from "../../contracts/webhook.ts";
import { aClaim, anExecutor, aRun, aTenant, call, openWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(2);
});
afterAll(() => world?.drop());

async function listOf(constraint: string, table: string): Promise<string[]> {
  const { rows } = await world.owner.query("select pg_get_constraintdef(oid) as text from pg_constraint where conname = $1 and conrelid = $2::regclass", [constraint, table]);
  return [...(rows[0].text as string).matchAll(/'([^']+)'/g)].map((match) => match[1] as string);
}
const sources = async () => (await world.owner.query("select proname, prosrc from pg_proc where pronamespace in ('ops'::regnamespace, 'ops_private'::regnamespace)")).rows as { proname: string; prosrc: string }[];

test("the lists of SQL checks are the lists of contracts", async () => {
  expect(await listOf("status_is_known", "ops.runs")).toEqual([...runStatuses]);
  expect(await listOf("kind_is_known", "ops.runs")).toEqual([...runKinds]);
  expect(await listOf("kind_is_known", "ops.job_templates")).toEqual([...runKinds]);
  expect(await listOf("trigger_is_known", "ops.runs")).toEqual([...runTriggers]);
  expect(await listOf("phase_status_is_known", "ops.run_phases")).toEqual([...phaseStatuses]);
  expect(await listOf("artifact_kind_is_known", "ops.run_artifacts")).toEqual([...artifactKinds]);
  expect(await listOf("connection_kind_is_known", "ops.connections")).toEqual([...connectionKinds]);
  expect(await listOf("level_is_known", "ops.run_events")).toEqual([...eventLevels]);
  expect(await listOf("layer_is_known", "ops.datasets")).toEqual([...layers]);
  expect(await listOf("layer_is_known", "ops.job_templates")).toEqual([...layers]);
  expect(await listOf("channel_kind_is_known", "ops.routing_channels")).toEqual([...channelKinds]);
  expect(await listOf("alert_kind_is_known", "ops.alert_rules")).toEqual(["kind", ...alertKinds]);
  expect(await listOf("severity_is_known", "ops.alert_rules")).toEqual([...severities]);
  expect(await listOf("status_is_known", "ops.notifications")).toEqual(["pending", ...notificationStatuses]);
  expect(await listOf("delivery_type_is_known", "ops.webhook_deliveries")).toEqual([...deliveryTypes]);
  expect(await listOf("signal_severity_is_known", "ops.routing_signals")).toEqual([...severities]);
  expect(await listOf("layers_are_known", "ops.routing_matrix")).toEqual([`{${routedLayers.join(",")}}`]);
  expect(await listOf("overlap_is_known", "ops.schedules")).toEqual([...overlapPolicies]);
  expect(await listOf("catch_up_is_known", "ops.schedules")).toEqual([...catchUps]);
  expect(await listOf("outcome_is_known", "ops.schedule_fires")).toEqual([...fireOutcomes]);
  expect(await listOf("reprocess_is_known", "ops.backfills")).toEqual([...reprocessPolicies]);
  expect(await listOf("direction_is_known", "ops.backfills")).toEqual([...backfillDirections]);
  expect(await listOf("status_is_known", "ops.backfills")).toEqual([...backfillStatuses]);
  expect(await listOf("outcome_is_known", "ops.backfill_items")).toEqual([...itemOutcomes]);
  expect(await listOf("list_is_known", "ops.saved_views")).toEqual([...viewLists]);
  expect((await listOf("setting_is_known", "ops.personal_settings")).filter((key) => key.startsWith("default_view."))).toEqual(viewLists.map((list) => `default_view.${list}`));
  expect(await listOf("actor_is_known", "ops.audit_log")).toEqual([...actorTypes]);
  expect(await listOf("role_is_known", "ops.memberships")).toEqual([...roles]);
  expect(await listOf("role_is_known", "ops.api_tokens")).toEqual([...roles]);
  const ranks = await Promise.all(roles.map(async (role) => (await world.owner.query("select ops_private.rank($1) as rank", [role])).rows[0].rank));
  expect(ranks).toEqual(roles.map((_, at) => at + 1));
});

test("every error that SQL raises is in the catalogue, with its status", async () => {
  const all = await sources();
  const raised = new Set(all.flatMap(({ prosrc }) => [...prosrc.matchAll(/ops_private\.fail\('([a-z_]+)'/g)].map((match) => match[1] as string)));
  expect(raised.size).toBeGreaterThan(12);
  for (const code of raised) {
    const wanted = errorCatalogue[code as ErrorCode]?.status;
    await expect(world.owner.query("select ops_private.fail($1)", [code]), code).rejects.toMatchObject({ message: code, code: `PT${wanted}` });
  }
  const known = [...(all.find((each) => each.proname === "fail")?.prosrc ?? "").matchAll(/when '([a-z_]+)' then '(\d+)'/g)];
  expect(known.length).toBeGreaterThanOrEqual(raised.size);
  for (const [, code, status] of known) expect(errorCatalogue[code as ErrorCode]?.status, code).toBe(Number(status));
});

test("the functions of ops are those of contracts/rpc.ts, with the same arguments and the same ones optional", async () => {
  const { rows } = await world.owner.query(`select proname as name, coalesce(proargnames, '{}') as arguments, pronargdefaults as optional, prorettype::regtype::text as returns from pg_proc
    where pronamespace = 'ops'::regnamespace and not (pronargs = 1 and exists (select from pg_type as t where t.oid = proargtypes[0] and t.typtype = 'c'))`);
  const inSql = Object.fromEntries(rows.map((row) => [row.name, row.arguments.map((name: string, at: number) => (at >= row.arguments.length - row.optional ? `${name}?` : name)).toSorted()]));
  const inContract = Object.fromEntries(Object.entries(rpc).map(([name, { args }]) => [
    name, Object.entries(args.shape as Record<string, z.ZodType>).map(([key, type]) => (type.safeParse(undefined).success ? `${key}?` : key)).toSorted(),
  ]));
  expect(inSql).toEqual(inContract);
  expect(rows.length).toBe(Object.keys(rpc).length); // no overloads
  expect(rows.filter((row) => !["json", "jsonb", "boolean"].includes(row.returns))).toEqual([]);
});

test("the control plane writes the event types that contracts names, and no other", async () => {
  const written = new Set((await sources()).flatMap(({ prosrc }) => [...prosrc.matchAll(/'((?:RUN|PHASE|LEASE|CANCEL|ARTIFACT|DATASET|QUALITY|INPUTS|SECRETS)_[A-Z_]+)'/g)].map((match) => match[1] as string)));
  for (const status of ["SUCCEEDED", "FAILED", "CANCELED"]) written.add(`RUN_${status}`); // 'RUN_' || upper(status)
  for (const status of ["SUCCEEDED", "FAILED", "SKIPPED"]) written.add(`PHASE_${status}`);
  written.delete("PHASE_PROGRESS"); // the executor's
  expect([...written].toSorted()).toEqual([...stateEventTypes].toSorted());
  const append = (await sources()).find((each) => each.proname === "refused_events");
  expect(append?.prosrc).toContain(`> ${eventDataLimitBytes} `);
});

test("runs, phases and claims on the wire have exactly the fields of contracts", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant);
  const claim = await aClaim(world, executor, { run_id });
  expect(Object.keys(claim.run).toSorted()).toEqual(Object.keys(claimedRun.shape).toSorted());
  expect((await world.owner.query("select * from ops.run_list limit 0")).fields.map(({ name }) => name)).toEqual(Object.keys(run.shape));
  expect(Object.keys(claim.phases[0] ?? {}).toSorted()).toEqual(Object.keys(runPhase.shape).toSorted());
  for (const [name, args] of [
    ["whoami", {}], ["heartbeat_run", claim.lease], ["start_run", claim.lease], ["set_phase", { ...claim.lease, name: "extract", patch: { status: "running" } }], ["pin_inputs", { ...claim.lease, datasets: ["bronze.a"] }],
    ["append_events", { ...claim.lease, events: [{ event_id: run_id, type: "NOTE" }] }], ["release_run", claim.lease], ["claim_runs", { run_id }], ["requeue_stale_runs", {}], ["claim_run", { executor_id: executor.executor_id }],
  ] as const) {
    const answer = await call(world, executor, name, args as never);
    expect(rpc[name].returns.safeParse(answer).error, name).toBeUndefined();
  }
});
