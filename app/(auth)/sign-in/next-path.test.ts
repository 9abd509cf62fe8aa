import { describe, expect, it } from "vitest";
import { safeNextPath } from "./next-path.ts";

describe("the path after the sign-in", () => {
  it("keeps a path of this site with its query", () => {
    expect(safeNextPath("/runs?status=failed&env=dev")).toBe("/runs?status=failed&env=dev");
    expect(safeNextPath("/pipelines/silver_to_gold#spec")).toBe("/pipelines/silver_to_gold#spec");
  });

  it.each([
    undefined, "", "runs", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/", "javascript:alert(1)",
    "/\t/evil.example", "/\n/evil.example", "/.//evil.example", "/a/..//evil.example", "/sign-in?next=/x", "/api/v1/runs",
  ])("never leaves this site, and never loops: %j", (wanted) => {
    expect(safeNextPath(wanted)).toBe("/overview");
  });
});
