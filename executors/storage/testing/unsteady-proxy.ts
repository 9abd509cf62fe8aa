import { once } from "node:events";
import { type IncomingMessage, createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What happens to a request: it passes; its answer is lost after the work was done; it is refused; its answer breaks off. */
export type Fate = "pass" | "lose" | "refuse" | "cut";

/** A line to an HTTP server on which `fate` decides over each request (counted from 0). Host headers stay: they are signed. */
export async function startUnsteadyProxy(target: string, fate: (request: IncomingMessage, count: number) => Fate): Promise<{ endpoint: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(target);
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    const decided = fate(incoming, count++);
    void (async () => {
      const body = await buffer(incoming);
      if (decided === "refuse") {
        outgoing.writeHead(503, { "content-type": "application/xml" }).end("<Error><Code>SlowDown</Code></Error>");
        return;
      }
      const sent = sendRequest({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers, agent: false });
      sent.on("error", () => incoming.socket.destroy());
      sent.end(body);
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      const answered = await buffer(answer);
      if (decided === "lose") return void incoming.socket.destroy();
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (decided === "pass" || answered.length === 0) return void outgoing.end(answered);
      outgoing.write(answered.subarray(0, Math.ceil(answered.length / 2)), () => incoming.socket.destroy());
    })().catch(() => incoming.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
