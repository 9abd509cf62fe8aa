import { execFileSync, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStorage, type Storage } from "./storage.ts";
import { paths, storageCases } from "./testing/storage-suite.ts";

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

test.each(Object.entries(storageCases))("%s", (_, run) => run(storage));

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

test("an unfinished write of a killed writer is no object", async () => {
  await storage.putIfAbsent("t/part.parquet", "p");
  await writeFile(join(root, ".unfinished", "abc"), "left by a killed writer");
  expect(await paths(storage)).toEqual(["t/part.parquet"]);
});

test("a storage URL that is not known is refused without showing its password", async () => {
  const refusal = openStorage("s3://key:geheim@bucket/x");
  await expect(refusal).rejects.toMatchObject({ code: "storage_url_unsupported" });
  await expect(refusal).rejects.not.toThrow("geheim");
});
