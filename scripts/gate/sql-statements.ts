/** One statement of a file: comments gone, the insides of strings and dollar quotes blank, white space made one space; lower case. */
export interface SqlStatement {
  sql: string;
  line: number;
  /** Rules that a comment right above or within it allows: `-- gate: allow drops-data, because …`. */
  allowed: Set<string>;
}

const allowance = /--\s*gate: allow ([a-z-]+),? because \S/;

/** The statements of a PostgreSQL text. Quoting is followed (strings, E'', identifiers, nested comments, dollar quotes); nothing else is parsed. */
export function sqlStatements(text: string): SqlStatement[] {
  const found: SqlStatement[] = [];
  let [sql, line, begins, at] = ["", 1, 0, 0];
  let allowed = new Set<string>();
  const take = (to: number, kept: string) => {
    line += text.slice(at, to).split("\n").length - 1;
    sql += kept;
    at = to;
  };
  const close = () => {
    const plain = sql.replaceAll(/\s+/g, " ").trim().toLowerCase();
    if (plain !== "") {
      found.push({ sql: plain, line: begins, allowed });
      allowed = new Set();
    }
    sql = "";
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    if (rest === "--") {
      const end = text.indexOf("\n", at);
      const comment = text.slice(at, end < 0 ? text.length : end);
      const rule = allowance.exec(comment)?.[1];
      if (rule !== undefined) allowed.add(rule);
      take(end < 0 ? text.length : end, " ");
    } else if (rest === "/*") take(commentEnd(text, at), " ");
    else if (text[at] === ";") {
      take(at + 1, "");
      close();
    } else {
      if (sql.trim() === "" && /\S/.test(text[at]!)) begins = line;
      const quote = /^(?:[eE](?=')|)(['"])/.exec(text.slice(at, at + 2));
      const dollar = text[at] === "$" && !/[\w$]/.test(text[at - 1] ?? " ") ? /^\$(?:[A-Za-z_]\w*)?\$/.exec(text.slice(at, at + 70))?.[0] : undefined;
      if (dollar !== undefined) {
        const end = text.indexOf(dollar, at + dollar.length);
        take(end < 0 ? text.length : end + dollar.length, "$$");
      } else if (quote !== null && !(quote[0].length === 2 && /\w/.test(text[at - 1] ?? " "))) {
        const end = quoteEnd(text, at + quote[0].length, quote[1]!, quote[0].length === 2);
        take(end, quote[1] === '"' ? text.slice(at, end) : "''");
      } else take(at + 1, text[at]!);
    }
  }
  close();
  return found;
}

function commentEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const two = text.slice(at, at + 2);
    if (two === "/*") depth += 1;
    else if (two === "*/") depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function quoteEnd(text: string, start: number, quote: string, escapes: boolean): number {
  for (let at = start; at < text.length; at += 1) {
    if (escapes && text[at] === "\\") at += 1;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return text.length;
}
