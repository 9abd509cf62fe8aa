import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anExecutor, aTenant, openLive, type Live } from "../live.ts";
import { brokenControlPlanes } from "./broken-control-planes.ts";
import { checks, gradeControlPlane, type ControlPlaneTarget } from "./control-plane/suite.ts";
import { startProxy, type Intercept } from "./proxy.ts";
import { reportText, type Report } from "./report.ts";

let live: Live;
let tokens: Pick<ControlPlaneTarget, "api_token" | "executor_token" | "other_executor_token">;
beforeAll(async () => {
  live = openLive();
  const tenant = await aTenant(live);
  tokens = { api_token: tenant.api.token, executor_token: (await anExecutor(live, tenant)).token, other_executor_token: (await anExecutor(live, tenant)).token };
});
afterAll(() => live.close());

/** Behind a proxy, in both cases: what fails then is what the proxy breaks, not the proxy. */
async function grade(transport: "HTTP" | "PostgREST", intercept: Intercept | undefined, only?: string[]): Promise<Report> {
  const { stack } = live;
  const proxy = await startProxy({ url: stack.app_url, rest_url: stack.supabase_url }, intercept);
  try {
    return await gradeControlPlane({ url: proxy.url, ...tokens, ...(only === undefined ? {} : { only }), ...(transport === "HTTP" ? {} : { rpc: { supabase_url: proxy.url, publishable_key: stack.publishable_key } }) });
  } finally {
    await proxy.close();
  }
}

describe.each(["HTTP", "PostgREST"] as const)("over %s", (transport) => {
  test("the kit passes the product", async () => {
    const report = await grade(transport, undefined);
    expect(report, reportText(report)).toMatchObject({ conforms: true, passed: checks.length });
  });
  describe.concurrent("the kit fails a control plane that", () => {
    // Over PostgREST only what an executor asks of it: the rest is the same requests again.
    for (const { what, caughtBy, intercept } of brokenControlPlanes.slice(0, transport === "HTTP" ? undefined : 5)) {
      test(what, async () => {
        const report = await grade(transport, intercept(), caughtBy);
        expect(report.findings.filter(({ verdict }) => verdict === "failed").map(({ id }) => id).sort(), reportText(report)).toEqual([...caughtBy].sort());
        expect(report.conforms).toBe(false);
      });
    }
  });
});
