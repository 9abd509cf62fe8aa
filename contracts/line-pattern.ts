// Regular expressions over lines of text that cannot be made slow: the syntax that RE2, Postgres and JavaScript share, without what
// needs backtracking. A pattern becomes a Thompson automaton, which is walked as a lazily built DFA (Cox 2007, "Regular Expression
// Matching Can Be Simple And Fast"): time is linear in the text whatever the pattern. The same pattern is also written for Postgres,
// so that a search over a run's chunks and one over its files find the same lines; a property test holds both against each other.

export const longestPattern = 200;
const mostRepeats = 100;
const mostStates = 2_000;
/** Built states of one automaton; beyond, they are forgotten and built anew. */
const keptStates = 500;

/** `at`: the character of the pattern that is wrong, counted from 0. */
export class PatternError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.name = "PatternError";
    this.at = at;
  }
}

type Range = [from: number, to: number];
type Node =
  | { kind: "set"; ranges: Range[]; negated: boolean }
  | { kind: "start" | "end" | "edge" | "inside" }
  | { kind: "all" | "any"; parts: Node[] }
  | { kind: "repeat"; part: Node; min: number; max: number };

export interface LinePattern {
  /** The same pattern as an advanced regular expression of Postgres. */
  postgres: string;
  /** Whether a line holds it anywhere. */
  test(line: string): boolean;
  /** Where it is found: the leftmost longest stretches, in code units. Quadratic in the line: for what is shown. */
  find(line: string): Range[];
}

/** Lower case letter by letter, as `lower(… collate pg_c_utf8)` has it: no final sigma, no dot that stands alone. As long as the text. */
export function foldedCase(text: string): string {
  return text.replaceAll("İ", "i").replaceAll("Σ", "σ").toLowerCase();
}

/** Throws `PatternError`. Without `matchCase`, letters fit whatever their case. */
export function linePattern(source: string, matchCase: boolean): LinePattern {
  if (source.length > longestPattern) throw new PatternError(`has more than ${longestPattern} characters`, longestPattern);
  const node = parsed(source, matchCase);
  const program = compiled(node);
  const automaton = walker(program);
  const seen = (line: string) => (matchCase ? line : foldedCase(line));
  return {
    postgres: written(node),
    test: (line) => automaton(seen(line)),
    find(line) {
      const text = seen(line);
      const found: Range[] = [];
      for (let at = 0; at < text.length;) {
        const to = longest(program, text, at);
        if (to > at) found.push([at, to]);
        at = to > at ? to : at + 1;
      }
      return found;
    },
  };
}

// Reading ----------------------------------------------------------------------------------------------------------------------

const wordRanges: Range[] = [[48, 57], [65, 90], [95, 95], [97, 122]];
const classes: Record<string, Range[]> = { d: [[48, 57]], w: wordRanges, s: [[9, 13], [32, 32]] };
const controls: Record<string, number> = { t: 9, n: 10, r: 13, f: 12, v: 11 };

function parsed(source: string, matchCase: boolean): Node {
  const letters = Array.from(source);
  let at = 0;
  const fail = (message: string, where = at): never => {
    throw new PatternError(message, where);
  };
  const setOf = (ranges: Range[], negated = false): Node => ({ kind: "set", ranges: matchCase ? ranges : ranges.flatMap(foldedRange), negated });

  const alternatives = (depth: number): Node => {
    const parts = [sequence(depth)];
    while (letters[at] === "|") {
      at += 1;
      parts.push(sequence(depth));
    }
    return parts.length === 1 ? parts[0]! : { kind: "any", parts };
  };
  const sequence = (depth: number): Node => {
    const parts: Node[] = [];
    while (at < letters.length && letters[at] !== "|" && letters[at] !== ")") parts.push(repeated(atom(depth)));
    return parts.length === 1 ? parts[0]! : { kind: "all", parts };
  };
  const repeated = (part: Node): Node => {
    const begun = at;
    const counts = quantifier();
    if (counts === null) return part;
    if (part.kind === "start" || part.kind === "end" || part.kind === "edge" || part.kind === "inside") return fail("repeats a place, not a character", begun);
    if (quantifier() !== null || letters[at] === "?") return fail("repeats a repeat; put it into ( )");
    return { kind: "repeat", part, min: counts[0], max: counts[1] };
  };
  const quantifier = (): Range | null => {
    const sign = letters[at];
    if (sign === "*" || sign === "+" || sign === "?") {
      at += 1;
      return [sign === "+" ? 1 : 0, sign === "?" ? 1 : Infinity];
    }
    if (sign !== "{") return null;
    const match = /^\{(\d{1,3})(?:(,)(\d{1,3})?)?\}/.exec(letters.slice(at, at + 9).join(""));
    if (match === null) return fail("has a { that begins no count; write \\{");
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === undefined ? Infinity : Number(match[3]);
    if (max < min || min > mostRepeats || (max !== Infinity && max > mostRepeats)) return fail(`repeats 0 to ${mostRepeats} times, the smaller number first`);
    at += match[0].length;
    return [min, max];
  };
  const atom = (depth: number): Node => {
    const letter = letters[at]!;
    if ("*+?{".includes(letter)) return fail(`has a ${letter} with nothing before it to repeat; write \\${letter}`);
    at += 1;
    if (letter === "^") return { kind: "start" };
    if (letter === "$") return { kind: "end" };
    if (letter === ".") return { kind: "set", ranges: [], negated: true };
    if (letter === "[") return bracket();
    if (letter === "(") {
      const begun = at - 1;
      if (depth > 20) return fail("has brackets more than 20 deep", begun);
      if (letters[at] === "?" && letters[at + 1] === ":") at += 2;
      else if (letters[at] === "?") return fail("looks ahead or names a group, which is not supported", begun);
      const inner = alternatives(depth + 1);
      if (letters[at] !== ")") return fail("has a ( that is not closed", begun);
      at += 1;
      // In brackets also a place may be repeated.
      return { kind: "all", parts: [inner] };
    }
    if (letter !== "\\") return setOf([point(letter)]);
    if (letters[at] === "b" || letters[at] === "B") return { kind: letters[at++] === "b" ? "edge" : "inside" };
    const escape = escaped();
    return setOf(escape.ranges, escape.negated);
  };
  const escaped = (): { ranges: Range[]; negated: boolean } => {
    const letter = letters[at];
    if (letter === undefined) return fail("ends in a \\", at - 1);
    const known = classes[letter.toLowerCase()];
    if (known !== undefined) {
      at += 1;
      return { ranges: known, negated: letter !== letter.toLowerCase() };
    }
    const control = controls[letter];
    if (control === undefined && /[A-Za-z0-9]/.test(letter)) return fail(`has \\${letter}, which is not supported`, at - 1);
    at += 1;
    return { ranges: control === undefined ? [point(letter)] : [[control, control]], negated: false };
  };
  const bracket = (): Node => {
    const begun = at - 1;
    const negated = letters[at] === "^";
    if (negated) at += 1;
    const ranges: Range[] = [];
    const end = (): Range[] => {
      const letter = letters[at++]!;
      if (letter === "[" && ":.=".includes(letters[at] ?? "x")) return fail("names a class of letters, which is not supported", at - 1);
      if (letter !== "\\") return [point(letter)];
      const escape = escaped();
      return escape.negated ? fail("has a class that is turned round within [ ]", at - 1) : escape.ranges;
    };
    for (let first = true; first || letters[at] !== "]"; first = false) {
      if (at >= letters.length) return fail("has a [ that is not closed", begun);
      if (first && letters[at] === "]") return fail("has an empty [ ]; write \\]", begun);
      const from = end();
      if (letters[at] !== "-" || letters[at + 1] === "]" || letters[at + 1] === undefined) {
        ranges.push(...from);
        continue;
      }
      at += 1;
      const to = end();
      if (from.length !== 1 || to.length !== 1 || from[0]![0] !== from[0]![1] || to[0]![0] !== to[0]![1] || from[0]![0] > to[0]![0]) return fail("has a range that goes backwards, or from a class", begun);
      ranges.push([from[0]![0], to[0]![0]]);
    }
    at += 1;
    return setOf(ranges, negated);
  };

  const whole = alternatives(0);
  return at < letters.length ? fail("has a ) that closes nothing") : whole;
}

function point(letter: string): Range {
  const code = letter.codePointAt(0)!;
  return [code, code];
}

/** With every letter's lower case beside it; a range of thousands holds both already. */
function foldedRange([from, to]: Range): Range[] {
  if (to - from > 2_000) return [[from, to], ...(from <= 65 && to >= 90 ? [[97, 122] as Range] : [])];
  const ranges: Range[] = [];
  for (let code = from; code <= to; code += 1) {
    const lower = foldedCase(String.fromCodePoint(code)).codePointAt(0)!;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === lower) last[1] = lower;
    else ranges.push([lower, lower]);
  }
  return ranges;
}

// For Postgres -----------------------------------------------------------------------------------------------------------------

const wordSet = "[A-Za-z0-9_]";
const places = { start: "^", end: "$", edge: `(?:(?<!${wordSet})(?=${wordSet})|(?<=${wordSet})(?!${wordSet}))`, inside: `(?:(?<!${wordSet})(?!${wordSet})|(?<=${wordSet})(?=${wordSet}))` };

function written(node: Node): string {
  switch (node.kind) {
    case "set":
      return node.ranges.length === 0 ? "." : `[${node.negated ? "^" : ""}${node.ranges.map(([from, to]) => (from === to ? hex(from) : `${hex(from)}-${hex(to)}`)).join("")}]`;
    case "all":
      return node.parts.length === 0 ? "()" : node.parts.map(written).join("");
    case "any":
      return `(?:${node.parts.map(written).join("|")})`;
    case "repeat":
      return `(?:${written(node.part)})${node.max === Infinity ? (node.min === 0 ? "*" : `{${node.min},}`) : `{${node.min},${node.max}}`}`;
    default:
      return places[node.kind];
  }
}
const hex = (code: number): string => (code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`);

// The automaton ----------------------------------------------------------------------------------------------------------------

type State = { set: Extract<Node, { kind: "set" }>; to: number } | { place: keyof typeof places; to: number } | { fork: number[] } | { found: true };

/** States of which 0 is the first; `fork` goes on at all of its targets without reading. */
function compiled(node: Node): State[] {
  const states: State[] = [{ fork: [] }];
  const add = (state: State): number => {
    if (states.length >= mostStates) throw new PatternError("is too large: repeat less", 0);
    return states.push(state) - 1;
  };
  // Built from its end: `to` is where it goes on.
  const build = (part: Node, to: number): number => {
    switch (part.kind) {
      case "set": return add({ set: part, to });
      case "all": return part.parts.reduceRight((next, each) => build(each, next), to);
      case "any": return add({ fork: part.parts.map((each) => build(each, to)) });
      case "repeat": {
        let next = to;
        if (part.max === Infinity) {
          const loop: { fork: number[] } = { fork: [to] };
          next = add(loop);
          loop.fork.push(build(part.part, next));
        } else {
          for (let nth = part.min; nth < part.max; nth += 1) next = add({ fork: [to, build(part.part, next)] });
        }
        for (let nth = 0; nth < part.min; nth += 1) next = build(part.part, next);
        return next;
      }
      default: return add({ place: part.kind, to });
    }
  };
  states[0] = { fork: [build(node, add({ found: true }))] };
  return states;
}

const isWord = (code: number): boolean => wordRanges.some(([from, to]) => code >= from && code <= to);
const fits = ({ ranges, negated }: Extract<Node, { kind: "set" }>, code: number): boolean => ranges.some(([from, to]) => code >= from && code <= to) !== negated;

/** All states that are reached from these without reading, between `before` and `after` (code points, -1 beyond the line). */
function reached(program: State[], from: readonly number[], before: number, after: number): Set<number> {
  const edge = (before >= 0 && isWord(before)) !== (after >= 0 && isWord(after));
  const open = { start: before < 0, end: after < 0, edge, inside: !edge };
  const all = new Set(from);
  for (const at of all) {
    const state = program[at]!;
    if ("fork" in state) for (const to of state.fork) all.add(to);
    else if ("place" in state && open[state.place]) all.add(state.to);
  }
  return all;
}

interface Step { found: boolean; states: number[]; before: number; next: Map<number, Step> }

/** Answers whether a line holds the pattern, one look at each character; what was worked out once is kept. */
function walker(program: State[]): (line: string) => boolean {
  let steps = new Map<string, Step>();
  const stepOf = (states: number[], before: number, found: boolean): Step => {
    // Of the character before only matters whether it is one, and one of a word.
    const kind = before < 0 ? -1 : isWord(before) ? 95 : 32;
    const key = `${found} ${kind} ${states.join()}`;
    let step = steps.get(key);
    if (step === undefined) {
      if (steps.size >= keptStates) steps = new Map();
      step = { found, states, before: kind, next: new Map() };
      steps.set(key, step);
    }
    return step;
  };
  const after = (step: Step, code: number): Step => {
    const all = reached(program, step.states, step.before, code);
    const targets = new Set([0]);
    let found = false;
    for (const at of all) {
      const state = program[at]!;
      if ("found" in state) found = true;
      else if (code >= 0 && "set" in state && fits(state.set, code)) targets.add(state.to);
    }
    return stepOf(found ? [] : [...targets].toSorted((a, b) => a - b), code, found);
  };
  const go = (step: Step, code: number): Step => {
    let next = step.next.get(code);
    if (next === undefined) {
      if (step.next.size >= keptStates) step.next.clear();
      next = after(step, code);
      step.next.set(code, next);
    }
    return next;
  };
  return (line) => {
    let step = stepOf([0], -1, false);
    for (let at = 0; at < line.length; at += 1) {
      const code = line.codePointAt(at)!;
      if (code > 0xffff) at += 1;
      step = go(step, code);
      if (step.found) return true;
    }
    return go(step, -1).found;
  };
}

/** The end of the longest stretch that begins at `from`; -1 where none does. */
function longest(program: State[], text: string, from: number): number {
  let states = [0];
  let before = from === 0 ? -1 : text.charCodeAt(from - 1);
  let end = -1;
  for (let at = from; at <= text.length && states.length > 0;) {
    const code = at === text.length ? -1 : text.codePointAt(at)!;
    const targets = new Set<number>();
    for (const each of reached(program, states, before, code)) {
      const state = program[each]!;
      if ("found" in state) end = at;
      else if (code >= 0 && "set" in state && fits(state.set, code)) targets.add(state.to);
    }
    states = [...targets];
    before = code;
    at += code > 0xffff ? 2 : 1;
  }
  return end;
}
