import { styleText } from "node:util";
import { ControlRoomError, errorCatalogue, type ErrorPlace } from "../../contracts/error.ts";
import { Unreachable } from "../core/remote-call.ts";

/** 0 all well; 1 the run failed or the outputs differ; 2 wrong usage or input; 3 no connection; 4 not allowed or not there. */
export const exit = { ok: 0, failed: 1, invalid: 2, unreachable: 3, refused: 4 } as const;
export type ExitCode = (typeof exit)[keyof typeof exit];

export interface Output {
  json: boolean;
  /** One line to stdout. */
  line(text: string): void;
  /** One JSON document to stdout, on one line. */
  value(value: unknown): void;
  /** One line to stderr. */
  note(text: string): void;
  paint(style: Style, text: string): string;
}
type Style = "green" | "red" | "yellow" | "cyan" | "dim" | "bold";

export function terminalOutput(json: boolean, env: Record<string, string | undefined> = process.env): Output {
  // https://no-color.org: present and not empty means no colour, whatever its value.
  const colours = process.stdout.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return {
    json,
    line: (text) => void process.stdout.write(`${text}\n`),
    value: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    paint: (style, text) => (colours ? styleText(style, text) : text),
  };
}

/** Text of others on a terminal: no control characters, which could move the cursor or hide lines. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, " ");
}

const statusStyles: Record<string, Style> = { succeeded: "green", reused: "green", equal: "green", failed: "red", differs: "red", canceled: "yellow", skipped: "yellow", running: "cyan", claimed: "cyan" };
export function paintStatus(output: Output, status: string, width = 0): string {
  const style = statusStyles[status];
  const padded = status.padEnd(width);
  return style === undefined ? padded : output.paint(style, padded);
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function tableLines(output: Output, head: string[], rows: string[][], statusColumn?: number): string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[], paint: (text: string, column: number) => string): string =>
    row.map((cell, column) => paint(column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0), column)).join("  ").trimEnd();
  return [
    line(head, (text) => output.paint("dim", text)),
    ...rows.map((row) => line(row, (text, column) => (column === statusColumn ? paintStatus(output, text.trim(), text.length) : text))),
  ];
}

export function duration(from: string | null, to: string | null): string {
  if (from === null) return "";
  const ms = (to === null ? Date.now() : Date.parse(to)) - Date.parse(from);
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function placeLine(file: string, error: ErrorPlace): string {
  const where = error.line === undefined ? file : `${file}:${error.line}:${error.column ?? 1}`;
  return plain(`${where} ${error.path === "" ? "" : `${error.path} `}${error.message}${error.code === undefined ? "" : ` (${error.code})`}`);
}

/** Prints what went wrong, where and what to do; answers the exit code. */
export function reportError(output: Output, error: unknown): ExitCode {
  const code = error instanceof ControlRoomError || error instanceof Unreachable ? error.code : "internal";
  const message = error instanceof Error ? error.message : String(error);
  const errors = error instanceof ControlRoomError ? error.errors : [];
  if (output.json) {
    output.value({ error: { code, message, errors } });
  } else {
    output.note(`${output.paint("red", "error")} ${code}: ${plain(message)}`);
    for (const place of errors) output.note(`  ${placeLine("", place).trim()}`);
    // The control room's own sentences end with the remedy already.
    if (error instanceof ControlRoomError && !message.includes(errorCatalogue[error.code].remedy)) output.note(output.paint("dim", errorCatalogue[error.code].remedy));
  }
  return exitCodeOf(error);
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Unreachable) return exit.unreachable;
  if (!(error instanceof ControlRoomError)) return exit.failed;
  if (error.code === "not_configured") return exit.invalid;
  if (error.status === 401 || error.status === 403 || error.status === 404) return exit.refused;
  if (error.status === 429 || error.status >= 500) return exit.unreachable;
  return error.status === 409 ? exit.failed : exit.invalid;
}
