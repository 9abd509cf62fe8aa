import { execFileSync, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStorage, type Storage } from "./storage.ts";

let root: string;
let storage: Storage;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "storage with space "));
  storage = await openStorage(pathToFileURL(root).href);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function everything(): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test("the first put wins and the second changes nothing", async () => {
  expect(await storage.putIfAbsent("a/b/one.txt", "first")).toBe(true);
  expect(await storage.putIfAbsent("a/b/one.txt", "second")).toBe(false);
  expect(await storage.readText("a/b/one.txt")).toBe("first");
  expect(await everything()).toHaveLength(1);
});

test("of many processes that put the same path, exactly one wins and its bytes stand", async () => {
  const script = join(root, "racer.mjs");
  await writeFile(
    script,
    `import { openStorage } from ${JSON.stringify(new URL("./storage.ts", import.meta.url).href)};
     const storage = await openStorage(process.argv[2]);
     process.send("ready");
     process.once("message", async () => {
       let won = [];
       for (let i = 0; i < 50; i++) if (await storage.putIfAbsent("race/" + i, process.pid + ":" + i)) won.push(i);
       process.send({ won, pid: process.pid });
       process.disconnect();
     });`,
  );
  const racers = Array.from({ length: 4 }, () =>
    fork(script, [storage.url], { execArgv: ["--import", import.meta.resolve("tsx")], stdio: "inherit" }),
  );
  await Promise.all(racers.map((racer) => once(racer, "message")));
  const answers = racers.map((racer) => once(racer, "message"));
  for (const racer of racers) racer.send("go");
  const wins = (await Promise.all(answers)).map(([answer]) => answer as { won: number[]; pid: number });
  expect(wins.flatMap((win) => win.won).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  for (const { won, pid } of wins) {
    for (const i of won) expect(await storage.readText(`race/${i}`)).toBe(`${pid}:${i}`);
  }
});

test("a body that throws leaves nothing behind", async () => {
  async function* broken(): AsyncIterable<Uint8Array> {
    yield Buffer.from("half");
    throw new Error("the sender went away");
  }
  await expect(storage.putIfAbsent("half.bin", broken())).rejects.toThrow("the sender went away");
  expect(await everything()).toEqual([]);
});

test("a full disk is storage_full and leaves nothing behind", async () => {
  async function* fullDisk(): AsyncIterable<Uint8Array> {
    yield Buffer.from("some bytes");
    const device = await open("/dev/full", "w");
    try {
      await device.write("x");
    } finally {
      await device.close();
    }
  }
  await expect(storage.putIfAbsent("big.bin", fullDisk())).rejects.toMatchObject({ code: "storage_full", retryable: true });
  expect(await everything()).toEqual([]);
});

test("a really full file system is storage_full and is usable again after space is freed", async (context) => {
  const mount = join(root, "small");
  const small = await openStorage(pathToFileURL(mount).href);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mount], { stdio: "ignore" });
  } catch {
    context.skip("mounting a small file system needs root");
  }
  try {
    const mounted = await openStorage(small.url);
    await expect(mounted.putIfAbsent("big", randomBytes(1 << 20))).rejects.toMatchObject({ code: "storage_full" });
    expect(await readdir(join(mount, ".unfinished"))).toEqual([]);
    expect(await mounted.putIfAbsent("little", "fits")).toBe(true);
  } finally {
    execFileSync("umount", [mount]);
  }
});

test("a range is read with both ends included", async () => {
  await storage.putIfAbsent("ten", "0123456789");
  expect(await text(await storage.read("ten", { start: 2, end: 4 }))).toBe("234");
  expect(await text(await storage.read("ten", { start: 8 }))).toBe("89");
  await expect(storage.read("eleven")).rejects.toMatchObject({ code: "object_missing" });
});

test("a path that leaves the root is refused", async () => {
  for (const path of ["../out", "a/../../out", "/etc/passwd", "", "a\0b"]) {
    expect(() => storage.locate(path)).toThrow(expect.objectContaining({ code: "storage_path_invalid" }));
  }
});

test("a listing names every object below the folder and no unfinished one", async () => {
  await storage.putIfAbsent("t/_delta_log/0.json", "{}");
  await storage.putIfAbsent("t/part.parquet", "p");
  await storage.putIfAbsent("u/other", "o");
  await writeFile(join(root, ".unfinished", "abc"), "left by a killed writer");
  const found: string[] = [];
  for await (const object of storage.list("t")) found.push(object.path);
  expect(found.toSorted()).toEqual(["t/_delta_log/0.json", "t/part.parquet"]);
  const all: string[] = [];
  for await (const object of storage.list("")) all.push(object.path);
  expect(all).toHaveLength(3);
});

test("a storage URL that is not known is refused without showing its password", async () => {
  const refusal = openStorage("s3://key:geheim@bucket/x");
  await expect(refusal).rejects.toMatchObject({ code: "storage_url_unsupported" });
  await expect(refusal).rejects.not.toThrow("geheim");
});
