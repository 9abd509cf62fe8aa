/** node scripts/github/release-notes.ts v1.2.3: the section of CHANGELOG.md for that version. Exit 1 where it is missing, empty, or not the version of package.json. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The notes, or what is wrong. */
export function releaseNotes(changelog: string, version: string, tag: string): { notes: string } | { problem: string } {
  if (tag !== `v${version}`) return { problem: `The tag is ${tag}, and package.json says ${version}.` };
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((each) => each.split("\n", 1)[0]!.replaceAll(/[[\]]/g, "").split(" ")[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim();
  return notes === undefined || notes === "" ? { problem: `CHANGELOG.md has nothing under "## ${version}".` } : { notes: `${notes}\n` };
}

if (process.argv[1]?.endsWith("release-notes.ts") === true) {
  const read = (file: string) => readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), "utf8");
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const found = releaseNotes(read("CHANGELOG.md"), version, process.argv[2] ?? "");
  if ("notes" in found) process.stdout.write(found.notes);
  else {
    process.stderr.write(`${found.problem}\n`);
    process.exitCode = 1;
  }
}
