import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { objectTransport } from "../../executors/core/object-transport.ts";
import { prepareUpload } from "../../executors/core/upload.ts";
import { localFiles } from "../../executors/storage/scratch.ts";
import { type Figure, percentile } from "../figures.ts";

const rounds = 3;

/**
 * A file sent by an executor's uploader to a store behind HTTP, by turns: stored unseen, hashed by the store on its way, and hashed by the executor before it as
 * well, as a file whose hash nobody knows. The median of each, since a disk has its moods.
 */
export async function upload(folder: string, megabytes: number): Promise<Figure[]> {
  const file = join(folder, "artifact");
  await pipeline(Readable.from(blocks(megabytes)), createWriteStream(file));
  const tsx = createRequire(import.meta.url).resolve("tsx/cli");
  const server = spawn(process.execPath, [tsx, fileURLToPath(new URL("object-server.ts", import.meta.url)), join(folder, "objects")], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(server, "exit");
  try {
    const [port] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
    const url = `http://127.0.0.1:${port}`;
    const known = await localFiles.hash(file);
    const send = async (to: string, content: Parameters<typeof prepareUpload>[0]): Promise<number> => {
      const started = performance.now();
      await objectTransport({ url: `${url}/${to}`, token: "none" }).uploadObject(await prepareUpload(content, "none", localFiles));
      return (performance.now() - started) / 1000;
    };
    const seconds = { unseen: [] as number[], seen: [] as number[], both: [] as number[] };
    const memory = async (): Promise<number[]> => [Number(await (await fetch(url)).text()), process.resourceUsage().maxRSS * 1024];
    const before = await memory();
    for (let round = 0; round < rounds; round += 1) {
      seconds.unseen.push(await send("unseen", { file, known }));
      seconds.seen.push(await send("seen", { file, known }));
      seconds.both.push(await send("seen", { file }));
    }
    const after = await memory();
    const [unseen, seen, both] = [seconds.unseen, seconds.seen, seconds.both].map((each) => percentile(each, 0.5)) as [number, number, number];
    return [
      { name: `upload of ${megabytes} MB, hashed by the store`, value: megabytes / seen, unit: "MB/s" },
      { name: "  against the same upload unseen", value: (100 * unseen) / seen, unit: "%", target: "≥ 85" },
      { name: "  hashed by its sender before as well", value: (100 * unseen) / both, unit: "%", target: "≥ 85" },
      { name: "  more memory of the store's process", value: (after[0]! - before[0]!) / 1e6, unit: "MB", target: "< 150" },
      { name: "  more memory of the sender's process", value: (after[1]! - before[1]!) / 1e6, unit: "MB", target: "< 150" },
    ];
  } finally {
    server.kill();
    await exited;
    await rm(file, { force: true });
  }
}

function* blocks(megabytes: number): Iterable<Buffer> {
  const block = Buffer.alloc(1e6, "an artifact's bytes ");
  for (let made = 0; made < megabytes; made += 1) yield block;
}
