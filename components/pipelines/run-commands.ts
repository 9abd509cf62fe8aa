import type { StartRequest } from "./run-form";

/** One word of a POSIX shell, whatever it holds. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `control-room pipeline run …` for the same run. */
export function cliCommand(request: StartRequest): string {
  const parameters = Object.entries(request.parameters).flatMap(([name, value]) => ["--param", shellWord(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)]);
  return ["npx control-room pipeline run", request.template_key, "--project", request.project, "--environment", request.environment, ...parameters, "--priority", String(request.priority), "--watch"].join(" ");
}

/** A cURL command for the same run; the token stays in the shell's environment. */
export function curlCommand(request: StartRequest): string {
  const origin = typeof location === "undefined" ? "" : location.origin;
  return [`curl -sS -X POST ${shellWord(`${origin}/api/v1/runs`)}`, `-H "Authorization: Bearer $CONTROL_ROOM_TOKEN"`, "-H 'Content-Type: application/json'", `-d ${shellWord(JSON.stringify(request))}`].join(" \\\n  ");
}
