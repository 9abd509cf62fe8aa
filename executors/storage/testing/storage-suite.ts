import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { hashStream } from "../background-hash.ts";
import { putObject, readObject } from "../object-store.ts";
import type { Storage } from "../storage.ts";

/** What every storage promises, by name. Each case begins with an empty storage and leaves nothing that it relies on. */
export const storageCases: Record<string, (storage: Storage) => Promise<void>> = {
  "the first put wins and the second changes nothing": async (storage) => {
    assert.equal(await storage.putIfAbsent("a/b/one.txt", "first"), true);
    assert.equal(await storage.putIfAbsent("a/b/one.txt", "second"), false);
    assert.equal(await storage.readText("a/b/one.txt"), "first");
    assert.deepEqual(await paths(storage), ["a/b/one.txt"]);
  },

  "of many puts of one path at one moment exactly one wins and its bytes stand": async (storage) => {
    for (let round = 0; round < 5; round += 1) {
      const wins = await Promise.all(Array.from({ length: 8 }, (_, n) => storage.putIfAbsent(`race/${round}`, `${n}`)));
      assert.equal(wins.filter(Boolean).length, 1);
      assert.equal(await storage.readText(`race/${round}`), String(wins.indexOf(true)));
    }
  },

  "a body of many parts is stored whole, once, and is never half there": async (storage) => {
    const bytes = randomBytes(40_000_003);
    async function* slowly(): AsyncIterable<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 1_000_001) {
        if (at > 36_000_000) assert.equal(await storage.stat("large.bin"), null);
        yield bytes.subarray(at, at + 1_000_001);
      }
    }
    assert.equal(await storage.putIfAbsent("large.bin", slowly()), true);
    assert.equal(await storage.putIfAbsent("large.bin", Readable.from([randomBytes(40_000_003)])), false);
    assert.equal((await storage.stat("large.bin"))?.size, bytes.length);
    assert.deepEqual(await hashStream(await storage.read("large.bin")), { sha256: sha256(bytes), byte_size: bytes.length });
    assert.deepEqual(await buffer(await storage.read("large.bin", { start: 16_777_210, end: 16_777_230 })), bytes.subarray(16_777_210, 16_777_231));
  },

  "of two large bodies at one moment one wins and its bytes stand": async (storage) => {
    const bodies = [randomBytes(17_000_000), randomBytes(17_000_000)];
    const wins = await Promise.all(bodies.map((body) => storage.putIfAbsent("race.bin", Readable.from([body]))));
    assert.equal(wins.filter(Boolean).length, 1);
    assert.equal((await hashStream(await storage.read("race.bin"))).sha256, sha256(bodies[wins.indexOf(true)]!));
  },

  "a body that throws leaves nothing behind, small or large": async (storage) => {
    async function* broken(bytes: number): AsyncIterable<Uint8Array> {
      yield randomBytes(bytes);
      throw new Error("the sender went away");
    }
    for (const bytes of [10, 40_000_000]) await assert.rejects(storage.putIfAbsent("half.bin", broken(bytes)), /the sender went away/);
    assert.deepEqual(await paths(storage), []);
  },

  "a file is stored with its bytes, and an empty body is an object too": async (storage) => {
    await inFolder(async (folder) => {
      const bytes = randomBytes(2_000_000);
      await writeFile(join(folder, "source"), bytes);
      assert.equal(await storage.putIfAbsent("copy.bin", { file: join(folder, "source") }), true);
      assert.equal(await storage.putIfAbsent("empty", Readable.from([])), true);
      assert.deepEqual(await buffer(await storage.read("copy.bin")), bytes);
      assert.equal((await storage.stat("empty"))?.size, 0);
      assert.equal(await text(await storage.read("empty")), "");
      assert.deepEqual(await readFile(await storage.localFile("copy.bin", folder)), bytes);
      assert.equal(await storage.localFile("copy.bin", folder), await storage.localFile("copy.bin", folder));
      await assert.rejects(async () => readFile(await storage.localFile("absent.bin", folder)));
    });
  },

  "a range is read with both ends included": async (storage) => {
    await storage.putIfAbsent("ten", "0123456789");
    assert.equal(await text(await storage.read("ten", { start: 2, end: 4 })), "234");
    assert.equal(await text(await storage.read("ten", { start: 8 })), "89");
    assert.equal(await text(await storage.read("ten", { start: 10 })), "");
    await assert.rejects(storage.read("eleven"), { code: "object_missing" });
  },

  "a reader that goes away early ends the reading": async (storage) => {
    await storage.putIfAbsent("large.bin", randomBytes(5_000_000));
    const stream = await storage.read("large.bin");
    for await (const chunk of stream) {
      assert.ok((chunk as Uint8Array).byteLength > 0);
      break;
    }
    assert.equal(stream.destroyed, true);
  },

  "a pointer is replaced, a missing object is null, removing twice is no error": async (storage) => {
    await storage.putPointer("t/_last_checkpoint", "1");
    await storage.putPointer("t/_last_checkpoint", "22");
    assert.equal(await storage.readText("t/_last_checkpoint"), "22");
    assert.equal(await storage.readText("t/none"), null);
    assert.equal(await storage.stat("t/none"), null);
    await storage.remove("t/_last_checkpoint");
    await storage.remove("t/_last_checkpoint");
    assert.equal(await storage.stat("t/_last_checkpoint"), null);
  },

  "a path that leaves the root is refused": async (storage) => {
    for (const path of ["../out", "a/../../out", "/etc/passwd", "", "a\0b"]) {
      await assert.rejects(async () => storage.stat(path), { code: "storage_path_invalid" });
    }
  },

  "names with signs that URLs and XML know are themselves": async (storage) => {
    const names = ["a b+c/x&y=1.txt", "ü/日本 (1)!*'.txt", "50%/<q>\"~.txt", "d/%2F.txt"];
    for (const name of names) assert.equal(await storage.putIfAbsent(name, name), true);
    for (const name of names) assert.equal(await storage.readText(name), name);
    assert.deepEqual(await paths(storage), names.toSorted());
    for (const name of names) await storage.remove(name);
    assert.deepEqual(await paths(storage), []);
  },

  "a listing names every object below the folder and none beside it": async (storage) => {
    const names = Array.from({ length: 1005 }, (_, n) => `t/_delta_log/${n}.json`);
    for (let at = 0; at < names.length; at += 50) await Promise.all(names.slice(at, at + 50).map((name) => storage.putIfAbsent(name, "{}")));
    await storage.putIfAbsent("t/part.parquet", "p");
    await storage.putIfAbsent("tt/other", "o");
    assert.deepEqual(await paths(storage, "t"), [...names, "t/part.parquet"].toSorted());
    assert.equal((await paths(storage)).length, 1007);
    assert.deepEqual(await paths(storage, "none"), []);
  },

  "an object is stored under its hash alone; other bytes are refused and leave nothing": async (storage) => {
    const bytes = randomBytes(20_000_000);
    const name = sha256(bytes);
    await assert.rejects(putObject(storage, Readable.from([bytes.subarray(1)]), { sha256: name }), { code: "hash_mismatch" });
    assert.deepEqual(await paths(storage), []);
    assert.equal((await putObject(storage, Readable.from([bytes]), { sha256: name })).created, true);
    assert.equal((await putObject(storage, Readable.from([bytes]), { sha256: name })).created, false);
    await assert.rejects(putObject(storage, Readable.from([bytes, bytes]), { sha256: name }), { code: "hash_mismatch" });
    assert.equal((await hashStream(await readObject(storage, name))).sha256, name);
  },
};

export async function paths(storage: Storage, folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const object of storage.list(folder)) found.push(object.path);
  return found.toSorted();
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "storage-suite-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
