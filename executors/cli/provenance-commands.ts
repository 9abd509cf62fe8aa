import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { ControlRoomError } from "../../contracts/error.ts";
import { preAuthEncoding, provenanceEnvelope, provenanceStatement, type ProvenanceStatement } from "../../contracts/provenance.ts";
import { hashFile } from "../storage/background-hash.ts";
import { request, type Connection } from "./connection.ts";
import { readInputFile, unreadable } from "./input-file.ts";
import { exit, plain, type ExitCode, type Output } from "./output.ts";

/** What comes before the 32 bytes of an Ed25519 public key in SPKI form. RFC 8410, section 4. */
const spki = Buffer.from("302a300506032b6570032100", "hex");

/** Prints the signed statement of a run, for a file. */
export async function printProvenance(connection: Connection, output: Output, runId: string): Promise<ExitCode> {
  output.value(await request(connection, "get_provenance", { params: { run_id: runId } }));
  return exit.ok;
}

export interface VerifyProvenanceOptions {
  /** A file with the public key: PEM, or `whpk_…` as the control room shows it, alone or in its JSON answer. */
  key: string;
  /** Files that must be among what the run produced. */
  subject: string[];
}

/** Is the statement signed by that key, and are the files named in it? Needs the files alone: no control room, no network. */
export async function verifyProvenance(output: Output, file: string, { key, subject }: VerifyProvenanceOptions): Promise<ExitCode> {
  const publicKey = readPublicKey(await readInputFile(key), key);
  const { statement, problem } = openEnvelope(await readInputFile(file), publicKey, file);
  const digests = new Map(statement?.subject.map((each) => [each.digest["sha256"], each.name]));
  const files = await Promise.all(subject.map(async (path) => {
    const { sha256 } = await hashFile(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    return { file: path, sha256, subject: digests.get(sha256) ?? null };
  }));
  const verified = problem === null && files.every((each) => each.subject !== null);
  if (output.json) output.value({ verified, problem, run_id: statement?.predicate.runDetails.metadata.invocationId ?? null, subjects: statement?.subject.length ?? 0, files, statement });
  else print(output, statement, problem, files);
  return verified ? exit.ok : exit.failed;
}

type CheckedFile = { file: string; sha256: string; subject: string | null };
function print(output: Output, statement: ProvenanceStatement | null, problem: string | null, files: CheckedFile[]): void {
  if (statement === null) return output.line(`${output.paint("red", "not verified")}: ${problem ?? ""}`);
  const { buildDefinition, runDetails } = statement.predicate;
  output.line(`${output.paint("green", "signed")}: run ${plain(runDetails.metadata.invocationId)} of ${plain(String(buildDefinition.externalParameters["spec_slug"]))}, ended ${plain(runDetails.metadata.finishedOn)}`);
  for (const { name, digest } of buildDefinition.resolvedDependencies) output.line(`  from  ${Object.values(digest)[0]?.slice(0, 16) ?? ""}  ${plain(name)}`);
  for (const { name, digest } of statement.subject) output.line(`  made  ${Object.values(digest)[0]?.slice(0, 16) ?? ""}  ${plain(name)}`);
  for (const { file, subject } of files) output.line(subject === null ? `${output.paint("red", "unknown")}: ${plain(file)} is nothing that this run made` : `${output.paint("green", "made by it")}: ${plain(file)} is ${plain(subject)}`);
}

/** The statement where its signature is of this key; else null, and why. Nothing unsigned is ever given on. */
function openEnvelope(text: string, key: KeyObject, file: string): { statement: ProvenanceStatement | null; problem: string | null } {
  const envelope = provenanceEnvelope.safeParse(jsonOf(text, file));
  if (!envelope.success) throw new ControlRoomError("invalid_input", `${file} is no signed statement: ${envelope.error.issues[0]?.path.join(".") ?? ""} ${envelope.error.issues[0]?.message ?? ""}`);
  const { payload, payloadType, signatures } = envelope.data;
  const body = Buffer.from(payload, "base64").toString();
  // The key that is trusted is the one in the caller's hand; keyid is only a hint.
  const signed = signatures.some(({ sig }) => verify(null, Buffer.from(preAuthEncoding(payloadType, body)), key, Buffer.from(sig, "base64")));
  if (!signed) return { statement: null, problem: "no signature is of this key: the statement was changed, or another control room signed it" };
  const statement = provenanceStatement.safeParse(jsonOf(body, file));
  return statement.success ? { statement: statement.data, problem: null } : { statement: null, problem: "it is signed, but no statement of a run" };
}

function readPublicKey(text: string, file: string): KeyObject {
  try {
    const raw = /whpk_([A-Za-z0-9+/]{43}=)/.exec(text)?.[1];
    const key = raw === undefined ? createPublicKey(text) : createPublicKey({ key: Buffer.concat([spki, Buffer.from(raw, "base64")]), format: "der", type: "spki" });
    if (key.asymmetricKeyType === "ed25519" && !text.includes("PRIVATE KEY")) return key;
  } catch {
    // Told of below, without the text: whoever mixed the halves up must not find a secret in a log.
  }
  throw new ControlRoomError("invalid_input", `${file} holds no Ed25519 public key: neither whpk_… nor PEM.`);
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ControlRoomError("invalid_input", `${file} is no JSON.`, { cause: error });
  }
}
