import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copiedFromContext, readDockerfile, root } from "./testing/image.ts";

const steps = readDockerfile();
const last = steps.at(-1)?.stage;
const final = steps.filter((step) => step.stage === last);
const valueOf = (verb: string): string | undefined => final.find((step) => step.verb === verb)?.rest;
const ignore = readFileSync(join(root, "executors/Dockerfile.dockerignore"), "utf8").split("\n");

test("everything that the image copies exists, and the ignore file lets it through", () => {
  const sources = steps.filter((step) => step.verb === "COPY").flatMap((step) => copiedFromContext(step)?.sources ?? []);
  expect(sources).toContain("contracts");
  for (const source of sources) {
    expect(existsSync(join(root, source)), source).toBe(true);
    expect(ignore.some((line) => line.startsWith("!") && (source === line.slice(1) || source.startsWith(`${line.slice(1)}/`))), `${source} in .dockerignore`).toBe(true);
  }
  expect(ignore.find((line) => !line.startsWith("#"))).toBe("*");
});

test("the image is built in stages, from named versions, and runs as nobody special", () => {
  const bases = steps.filter((step) => step.verb === "FROM").map((step) => step.rest.split(" ")[0] as string);
  expect(bases.length).toBeGreaterThan(1);
  for (const base of bases) expect(base).toMatch(/^node:24(\.\d+)*-\w+/);
  expect(valueOf("USER")).toBe("node");
  expect(final.findIndex((step) => step.verb === "USER")).toBeLessThan(final.findIndex((step) => step.verb === "ENTRYPOINT"));
  expect(final.filter((step) => step.verb === "RUN" || step.verb === "ADD")).toEqual([]);
  expect(final.filter((step) => step.verb === "COPY").every((step) => step.rest.startsWith("--from=build "))).toBe(true);
});

test("the worker is process 1 and hears the signal that stops it; probes ask its health", () => {
  expect(JSON.parse(valueOf("ENTRYPOINT") ?? "")).toEqual(["node", "dist/worker.mjs"]);
  expect(valueOf("STOPSIGNAL")).toBe("SIGTERM");
  expect(valueOf("HEALTHCHECK")).toMatch(/--timeout=5s .*CMD \["node", "-e", .*\/health/);
  expect(valueOf("EXPOSE")).toBe(/EXECUTOR_HEALTH_PORT=(\d+)/.exec(valueOf("ENV") ?? "")?.[1]);
});

test("no secret is baked in: nothing of the environment but what is no secret", () => {
  const names = steps.filter((step) => step.verb === "ENV" || step.verb === "ARG").flatMap((step) => [...step.rest.matchAll(/(\w+)=/g)].map((match) => match[1]));
  expect(names.toSorted()).toEqual(["EXECUTOR_HEALTH_HOST", "EXECUTOR_HEALTH_PORT", "NODE_ENV"]);
});
