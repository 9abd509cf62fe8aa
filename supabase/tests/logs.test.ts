import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logChunkLimitBytes, type LogLine, type LogQuery, type NewLogChunk } from "../../contracts/log.ts";
import { logLevels, logStreams } from "../../contracts/words.ts";
import { aClaim, anExecutor, aRun, aTenant, call, expireLease, finish, openWorld, refusal, request, specText, tick, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(10);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

type Lease = { run_id: string; lease_token: string };
async function aLease(phases = ["work"]): Promise<Lease> {
  const run_id = await aRun(world, tenant, { spec_text: specText(phases) });
  return (await aClaim(world, executor, { run_id })).lease;
}
const chunk = (text: string, more: Partial<NewLogChunk> = {}): NewLogChunk => ({ chunk_id: randomUUID(), stream: "stdout", phase: "work", text, ...more });
const append = (lease: Lease, chunks: unknown[]) => call(world, executor, "append_logs", { ...lease, chunks } as never);
const read = async (run_id: string, query: Partial<LogQuery> = {}, as: { token: string } = tenant.api) => {
  const page = await call(world, as, "read_logs", { run_id, query });
  if ("files" in page) throw new Error("the run is compacted");
  return page;
};
const texts = (page: { items: LogLine[] }) => page.items.map((line) => line.text);

test("eight writers of one run number its lines 1..n, and what one of them sent later stands later", async () => {
  const lease = await aLease();
  await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
    for (let turn = 0; turn < 10; turn++) {
      await append(lease, [chunk(`w${writer} t${turn} a\nw${writer} t${turn} b`), chunk(`w${writer} t${turn} c`, { stream: "stderr" })]);
    }
  }));
  const { items, total_lines } = await read(lease.run_id, { limit: 1000 });
  expect(items.map((each) => each.line)).toEqual(Array.from({ length: 240 }, (_, at) => at + 1));
  expect(total_lines).toBe(240);
  for (let writer = 0; writer < 8; writer++) {
    const own = items.filter((each) => each.text.startsWith(`w${writer} `)).map((each) => each.text);
    expect(own).toEqual(own.toSorted());
  }
});

test("a chunk sent again is written once; with other lines it is refused, and nothing of the call is written", async () => {
  const lease = await aLease();
  const first = chunk("one\ntwo\n");
  expect(await append(lease, [first, first])).toEqual({ last_line: 2, dropped_lines: "0" });
  expect(await append(lease, [first, chunk("three")])).toEqual({ last_line: 3, dropped_lines: "0" });
  for (const changed of [{ ...first, text: "one\nother" }, { ...first, stream: "stderr" }, { ...first, level: "warn" }, { ...first, phase: null }]) {
    expect(await refusal(append(lease, [chunk("four"), changed]))).toEqual({ code: "conflict", status: "PT409" });
  }
  expect(texts(await read(lease.run_id))).toEqual(["one", "two", "three"]);
});

test("only the holder of the lease appends: not a person, not a stranger, not one whose lease has ended", async () => {
  const lease = await aLease();
  await append(lease, [chunk("mine")]);
  expect((await refusal(call(world, tenant.api, "append_logs", { ...lease, chunks: [chunk("x")] }))).code).toBe("forbidden");
  const foreign = await anExecutor(world, await aTenant(world));
  expect((await refusal(call(world, foreign, "append_logs", { ...lease, chunks: [chunk("x")] }))).code).toBe("not_found");
  expect((await refusal(append({ ...lease, lease_token: randomUUID() }, [chunk("x")]))).code).toBe("lease_lost");
  await expireLease(world, lease.run_id);
  expect((await refusal(append(lease, [chunk("late")]))).code).toBe("lease_lost");
  await tick(world);
  const next = (await aClaim(world, executor, { run_id: lease.run_id })).lease;
  expect((await refusal(append(lease, [chunk("a zombie's")]))).code).toBe("lease_lost");
  await append(next, [chunk("second attempt")]);
  expect((await read(lease.run_id)).items.map(({ line, attempt, text }) => [line, attempt, text])).toEqual([[1, 1, "mine"], [2, 2, "second attempt"]]);
});

test("lines are seen by members of their environment only, through the function and in the table", async () => {
  const lease = await aLease();
  await append(lease, [chunk("not for everybody")]);
  const stranger = await aTenant(world);
  expect((await refusal(read(lease.run_id, {}, stranger.api))).code).toBe("not_found");
  const seen = (caller: { token: string }) => request(world, caller, "select text from ops.run_log_chunks where run_id = $1", [lease.run_id]);
  expect(await seen(stranger.api)).toEqual([]);
  expect(await seen(tenant.api)).toEqual([{ text: "not for everybody" }]);
  for (const sql of ["update ops.run_log_chunks set text = 'x'", "delete from ops.run_log_chunks where true"]) await expect(request(world, tenant.api, sql)).rejects.toMatchObject({ code: "42501" });
  for (const name of ["take_logs", "read_log_chunks", "compact_logs", "read_heads"] as const) {
    const args = { take_logs: { at_most: 1 }, read_log_chunks: { run_id: lease.run_id, phase: "work", after: 0 }, compact_logs: { run_id: lease.run_id, files: [] }, read_heads: { runs: [lease.run_id] } }[name];
    for (const caller of [tenant.api, executor, { user: tenant.user }]) expect((await refusal(call(world, caller, name, args as never))).code, name).toMatch(/forbidden|permission denied/);
  }
});

test("what no chunk may be is refused, and 256 kB are one chunk", async () => {
  const lease = await aLease();
  expect((await refusal(append(lease, [chunk("x".repeat(logChunkLimitBytes + 1))]))).code).toBe("payload_too_large");
  expect((await refusal(append(lease, []))).code).toBe("invalid_input");
  expect((await refusal(append(lease, Array.from({ length: 101 }, () => chunk("x"))))).code).toBe("invalid_input");
  expect((await refusal(append(lease, [chunk("x", { phase: "nothing" })]))).code).toBe("not_found");
  expect((await refusal(append(lease, [{ ...chunk("x"), chunk_id: undefined }]))).code).toBe("invalid_input");
  await expect(append(lease, [chunk("x", { stream: "loud" as never })])).rejects.toMatchObject({ constraint: "stream_is_known" });
  expect(await append(lease, [chunk("x".repeat(logChunkLimitBytes))])).toEqual({ last_line: 1, dropped_lines: "0" });
  const { rows } = await world.owner.query("select pg_get_constraintdef(oid) as text from pg_constraint where conname = 'stream_is_known'");
  expect([...(rows[0].text as string).matchAll(/'([^']+)'/g)].map((match) => match[1])).toEqual([...logStreams]);
  await expect(append(lease, [chunk("x", { level: "loud" as never })])).rejects.toMatchObject({ constraint: "log_level_is_known" });
  const levels = await world.owner.query("select pg_get_constraintdef(oid) as text from pg_constraint where conname = 'log_level_is_known'");
  expect([...(levels.rows[0].text as string).matchAll(/'([^']+)'/g)].map((match) => match[1])).toEqual([...logLevels]);
});

test("an empty line is a line; a last line feed begins none", async () => {
  const lease = await aLease();
  expect(await append(lease, [chunk(""), chunk("\n"), chunk("a\n"), chunk("\nb\n\n")])).toEqual({ last_line: 6, dropped_lines: "0" });
  expect(texts(await read(lease.run_id))).toEqual(["", "", "a", "", "b", ""]);
});

test("beyond a run's limit lines are counted and dropped, once each, and one line says so", async () => {
  const other = await openWorld(2);
  try {
    await other.owner.query("select ops_private.put_setting('log_limit_bytes', '100')");
    const mine = await aTenant(other);
    const worker = await anExecutor(other, mine);
    const run_id = await aRun(other, mine, { spec_text: specText(["work"]) });
    const { lease } = await aClaim(other, worker, { run_id });
    const send = (chunks: NewLogChunk[]) => call(other, worker, "append_logs", { ...lease, chunks });
    const tooMuch = chunk(`${"y".repeat(60)}\nz`);
    expect(await send([chunk("x".repeat(60)), tooMuch, chunk("small")])).toEqual({ last_line: 2, dropped_lines: "3" });
    expect(await send([tooMuch])).toEqual({ last_line: 2, dropped_lines: "3" });
    const page = await call(other, mine.api, "read_logs", { run_id });
    expect(page).toMatchObject({ total_lines: 2, dropped_lines: "3", items: [{ text: "x".repeat(60) }, { stream: "engine", text: "The log of this run has reached its limit of 100 bytes: what follows is counted, not kept." }] });
  } finally {
    await other.drop();
  }
});

test("pages from either end give every line once, and end at 1 MB of text too", async () => {
  const lease = await aLease(["one", "two"]);
  for (let at = 0; at < 30; at++) await append(lease, [chunk(Array.from({ length: 7 }, (_, nth) => `${at}.${nth}`).join("\n"), { phase: at % 2 === 0 ? "one" : "two" })]);
  const all = Array.from({ length: 210 }, (_, at) => `${Math.floor(at / 7)}.${at % 7}`);
  for (const limit of [1, 6, 7, 8, 100, 1000]) {
    const [up, down]: string[][] = [[], []];
    for (let after = 0; ;) {
      const page = await read(lease.run_id, { limit, after });
      up?.push(...texts(page));
      if (!page.more) break;
      after = page.items.at(-1)?.line ?? 0;
    }
    for (let before = 2_147_483_647; ;) {
      const page = await read(lease.run_id, { limit, before, order: "desc" });
      down?.push(...texts(page));
      if (!page.more) break;
      before = page.items.at(-1)?.line ?? 0;
    }
    expect(up).toEqual(all);
    expect(down).toEqual(all.toReversed());
  }
  expect((await read(lease.run_id, { phase: "two", after: 3, before: 25, order: "desc" })).items.map((each) => each.line)).toEqual([24, 23, 22, 14, 13, 12, 11, 10, 9, 8]);
  const wide = await aLease();
  for (let at = 0; at < 5; at++) await append(wide, [chunk("v".repeat(250_000))]);
  expect(await read(wide.run_id)).toMatchObject({ more: true, items: { length: 4 } });
  expect(await read(wide.run_id, { after: 4 })).toMatchObject({ more: false, items: { length: 1 } });
});

test("a finished run's heads are told to the service: numbers, and that it is over", async () => {
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"]) });
  const claim = await aClaim(world, executor, { run_id });
  await append(claim.lease, [chunk("a\nb")]);
  const heads = async () => (await call(world, { token: "only-for-tests-cron-secret" }, "read_heads", { runs: [run_id, randomUUID()] }));
  expect(await heads()).toEqual({ [run_id]: { last_seq: 2, last_line: 2, over: false } });
  await finish(world, executor, claim);
  expect(await heads()).toEqual({ [run_id]: { last_seq: 7, last_line: 2, over: true } });
});
