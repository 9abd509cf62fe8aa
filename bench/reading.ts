import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import type { Product } from "../scripts/running-product.mjs";
import { type Figure, percentile } from "./figures.ts";
import { addHistory, addLongHistory, environmentOf } from "./history.ts";

type Stack = Pick<Product["stack"], "api_url" | "api_token" | "database_url">;
const headersOf = (stack: Stack) => ({ authorization: `Bearer ${stack.api_token}` });

async function get(stack: Stack, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.api_url}${path}`, { headers: headersOf(stack), signal: AbortSignal.timeout(60_000) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
async function post(stack: Stack, path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.api_url}${path}`, { method: "POST", headers: { ...headersOf(stack), "content-type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
export async function times(count: number, work: (nth: number) => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  await work(0); // the first compiles and connects
  for (let nth = 0; nth < count; nth += 1) {
    const begun = performance.now();
    await work(nth);
    all.push(performance.now() - begun);
  }
  return all;
}
/** A run that nobody takes: its queue has no executor. */
export async function aWaitingRun(stack: Stack): Promise<string> {
  const run = await post(stack, "/runs", { spec: { version: 1, name: "reading", phases: [{ name: "work", type: "query", config: { sql: "select 1 as one" } }] }, queue: "bench_reading" });
  return String(run["run_id"]);
}

/** Resident megabytes of the web server, the child of `npm start` that holds Next. Linux; elsewhere NaN. */
function webMegabytes(): number {
  let most = Number.NaN;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("next-server")) continue;
      const megabytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
      if (!(most > megabytes)) most = megabytes;
    } catch {
      // It ended meanwhile.
    }
  }
  return most;
}

/** Events up to number `count` of a run. */
export async function reportEvents(owner: pg.Client, run_id: string, count: number): Promise<void> {
  await owner.query(`insert into ops.run_events (run_id, seq, environment_id, type, phase, message, data)
    select h.run_id, n, h.environment_id, 'PHASE_PROGRESS', 'work', 'Page ' || n || ' of res.partner.', jsonb_build_object('rows', n) from ops_private.run_heads as h, generate_series(h.last_seq + 1, $2::int) as n where h.run_id = $1`, [run_id, count]);
  await owner.query("update ops_private.run_heads set last_seq = $2 where run_id = $1", [run_id, count]);
  await owner.query("analyze ops.run_events");
}

/** Pages and replay of a run with very many events. */
export async function manyEvents(stack: Stack, owner: pg.Client, count: number): Promise<Figure[]> {
  const run_id = await aWaitingRun(stack);
  await reportEvents(owner, run_id, count);
  const pages = await times(60, (nth) => get(stack, `/runs/${run_id}/events?after=${(nth * 7919 * 131) % count}&limit=200`));

  const before = webMegabytes();
  let [peak, received, bytes] = [before, 0, 0];
  const begun = performance.now();
  const leaving = new AbortController();
  const limit = AbortSignal.any([leaving.signal, AbortSignal.timeout(300_000)]);
  const stream = await fetch(`${stack.api_url}/runs/${run_id}/events`, { headers: { ...headersOf(stack), accept: "text/event-stream" }, signal: limit });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream.body as unknown as AsyncIterable<Uint8Array>) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = parts.pop() ?? "";
    received += parts.filter((part) => part.startsWith("id: ")).length;
    const passed = Math.floor(bytes / 10_000_000);
    bytes += chunk.byteLength;
    if (Math.floor(bytes / 10_000_000) > passed) peak = Math.max(peak, webMegabytes());
    if (received >= count) break;
  }
  const seconds = (performance.now() - begun) / 1000;
  leaving.abort();
  const label = `${count.toLocaleString("en")} events`;
  return [
    { name: `${label}: a page of 200, p95`, value: percentile(pages, 0.95), unit: "ms", target: "< 100" },
    { name: `${label}: replay of the stream`, value: received / seconds, unit: "events/s" },
    { name: `${label}: replay, growth of the web server`, value: peak - before, unit: "MB", target: "constant" },
  ];
}

/** From an event in the database to each of many streams, and what the database is asked while nothing happens. */
export async function manyViewers(stack: Stack, owner: pg.Client, viewers: number): Promise<Figure[]> {
  const run_id = await aWaitingRun(stack);
  const leaving = new AbortController();
  const waits: number[] = [];
  let arrivals = 0;
  let sentAt = 0;
  const opened = await Promise.all(Array.from({ length: viewers }, () => fetch(`${stack.api_url}/runs/${run_id}/events`, { headers: { ...headersOf(stack), accept: "text/event-stream" }, signal: leaving.signal })));
  const reading = opened.map(async (response) => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      if (!decoder.decode(chunk, { stream: true }).includes("BENCH_EVENT")) continue;
      arrivals += 1;
      waits.push(performance.now() - sentAt);
    }
  });
  for (const each of reading) each.catch(() => undefined); // ends by our own abort
  const commits = async () => Number((await owner.query("select xact_commit from pg_stat_database where datname = current_database()")).rows[0].xact_commit);
  const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await settle(1500);
  const [from, begun] = [await commits(), performance.now()];
  await settle(4000);
  const idle = (await commits()) - from;
  const seconds = (performance.now() - begun) / 1000;
  for (let nth = 0; nth < 25; nth += 1) {
    await settle(Math.random() * 300);
    arrivals = 0;
    sentAt = performance.now();
    await owner.query("select ops_private.append_event($1, 'BENCH_EVENT')", [run_id]);
    sentAt = performance.now(); // committed
    for (const limit = sentAt + 10_000; arrivals < viewers && performance.now() < limit;) await settle(20);
    if (arrivals < viewers) throw new Error(`an event reached ${arrivals} of ${viewers} streams`);
  }
  leaving.abort();
  await Promise.allSettled(reading);
  return [
    { name: `an event on the wire of ${viewers} viewers, p50`, value: percentile(waits, 0.5), unit: "ms" },
    { name: `an event on the wire of ${viewers} viewers, p95`, value: percentile(waits, 0.95), unit: "ms", target: "< 300" },
    { name: `transactions of the whole stack, ${viewers} viewers idle`, value: idle / seconds, unit: "1/s" },
  ];
}

/** Lines 1 to `lines` of a run's log, as its executor would have sent them. */
export async function printLines(owner: pg.Client, run_id: string, lines: number): Promise<void> {
  await owner.query(`insert into ops_private.log_heads (run_id, environment_id, last_line) select run_id, environment_id, $2 from ops_private.run_heads where run_id = $1`, [run_id, lines]);
  await owner.query(`insert into ops.run_log_chunks (run_id, chunk_id, environment_id, phase, attempt, stream, first_line, line_count, text)
    select h.run_id, gen_random_uuid(), h.environment_id, 'work', 1, 'stdout', min(n), count(*), string_agg(n || ' INFO sync of res.partner page ' || n % 977 || ' took ' || n * 7 % 1003 || ' ms, Zürich, ' || md5(n::text), E'\\n' order by n)
    from ops_private.run_heads as h, generate_series(1, $2::int) as n where h.run_id = $1 group by h.run_id, h.environment_id, n / 500`, [run_id, lines]);
  await owner.query("analyze ops.run_log_chunks");
}

/** A search over all lines of a log: in the database while the run lives, in its artifact afterwards. */
export async function logSearch(stack: Stack, owner: pg.Client, lines: number): Promise<Figure[]> {
  const run_id = await aWaitingRun(stack);
  await printLines(owner, run_id, lines);
  const search = async (needle: string) => times(15, async () => {
    const page = await get(stack, `/runs/${run_id}/logs?search=${encodeURIComponent(needle)}&limit=100`);
    if (needle === "ZÜRICH" && page["matching_lines"] !== lines) throw new Error(`the search counted ${String(page["matching_lines"])} of ${lines} lines`);
  });
  const label = `search of ${lines.toLocaleString("en")} log lines`;
  const measure = async (where: string): Promise<Figure[]> => [
    { name: `${label}, ${where}, few match, p95`, value: percentile(await search("page 77 took"), 0.95), unit: "ms", target: "< 300" },
    { name: `${label}, ${where}, all match, p95`, value: percentile(await search("ZÜRICH"), 0.95), unit: "ms", target: "< 300" },
  ];
  const living = await measure("run lives");
  await post(stack, `/runs/${run_id}/cancel`, {});
  for (const limit = performance.now() + 60_000; ;) {
    const { rows } = await owner.query("select from ops_private.log_files where run_id = $1", [run_id]);
    if (rows.length > 0) break;
    if (performance.now() > limit) throw new Error("the log was not compacted");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return [...living, ...(await measure("compacted"))];
}

/** The newest 50 runs, with a short and with a long history in their environment. */
export async function longHistory(stack: Stack, owner: pg.Client, rows: number): Promise<Figure[]> {
  const like = await aWaitingRun(stack);
  const environment_id = await environmentOf(owner, like);
  const measure = () => times(60, () => get(stack, `/runs?limit=50&environment_id=${environment_id}`));
  await addHistory(owner, like, 10_000);
  await owner.query("analyze ops.runs");
  const few = percentile(await measure(), 0.95);
  await addLongHistory(owner, like, rows - 10_000);
  const many = percentile(await measure(), 0.95);
  return [
    { name: "runs list, 50 rows, 10,000 runs, p95", value: few, unit: "ms" },
    { name: `runs list, 50 rows, ${rows.toLocaleString("en")} runs, p95`, value: many, unit: "ms", target: "< 30" },
    { name: "ratio", value: many / few, unit: "×", target: "< 1.5" },
  ];
}

/** All of the above over one connection of the owner. */
export async function reading(stack: Stack, scale: "small" | "full"): Promise<Figure[]> {
  const owner = new pg.Client({ connectionString: stack.database_url });
  await owner.connect();
  try {
    return [
      ...(await manyViewers(stack, owner, 100)),
      ...(await logSearch(stack, owner, 200_000)),
      ...(await manyEvents(stack, owner, scale === "full" ? 1_000_000 : 200_000)),
      ...(await longHistory(stack, owner, scale === "full" ? 10_000_000 : 200_000)),
    ];
  } finally {
    await owner.end();
  }
}
