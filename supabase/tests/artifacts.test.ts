import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  aClaim, anApiToken, anExecutor, anObject, aRequest, aRun, aTenant, brokenInvariants, call, eventTypes, expireLease, openWorld, receiptKey, refusal, specText, tick, type Tenant, type World,
} from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(12);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

async function aRunning(phases = ["work"]) {
  const run_id = await aRun(world, tenant, { spec_text: specText(phases) });
  const claim = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", claim.lease);
  if (phases[0]) await call(world, executor, "set_phase", { ...claim.lease, name: phases[0], patch: { status: "running" } });
  return claim;
}

/** As the store makes it: HMAC-like over environment, hash and size with the key that SQL shares. */
function receipt(environment: string, sha256: string, byte_size: number, key = receiptKey): string {
  const secret = Buffer.from(key, "hex");
  const inner = createHash("sha256").update(Buffer.concat([secret, Buffer.from(`${environment}:${sha256}:${byte_size}`)])).digest();
  return createHash("sha256").update(Buffer.concat([secret, inner])).digest("hex");
}

test("an object is recorded only with the store's receipt for this environment, hash and size", async () => {
  const sha256 = createHash("sha256").update("hello").digest("hex");
  const record = (args: { byte_size?: string; receipt: string; environment_id?: string }, who: { token: string } = executor) =>
    call(world, who, "record_object", { environment_id: tenant.environment_id, sha256, byte_size: "5", ...args });
  const other = await aTenant(world);
  for (const wrong of [receipt(tenant.environment_id, sha256, 6), receipt(other.environment_id, sha256, 5), receipt(tenant.environment_id, "0".repeat(64), 5), receipt(tenant.environment_id, sha256, 5, "ff".repeat(32)), "", "x"]) {
    expect(await refusal(record({ receipt: wrong }))).toEqual({ code: "forbidden", status: "PT403" });
  }
  expect(await call(world, executor, "object_stored", { environment_id: tenant.environment_id, sha256 })).toBe(false);
  expect((await refusal(record({ receipt: receipt(tenant.environment_id, sha256, 5) }, await anApiToken(world, tenant.project_id, "viewer")))).code).toBe("forbidden");
  expect((await refusal(record({ receipt: receipt(other.environment_id, sha256, 5), environment_id: other.environment_id }))).code).toBe("not_found");
  const stored = { sha256, byte_size: "5" };
  expect(await record({ receipt: receipt(tenant.environment_id, sha256, 5) })).toEqual(stored);
  expect(await record({ receipt: receipt(tenant.environment_id, sha256, 5) })).toEqual(stored); // a repeat
  expect(await call(world, executor, "object_stored", { environment_id: tenant.environment_id, sha256 })).toBe(true);
  expect((await refusal(call(world, executor, "object_stored", { environment_id: tenant.environment_id, sha256: "ABC" }))).code).toBe("invalid_input");
});

test("an artifact is registered only after its bytes, in its own environment, with their size", async () => {
  const { lease } = await aRunning();
  const other = await aTenant(world);
  const foreign = await anObject(world, other.environment_id, "only theirs");
  const mine = await anObject(world, tenant.environment_id, "mine");
  const register = (object: { sha256: string; byte_size: number }, more = {}) =>
    call(world, executor, "register_artifact", { ...lease, artifact: { phase: "work", name: "a.txt", kind: "log", content_type: "text/plain", ...object, ...more } });
  for (const missing of [foreign, { ...mine, byte_size: 3 }, { sha256: "0".repeat(64), byte_size: 0 }]) {
    expect(await refusal(register(missing))).toEqual({ code: "object_missing", status: "PT409" });
  }
  expect((await refusal(register(mine, { phase: "nothing" }))).code).toBe("not_found");
  const made = await register(mine);
  expect(made).toMatchObject({ byte_size: "4", sha256: mine.sha256, url: `/api/v1/artifacts/${made.artifact_id}/content`, phase: "work", metadata: {} });
  for (const [more, constraint] of [
    [{ name: "../etc/passwd" }, "artifact_name_is_a_file_name"], [{ name: "a\r\nb" }, "artifact_name_is_a_file_name"], [{ kind: "secret" }, "artifact_kind_is_known"], [{ content_type: "text/html\r\nx: y" }, "content_type_is_a_media_type"],
  ] as const) {
    await expect(register(mine, more as never)).rejects.toMatchObject({ constraint });
  }
});

test("the same name and bytes are one artifact, from twenty calls at once too; other bytes are another", async () => {
  const { lease } = await aRunning();
  const one = await anObject(world, tenant.environment_id, "one");
  const two = await anObject(world, tenant.environment_id, "two");
  const register = (object: typeof one, phase: string | null) => call(world, executor, "register_artifact", { ...lease, artifact: { phase, name: "a.txt", kind: "log", content_type: "text/plain", ...object } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => register(one, null)));
  expect(new Set(answers.map((answer) => answer.artifact_id)).size).toBe(1);
  expect((await register(two, null)).artifact_id).not.toBe(answers[0]?.artifact_id);
  expect((await register(one, "work")).artifact_id).not.toBe(answers[0]?.artifact_id);
  expect((await eventTypes(world, lease.run_id)).filter((type) => type === "ARTIFACT_REGISTERED")).toHaveLength(3);
  for (const sql of ["update ops.run_artifacts set name = 'x'", "delete from ops.run_artifacts where true", "update ops.objects set byte_size = 1", "delete from ops.objects where true"]) {
    await expect(world.owner.query(sql)).rejects.toMatchObject({ code: "PT409" });
  }
  expect(await brokenInvariants(world)).toEqual([]);
});

const dataset = (name: string, table_version: number, content = `${table_version}`) => ({
  phase: "work", name, layer: "bronze" as const, table_version, format: "delta" as const, location: `env/${name}`, content_sha256: createHash("sha256").update(content).digest("hex"), row_count: 3, byte_size: 100, columns: [{ name: "id", type: "long" }],
});
type Held = { run_id: string; lease_token: string };
const begin = async (lease: Held, ...datasets: string[]) => (await call(world, executor, "begin_publish", { ...lease, phase: "work", datasets })).items;
const registerVersion = (lease: Held, body: ReturnType<typeof dataset>) => call(world, executor, "publish_dataset", { ...lease, dataset: body });
async function publish(lease: Held, body: ReturnType<typeof dataset>) {
  await begin(lease, body.name);
  return registerVersion(lease, body);
}

test("publishing registers the version readers follow, once a run; a repeat answers the same", async () => {
  const first = await aRunning();
  const made = await publish(first.lease, dataset("bronze.once", 0));
  expect(made).toMatchObject({ name: "bronze.once", version: 1, table_version: "0", row_count: "3", run_id: first.lease.run_id });
  const repeats = await Promise.all(Array.from({ length: 10 }, () => publish(first.lease, dataset("bronze.once", 0))));
  for (const repeat of repeats) expect(repeat).toEqual(made);
  expect((await eventTypes(world, first.lease.run_id)).filter((type) => type === "DATASET_PUBLISHED")).toHaveLength(1);
  const second = await aRunning();
  expect(await refusal(publish(second.lease, dataset("bronze.once", 0)))).toEqual({ code: "conflict", status: "PT409" });
  expect((await publish(second.lease, dataset("bronze.once", 3))).version).toBe(2);
  expect((await world.owner.query("select version from ops.dataset_list where name = 'bronze.once'")).rows).toEqual([{ version: 2 }]);
});

test("one run at a time holds a table; who is second is told, and gets it with a larger fence when it is free", async () => {
  const [one, two] = [await aRunning(), await aRunning()];
  const [held] = await begin(one.lease, "bronze.held", "bronze.held_too");
  expect(held).toEqual({ name: "bronze.held", fence: expect.any(String), base_table_version: "-1", kept_from_table_version: "-1" });
  expect((await begin(one.lease, "bronze.held"))[0]).toEqual(held);
  expect(await refusal(begin(two.lease, "bronze.free", "bronze.held"))).toEqual({ code: "table_busy", status: "PT409" });
  expect((await begin(two.lease, "bronze.free"))[0]?.base_table_version).toBe("-1"); // all or none: the refused call took nothing
  expect(await refusal(registerVersion(two.lease, dataset("bronze.held", 0)))).toEqual({ code: "lease_lost", status: "PT409" });
  await registerVersion(one.lease, dataset("bronze.held", 4));
  const [next] = await begin(two.lease, "bronze.held");
  expect(next?.base_table_version).toBe("4");
  expect(BigInt(next!.fence)).toBeGreaterThan(BigInt(held!.fence));
});

test("a table is held no longer than its holder's lease: the next one takes it, the paused one registers nothing", async () => {
  const paused = await aRunning();
  const [old] = await begin(paused.lease, "bronze.paused");
  await expireLease(world, paused.lease.run_id);
  const next = await aRunning();
  const [taken] = await begin(next.lease, "bronze.paused");
  expect(BigInt(taken!.fence)).toBeGreaterThan(BigInt(old!.fence));
  expect(await refusal(registerVersion(paused.lease, dataset("bronze.paused", 0)))).toEqual({ code: "lease_lost", status: "PT409" });
  expect((await registerVersion(next.lease, dataset("bronze.paused", 2))).version).toBe(1);
});

test("the next attempt of the same run takes its tables again, with a larger fence and the same base", async () => {
  const first = await aRunning();
  const [before] = await begin(first.lease, "bronze.again");
  await expireLease(world, first.lease.run_id);
  await tick(world);
  const second = await aClaim(world, executor, { run_id: first.lease.run_id });
  await call(world, executor, "start_run", second.lease);
  await call(world, executor, "set_phase", { ...second.lease, name: "work", patch: { status: "running" } });
  expect(await refusal(registerVersion(second.lease, dataset("bronze.again", 1)))).toEqual({ code: "illegal_transition", status: "PT409" });
  const [after] = await begin(second.lease, "bronze.again");
  expect(after?.base_table_version).toBe(before?.base_table_version);
  expect(BigInt(after!.fence)).toBeGreaterThan(BigInt(before!.fence));
  expect((await registerVersion(second.lease, dataset("bronze.again", 1))).version).toBe(1);
});

test("twenty writers of one table: one at a time, versions 1..n, each newer in the table than the one before", async () => {
  const claims: Awaited<ReturnType<typeof aRunning>>[] = [];
  for (let n = 0; n < 20; n++) claims.push(await aRunning());
  let holders = 0;
  const writer = async ({ lease }: (typeof claims)[number]): Promise<void> => {
    for (;;) {
      const intents = await begin(lease, "bronze.raced").catch((error: unknown) => {
        if ((error as Error).message !== "table_busy") throw error;
        return null;
      });
      if (intents === null) continue;
      expect(++holders).toBe(1);
      const next = Number(intents[0]!.base_table_version) + 2;
      holders -= 1;
      return void (await registerVersion(lease, dataset("bronze.raced", next)));
    }
  };
  await Promise.all(claims.map(writer));
  const { rows } = await world.owner.query("select v.version, v.table_version::int as at, d.current_version as current from ops.dataset_versions as v join ops.datasets as d using (dataset_id) where d.name = 'bronze.raced' order by v.version");
  expect(rows.map((row) => row.version)).toEqual(claims.map((_, at) => at + 1));
  expect(rows.map((row) => row.at)).toEqual(claims.map((_, at) => at * 2 + 1));
  expect(rows.at(-1)?.current).toBe(20);
});

test("only a running phase publishes", async () => {
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"]) });
  const { lease } = await aClaim(world, executor, { run_id });
  expect((await refusal(publish(lease, dataset("bronze.early", 0)))).code).toBe("illegal_transition");
  await call(world, executor, "start_run", lease);
  expect((await refusal(publish(lease, dataset("bronze.early", 0)))).code).toBe("illegal_transition");
});

test("inputs are pinned once: a later version, a later attempt and a retry read the same", async () => {
  const publisher = await aRunning();
  await publish(publisher.lease, dataset("bronze.pinned", 0));
  const reader = await aRunning();
  const pin = (lease: typeof reader.lease, datasets = ["bronze.pinned", "bronze.never"], sources = {}) => call(world, executor, "pin_inputs", { ...lease, datasets, sources });
  const first = await pin(reader.lease, undefined, { odoo: { snapshot: "1" } });
  expect(first).toMatchObject({ datasets: [{ name: "bronze.pinned", version: 1 }], missing: ["bronze.never"], sources: { odoo: { snapshot: "1" } } });
  const newer = await aRunning();
  await publish(newer.lease, dataset("bronze.pinned", 1));
  expect(await pin(reader.lease, undefined, { odoo: { snapshot: "2" } })).toEqual(first);
  expect((await eventTypes(world, reader.lease.run_id)).filter((type) => type === "INPUTS_PINNED")).toHaveLength(1);
  await expireLease(world, reader.lease.run_id);
  await tick(world);
  const second = await aClaim(world, executor, { run_id: reader.lease.run_id });
  expect(await pin(second.lease)).toEqual(first);
  await call(world, executor, "fail_run", { ...second.lease, error_code: "sql_error", error_message: "no", permanent: true });
  const retry = await call(world, tenant.api, "retry_run", { run_id: reader.lease.run_id });
  expect(await pin((await aClaim(world, executor, { run_id: retry.run_id })).lease)).toEqual(first);
  const fresh = await aRunning();
  expect((await pin(fresh.lease)).datasets[0]?.version).toBe(2);
});

const end = (lease: Held) => call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "over", permanent: true });
/** The versions of a dataset, each so many hours old. */
async function publishedHoursAgo(name: string, ages: number[]): Promise<void> {
  for (const [index, hours] of ages.entries()) {
    const { lease } = await aRunning();
    await publish(lease, dataset(name, index * 2));
    await end(lease);
    // Versions never change: only the table's owner can make one older than it is.
    await world.owner.query(`begin; alter table ops.dataset_versions disable trigger dataset_versions_never_change;
      update ops.dataset_versions as v set created_at = now() - interval '${hours} hours' from ops.datasets as d where d.dataset_id = v.dataset_id and d.name = '${name}' and v.version = ${index + 1};
      alter table ops.dataset_versions enable trigger dataset_versions_never_change; commit`);
  }
}

test("a reference names the version of a number or of a moment, and keeps doing so", async () => {
  await publishedHoursAgo("bronze.past", [30, 20, 10]);
  const { lease } = await aRunning();
  const moment = (hours: number) => `bronze.past@${new Date(Date.now() - hours * 3_600_000).toISOString()}`;
  const asked = ["bronze.past", "bronze.past@1", "bronze.past@9", "bronze.never@1", moment(15), moment(40)];
  const first = await call(world, executor, "pin_inputs", { ...lease, datasets: asked });
  expect(Object.fromEntries(first.datasets.map((each) => [each.pinned_as, [each.name, each.version]]))).toEqual({ "bronze.past": ["bronze.past", 3], "bronze.past@1": ["bronze.past", 1], [asked[4]!]: ["bronze.past", 2] });
  expect(first.missing).toEqual([asked[2], asked[3], asked[5]].toSorted());
  expect(await call(world, executor, "pin_inputs", { ...lease, datasets: asked })).toEqual(first);
  for (const wrong of ["bronze.past@0", "bronze.past@", "bronze.past@yesterday", "bronze.past@1@2", "bronze.past@2026-11-20"]) {
    expect(await refusal(call(world, executor, "pin_inputs", { ...lease, datasets: [wrong] })), wrong).toEqual({ code: "invalid_input", status: "PT400" });
  }
});

test("a cleanup gives up what nobody followed within the retention, but nothing that an unfinished run reads", async () => {
  await publishedHoursAgo("bronze.tidy", [50, 40, 30, 2]);
  const oldest = async (retain_hours?: number) => {
    const { lease } = await aRunning();
    const [intent] = (await call(world, executor, "begin_publish", { ...lease, phase: "work", datasets: ["bronze.tidy"], ...(retain_hours === undefined ? {} : { retain_hours }) })).items;
    await end(lease);
    return intent?.kept_from_table_version;
  };
  const reader = await aRunning();
  await call(world, executor, "pin_inputs", { ...reader.lease, datasets: ["bronze.tidy@2"] });
  expect(await oldest()).toBe("0");
  expect(await oldest(45)).toBe("0"); // version 1 was what readers followed 45 hours ago
  expect(await oldest(24)).toBe("2"); // version 3 was; the reader holds 2
  const late = await aRunning();
  expect(await call(world, executor, "pin_inputs", { ...late.lease, datasets: ["bronze.tidy@1", "bronze.tidy@2"] })).toMatchObject({ datasets: [{ pinned_as: "bronze.tidy@2" }], missing: ["bronze.tidy@1"] });
  for (const { lease } of [reader, late]) await end(lease);
  expect(await oldest(24)).toBe("4");
  expect(await oldest(1)).toBe("6");
  expect(await oldest(87_600)).toBe("6"); // what is given up does not come back
  const { lease } = await aRunning();
  expect(await refusal(call(world, executor, "begin_publish", { ...lease, phase: "work", datasets: ["bronze.tidy"], retain_hours: 0 }))).toEqual({ code: "invalid_input", status: "PT400" });
});

test("a cleanup of many tables reads the unfinished runs once, not for each table", async () => {
  const { lease } = await aRunning();
  const names = Array.from({ length: 2000 }, (_, n) => `bronze.many_${n}`);
  await call(world, tenant.api, "create_runs", { requests: Array.from({ length: 40 }, () => aRequest(tenant, { queue: "nobody" }).request) });
  // 80,000 pins, which are 160 million where each table looks at them: more than a statement has time for.
  await world.owner.query("update ops.runs set input_manifest = jsonb_build_object('datasets', (select jsonb_object_agg(n, '{\"version\": 1}'::jsonb) from unnest($1::text[]) as n)) where queue = 'nobody'", [names]);
  expect((await call(world, executor, "begin_publish", { ...lease, phase: "work", datasets: names, retain_hours: 1 })).items).toHaveLength(2000);
  await end(lease);
});

test("of a cleanup and a pin of the past at one moment, whoever is second sees the first", async () => {
  await publishedHoursAgo("bronze.cleaned", [50, 40]);
  for (let round = 0; round < 5; round += 1) {
    const [reader, cleaner] = [await aRunning(), await aRunning()];
    const [pinned, cleaned] = await Promise.all([
      call(world, executor, "pin_inputs", { ...reader.lease, datasets: ["bronze.cleaned@1"] }),
      call(world, executor, "begin_publish", { ...cleaner.lease, phase: "work", datasets: ["bronze.cleaned"], retain_hours: 24 }),
    ]);
    expect(cleaned.items[0]?.kept_from_table_version).toBe(pinned.datasets.length === 1 ? "0" : "2");
    for (const { lease } of [reader, cleaner]) await end(lease);
    await world.owner.query("update ops.datasets set kept_from = 1 where name = 'bronze.cleaned'");
  }
});

test("another environment's dataset of the same name is neither pinned nor published to", async () => {
  const other = await aTenant(world);
  const theirs = await anExecutor(world, other);
  const run_id = await aRun(world, other, { spec_text: specText(["work"]) });
  const { lease } = await aClaim(world, theirs, { run_id });
  await call(world, theirs, "start_run", lease);
  await call(world, theirs, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
  expect((await call(world, theirs, "pin_inputs", { ...lease, datasets: ["bronze.once"] })).missing).toEqual(["bronze.once"]);
  await call(world, theirs, "begin_publish", { ...lease, phase: "work", datasets: ["bronze.once"] });
  const made = await call(world, theirs, "publish_dataset", { ...lease, dataset: dataset("bronze.once", 0) });
  expect(made.version).toBe(1);
  expect((await world.owner.query("select count(*)::int as n from ops.datasets where name = 'bronze.once'")).rows).toEqual([{ n: 2 }]);
});

test("a table with a check that failed in this run is published by nobody; another try replaces what was found, a verification leaves no history", async () => {
  const { lease } = await aRunning();
  const result = (name: string, verdict: "pass" | "fail") => ({ dataset: name, check: "unique", label: `${name} unique (id)`, severity: "fail" as const, verdict, wrong: verdict === "pass" ? 0 : 2, seen: 3 });
  const record = (held: Held, ...results: ReturnType<typeof result>[]) => call(world, executor, "record_quality", { ...held, phase: "work", results });
  expect(await record(lease, result("bronze.sound", "pass"), result("bronze.broken", "fail"))).toEqual({ recorded: 2, failed: 1 });
  expect((await world.owner.query("select failed_checks from ops.run_list where run_id = $1", [lease.run_id])).rows).toEqual([{ failed_checks: 1 }]);
  expect(await refusal(begin(lease, "bronze.sound", "bronze.broken"))).toEqual({ code: "illegal_transition", status: "PT409" });
  expect((await begin(lease, "bronze.sound"))[0]?.name).toBe("bronze.sound");
  await record(lease, result("bronze.sound", "fail"));
  expect((await refusal(registerVersion(lease, dataset("bronze.sound", 0)))).code).toBe("illegal_transition");
  await record(lease, result("bronze.sound", "pass"));
  expect((await registerVersion(lease, dataset("bronze.sound", 0))).version).toBe(1);
  const stored = async (run_id: string) => (await world.owner.query("select dataset, verdict, wrong::int, seen::int from ops.quality_results where run_id = $1 order by position", [run_id])).rows as unknown[];
  expect(await stored(lease.run_id)).toEqual([{ dataset: "bronze.sound", verdict: "pass", wrong: 0, seen: 3 }]);
  expect((await eventTypes(world, lease.run_id)).filter((type) => type === "QUALITY_CHECKED")).toHaveLength(3);
  const failedChecks = async () => (await world.owner.query("select failed_checks from ops.runs where run_id = $1", [lease.run_id])).rows[0].failed_checks as number;
  expect(await failedChecks()).toBe(0);
  for (const wrong of [{ verdict: "fine" }, { wrong: -1 }, { dataset: "nope" }, { label: "" }, { seen: null }]) expect((await refusal(record(lease, { ...result("bronze.sound", "pass"), ...wrong } as never))).code).toBe("invalid_input");
  await world.owner.query("update ops.runs set isolated = true where run_id = $1", [lease.run_id]);
  expect(await record(lease, result("bronze.sound", "fail"))).toEqual({ recorded: 0, failed: 0 });
  expect(await stored(lease.run_id)).toHaveLength(1);
});
