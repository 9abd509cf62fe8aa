import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildType, payloadType, preAuthEncoding, predicateType, statementType, type ProvenanceStatement } from "../../contracts/provenance.ts";
import { exit, type Output } from "./output.ts";
import { verifyProvenance } from "./provenance-commands.ts";

const folder = mkdtempSync(join(tmpdir(), "provenance of runs "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const bytes = "what the run made\n";
const statement: ProvenanceStatement = {
  _type: statementType,
  subject: [{ name: "artifact:publish/gold.parquet", digest: { sha256: createHash("sha256").update(bytes).digest("hex") } }],
  predicateType,
  predicate: {
    buildDefinition: { buildType, externalParameters: { spec_slug: "daily — täglich" }, internalParameters: {}, resolvedDependencies: [{ name: "spec", digest: { sha256: "a".repeat(64) } }] },
    runDetails: { builder: { id: "urn:x" }, metadata: { invocationId: "0192f3ab-0000-7000-8000-000000000001", startedOn: null, finishedOn: "2026-11-28T00:00:00Z" }, byproducts: [] },
  },
};
function envelope(payload: string, type: string = payloadType): string {
  const sig = sign(null, Buffer.from(preAuthEncoding(type, payload)), privateKey).toString("base64");
  return JSON.stringify({ payload: Buffer.from(payload).toString("base64"), payloadType, signatures: [{ keyid: "0".repeat(64), sig }] });
}
let pem: string;
let made: string;
beforeAll(() => {
  pem = file("key.pem", publicKey.export({ format: "pem", type: "spki" }) as string);
  made = file("gold.parquet", bytes);
});

async function verify(text: string, options: { key?: string; subject?: string[] } = {}): Promise<{ code: number; told: Record<string, unknown> }> {
  let told: Record<string, unknown> = {};
  const output: Output = { json: true, line: () => undefined, value: (value) => void (told = value as Record<string, unknown>), note: () => undefined, paint: (_, each) => each };
  return { code: await verifyProvenance(output, file("statement.json", text), { key: options.key ?? pem, subject: options.subject ?? [] }), told };
}

test("a statement that is signed by the key is verified with the files that the run made, whichever way the key is written", async () => {
  const raw = `whpk_${(publicKey.export({ format: "der", type: "spki" })).subarray(-32).toString("base64")}`;
  for (const key of [pem, file("key.txt", `${raw}\n`), file("answer.json", JSON.stringify({ algorithm: "ed25519", public_key: raw }))]) {
    expect(await verify(envelope(JSON.stringify(statement)), { key, subject: [made] })).toMatchObject({ code: exit.ok, told: { verified: true, files: [{ subject: "artifact:publish/gold.parquet" }], run_id: "0192f3ab-0000-7000-8000-000000000001" } });
  }
});

test("a statement with any byte changed, of another type or of another key is not, and nothing of it is given on", async () => {
  const sound = JSON.parse(envelope(JSON.stringify(statement))) as { payload: string };
  const forged = JSON.stringify({ ...sound, payload: Buffer.from(JSON.stringify(statement).replace("aaaa", "aaab")).toString("base64") });
  const other = file("other.pem", generateKeyPairSync("ed25519").publicKey.export({ format: "pem", type: "spki" }) as string);
  for (const refused of [await verify(forged), await verify(envelope(JSON.stringify(statement), "text/plain")), await verify(JSON.stringify(sound), { key: other })]) {
    expect(refused).toMatchObject({ code: exit.failed, told: { verified: false, statement: null } });
  }
  expect(await verify(envelope("{}"))).toMatchObject({ code: exit.failed, told: { verified: false, statement: null } });
});

test("a file that the run did not make fails, and so does input that is none, without printing a private key", async () => {
  expect(await verify(envelope(JSON.stringify(statement)), { subject: [made, file("other.parquet", "something else")] })).toMatchObject({ code: exit.failed, told: { verified: false, files: [{ subject: expect.any(String) as string }, { subject: null }] } });
  const secret = privateKey.export({ format: "pem", type: "pkcs8" }) as string;
  const signed = envelope(JSON.stringify(statement));
  const attempts: [text: string, options?: { key?: string; subject?: string[] }][] = [["not json"], ["{}"], [signed, { key: file("private.pem", secret) }], [signed, { subject: [join(folder, "absent")] }]];
  for (const [text, options] of attempts) {
    const refused: unknown = await verify(text, options).then(() => null, (error: unknown) => error);
    expect(refused).toMatchObject({ code: "invalid_input" });
    expect(String(refused)).not.toContain(secret.split("\n")[1]);
  }
});
