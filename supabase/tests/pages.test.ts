import { expect, test, vi } from "vitest";
import { executorRows } from "../../lib/ops/executors-page.ts";
import { staleLeases } from "../../lib/ops/overview-page.ts";
import { createTokenClient } from "../../lib/supabase/client.ts";
import { claimed, newRun, ok, owner, stranger, tenant, useApi } from "./http-world.ts";

// What pages read beside the contract, over the real PostgREST.
useApi();

const held = async (): Promise<string> => {
  const { run_id } = await ok(201, newRun());
  return (await claimed(String(run_id))).run_id;
};

test("an executor's leases are counted by the database, and nobody counts those of another organization", async () => {
  await held();
  await held();
  const { items } = await executorRows(createTokenClient(tenant.api.token), { project_id: tenant.project_id });
  expect(items).toMatchObject([{ leases: 2, environments: ["dev"] }]);
  expect((await executorRows(createTokenClient(stranger.api.token), { project_id: tenant.project_id })).items).toEqual([]);
});

test("a lease is stale by the database's clock, however wrong that of the web server is", async () => {
  const [live, stale] = [await held(), await held()];
  await owner.query("update ops.leases set expires_at = now() - interval '1 second' where run_id = $1", [stale]);
  const db = createTokenClient(tenant.api.token);
  for (const wrong of ["2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"]) {
    vi.useFakeTimers({ now: new Date(wrong), toFake: ["Date"] });
    try {
      expect((await staleLeases(db, tenant.environment_id)).map(({ run_id }) => run_id)).toEqual([stale]);
    } finally {
      vi.useRealTimers();
    }
  }
  expect(live).not.toBe(stale);
});
