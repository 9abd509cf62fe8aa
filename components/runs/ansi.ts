/** A piece of a line with the look that its escape codes gave it. */
export type AnsiPiece = { text: string; className: string };

// The eight colours in the tokens of the theme, so that they keep their contrast in both. A bright one is the same colour.
const colours = ["text-muted-foreground", "text-failed", "text-succeeded", "text-warning", "text-running", "text-reused", "text-link", "text-foreground"] as const;
/** SGR; any other CSI sequence (cursor, erase); OSC (titles, links). https://ecma-international.org/publications-and-standards/standards/ecma-48/ */
const escapes = /\u001B\[([\d;]*)m|\u001B\[[\d;?]*[ -/]*[@-~]|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)/g;

/** A line's text without escape codes, in pieces of one look. Grounds, 256 colours and cursor movements are left out. */
export function ansiPieces(line: string): AnsiPiece[] {
  if (!line.includes("\u001B")) return line === "" ? [] : [{ text: line, className: "" }];
  const pieces: AnsiPiece[] = [];
  let look: Look = plain;
  let at = 0;
  const add = (text: string) => {
    if (text !== "") pieces.push({ text, className: [look.colour, look.bold ? "font-semibold" : "", look.faint ? "text-muted-foreground" : "", look.underline ? "underline" : ""].filter(Boolean).join(" ") });
  };
  for (const match of line.matchAll(escapes)) {
    add(line.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1] !== undefined) look = looked(look, match[1].split(";").map(Number));
  }
  add(line.slice(at));
  return pieces;
}

/** A line's text as it is read: without escape codes. */
export function withoutAnsi(line: string): string {
  return line.includes("\u001B") ? line.replaceAll(escapes, "") : line;
}

type Look = { colour: string; bold: boolean; faint: boolean; underline: boolean };
const plain: Look = { colour: "", bold: false, faint: false, underline: false };

function looked(before: Look, codes: number[]): Look {
  let look = before;
  for (let nth = 0; nth < codes.length; nth += 1) {
    const code = codes[nth] ?? 0;
    if (code === 0) look = plain;
    else if (code === 1) look = { ...look, bold: true };
    else if (code === 2) look = { ...look, faint: true };
    else if (code === 4) look = { ...look, underline: true };
    else if (code === 22) look = { ...look, bold: false, faint: false };
    else if (code === 24) look = { ...look, underline: false };
    else if (code === 39) look = { ...look, colour: "" };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) look = { ...look, colour: colours[code % 10] ?? "" };
    // 38;5;n and 38;2;r;g;b (48 for grounds) bring their own numbers, which are no codes.
    else if (code === 38 || code === 48) nth += codes[nth + 1] === 5 ? 2 : 4;
  }
  return look;
}
