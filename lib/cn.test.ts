import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { extendTailwindMerge } from "tailwind-merge";
import { expect, test } from "vitest";
import { cn } from "./cn.ts";

// It must know our own text sizes, or it takes `text-2xs` for a colour.
const whole = extendTailwindMerge({ extend: { theme: { text: ["2xs"] } } });
const root = path.dirname(import.meta.dirname);

/** Every class of Tailwind that a string of the pages names, without its modifiers. */
function namedClasses(): string[] {
  const files = ["components", "app"].flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file)).map((file) => path.join(root, folder, file)));
  const words = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/"([^"\n]*)"|`([^`]*)`|'([^'\n]*)'/g)].flatMap((match) => (match[1] ?? match[2] ?? match[3] ?? "").split(/\s+/)));
  const bare = words.filter((word) => /^[!a-z-][^"<>{}$]*$/.test(word)).map((word) => word.replace(/^.*:(?![^[]*\])/, "").replace(/^!|!$/g, ""));
  // What is no class of Tailwind is kept as often as it is said.
  return [...new Set(bare)].filter((word) => word !== "" && whole(`${word} ${word}`) === word);
}

test("of the classes that the pages name, in any order, those are kept that tailwind-merge keeps with all that it knows", () => {
  const classes = namedClasses();
  expect(classes.length).toBeGreaterThan(300);
  // A class that lib/class-groups.ts does not know, or not so, is what is left when a failure has been shrunk.
  fc.assert(fc.property(fc.shuffledSubarray(classes, { minLength: 2, maxLength: classes.length }), (some) => cn(some) === whole(some)), { numRuns: 150 });
});

test("modifiers are kept apart, and the last of the same kind wins", () => {
  expect(cn("h-8 hover:bg-muted max-sm:h-auto", "h-6 hover:bg-accent", undefined, false, ["max-sm:h-4"])).toBe("h-6 hover:bg-accent max-sm:h-4");
});
