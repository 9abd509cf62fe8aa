import { z } from "zod";
import { artifact } from "../../contracts/artifact.ts";
import { canonicalJson } from "../../contracts/canonical.ts";
import { withSpecs } from "../../contracts/claim.ts";
import { rpc, type RpcArgs, type RpcName, type RpcReturns } from "../../contracts/rpc.ts";
import type { CallOptions, ControlPlane, Lease } from "./control-plane.ts";
import { objectTransport, type HttpSettings } from "./object-transport.ts";
import { jsonAnswer, noRetry, patientRetry, remoteCall, type RetrySettings } from "./remote-call.ts";

const callTimeoutMs = 30_000;

export interface RpcSettings extends HttpSettings {
  /** The Supabase project (or the local gateway), without /rest/v1. */
  supabase_url: string;
  publishable_key: string;
  /** PostgREST itself, where it can be reached past the gateway; it checks the token all the same. */
  postgrest_url?: string | null;
}

/**
 * The control room straight over PostgREST: the same functions that /api/v1 calls, which goes on while the web app is
 * down. Bytes still go over /api/v1. An empty queue answers at once; `retry_after_ms` says when to ask again.
 */
export function rpcTransport(settings: RpcSettings): ControlPlane {
  const rest = (settings.postgrest_url ?? `${settings.supabase_url.replace(/\/+$/, "")}/rest/v1`).replace(/\/+$/, "");
  const headers = { apikey: settings.publishable_key, "x-control-room-token": settings.token };

  function call<N extends RpcName>(name: N, args: RpcArgs<N>, options: CallOptions = {}, retry: RetrySettings = patientRetry): Promise<RpcReturns<N>> {
    return remoteCall({
      method: "POST", url: `${rest}/rpc/${name}`, retry, signal: options.signal, timeout_ms: options.timeout_ms ?? callTimeoutMs,
      headers: { ...headers, "content-type": "application/json", "content-profile": "ops" },
      body: () => JSON.stringify(args), leased: "lease_token" in args, answer: jsonAnswer<z.ZodType>(rpc[name].returns) as (response: Response) => Promise<RpcReturns<N>>,
    });
  }
  const leased = (lease: Lease): { run_id: string; lease_token: string } => ({ run_id: lease.run_id, lease_token: lease.lease_token });

  return {
    ...objectTransport(settings),
    claim: async ({ max_runs, queues, labels, lease_seconds, run_id, version, hostname, start }, options) =>
      withSpecs(await call("claim_runs", { max_runs, queues, labels, lease_seconds, run_id, version, hostname, start, share_specs: true }, options, noRetry)),
    start: (lease, options) => call("start_run", leased(lease), options),
    heartbeat: (lease, request, options) => call("heartbeat_run", { ...leased(lease), ...request }, options, noRetry),
    appendEvents: (lease, events, options) => call("append_events", { ...leased(lease), events }, options),
    appendLogs: (lease, chunks, options) => call("append_logs", { ...leased(lease), chunks }, options),
    setPhase: (lease, name, patch, options) => call("set_phase", { ...leased(lease), name, patch }, options),
    pinInputs: (lease, request, options) => call("pin_inputs", { ...leased(lease), ...request }, options),
    registerArtifact: (lease, request, options) => call("register_artifact", { ...leased(lease), artifact: request }, options),
    keepArtifact: (lease, request, options) => call("register_artifact", { ...leased(lease), artifact: request }, options),
    beginPublish: (lease, request, options) => call("begin_publish", { ...leased(lease), ...request }, options),
    publishDataset: (lease, dataset, options) => call("publish_dataset", { ...leased(lease), dataset }, options),
    recordQuality: (lease, { phase, results }, options) => call("record_quality", { ...leased(lease), phase, results }, options),
    createChildren: (lease, { spec, ...request }, options) => call("create_children", { ...leased(lease), ...request, spec_text: canonicalJson(spec) }, options),
    getSecrets: (lease, options) => call("get_run_secrets", leased(lease), options),
    resealSecret: async (lease, request, options) => ({ resealed: await call("reseal_secret", { ...leased(lease), ...request }, options) }),
    waitForChildren: (lease, options) => call("wait_for_children", leased(lease), options),
    release: (lease, request, options) => call("release_run", { ...leased(lease), ...request }, options),
    complete: (lease, output_manifest, options) => call("complete_run", { ...leased(lease), output_manifest }, options),
    fail: (lease, request, options) => call("fail_run", { ...leased(lease), ...request }, options),
    report: (reports, options) => call("report_runs", { reports }, options).then(({ items }) => items),
    listArtifacts: async (runId, options = {}) => {
      // PostgREST cuts answers at 1,000 rows without a word: page by key.
      const pageSize = 500;
      const items: z.output<typeof artifact>[] = [];
      for (let after = "00000000-0000-0000-0000-000000000000"; ;) {
        const query = `run_id=eq.${runId}&artifact_id=gt.${after}&order=artifact_id&limit=${pageSize}&select=*,byte_size::text`;
        const rows = await remoteCall({
          method: "GET", url: `${rest}/run_artifacts?${query}`, retry: patientRetry, signal: options.signal, timeout_ms: options.timeout_ms ?? callTimeoutMs,
          headers: { ...headers, "accept-profile": "ops" }, answer: jsonAnswer(z.array(artifact)),
        });
        items.push(...rows);
        const last = rows.at(-1);
        if (rows.length < pageSize || last === undefined) return items;
        after = last.artifact_id;
      }
    },
  };
}
