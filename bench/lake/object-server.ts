/** A store behind HTTP, in a process of its own: `tsx object-server.ts FOLDER`. Below /seen/ bytes are hashed and refused where they do not fit, below /unseen/ they are only stored. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { objectPath, putObject } from "../../executors/storage/object-store.ts";
import { openStorage } from "../../executors/storage/storage.ts";

const storage = await openStorage(pathToFileURL(process.argv[2]!).href);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sha256 = /[0-9a-f]{64}/.exec(request.url ?? "")?.[0] ?? "";
  const seen = request.url!.startsWith("/seen/");
  if (request.method === "PUT") {
    const path = seen ? objectPath(sha256) : "unseen";
    if (seen) await putObject(storage, request, { sha256 });
    else await storage.putIfAbsent(path, request);
    await storage.remove(path);
    return void response.end(JSON.stringify({ sha256, byte_size: request.headers["content-length"] }));
  }
  for await (const _ of request);
  if (request.method === "GET") return void response.end(String(process.resourceUsage().maxRSS * 1024));
  response.end(JSON.stringify({ stored: false, method: "PUT", url: `${seen ? "/seen" : "/unseen"}/${sha256}`, headers: {}, parts: [], upload_id: null, finish_url: null }));
}

const server = createServer({ requestTimeout: 0 }, (request, response) => void answer(request, response).catch(() => response.destroy()));
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
