import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, expireLease, leaseOf, openWorld, specText, tick, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(8);
});
afterAll(() => world?.drop());

const verbs = ["claim", "claim", "claim", "complete", "fail", "retry", "release", "die", "cancel", "create", "tick"] as const;
type Verb = (typeof verbs)[number];
/** A refusal of the contract changes nothing and is fine here; a deadlock or a broken function is not. */
const refused = (error: { code?: string }): void => {
  if (!error.code?.startsWith("PT4")) throw error;
};
interface Held { run_id: string; lease_token: string; fence: bigint; by: { token: string } }

/** What the database must keep at every moment, read in one snapshot. */
async function overLimit(environment_id: string): Promise<unknown[]> {
  const { rows } = await world.owner.query(`
    select 'key ' || r.concurrency_key as what from ops.leases as l join ops.runs as r using (run_id) where r.environment_id = $1 and r.concurrency_key is not null group by r.concurrency_key
      having count(*) > case r.concurrency_key when 'one' then 1 else 3 end
    union all select 'template' from ops.leases as l join ops.runs as r using (run_id) where r.environment_id = $1 and r.template_key = 'limited' having count(*) > 2
    union all select 'cap ' || c.cap_key from ops.caps as c where c.environment_id = $1 and c.unit = 'runs'
      and (select coalesce(sum(u.settled_amount), 0) from ops.cap_usage as u where u.cap_id = c.cap_id) + (select coalesce(sum(x.reserved), 0) from ops_private.lease_caps as x where x.cap_id = c.cap_id) > c.limit_amount`, [environment_id]);
  return rows;
}

test("eight callers at once, any order of commands: limits and caps hold at every moment, fences grow, what ended stays ended, nothing is stuck", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(7)), { minLength: 60, maxLength: 120 }), async (steps) => {
    const tenant = await aTenant(world);
    const executors = await Promise.all(Array.from({ length: 8 }, () => anExecutor(world, tenant)));
    await call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: "k", unit: "runs", period: "month", limit_amount: "25" } });
    await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: canonicalJson({ ...JSON.parse(specText([], "limited")), limits: { max_active: 2 }, caps: [{ key: "k" }] }) });
    const runs: string[] = [];
    const create = async (n: number) => {
      const run = await aRun(world, tenant, {
        spec_text: specText([]), max_attempts: (n % 3) + 1, priority: (n % 2) * 100, ...(n % 2 ? { concurrency_key: n % 4 === 1 ? "one" : "three", concurrency_limit: n % 4 === 1 ? 1 : 3 } : {}),
        ...(n % 3 === 0 ? { spec_text: undefined, template_key: "limited" } : {}), ...(n % 5 === 0 ? { caps: [{ key: "k" }] } : {}),
      });
      runs.push(run);
    };
    for (let n = 0; n < 16; n++) await create(n);
    const held: Held[] = [];
    const fences = new Map<string, bigint>();
    const ended = new Map<string, string>();
    const perform = async (verb: Verb, who: number): Promise<void> => {
      const by = executors[who]!;
      if (verb === "create") return create(who + runs.length);
      if (verb === "tick") return void (await tick(world));
      if (verb === "cancel") return void (await call(world, tenant.api, "cancel_run", { run_id: runs[(who * 7) % runs.length]! }).catch(refused));
      if (verb === "claim") {
        for (const claim of await claimSome(world, by, { max_runs: (who % 3) + 1, start: true })) {
          const fence = BigInt(claim.fence);
          expect(fence > (fences.get(claim.run.run_id) ?? 0n), "a fence of a run only grows").toBe(true);
          fences.set(claim.run.run_id, fence);
          held.push({ ...leaseOf(claim), fence, by });
        }
        return;
      }
      const lease = held.shift();
      if (lease === undefined) return;
      const { run_id, lease_token } = lease;
      const own = { run_id, lease_token };
      if (verb === "die") await expireLease(world, run_id);
      // What it holds may have been swept or canceled meanwhile: refused is right then, and changes nothing.
      else if (verb === "complete") await call(world, lease.by, "complete_run", own).catch(refused);
      else if (verb === "release") await call(world, lease.by, "release_run", own).catch(refused);
      else await call(world, lease.by, "fail_run", { ...own, error_code: "x", error_message: "x", permanent: verb === "fail", retry_after_seconds: 0 }).catch(refused);
    };
    for (let at = 0; at < steps.length; at += 8) {
      await Promise.all([...steps.slice(at, at + 8).map(([verb, who]) => perform(verb, who)), overLimit(tenant.environment_id).then((over) => expect(over).toEqual([]))]);
      const { rows } = await world.owner.query("select run_id, status from ops.runs where environment_id = $1 and finished_at is not null", [tenant.environment_id]);
      const now = new Map(rows.map((row) => [row.run_id as string, row.status as string]));
      for (const [run, status] of ended) expect(now.get(run), "what ended stays as it ended").toBe(status);
      for (const [run, status] of now) ended.set(run, status);
    }
    await tick(world);
    expect(await brokenInvariants(world)).toEqual([]);
    // Let everything go on: only what the cap holds back may be left.
    for (let turn = 0; turn < 60; turn++) {
      await world.owner.query("update ops.runs set not_before = clock_timestamp() where environment_id = $1 and status = 'queued' and not_before is not null", [tenant.environment_id]);
      await world.owner.query("update ops.leases set expires_at = clock_timestamp() - interval '1 second' where environment_id = $1", [tenant.environment_id]);
      await tick(world);
      const taken = await claimSome(world, executors[0]!, { max_runs: 50, start: true });
      for (const claim of taken) await call(world, executors[0]!, "complete_run", leaseOf(claim));
      if (taken.length === 0 && (await world.owner.query("select from ops.leases where environment_id = $1", [tenant.environment_id])).rowCount === 0) break;
    }
    const { rows: left } = await world.owner.query("select distinct queue_reason from ops.runs where environment_id = $1 and finished_at is null", [tenant.environment_id]);
    expect(left.map((row) => row.queue_reason).filter((reason) => reason !== "cap reached: k")).toEqual([]);
    expect(await overLimit(tenant.environment_id)).toEqual([]);
    expect(await brokenInvariants(world)).toEqual([]);
  }), { numRuns: 6 });
});

test("in any queue, claims come by priority and then by age", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(0, 10, 100, 1000), fc.constantFrom("default", "nightly"), fc.constantFrom([], ["gpu"])), { minLength: 1, maxLength: 15 }), fc.integer({ min: 1, max: 6 }), async (wanted, batch) => {
    const tenant = await aTenant(world);
    const executor = await anExecutor(world, tenant);
    const made: { run_id: string; priority: number; at: number }[] = [];
    for (const [at, [priority, queue, labels]] of wanted.entries()) made.push({ run_id: await aRun(world, tenant, { priority, queue, labels: [...labels], spec_text: specText([]) }), priority, at });
    const taken: string[] = [];
    for (let claims; (claims = await claimSome(world, executor, { max_runs: batch, queues: ["default", "nightly"], labels: ["gpu"] })).length > 0; ) taken.push(...claims.map((claim) => claim.run.run_id));
    expect(taken).toEqual(made.toSorted((a, b) => a.priority - b.priority || a.at - b.at).map((each) => each.run_id));
  }), { numRuns: 20 });
});
