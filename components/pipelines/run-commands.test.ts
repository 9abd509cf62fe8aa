import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { cliCommand, curlCommand, shellWord } from "./run-commands.ts";

const request = { template_key: "silver_to_gold", environment: "dev", project: "lakehouse", priority: 100, parameters: { as_of: "2026-11-22", note: "it's $HOME `x`\n\"y\"", ids: [1, 2] } };
const words = (command: string): string[] => execFileSync("sh", ["-c", `set -- ${command}; for word in "$@"; do printf '%s\\0' "$word"; done`], { encoding: "utf8" }).split("\0").slice(0, -1);

describe("commands to copy", () => {
  it.each(["plain", "", "it's", "$(rm -rf /)", "a b", '"', "\\", "line\nbreak"])("quote %j so that a shell reads it back", (text) => {
    expect(words(shellWord(text))).toEqual([text]);
  });

  it("carry every parameter to the command line", () => {
    expect(words(cliCommand(request))).toEqual([
      "npx", "control-room", "pipeline", "run", "silver_to_gold", "--project", "lakehouse", "--environment", "dev",
      "--param", "as_of=2026-11-22", "--param", `note=${request.parameters.note}`, "--param", "ids=[1,2]", "--priority", "100", "--watch",
    ]);
  });

  it("carry the request as JSON to cURL", () => {
    expect(JSON.parse(words(curlCommand(request)).at(-1) ?? "")).toEqual(request);
  });
});
