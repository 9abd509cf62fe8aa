import { Fragment, type ReactNode } from "react";
import { ansiPieces } from "./ansi";

const address = /https?:\/\/[^\s"'<>`]+[^\s"'<>`.,;:!?)\]}]/g;

/** A line as it is read: its colours, its addresses as links, and what was searched for marked. */
export function LogText({ text, needle }: { text: string; needle: string }) {
  return ansiPieces(text).map((piece, nth) => (
    // eslint-disable-next-line react/no-array-index-key -- the pieces of a line never move
    <span key={nth} className={piece.className || undefined}>{linked(piece.text, needle)}</span>
  ));
}

function linked(text: string, needle: string): ReactNode[] {
  return split(text, [...text.matchAll(address)].map((match) => [match.index, match.index + match[0].length]), (part, isAddress) =>
    isAddress ? <a href={part} target="_blank" rel="noreferrer" tabIndex={-1} className="underline decoration-dotted underline-offset-2 hover:text-link">{marked(part, needle)}</a> : marked(part, needle));
}

function marked(text: string, needle: string): ReactNode[] {
  const [haystack, wanted] = [text.toLowerCase(), needle.toLowerCase()];
  const found: [number, number][] = [];
  // A few letters change their length in lower case; such a line is found, but not marked.
  if (wanted !== "" && haystack.length === text.length) {
    for (let at = haystack.indexOf(wanted); at !== -1; at = haystack.indexOf(wanted, at + wanted.length)) found.push([at, at + wanted.length]);
  }
  return split(text, found, (part, isFound) => (isFound ? <mark className="rounded-sm bg-warning-soft font-semibold text-warning">{part}</mark> : part));
}

/** The text in order, the given stretches and what lies between them. */
function split(text: string, stretches: [number, number][], draw: (part: string, inside: boolean) => ReactNode): ReactNode[] {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const [from, to] of [...stretches, [text.length, text.length]] as [number, number][]) {
    if (from > at) parts.push(<Fragment key={`${at}-`}>{draw(text.slice(at, from), false)}</Fragment>);
    if (to > from) parts.push(<Fragment key={from}>{draw(text.slice(from, to), true)}</Fragment>);
    at = to;
  }
  return parts;
}
