import { expect, test } from "vitest";
import { config } from "./proxy.ts";

const isSeen = (path: string): boolean => config.matcher.some((each) => new RegExp(`^${each}$`).test(path));

test.each(["/", "/sign-in", "/o/a/b/c/overview", "/o/a/b/c/datasets/silver.txt", "/o/a/b/c/executors/x.png", "/invitations/x.svg", "/apis", "/auth/confirm"])("a page is seen, whatever its last part looks like: %s", (path) => {
  expect(isSeen(path)).toBe(true);
});

test.each(["/icon.svg", "/favicon.ico", "/robots.txt", "/api/v1/runs", "/api", "/_next/static/chunks/a.js"])("no page: %s", (path) => {
  expect(isSeen(path)).toBe(false);
});
