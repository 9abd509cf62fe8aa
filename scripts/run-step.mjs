// Steps of the scripts that run before anything is built: a title, the seconds it took, and children that end with us.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";

/** A failure that a person can act on. */
export class StepError extends Error {
  constructor(code, message, remedy) {
    super(`${message} (${code})\n  What to do: ${remedy}`);
    this.name = "StepError";
    this.code = code;
  }
}

/** Ends the program with one clear message: 130 after Ctrl-C, else 1. */
export function endWith(error) {
  if (interrupted) process.exit(130);
  process.stderr.write(`\n${error instanceof StepError ? error.message : (error.stack ?? error)}\n`);
  process.exit(1);
}

export async function showStep(title, work) {
  process.stdout.write(`  ${title} ...\n`);
  const began = performance.now();
  const result = await work();
  process.stdout.write(`  ${title.padEnd(44)} ${((performance.now() - began) / 1000).toFixed(2).padStart(7)} s\n`);
  return result;
}

let interrupted = false;

/** Runs a program with its output in `log_file`. Rejects with its last lines; Ctrl-C ends it with us. */
export function runLogged(command, args, { cwd, env, log_file, code, remedy }) {
  mkdirSync(path.dirname(log_file), { recursive: true });
  const log = openSync(log_file, "w");
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", log, log] });
  closeSync(log);
  const forward = (signal) => {
    interrupted = true;
    child.kill(signal);
  };
  const names = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, forward);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new StepError(code, `${command} could not be started: ${error.message}.`, remedy)));
    child.once("exit", (status, signal) => {
      if (status === 0 && !interrupted) return resolve();
      const tail = readFileSync(log_file, "utf8").trimEnd().split("\n").slice(-25).join("\n");
      reject(new StepError(code, `${tail}\n\n${path.basename(args[0] ?? command)} ended with ${signal ?? `exit code ${status}`}.`, `${remedy} The whole log: ${log_file}`));
    });
  }).finally(() => {
    for (const name of names) process.off(name, forward);
  });
}
