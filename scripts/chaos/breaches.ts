/** What must be true after a storm, asked of the database, of the store and the lake on disk, and of the API. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ended, eventsOf, raw, type Tenant } from "../../executors/testing/live.ts";
import { lakeOf } from "../../executors/testing/worker-process.ts";
import { brokenInvariants } from "../../supabase/tests/support/invariants.ts";
import { concurrencyLimit, type Acknowledged } from "./demand.ts";
import type { Entry } from "./ledger.ts";
import type { ChaosStack } from "./stack.ts";

/** The sentence → SQL over one environment ($1) that answers the rows which break it. */
const afterwards: Record<string, string> = {
  "leaked: a lease is left over": "select run_id from ops.leases where environment_id = $1",
  "leaked: a place at a gate is left over": "select g.gate_id from ops_private.lease_gates as g join ops.runs as r using (run_id) where r.environment_id = $1",
  "double effect: an effect happened twice": "select run_id from ops.run_events where environment_id = $1 and type = 'EFFECT' group by run_id, phase having count(*) > 1",
  "double effect: a phase succeeded twice": "select run_id from ops.run_events where environment_id = $1 and type = 'PHASE_SUCCEEDED' group by run_id, phase having count(*) > 1",
  "double effect: a phase has one artifact twice": "select run_id from ops.run_artifacts where environment_id = $1 group by run_id, phase, name having count(*) > 1",
  "lost effect: a phase succeeded without its effect": `select p.run_id from ops.run_phases as p where p.environment_id = $1 and p.type = 'query' and p.status = 'succeeded'
    and not exists (select from ops.run_events as e where e.run_id = p.run_id and e.phase = p.name and e.type = 'EFFECT')`,
  "double effect: a run published a dataset twice": "select run_id from ops.dataset_versions where environment_id = $1 group by run_id, dataset_id having count(*) > 1",
  // The fence in what executors wrote: one from claim to claim, and never an older one after a newer one.
  "zombie: two holders wrote under one claim": `with marked as (
      select run_id, seq, (data ->> 'fence')::bigint as fence, count(*) filter (where type = 'RUN_CLAIMED') over (partition by run_id order by seq) as nth
      from ops.run_events where environment_id = $1)
    select run_id from marked where fence is not null group by run_id, nth having count(distinct fence) > 1`,
  "zombie: an older fence wrote after a newer one": `select run_id from (
      select run_id, (data ->> 'fence')::bigint as fence, max((data ->> 'fence')::bigint) over (partition by run_id order by seq) as highest from ops.run_events where environment_id = $1 and data ? 'fence') as e
    where e.fence < e.highest`,
  "zombie: a run succeeded by a report of an older fence": `select r.run_id from ops.runs as r where r.environment_id = $1 and (r.output_manifest ->> 'fence')::bigint
    < (select max((e.data ->> 'fence')::bigint) from ops.run_events as e where e.run_id = r.run_id and e.data ? 'fence')`,
  // Claims and ends of one concurrency key take turns under its gate's lock, so the times in their events are in that order too.
  [`over limit: more than ${concurrencyLimit} runs of one key at once`]: `with steps as (
      select r.concurrency_key, e.created_at, case when e.type = 'RUN_CLAIMED' then 1 else -1 end as step
      from ops.runs as r join ops.run_events as e using (run_id)
      where r.environment_id = $1 and r.concurrency_key is not null and (e.type in ('RUN_CLAIMED', 'RUN_REQUEUED', 'RUN_RELEASED')
        or e.type in ('RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_CANCELED')
          and (select c.type from ops.run_events as c where c.run_id = e.run_id and c.seq < e.seq and c.type in ('RUN_CLAIMED', 'RUN_REQUEUED', 'RUN_RELEASED') order by c.seq desc limit 1) = 'RUN_CLAIMED')),
    held as (select concurrency_key, sum(step) over (partition by concurrency_key order by created_at, step) as holders from steps)
    select concurrency_key from held where holders > ${concurrencyLimit}`,
};

export async function findBreaches(stack: ChaosStack, tenant: Tenant, known: Acknowledged, ledger: Entry[]): Promise<string[]> {
  const { live } = stack;
  const breaches = [...new Set(known.wrong)].map((wrong) => (wrong.startsWith("over limit") ? wrong : `wrong answer: ${wrong}`));
  breaches.push(...(await brokenInvariants((sql) => live.sql(sql))).map((sentence) => `not true: ${sentence}`));
  for (const [sentence, sql] of Object.entries(afterwards)) {
    const rows = await live.sql(sql, [tenant.environment_id]);
    if (rows.length > 0) breaches.push(`${sentence} (${rows.length}, the first ${Object.values(rows[0] ?? {}).join(" ")})`);
  }
  const statuses = new Map((await live.sql<{ run_id: string; status: string }>("select run_id, status from ops.runs where environment_id = $1", [tenant.environment_id])).map((row) => [row.run_id, row.status]));
  const lost = [...known.runs.keys()].filter((run_id) => !statuses.has(run_id));
  if (lost.length > 0) breaches.push(`lost: ${lost.length} acknowledged runs do not exist, the first ${lost[0]}`);
  const revived = [...known.canceled].filter((run_id) => statuses.get(run_id) !== "canceled");
  if (revived.length > 0) breaches.push(`revived: ${revived.length} runs whose cancel was acknowledged are not canceled, the first ${revived[0]} is ${statuses.get(revived[0] ?? "")}`);
  breaches.push(...zombieEnds(ledger), ...(await tablesWrittenTwice(stack, tenant, known, statuses)), ...(await badBytes(stack, tenant)), ...(await otherByHttp(tenant, known, statuses)));
  return breaches;
}

/** An end that was acknowledged to a holder after whom another one had claimed the run. */
function zombieEnds(ledger: Entry[]): string[] {
  const newest = new Map<string, bigint>();
  for (const entry of ledger) if (entry.what === "claimed" && BigInt(entry.fence) > (newest.get(entry.run_id) ?? 0n)) newest.set(entry.run_id, BigInt(entry.fence));
  const ends = ledger.filter((entry) => entry.what === "ended" && entry.status !== "queued" && BigInt(entry.fence) < (newest.get(entry.run_id) ?? 0n));
  return ends.length > 0 ? [`zombie: ${ends.length} ends of older claims were acknowledged, the first ${JSON.stringify(ends[0])}`] : [];
}

/** Each run that writes a table appends one file to it, once, and where it succeeded it did. */
async function tablesWrittenTwice({ live }: ChaosStack, tenant: Tenant, known: Acknowledged, statuses: Map<string, string>): Promise<string[]> {
  const breaches: string[] = [];
  for (const [run_id, { table }] of known.runs) {
    if (table === null) continue;
    const log = path.join(fileURLToPath(lakeOf(live)), tenant.environment_id, "silver", table, "_delta_log");
    const files = filesOf(log);
    if (files.size > 1) breaches.push(`double effect: ${files.size} files in silver.${table}, which run ${run_id} wrote: ${[...files].join(", ")}`);
    if (files.size !== 1 && statuses.get(run_id) === "succeeded") breaches.push(`lost effect: run ${run_id} succeeded with ${files.size} files in silver.${table}`);
  }
  return breaches;
}

/** What a reader of the table's log sees: a commit that was never registered is undone before it is made again. */
function filesOf(log: string): Set<string> {
  const files = new Set<string>();
  const versions = existsSync(log) ? readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name)).toSorted() : [];
  for (const line of versions.flatMap((name) => readFileSync(path.join(log, name), "utf8").split("\n")).filter((text) => text !== "")) {
    const { add, remove } = JSON.parse(line) as { add?: { path: string }; remove?: { path: string } };
    if (remove) files.delete(remove.path);
    if (add) files.add(add.path);
  }
  return files;
}

async function badBytes({ live, data_dir }: ChaosStack, tenant: Tenant): Promise<string[]> {
  const objects = await live.sql<{ sha256: string; byte_size: string }>("select sha256, byte_size::text from ops.objects where environment_id = $1", [tenant.environment_id]);
  const bad = objects.filter(({ sha256, byte_size }) => {
    const file = path.join(data_dir, "storage/objects", sha256.slice(0, 2), sha256.slice(2, 4), sha256);
    if (!existsSync(file)) return true;
    const bytes = readFileSync(file);
    return String(bytes.length) !== byte_size || createHash("sha256").update(bytes).digest("hex") !== sha256;
  });
  return bad.length > 0 ? [`bad artifact: ${bad.length} of ${objects.length} objects are missing or have other bytes, the first ${bad[0]?.sha256}`] : [];
}

/** The API says the same: every acknowledged run, and of some the events and the bytes. */
async function otherByHttp(tenant: Tenant, known: Acknowledged, statuses: Map<string, string>): Promise<string[]> {
  const breaches: string[] = [];
  const api = tenant.api;
  const headers = { authorization: `Bearer ${api.token}` };
  const seen = new Map<string, string>();
  for (let cursor: string | null = ""; cursor !== null;) {
    const answer = await raw(`${api.url}/api/v1/runs?limit=100${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`, { headers });
    const page = answer.body as { items: { run_id: string; status: string }[]; next_cursor: string | null };
    for (const run of page.items) seen.set(run.run_id, run.status);
    cursor = page.next_cursor;
  }
  const different = [...known.runs.keys()].filter((run_id) => seen.get(run_id) !== statuses.get(run_id));
  if (different.length > 0) breaches.push(`lost: ${different.length} acknowledged runs are not what GET /runs says, the first ${different[0]}`);
  for (const run_id of [...known.runs.keys()].filter((id) => /succeeded|failed|canceled/.test(statuses.get(id) ?? "")).slice(-25)) {
    await ended(api, run_id, 5);
    const events = await eventsOf(api, run_id);
    if (events.some((event, index) => event.seq !== index + 1) || !/^RUN_(SUCCEEDED|FAILED|CANCELED)$/.test(events.at(-1)?.type ?? "")) breaches.push(`gap: GET /runs/${run_id}/events is not 1..n with the end last`);
    const { body } = await raw(`${api.url}/api/v1/runs/${run_id}/artifacts`, { headers });
    for (const artifact of (body as { items: { url: string; sha256: string }[] }).items) {
      const bytes = await fetch(new URL(artifact.url, api.url), { headers, signal: AbortSignal.timeout(10_000) }).then((response) => response.arrayBuffer());
      if (createHash("sha256").update(new Uint8Array(bytes)).digest("hex") !== artifact.sha256) breaches.push(`bad artifact: ${artifact.url}`);
    }
  }
  return breaches;
}
