import "server-only";
import { z } from "zod";
import type { Artifact } from "@/contracts/artifact.ts";
import { canonicalJson } from "@/contracts/canonical.ts";
import { datasetVersion } from "@/contracts/dataset.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { buildType, payloadType, preAuthEncoding, predicateType, statementType, type ProvenanceEnvelope, type ProvenanceResource, type ProvenanceStatement } from "@/contracts/provenance.ts";
import type { Run, RunPhase } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { listArtifacts } from "./artifacts.ts";
import { producedKinds } from "./compare-runs.ts";
import { listPhases } from "./phases.ts";
import { columns, readRows } from "./rpc.ts";
import { getRun } from "./runs.ts";
import { keyId, signText } from "./signing-key.ts";

const inputs = z.object({
  datasets: z.record(z.string(), z.object({ version: z.int(), table_version: z.string(), content_sha256: z.string(), run_id: z.string() })).default({}),
  sources: z.record(z.string(), z.looseObject({ tables: z.array(z.looseObject({ name: z.string(), sha256: z.string() })).optional() })).default({}),
});
const publishedVersion = datasetVersion.pick({ name: true, version: true, table_version: true, content_sha256: true, row_count: true, location: true, format: true });
type PublishedVersion = z.infer<typeof publishedVersion>;
const datasetsAtOnce = 1000;

/**
 * The signed statement of what a succeeded run consumed and produced. A run's records do not change after its end, and neither
 * does the signature over them, so each call gives the same bytes. Throws `not_found`, `illegal_transition`, `not_configured`.
 */
export async function getProvenance(db: Db, runId: string): Promise<ProvenanceEnvelope> {
  const run = await getRun(db, runId);
  if (run.status !== "succeeded") throw new ControlRoomError("illegal_transition", `Only a succeeded run has a provenance; this one is ${run.status}.`);
  const [phases, artifacts, published] = await Promise.all([listPhases(db, runId), listArtifacts(db, runId), publishedBy(db, runId)]);
  const payload = canonicalJson(statementOf(run, phases.items, artifacts.items, published));
  return { payload: Buffer.from(payload).toString("base64"), payloadType, signatures: [{ keyid: keyId(), sig: signText(preAuthEncoding(payloadType, payload)) }] };
}

async function publishedBy(db: Db, runId: string): Promise<PublishedVersion[]> {
  const found: PublishedVersion[] = [];
  for (let after = ""; ; ) {
    const rows = await readRows(publishedVersion, db.from("dataset_version_list").select(columns(publishedVersion.shape)).eq("run_id", runId).gt("name", after).order("name").limit(datasetsAtOnce));
    found.push(...rows);
    if (rows.length < datasetsAtOnce) return found;
    after = rows.at(-1)!.name;
  }
}

/** In an order that does not depend on when it was asked for. */
export function statementOf(run: Run, phases: RunPhase[], artifacts: Artifact[], published: PublishedVersion[]): ProvenanceStatement {
  const { datasets, sources } = inputs.parse(run.input_manifest ?? {});
  const landed = Object.entries(sources).flatMap(([phase, { tables = [], ...facts }]) => tables.map((table): ProvenanceResource => ({
    name: `source:${phase}/${table.name}`, digest: { sha256: table.sha256 }, annotations: Object.fromEntries(["connection", "kind", "schema"].flatMap((key) => (facts[key] === undefined ? [] : [[key, facts[key]]]))),
  })));
  return {
    _type: statementType,
    subject: [
      ...published.map(({ name, version, content_sha256, ...annotations }): ProvenanceResource => ({ name: `dataset:${name}@${version}`, digest: { sha256: content_sha256 }, annotations })),
      ...keptArtifacts(artifacts).map(({ phase, name, kind, sha256, content_type, byte_size }): ProvenanceResource => ({ name: `artifact:${phase ?? ""}/${name}`, digest: { sha256 }, annotations: { kind, content_type, byte_size } })),
    ],
    predicateType,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: {
          spec_slug: run.spec_slug, spec_sha256: run.spec_sha256, template_key: run.template_key, template_version: run.template_version, git_sha: run.git_sha, parameters: run.parameters,
        },
        internalParameters: {
          trigger: run.trigger, isolated: run.isolated, repairs_run_id: run.repairs_run_id, scheduled_for: run.scheduled_for,
          sources: Object.fromEntries(Object.entries(sources).map(([phase, { tables: _, ...facts }]) => [phase, facts])),
        },
        resolvedDependencies: [
          { name: "spec", digest: { sha256: run.spec_sha256 } },
          // The name that in-toto has for a commit, which is whole or nothing.
          ...(run.git_sha !== null && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(run.git_sha) ? [{ name: "git", digest: { gitCommit: run.git_sha } }] : []),
          ...Object.entries(datasets).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([reference, { version, table_version, content_sha256, run_id }]): ProvenanceResource => ({
            name: `dataset:${reference.split("@")[0]!}@${version}`, digest: { sha256: content_sha256 }, annotations: { table_version, run_id },
          })),
          ...landed.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
        ],
      },
      runDetails: {
        builder: { id: `urn:lakehouse-control-room:executor:${run.executor_id ?? "none"}` },
        metadata: { invocationId: run.run_id, startedOn: run.started_at, finishedOn: run.finished_at ?? "" },
        byproducts: phases.flatMap(({ name, type, status, output_sha256 }) => (output_sha256 === null ? [] : [{ name: `phase:${name}`, digest: { sha256: output_sha256 }, annotations: { type, status } }])),
      },
    },
  };
}

/** Of two with one name, the later: the one before it is of an attempt that did not end. Logs may still be put together after the end. */
function keptArtifacts(artifacts: Artifact[]): Artifact[] {
  const kept = artifacts.filter(({ kind }) => producedKinds.includes(kind)).toSorted((a, b) => (a.artifact_id < b.artifact_id ? -1 : 1));
  const byName = new Map(kept.map((each) => [`${each.phase ?? ""}/${each.name}`, each]));
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
