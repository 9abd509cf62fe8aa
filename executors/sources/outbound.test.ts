import type { LookupAddress } from "node:dns";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OutboundRequest, refusedUrl, sendOutbound } from "./outbound.ts";
import { isPublicAddress, readAllowList } from "./outbound-address.ts";

let server: Server;
let port: number;
const received: { url: string; headers: Record<string, unknown> }[] = [];
beforeAll(async () => {
  server = createServer((request, answer) => {
    received.push({ url: request.url ?? "", headers: request.headers });
    if (request.url === "/redirect") answer.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
    else if (request.url === "/endless") {
      const more = (): void => void (answer.write(Buffer.alloc(65_536)) ? setImmediate(more) : answer.once("drain", more));
      answer.on("close", () => answer.removeAllListeners("drain"));
      more();
    } else if (request.url !== "/silent") answer.end("answer");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

const names = (...answers: string[][]): OutboundRequest["resolve"] & { asked: () => number } => {
  let asked = 0;
  const resolve: NonNullable<OutboundRequest["resolve"]> = (_, callback) => {
    const found = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    setImmediate(() => callback(null, found.map((address): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 }))));
  };
  return Object.assign(resolve, { asked: () => asked });
};
const send = (url: string, more: Partial<OutboundRequest> = {}) => sendOutbound(url, { method: "GET", headers: {}, timeout_ms: 5000, max_bytes: 1000, allow: [], ...more });

const privateAddresses = [
  "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1",
  "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
  "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::",
  "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1",
];

test.each(privateAddresses)("%s is not public", (address) => expect(isPublicAddress(address)).toBe(false));

test.each(["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "192.167.1.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1"])("%s is public", (address) =>
  expect(isPublicAddress(address)).toBe(true));

test.each([
  "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.1./", "https://①②⑦.0.0.1/",
  "https://%31%32%37.0.0.1/", "https://0/", "https://10.1/", "https://0xa9fea9fe/", "https://2852039166/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://[::]/",
  "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:169.254.169.254]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1]/", "https://[fd00::1]:8443/", "https:127.0.0.1", "https:\\\\127.0.0.1\\x",
])("%s is refused as a private address before any connection", async (url) => {
  expect(refusedUrl(url, [])).toBe("is an address of a private network");
  await expect(send(url)).rejects.toThrow("private network");
});

test.each([
  ["http://hooks.example.test/", "is not https"], ["http://8.8.8.8/", "is not https"], ["ftp://8.8.8.8/", "is neither https nor http"], ["file:///etc/passwd", "is neither https nor http"], ["gopher://8.8.8.8/", "is neither https nor http"],
  ["data:text/plain,x", "is neither https nor http"], ["https://user@8.8.8.8/", "holds a user name or password"], ["https://:secret@8.8.8.8/", "holds a user name or password"], ["https://8.8.8.8@127.0.0.1/", "holds a user name or password"],
  ["https://[fe80::1%25eth0]/", "is not a URL"], ["https://127.0.0.1 .example/", "is not a URL"], ["//127.0.0.1/", "is not a URL"], ["", "is not a URL"],
])("%s %s", (url, why) => expect(refusedUrl(url, [])).toBe(why));

test.each(privateAddresses.filter((address) => !address.includes("%")))("a name that leads to %s is refused", async (address) => {
  await expect(send("https://hooks.example.test/", { resolve: names([address]) })).rejects.toThrow("The host has an address of a private network.");
});

test("one private address among public ones is refused, and so is a name without any", async () => {
  await expect(send("https://hooks.example.test/", { resolve: names(["8.8.8.8", "127.0.0.1"]) })).rejects.toThrow("private network");
  await expect(send("https://hooks.example.test/", { resolve: names([]) })).rejects.toThrow("no address");
});

test("DNS is asked once: a second, other answer is never used", async () => {
  // Both answers are addresses of this machine; only the first one is allowed, and it must be the one that is called.
  const rebinding = names(["127.0.0.1"], ["127.0.0.2"]);
  expect(await send(`http://rebinding.example.test:${port}/`, { allow: ["127.0.0.1"], resolve: rebinding })).toMatchObject({ status: 200 });
  expect(rebinding.asked()).toBe(1);
  await expect(send(`http://rebinding.example.test:${port}/`, { allow: ["127.0.0.1"], resolve: rebinding })).rejects.toThrow("private network");
});

test("what the installation allows is reached, also over http, and nothing beside it", async () => {
  const own = `http://127.0.0.1:${port}/`;
  for (const allow of [["127.0.0.0/8"], ["127.0.0.1"], ["fd00::/8", "127.0.0.1/32"]]) expect((await send(own, { allow })).body.toString()).toBe("answer");
  for (const allow of [["127.0.0.2/32"], ["10.0.0.0/8"], ["localhost"], ["::ffff:0:0/96"]]) await expect(send(own, { allow })).rejects.toThrow("private network");
  expect((await send(`http://inside.test.:${port}/`, { allow: ["Inside.test"], resolve: names(["127.0.0.1"]) })).status).toBe(200);
  await expect(send(`http://outside.test:${port}/`, { allow: ["127.0.0.1"], resolve: names(["8.8.8.8"]) })).rejects.toThrow("is not https");
  for (const wrong of ["10.0.0.0/33", "http://x", "*.example.com", "a b"]) expect(() => readAllowList([wrong])).toThrow(JSON.stringify(wrong));
});

test("a redirect is an answer and not followed", async () => {
  received.length = 0;
  expect(await send(`http://127.0.0.1:${port}/redirect`, { allow: ["127.0.0.1"] })).toMatchObject({ status: 302 });
  expect(received.map(({ url }) => url)).toEqual(["/redirect"]);
});

test("a silent receiver, an endless one and a stop each end the call, and no message names the address", async () => {
  const allow = ["127.0.0.1"];
  await expect(send(`http://127.0.0.1:${port}/silent`, { allow, timeout_ms: 100 })).rejects.toThrow("No answer within 0.1 s.");
  await expect(send(`http://127.0.0.1:${port}/endless`, { allow })).rejects.toThrow("more than 1000 bytes");
  await expect(send(`http://127.0.0.1:${port}/silent`, { allow, signal: AbortSignal.abort(new Error("stopped")) })).rejects.toThrow("stopped");
  await expect(send("http://127.0.0.1:1/", { allow })).rejects.toThrow(/^The connection failed \(ECONNREFUSED\)\.$/);
});

test.each(["x\r\nHost: evil", "x\nSet-Cookie: a=b", "x\0", "x\r\n\r\nGET /second HTTP/1.1"])("a header of %j is refused and sends nothing", async (value) => {
  received.length = 0;
  await expect(send(`http://127.0.0.1:${port}/`, { allow: ["127.0.0.1"], headers: { "x-value": value } })).rejects.toThrow("ERR_INVALID_CHAR");
  await send(`http://127.0.0.1:${port}/a\r\nX-Injected: 1\r\n/b c`, { allow: ["127.0.0.1"] });
  expect(received).toEqual([{ url: "/aX-Injected:%201/b%20c", headers: expect.not.objectContaining({ "x-injected": expect.anything() }) }]);
});
