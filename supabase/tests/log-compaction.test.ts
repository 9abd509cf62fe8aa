import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linePattern } from "../../contracts/line-pattern.ts";
import { levelsFrom, logLevelOf } from "../../contracts/log-level.ts";
import { listLogsQuery, type LogLevel, type LogPage, type LogQuery, type NewLogChunk } from "../../contracts/log.ts";
import { logLevels, logStreams } from "../../contracts/words.ts";
import { createHeads } from "../../lib/ops/heads.ts";
import { streamFeed, streamTimes } from "../../lib/ops/follow.ts";
import { logFeed } from "../../lib/ops/log-stream.ts";
import { listLogs } from "../../lib/ops/logs.ts";
import { compactLogs, compactRun } from "../../lib/ops/tick/compact-logs.ts";
import { objectPath } from "../../executors/storage/object-store.ts";
import { parseEventStream } from "../../executors/cli/event-stream.ts";
import { dbOf } from "./support/db.ts";
import { aClaim, anExecutor, aRun, aTenant, brokenInvariants, call, cronSecret, eventTypes, finish, openWorld, receiptKey, refusal, specText, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
let folder: string;
const phases = ["extract", "load"];
const scheduler = { token: cronSecret };
beforeAll(async () => {
  world = await openWorld(10);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
  folder = mkdtempSync(path.join(tmpdir(), "logs "));
  Object.assign(process.env, { CONTROL_ROOM_STORAGE: pathToFileURL(folder).href, STORAGE_RECEIPT_KEY: receiptKey, LOG_LEVEL: "silent" });
});
afterAll(async () => {
  await world?.drop();
  rmSync(folder, { recursive: true, force: true });
});

type Chunk = Pick<NewLogChunk, "phase" | "stream" | "level" | "text">;
interface Run { run_id: string; append: (chunks: Chunk[]) => Promise<void>; end: () => Promise<void> }
async function aLoggingRun(): Promise<Run> {
  const run_id = await aRun(world, tenant, { spec_text: specText(phases) });
  const claim = await aClaim(world, executor, { run_id });
  return {
    run_id,
    append: async (chunks) => void (await call(world, executor, "append_logs", { ...claim.lease, chunks: chunks.map((chunk) => ({ ...chunk, chunk_id: randomUUID() })) })),
    end: () => finish(world, executor, claim),
  };
}
const logsOf = (run_id: string, query: Partial<LogQuery> = {}): Promise<LogPage> => listLogs(dbOf(world, tenant.api), run_id, { ...listLogsQuery.parse({}), ...query });
const take = async (run_id: string) => {
  await world.owner.query("update ops_private.log_heads set compact_after = clock_timestamp() - interval '1 second' where run_id = $1", [run_id]);
  const taken = (await call(world, scheduler, "take_logs", { at_most: 100 })).find((each) => each.run_id === run_id);
  if (taken === undefined) throw new Error("the run does not wait for compaction");
  return taken;
};
const compact = async (run_id: string) => compactRun(dbOf(world, scheduler), await take(run_id));
const chunksOf = async (run_id: string) => (await world.owner.query("select count(*)::int as n from ops.run_log_chunks where run_id = $1", [run_id])).rows[0].n as number;

/** What any page must be, said over plain lines. */
interface Line { line: number; phase: string | null; stream: string; level: LogLevel | null; text: string }
function modelOf(chunks: Chunk[]): Line[] {
  return chunks.flatMap(({ phase = null, stream, level = null, text }) => text.replace(/\n$/, "").split("\n").map((line) => ({ phase, stream, level: level ?? logLevelOf(line), text: line }))).map((line, at) => ({ line: at + 1, ...line }));
}
const simplyFolded = (text: string): string => Array.from(text, (letter) => (letter === "İ" ? "i" : letter.toLowerCase())).join("");
function expectedPage(model: Line[], query: Partial<LogQuery>): { items: Line[]; matching_lines: number | null; next_cursor: string | null } {
  const { after = 0, before = 2_147_483_647, order = "asc", limit = 200, phase, stream, level, search, regex = false, match_case = false, attempt } = query;
  const seen = (text: string) => (match_case ? text : simplyFolded(text));
  const holds = (text: string) => search === undefined || (regex ? linePattern(search, match_case).test(text) : seen(text).includes(seen(search)));
  const isWorse = (own: LogLevel | null) => level === undefined || (own !== null && levelsFrom(level).includes(own));
  const fitting = model.filter((line) => (phase === undefined || line.phase === phase) && (stream === undefined || line.stream === stream) && (attempt ?? 1) === 1 && isWorse(line.level) && holds(line.text));
  const range = fitting.filter(({ line }) => line > after && line < before);
  const items = (order === "desc" ? range.toReversed() : range).slice(0, limit);
  return { items, matching_lines: search === undefined && level === undefined ? null : fitting.length, next_cursor: range.length > limit ? String(items.at(-1)?.line ?? 0) : null };
}

const words = ["error", "ERROR: ", "\u001B[33mWARN\u001B[0m ", "level=info ", "ValueError: ", "Zürich", "ΟΔΟΣ", "İstanbul", "K (Kelvin)", "100 %", " ", "1 stdout", "\t", "\r", "a_b", "2026-11-23T", "\\n", "日本", "😀"];
const someText = fc.array(fc.oneof(fc.constantFrom(...words, "\n", "\n"), fc.string({ maxLength: 5, unit: "grapheme" }).filter((text) => !text.includes("\u0000"))), { maxLength: 12 }).map((parts) => parts.join(""));
const someChunk = fc.record({ phase: fc.constantFrom("extract", "load", null), stream: fc.constantFrom(...logStreams), level: fc.constantFrom(null, null, ...logLevels), text: someText });
const someSearch = fc.oneof(
  fc.record({ search: fc.constantFrom("error", "ü", "ΟΔΟΣ", "οδοσ", "istanbul", "k", "%", "_", "1", " ", "stdout", "\\", "no such text", "日"), match_case: fc.boolean() }),
  fc.record({ search: fc.constantFrom("^error|k", "[a-zü]+\\b", "^$", "\\d{2,}", "(a|b)*_", "[^ -~]", "Ο.ΟΣ$", "😀|日", "\\(K", "\\Berr|rror:?\\s"), match_case: fc.boolean(), regex: fc.constant(true) }),
  fc.constant({}));
const someQuery = fc.tuple(someSearch, fc.record({
  after: fc.nat(40), before: fc.integer({ min: 0, max: 60 }), order: fc.constantFrom("asc" as const, "desc" as const), limit: fc.integer({ min: 1, max: 9 }),
  phase: fc.constantFrom("extract", "load"), stream: fc.constantFrom(...logStreams), attempt: fc.constantFrom(1, 2), level: fc.constantFrom(...logLevels),
}, { requiredKeys: [] })).map(([search, rest]) => ({ ...search, ...rest }));

test("any page and any search give what a model says: over chunks, and the same again over the compacted files", async () => {
  await fc.assert(fc.asyncProperty(fc.array(someChunk, { minLength: 1, maxLength: 12 }), fc.array(someQuery, { minLength: 3, maxLength: 8 }), async (chunks, queries) => {
    const run = await aLoggingRun();
    await run.append(chunks);
    const model = modelOf(chunks);
    const look = async () => Promise.all(queries.map((query) => logsOf(run.run_id, query)));
    const living = await look();
    for (const [at, page] of living.entries()) {
      const wanted = expectedPage(model, queries[at] as Partial<LogQuery>);
      expect({ ...page, items: page.items.map(({ line, phase, stream, level, text }) => ({ line, phase, stream, level, text })) }).toMatchObject({ ...wanted, total_lines: model.length, dropped_lines: "0" });
    }
    await run.end();
    expect(await compact(run.run_id)).toBe(true);
    expect(await chunksOf(run.run_id)).toBe(0);
    expect(await look()).toEqual(living);
  }), { numRuns: 25 });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("what a line says of its level is the same in SQL and in a file, whatever it begins with", async () => {
  const said = ["2026-11-28 10:00:00,123 WARN x", "2026-11-28T10:00:00Z INFO ERROR_RATE", '{"level":"error","msg":"INFO"}', "time=1 level=warn", "[main] ERROR", "10:00:00 [debug] x", "error broke", "Warning: old", "java.lang.IllegalStateException: no", "Traceback (most recent call last):", "ValueError: 3", "NOTICE:  table", "an error in words", "MIRROR", "\u001B[31mFATAL\u001B[0m", "", `${"x".repeat(120)} ERROR`, `${"😀".repeat(119)}ERROR`, "TRACE", "info", "severity: critical"];
  const lines = [...said, ...fc.sample(someText, 200), ...fc.sample(fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => `${text.replaceAll("\0", "")} ERR`), 50)];
  const { rows } = await world.owner.query("select array_agg(ops_private.log_level(l.text) order by l.nth) as levels from unnest($1::text[]) with ordinality as l (text, nth)", [lines]);
  expect(rows[0].levels).toEqual(lines.map(logLevelOf));
  expect(said.map(logLevelOf)).toEqual(["warn", "info", "error", "warn", "error", "debug", "error", "warn", "error", "error", "error", "info", null, null, "error", null, null, null, "debug", "info", "error"]);
});

test("a regular expression that cannot be read is refused as such, by the web and by the database, and none is slow", async () => {
  const run = await aLoggingRun();
  await run.append([{ phase: "extract", stream: "stdout", text: `${"a".repeat(20_000)}!` }]);
  await expect(logsOf(run.run_id, { search: "(a", regex: true })).rejects.toMatchObject({ code: "invalid_pattern", errors: [{ path: "search", line: 1, column: 1 }] });
  for (const pattern of ["(a", "(a)\\1", "x".repeat(5_001)]) expect((await refusal(call(world, tenant.api, "read_logs", { run_id: run.run_id, query: { pattern } as never }))).code).toBe("invalid_pattern");
  const look = async () => Promise.all(["(a+)+$", "(a|a)*b", "(a{1,50}){1,2}!"].map(async (search) => (await logsOf(run.run_id, { search, regex: true })).matching_lines));
  const living = await look();
  expect(living).toEqual([0, 0, 1]);
  await run.end();
  await compact(run.run_id);
  expect(await look()).toEqual(living);
});

test("letters of any alphabet are found whatever their case, in chunks and in files alike", async () => {
  const run = await aLoggingRun();
  await run.append([{ phase: "extract", stream: "stdout", text: "ΟΔΟΣ\nİstanbul\nZÜRICH\nK\nstraße" }]);
  const counts = async () => Promise.all(["οδοσ", "Σ", "istanbul", "İ", "zürich", "k", "STRASSE"].map(async (search) => (await logsOf(run.run_id, { search })).matching_lines));
  expect(await counts()).toEqual([1, 1, 1, 2, 1, 1, 0]);
  await run.end();
  await compact(run.run_id);
  expect(await counts()).toEqual([1, 1, 1, 2, 1, 1, 0]);
});

test("a log of many blocks is read alike from files, from both ends and in the middle, and all of it is searched", async () => {
  const run = await aLoggingRun();
  const lineOf = (nth: number) => `${nth} ${"lorem ipsum ".repeat(4)}${nth % 100 === 0 ? "NEEDLE" : ""}`;
  for (let nth = 0; nth < 60_000; nth += 6000) {
    await run.append([0, 2000, 4000].map((from) => ({ phase: nth % 12_000 === 0 ? "extract" : "load", stream: "stdout", text: Array.from({ length: 2000 }, (_, at) => lineOf(nth + from + at)).join("\n") })));
  }
  const queries: Partial<LogQuery>[] = [{}, { order: "desc" }, { after: 30_000, limit: 1000 }, { before: 30_000, order: "desc" }, { phase: "load", after: 11_990 }, { search: "needle" }, { search: "needle", order: "desc", before: 20_000 }, { after: 59_990 }, { search: "needle", phase: "extract", after: 40_000 }];
  const look = async () => Promise.all(queries.map((query) => logsOf(run.run_id, query)));
  const living = await look();
  await run.end();
  await compact(run.run_id);
  expect(await look()).toEqual(living);
  expect(living[5]?.matching_lines).toBe(600);
  const { rows } = await world.owner.query("select jsonb_array_length(blocks) as n from ops_private.log_files where run_id = $1", [run.run_id]);
  expect(rows.every((row) => row.n > 1)).toBe(true);
});

test("the tick compacts what has ended into one artifact per phase, and the terminal event stays the last", async () => {
  const [ended, open] = [await aLoggingRun(), await aLoggingRun()];
  for (const run of [ended, open]) await run.append([{ phase: "extract", stream: "stdout", text: "a\nb" }, { phase: "load", stream: "stderr", text: "c" }, { phase: null, stream: "engine", text: "d" }]);
  await ended.end();
  await compactLogs.run(dbOf(world, scheduler), performance.now() + 30_000);
  expect(await chunksOf(open.run_id)).toBe(3);
  expect(await chunksOf(ended.run_id)).toBe(0);
  const { rows } = await world.owner.query("select phase, name, kind, metadata from ops.run_artifacts where run_id = $1 order by name", [ended.run_id]);
  expect(rows).toEqual([["extract", "extract.log", 2], ["load", "load.log", 1], [null, "run.log", 1]].map(([phase, name, lines]) => ({ phase, name, kind: "log", metadata: { lines } })));
  expect((await eventTypes(world, ended.run_id)).at(-1)).toBe("RUN_SUCCEEDED");
  expect(await compactLogs.run(dbOf(world, scheduler), performance.now() + 30_000)).toBe(0);
});

test("eight compactors of one run at once, and one that died after storing, leave each line once", async () => {
  const run = await aLoggingRun();
  for (let turn = 0; turn < 20; turn++) await run.append([{ phase: phases[turn % 2] ?? null, stream: "stdout", text: `${turn} one\n${turn} two` }]);
  const before = await logsOf(run.run_id);
  await run.end();
  const taken = await take(run.run_id);
  // Dies between the store and the database: the file is there, nothing is registered.
  const dying = dbOf(world, scheduler, (name) => { if (name === "compact_logs") throw new Error("killed"); });
  await expect(compactRun(dying, taken)).rejects.toThrow("killed");
  expect(await logsOf(run.run_id)).toEqual(before);
  const wins = await Promise.all(Array.from({ length: 8 }, () => compactRun(dbOf(world, scheduler), taken).catch((error: Error) => error.message)));
  expect(wins.filter((won) => won === true)).toHaveLength(1);
  expect(await logsOf(run.run_id)).toEqual(before);
  expect((await world.owner.query("select from ops.run_artifacts where run_id = $1", [run.run_id])).rowCount).toBe(2);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("files that lack a line, or that no store vouches for, replace nothing", async () => {
  const run = await aLoggingRun();
  await run.append([{ phase: "extract", stream: "stdout", text: "a\nb" }]);
  const file = { phase: "extract", sha256: "0".repeat(64), byte_size: "5", line_count: 2, blocks: [[1, 0] as [number, number]], receipt: "0".repeat(64) };
  expect(await call(world, scheduler, "compact_logs", { run_id: run.run_id, files: [file] })).toBe(false); // not ended
  await run.end();
  for (const files of [[], [{ ...file, line_count: 1 }], [{ ...file, phase: "load" }], [file, { ...file, phase: "load" }]]) {
    expect((await refusal(call(world, scheduler, "compact_logs", { run_id: run.run_id, files }))).code).toBe("conflict");
  }
  expect((await refusal(call(world, scheduler, "compact_logs", { run_id: run.run_id, files: [file] }))).code).toBe("forbidden");
  expect((await logsOf(run.run_id)).items.map((line) => line.text)).toEqual(["a", "b"]);
});

test("a store that is away leaves the chunks, which are tried again later and later", async () => {
  const run = await aLoggingRun();
  await run.append([{ phase: "extract", stream: "stdout", text: "kept" }]);
  await run.end();
  const waits: number[] = [];
  for (let turn = 0; turn < 8; turn++) {
    await take(run.run_id);
    waits.push((await world.owner.query("select round(extract(epoch from compact_after - clock_timestamp()) / 60)::int as minutes from ops_private.log_heads where run_id = $1", [run.run_id])).rows[0].minutes);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect((await call(world, scheduler, "take_logs", { at_most: 100 })).map((each) => each.run_id)).not.toContain(run.run_id);
  expect(await chunksOf(run.run_id)).toBe(1);
});

test("a compacted log whose bytes are gone says so, and is not shown as empty", async () => {
  const run = await aLoggingRun();
  await run.append([{ phase: "extract", stream: "stdout", text: "lost" }]);
  await run.end();
  await compact(run.run_id);
  const { rows } = await world.owner.query("select sha256 from ops.run_artifacts where run_id = $1", [run.run_id]);
  rmSync(path.join(folder, objectPath(rows[0].sha256)));
  await expect(logsOf(run.run_id)).rejects.toMatchObject({ code: "storage_unavailable" });
});

test("a follower that is cut off again and again sees every line once, in order, through the end and the compaction", async () => {
  const run = await aLoggingRun();
  const heads = createHeads((runs) => call(world, scheduler, "read_heads", { runs }), 5);
  const seen: number[] = [];
  let ended = false;
  const following = (async () => {
    while (!ended) {
      const cut = new AbortController();
      const db = dbOf(world, tenant.api);
      const stream = await streamFeed(db, run.run_id, logFeed(db, run.run_id, listLogsQuery.parse({})), seen.at(-1) ?? 0, cut.signal, streamTimes, heads);
      let here = 0;
      for await (const event of parseEventStream(stream as unknown as AsyncIterable<Uint8Array>)) {
        if (event.event === "end") ended = true;
        if (event.event !== "log_line") continue;
        seen.push((JSON.parse(event.data) as { line: number }).line);
        if ((here += 1) === 700) break;
      }
    }
  })();
  for (let turn = 0; turn < 40; turn++) await run.append([{ phase: "extract", stream: "stdout", text: Array.from({ length: 50 }, (_, at) => `${turn} ${at}`).join("\n") }]);
  await run.end();
  await compact(run.run_id);
  await following;
  expect(seen).toEqual(Array.from({ length: 2000 }, (_, at) => at + 1));
});
