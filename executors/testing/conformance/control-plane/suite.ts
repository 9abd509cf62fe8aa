import { reportsResponse } from "../../../../contracts/report.ts";
import { request } from "../../../cli/connection.ts";
import { httpTransport } from "../../../core/http-transport.ts";
import { rpcTransport } from "../../../core/rpc-transport.ts";
import { jsonAnswer, patientRetry, remoteCall } from "../../../core/remote-call.ts";
import { z } from "zod";
import { reportOf, type Finding, type Report } from "../report.ts";
import { NotTried, type Check, type Subject } from "./check.ts";
import { claimChecks } from "./claims.ts";
import { endChecks } from "./ends.ts";
import { fenceChecks } from "./fence.ts";
import { writeChecks } from "./writes.ts";

export const checks: readonly Check[] = [...fenceChecks, ...claimChecks, ...endChecks, ...writeChecks];

export interface ControlPlaneTarget {
  /** Without /api/v1. */
  url: string;
  /** Of an operator of one environment. */
  api_token: string;
  executor_token: string;
  /** Of a second executor of that environment. */
  other_executor_token?: string;
  environment?: string;
  /** Then the executor's calls go straight to PostgREST: its address (without /rest/v1) and key. */
  rpc?: { supabase_url: string; publishable_key: string };
  /** Checks at once. Default 6. */
  parallel?: number;
  /** Only the checks with these ids. */
  only?: readonly string[];
}

/** Grades a control plane from outside, over one transport. Rejects only where it cannot be reached at all. */
export async function gradeControlPlane(target: ControlPlaneTarget): Promise<Report> {
  const began = performance.now();
  const speak = (token: string) => (target.rpc === undefined ? httpTransport({ url: target.url, token }) : rpcTransport({ url: target.url, token, ...target.rpc }));
  const document = await remoteCall({ method: "GET", url: `${target.url.replace(/\/+$/, "")}/api/v1/openapi.json`, headers: {}, timeout_ms: 30_000, retry: patientRetry, answer: jsonAnswer(z.looseObject({ paths: z.record(z.string(), z.unknown()) })) });
  const subject: Subject = {
    url: target.url, api: { url: target.url, token: target.api_token }, executor_token: target.executor_token, plane: speak(target.executor_token),
    report: (reports) => remoteCall({
      method: "POST", retry: patientRetry, timeout_ms: 30_000, body: () => JSON.stringify({ reports }), answer: jsonAnswer(reportsResponse),
      ...(target.rpc === undefined ? { url: `${target.url.replace(/\/+$/, "")}/api/v1/reports`, headers: { authorization: `Bearer ${target.executor_token}`, "content-type": "application/json" } } : {
        url: `${target.rpc.supabase_url.replace(/\/+$/, "")}/rest/v1/rpc/report_runs`,
        headers: { apikey: target.rpc.publishable_key, "x-control-room-token": target.executor_token, "content-type": "application/json", "content-profile": "ops" },
      }),
    }),
    other: target.other_executor_token === undefined ? null : speak(target.other_executor_token), offers: new Set(Object.keys(document.paths).map((path) => path.replace(/^\/api\/v1/, ""))),
    made: [], ...(target.environment === undefined ? {} : { environment: target.environment }),
  };
  const chosen = checks.filter(({ id }) => target.only === undefined || target.only.includes(id));
  const findings = new Map<string, Finding>();
  const left = [...chosen];
  await Promise.all(Array.from({ length: target.parallel ?? 6 }, async () => {
    for (let check = left.shift(); check !== undefined; check = left.shift()) findings.set(check.id, await tried(check, subject));
  }));
  for (const run_id of subject.made) await request(subject.api, "cancel_run", { params: { run_id }, body: { reason: "The conformance kit is done." } }).catch(() => undefined); // most have ended
  return reportOf(`control plane ${target.url} over ${target.rpc === undefined ? "HTTP" : "PostgREST"}`, chosen.flatMap(({ id }) => findings.get(id) ?? []), (performance.now() - began) / 1000);
}

async function tried({ id, must, because, test }: Check, subject: Subject): Promise<Finding> {
  try {
    return { id, must, because, verdict: "passed", seen: await test(subject) };
  } catch (error) {
    // Whatever else a check runs into is a finding too: the control plane did not do what the contract says.
    return { id, must, because, verdict: error instanceof NotTried ? "skipped" : "failed", seen: error instanceof Error ? error.message : String(error) };
  }
}
