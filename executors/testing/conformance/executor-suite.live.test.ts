import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anExecutor, aTenant, openLive, type Live, type Tenant, type TestExecutor } from "../live.ts";
import { gradeExecutor, scenarios } from "./executor/suite.ts";
import { reportText } from "./report.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));
const bundles = `${root}dist/conformance/`;

let live: Live;
let tenant: Tenant;
let executor: TestExecutor;
beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  executor = await anExecutor(live, tenant);
  const names = readdirSync(`${here}broken`).map((name) => `${here}broken/${name}`);
  // A bundle starts in a fifth of the time that tsx takes, and there are many.
  await build({ entryPoints: [`${here}minimal.ts`, ...names], outbase: here, outdir: bundles, bundle: true, platform: "node", format: "esm", packages: "external", outExtension: { ".js": ".mjs" }, logLevel: "error" });
});
afterAll(() => live.close());

function grade(command: string[], only?: string[]) {
  return gradeExecutor(command, { url: live.stack.app_url, api_token: tenant.api.token, executor_token: executor.token, parallel: 4, ...(only === undefined ? {} : { only }) });
}
const python = spawnSync("python3", ["--version"]).status === 0;
const ruleCount = scenarios.reduce((count, { rules }) => count + Object.keys(rules).length, 0);

describe("the kit passes", () => {
  const worker = `${root}dist/worker.mjs`;
  test("the product's own worker", async () => {
    expect(existsSync(worker), "npm run build").toBe(true);
    const report = await grade([process.execPath, worker]);
    expect(report, reportText(report)).toMatchObject({ conforms: true, passed: ruleCount });
  });
  test.skipIf(!python)(`docs/executor.py, an executor in Python${python ? "" : " (skipped: python3 is not here)"}`, async () => {
    const report = await grade(["python3", `${root}docs/executor.py`]);
    expect(report, reportText(report)).toMatchObject({ conforms: true, passed: ruleCount });
  });
  test("the minimal executor, of which the broken ones are made", async () => {
    const report = await grade([process.execPath, `${bundles}minimal.mjs`]);
    expect(report, reportText(report)).toMatchObject({ conforms: true, passed: ruleCount });
  });
});

/** Broken executor → the rule that is meant to catch it, then those that it cannot help breaking with it. */
const broken: Record<string, string[]> = {
  "another-lease-token": ["names_the_lease", "completes", "claims_with_room"],
  "claims-twice": ["claims_with_room"],
  "completes-canceled": ["stops_canceled_work", "ends_canceled_run"],
  "completes-failed-phase": ["never_completes_failed_run", "fails_with_code"],
  "dies-on-sigterm": ["gives_back", "exits_cleanly"],
  "fakes-unknown-types": ["unknown_phase_type"],
  "hot-loop": ["idle_pace", "backs_off", "retry_after"],
  "ignores-lease-lost": ["stops_after_lease_lost", "never_completes_lost_run"],
  "ignores-refused-token": ["refused_token_no_loop", "refused_token_ends"],
  "ignores-retry-after": ["retry_after"],
  "never-retries": ["replays", "survives_losses"],
  "never-starts": ["starts_first", "completes"],
  "new-event-ids": ["same_event_id"],
  "no-heartbeat": ["renews", "survives_slowness"],
  "no-progress": ["phase_events"],
  "registers-before-upload": ["uploads_first"],
  "retries-for-ever": ["gives_up_permanent", "ends_refused_run"],
  "success-on-sigterm": ["never_fakes_success", "gives_back"],
  "volatile-output": ["deterministic"],
  "wrong-hash": ["right_hash", "completes"],
  "wrong-order": ["order", "completes"],
};
test("every broken executor is named here", () => {
  expect(Object.keys(broken)).toEqual(readdirSync(`${here}broken`).map((name) => name.replace(/\.ts$/, "")).sort());
});
describe.concurrent("the kit fails", () => {
  for (const [name, rules] of Object.entries(broken)) {
    test(`an executor that is broken in one way, for that: ${name}`, async () => {
      const report = await grade([process.execPath, `${bundles}broken/${name}.mjs`], [rules[0] ?? ""]);
      const failed = report.findings.filter(({ verdict }) => verdict === "failed");
      expect(report.conforms).toBe(false);
      expect(failed.map(({ id }) => id).sort(), reportText(report)).toEqual([...rules].sort());
      for (const { seen } of failed) expect(seen).not.toContain("not reached");
    });
  }
});
