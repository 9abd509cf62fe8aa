/** The section of CHANGELOG.md for a release, which a tag must have. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = `node scripts/github/release-notes.ts v1.2.3 [--json]

Prints the section of CHANGELOG.md for that version. Exit 0: there it is; 1: it is missing or empty, or package.json has another version; 2: called wrongly.
`;

/** The notes, or what is wrong. */
export function releaseNotes(changelog: string, version: string, tag: string): { notes: string } | { problem: string } {
  if (tag !== `v${version}`) return { problem: `The tag is ${tag}, and package.json says ${version}.` };
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((each) => each.split("\n", 1)[0]!.replaceAll(/[[\]]/g, "").split(" ")[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim();
  return notes === undefined || notes === "" ? { problem: `CHANGELOG.md has nothing under "## ${version}".` } : { notes: `${notes}\n` };
}

/** Runs the command in the folder of the repository; answers its exit code. */
export function releaseNotesCommand(root: string, args: string[], print: (text: string) => void, complain: (text: string) => void): number {
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, strict: true, options: { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  } catch (error) {
    complain(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const { values: { json = false, help = false }, positionals: [tag, ...more] } = parsed;
  if (help) {
    print(usage);
    return 0;
  }
  if (tag === undefined || more.length > 0) {
    complain(usage);
    return 2;
  }
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const found = releaseNotes(read("CHANGELOG.md"), (JSON.parse(read("package.json")) as { version: string }).version, tag);
  if (json) print(`${JSON.stringify(found)}\n`);
  else if ("notes" in found) print(found.notes);
  else complain(`${found.problem}\n`);
  return "notes" in found ? 0 : 1;
}

if (process.argv[1]?.endsWith("release-notes.ts") === true) {
  process.exitCode = releaseNotesCommand(fileURLToPath(new URL("../../", import.meta.url)), process.argv.slice(2), (text) => process.stdout.write(text), (text) => process.stderr.write(text));
}
