import type { ParseArgsConfig } from "node:util";

/** One place that breaks a rule. `file` is relative to the repository, `line` counts from 1. */
export interface Finding {
  rule: string;
  file: string;
  line: number;
  message: string;
}

export interface Report {
  /** Any of them makes the gate fail. */
  findings: Finding[];
  /** What a reviewer should know, and what fails nothing. */
  notes?: string[];
  /** One line: what was looked at. */
  summary: string;
  /** What the tool was asked to print, instead of the summary. */
  output?: string;
  /** The same for programs; a part of `--json`. */
  data?: unknown;
}

export type Options = Record<string, string | boolean | undefined>;

export interface Gate {
  title: string;
  /** The text of `--help`, without the options that every tool has. */
  help: string;
  options: NonNullable<ParseArgsConfig["options"]>;
  /** `root` is the folder of the repository. Throws UsageError for options that mean nothing. */
  run(root: string, options: Options): Report | Promise<Report>;
}

/** The tool was called wrongly, or what it needs is not there: exit 2. */
export class UsageError extends Error {}
