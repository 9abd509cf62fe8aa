import { z } from "zod";
import { sha256 } from "./common.ts";

/** https://github.com/secure-systems-lab/dsse, https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance */
export const statementType = "https://in-toto.io/Statement/v1";
export const payloadType = "application/vnd.in-toto+json";
export const predicateType = "https://slsa.dev/provenance/v1";
/** Of this product: what externalParameters, dependencies and subjects mean is told in docs/proof.md. */
export const buildType = "urn:lakehouse-control-room:run:v1";

/** A signed statement. Field names are those of DSSE. */
export const provenanceEnvelope = z.object({
  payload: z.base64().describe("the statement's bytes"),
  payloadType: z.literal(payloadType),
  signatures: z.array(z.object({ keyid: sha256.describe("SHA-256 of the public key in SPKI form (DER)"), sig: z.base64().describe("Ed25519 over the DSSE pre-authentication encoding") })).min(1),
}).meta({ id: "ProvenanceEnvelope" });
export type ProvenanceEnvelope = z.infer<typeof provenanceEnvelope>;

const resource = z.object({ name: z.string(), digest: z.record(z.string(), z.string()), annotations: z.record(z.string(), z.unknown()).optional() });
export type ProvenanceResource = z.infer<typeof resource>;

/** What a run consumed and produced. */
export const provenanceStatement = z.object({
  _type: z.literal(statementType),
  subject: z.array(resource).describe("dataset:NAME@VERSION and artifact:PHASE/NAME"),
  predicateType: z.literal(predicateType),
  predicate: z.object({
    buildDefinition: z.object({
      buildType: z.literal(buildType),
      externalParameters: z.record(z.string(), z.unknown()),
      internalParameters: z.record(z.string(), z.unknown()),
      resolvedDependencies: z.array(resource).describe("the spec, the commit, the pinned versions of datasets, the files in which sources landed"),
    }),
    runDetails: z.object({
      builder: z.object({ id: z.string() }),
      metadata: z.object({ invocationId: z.string(), startedOn: z.string().nullable(), finishedOn: z.string() }),
      byproducts: z.array(resource).describe("phase:NAME, the hash of each phase's output"),
    }),
  }),
});
export type ProvenanceStatement = z.infer<typeof provenanceStatement>;

/** What a DSSE signature is made over: type and bytes, each with its length, so that no two pairs give the same text. */
export function preAuthEncoding(type: string, payload: string): string {
  const bytes = (text: string): number => new TextEncoder().encode(text).byteLength;
  return `DSSEv1 ${bytes(type)} ${type} ${bytes(payload)} ${payload}`;
}
