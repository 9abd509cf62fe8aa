import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Instruction {
  /** Of the stage: `build`, or its number. */
  stage: string;
  verb: string;
  rest: string;
}

/** The instructions of executors/Dockerfile, in order. */
export function readDockerfile(): Instruction[] {
  let stage = "";
  let count = -1;
  return readFileSync(join(root, "executors/Dockerfile"), "utf8").split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")).map((line) => {
    const [, verb, rest] = /^([A-Z]+) (.*)$/.exec(line) as unknown as [string, string, string];
    if (verb === "FROM") {
      count += 1;
      stage = / AS (\w+)$/.exec(rest)?.[1] ?? String(count);
    }
    return { stage, verb, rest };
  });
}

/** Sources and target of a COPY within the context; null where it copies from a stage. */
export function copiedFromContext({ rest }: Instruction): { sources: string[]; target: string } | null {
  if (rest.startsWith("--from=")) return null;
  const words = rest.split(" ");
  return { sources: words.slice(0, -1), target: words.at(-1) as string };
}

/**
 * Does what `docker build` would with the Dockerfile's own instructions, each stage in a folder: COPY copies what
 * .dockerignore lets through, RUN runs in the working directory. Answers the last stage's working directory.
 */
export async function buildWithoutDocker(folder: string): Promise<string> {
  let place = folder;
  for (const step of readDockerfile()) {
    const home = join(folder, step.stage);
    if (step.verb === "WORKDIR") {
      place = join(home, step.rest);
      mkdirSync(place, { recursive: true });
    } else if (step.verb === "RUN") {
      await promisify(execFile)("/bin/sh", ["-c", step.rest], { cwd: place, env: { PATH: process.env["PATH"], HOME: process.env["HOME"], npm_config_prefer_offline: "true" }, maxBuffer: 1 << 26 });
    } else if (step.verb === "COPY") {
      const own = copiedFromContext(step);
      if (own !== null) {
        for (const source of own.sources) copyFiltered(source, join(place, own.target.endsWith("/") || own.target === "." || own.target === "./" ? join(own.target, source.split("/").at(-1) as string) : own.target));
        continue;
      }
      const [, from, source, target] = /^--from=(\w+) (\S+) (\S+)$/.exec(step.rest) as unknown as [string, string, string, string];
      cpSync(join(folder, from, source), join(place, target), { recursive: true, verbatimSymlinks: true });
    }
  }
  return place;
}

/** The ignore file's last four rules, on a path of the context. */
export function isIgnored(path: string): boolean {
  return /(^|\/)(node_modules|testing)(\/|$)|\.(test|outside)\.ts$/.test(path);
}

function copyFiltered(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, source), target, { recursive: true, filter: (from) => !isIgnored(relative(root, from)) });
}
