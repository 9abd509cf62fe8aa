import { expect, test } from "vitest";
import { ansiPieces, withoutAnsi } from "./ansi.ts";

test("colours of a line become tokens of the theme, and its text stays whole", () => {
  const line = "plain \u001B[1;31mred and bold\u001B[22m red\u001B[0m end";
  expect(ansiPieces(line)).toEqual([
    { text: "plain ", className: "" },
    { text: "red and bold", className: "text-failed font-semibold" },
    { text: " red", className: "text-failed" },
    { text: " end", className: "" },
  ]);
  expect(withoutAnsi(line)).toBe("plain red and bold red end");
});

test("what is no colour is taken out, and numbers of a 256-colour code are no codes of their own", () => {
  expect(ansiPieces("\u001B[2K\u001B[38;5;31mtext\u001B]8;;https://example.test\u0007link\u001B]8;;\u0007")).toEqual([{ text: "text", className: "" }, { text: "link", className: "" }]);
  expect(ansiPieces("")).toEqual([]);
  expect(ansiPieces("no escape")).toEqual([{ text: "no escape", className: "" }]);
});
