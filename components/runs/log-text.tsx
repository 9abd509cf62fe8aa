import { Fragment, memo, type ReactNode } from "react";
import { ansiPieces } from "./ansi";
import type { Stretch } from "./log-state";

type Finder = ((text: string) => Stretch[]) | null;

const address = /https?:\/\/[^\s"'<>`]+[^\s"'<>`.,;:!?)\]}]/g;

/** A line as it is read: its colours, its addresses as links, and what was searched for marked. */
export const LogText = memo(function LogText({ text, finder }: { text: string; finder: Finder }) {
  return ansiPieces(text).map((piece, nth) => (
    // eslint-disable-next-line react/no-array-index-key -- the pieces of a line never move
    <span key={nth} className={piece.className || undefined}>{linked(piece.text, finder)}</span>
  ));
});

function linked(text: string, finder: Finder): ReactNode[] {
  return split(text, [...text.matchAll(address)].map((match) => [match.index, match.index + match[0].length]), (part, isAddress) =>
    isAddress ? <a href={part} target="_blank" rel="noreferrer" tabIndex={-1} className="underline decoration-dotted underline-offset-2 hover:text-link">{marked(part, finder)}</a> : marked(part, finder));
}

function marked(text: string, finder: Finder): ReactNode[] {
  return split(text, finder === null ? [] : finder(text), (part, isFound) => (isFound ? <mark className="rounded-sm bg-warning-soft font-semibold text-warning">{part}</mark> : part));
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
