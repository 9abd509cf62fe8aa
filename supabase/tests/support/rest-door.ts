import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { answerJson, startServer, type TestingServer } from "../../../executors/core/testing-server.ts";
import { openFileStorage } from "../../../executors/storage/file-storage.ts";
import { putObject, readObject } from "../../../executors/storage/object-store.ts";
import { storageReceipt } from "../../../lib/ops/receipt.ts";
import { endChild, startChild } from "../../../scripts/stack/child.ts";
import { anyFreePort } from "../../../scripts/stack/ports.ts";
import { findPostgrest, postgrestCommand, waitForPostgrest } from "../../../scripts/stack/postgrest.ts";
import { call, receiptKey, type World } from "../world.ts";
import { ROOT } from "./test-server.ts";

/** PostgREST over a world's database, with a store for bytes beside it, as an executor needs them. */
export interface RestDoor {
  /** Holds /rest/v1 and the three operations of /api/v1 that carry bytes. */
  url: string;
  close(): Promise<void>;
}

export async function openRestDoor(world: World): Promise<RestDoor> {
  const folder = mkdtempSync(path.join(tmpdir(), "rest door "));
  const [port, admin_port] = [await anyFreePort(), await anyFreePort()];
  const log_file = path.join(folder, "postgrest.log");
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const postgrest = await startChild(postgrestCommand({
    command: findPostgrest(ROOT, process.env), database_url: world.database.urlOf("authenticator"), port, admin_port, jwks: { keys: [publicKey.export({ format: "jwk" })] }, log_file, cwd: folder,
  }));
  await waitForPostgrest(admin_port, postgrest, log_file);
  const store = await openFileStorage(path.join(folder, "objects"));

  const server: TestingServer = await startServer(async ({ method, path: target, headers, body }, response) => {
    const url = new URL(target, "http://door");
    if (url.pathname.startsWith("/rest/v1/")) {
      const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !["host", "connection", "content-length", "apikey"].includes(name))) as Record<string, string>;
      const answer = await fetch(`http://127.0.0.1:${port}${target.slice("/rest/v1".length)}`, { method, headers: passed, ...(method === "GET" ? {} : { body: new Uint8Array(body) }) });
      return void response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(Buffer.from(await answer.arrayBuffer()));
    }
    const caller = { token: String(headers.authorization).replace("Bearer ", "") };
    const sha256 = url.pathname.split("/")[4] ?? "";
    if (method === "POST") {
      const { environment_id } = JSON.parse(body.toString()) as { environment_id: string };
      const stored = await call(world, caller, "object_stored", { environment_id, sha256 });
      return answerJson(response, 200, { stored, method: "PUT", url: `/api/v1/objects/${sha256}?environment_id=${environment_id}`, headers: {}, parts: [], upload_id: null, finish_url: null });
    }
    if (method === "PUT") {
      const environment_id = url.searchParams.get("environment_id") ?? "";
      await putObject(store, (async function* () { yield body; })(), { sha256 });
      const object = { environment_id, sha256, byte_size: String(body.length) };
      return answerJson(response, 201, await call(world, caller, "record_object", { ...object, receipt: storageReceipt(receiptKey, object) }));
    }
    const { rows } = await world.owner.query<{ sha256: string }>("select sha256 from ops.run_artifacts where artifact_id = $1", [sha256]);
    response.writeHead(200);
    (await readObject(store, rows[0]?.sha256 ?? "")).pipe(response);
  });

  return {
    url: server.url,
    async close() {
      await server.close();
      await endChild(postgrest, "SIGTERM", 5000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
