import { expect, test } from "vitest";
import { callsOf } from "./calls.ts";
import { accepted, isBefore, refusal, steps } from "./executor/trace.ts";
import type { Exchange } from "./proxy.ts";

const run_id = "01a20615-bf07-7818-8d2a-136bb7867b10";
const lease_token = "5f3c9c1e-7a53-4d0a-9f6b-0f3f1c2d4e5f";

test("one write is recognised alike over HTTP, as an RPC, and within a batch of reports", () => {
  const patch = { status: "running" };
  const http = callsOf({ method: "PUT", path: `/api/v1/runs/${run_id}/phases/load?x=1`, headers: { "lease-token": lease_token }, json: patch });
  const rpc = callsOf({ method: "POST", path: "/rest/v1/rpc/set_phase", headers: {}, json: { run_id, lease_token, name: "load", patch } });
  const batch = callsOf({ method: "POST", path: "/api/v1/reports", headers: {}, json: { reports: [{ run_id, lease_token, writes: [{ type: "phase", name: "load", patch }] }] } });
  const wanted = { op: "set_phase", fenced: true, run_id, lease_token, phase: "load", body: patch };
  expect([...http, ...rpc, ...batch]).toEqual([{ ...wanted, report: null }, { ...wanted, report: null }, { ...wanted, report: 0 }]);
});

test("what is no operation of the contract is unknown, whatever it holds", () => {
  for (const json of [null, 7, [], { reports: "none" }]) {
    expect(callsOf({ method: "POST", path: "/api/v1/elsewhere", headers: {}, json })).toMatchObject([{ op: "unknown", fenced: false, run_id: null }]);
  }
});

test("of a batch, each report has its own verdict, and writes follow each other as they are written", () => {
  const json = { reports: [{ run_id, lease_token, writes: [{ type: "start" }, { type: "complete" }] }, { run_id, lease_token, writes: [{ type: "heartbeat" }] }] };
  const calls = callsOf({ method: "POST", path: "/rest/v1/rpc/report_runs", headers: {}, json });
  const exchange: Exchange = {
    at: 1, method: "POST", path: "/rest/v1/rpc/report_runs", headers: {}, body: Buffer.alloc(0), json, calls, answered_at: 2, status: 200, abandoned: false, fault: null,
    answer: { items: [{ ok: true }, { ok: false, error: { code: "lease_lost" } }] },
  };
  const [start, complete, heartbeat] = steps([exchange]) as [ReturnType<typeof steps>[0], ReturnType<typeof steps>[0], ReturnType<typeof steps>[0]];
  expect([start, complete, heartbeat].map((step) => [step.op, accepted(step), refusal(step)])).toEqual([["start_run", true, null], ["complete_run", true, null], ["heartbeat_run", false, "lease_lost"]]);
  expect([isBefore(start, complete), isBefore(complete, start)]).toEqual([true, false]);
});
