import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ControlRoomError } from "../contracts/error.ts";
import { checkPipelineFile, loadPipelineFile } from "./pipeline-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pipeline file "));
  mkdirSync(join(folder, "inside"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function pipelineWith(sqlFile: string): string {
  const path = join(folder, "inside", "p.yml");
  writeFileSync(path, `version: 1\nname: p\nphases:\n  - name: look\n    type: query\n    config: { sql_file: ${JSON.stringify(sqlFile)} }\n`);
  return path;
}

test("the SQL of a file becomes part of the spec and of its hash", () => {
  const path = pipelineWith("sql/look.sql");
  mkdirSync(join(folder, "inside", "sql"));
  writeFileSync(join(folder, "inside", "sql", "look.sql"), "select 1\n");
  const first = loadPipelineFile(path);
  expect(first.spec.phases[0]).toMatchObject({ config: { sql: "select 1\n" } });
  expect(first.spec_text).not.toContain("sql_file");
  writeFileSync(join(folder, "inside", "sql", "look.sql"), "select 1\r\n");
  expect(loadPipelineFile(path).sha256).toBe(first.sha256);
  writeFileSync(join(folder, "inside", "sql", "look.sql"), "select 2\n");
  expect(loadPipelineFile(path).sha256).not.toBe(first.sha256);
});

test.each(["../secret.sql", "link.sql", "linked/secret.sql", "/etc/hostname", "sub/../../secret.sql"])("a file outside the folder is never read: %s", (name) => {
  writeFileSync(join(folder, "secret.sql"), "select 'secret'");
  symlinkSync(join(folder, "secret.sql"), join(folder, "inside", "link.sql"));
  symlinkSync(folder, join(folder, "inside", "linked"));
  const { check } = checkPipelineFile(pipelineWith(name));
  expect(check.errors).toMatchObject([{ code: "sql_file", line: 6, column: 25 }]);
  expect(JSON.stringify(check.errors)).not.toContain("'secret'");
});

test("a SQL file that is missing, empty or not UTF-8 is named", () => {
  expect(checkPipelineFile(pipelineWith("none.sql")).check.errors[0]?.message).toContain("none.sql does not exist");
  writeFileSync(join(folder, "inside", "empty.sql"), " \n");
  expect(checkPipelineFile(pipelineWith("empty.sql")).check.errors[0]?.message).toBe("empty.sql is empty");
  writeFileSync(join(folder, "inside", "latin.sql"), Buffer.from([0x73, 0xe9, 0x20]));
  expect(checkPipelineFile(pipelineWith("latin.sql")).check.errors[0]?.message).toBe("latin.sql is not UTF-8");
});

test("a pipeline that cannot be read or is wrong throws with its code", () => {
  expect(() => loadPipelineFile(join(folder, "absent.yml"))).toThrow(expect.objectContaining({ code: "not_found" }));
  const path = join(folder, "bad.yml");
  writeFileSync(path, "version: 1\n");
  try {
    loadPipelineFile(path);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ControlRoomError);
    expect((error as ControlRoomError).message).toContain(`${path}:1:1`);
  }
});
