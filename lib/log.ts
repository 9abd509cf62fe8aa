import pino from "pino";

/** One JSON object a line on standard output; never a secret or row content. */
export const log = pino({
  name: "web",
  level: process.env.LOG_LEVEL || "info",
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  redact: { paths: ["token", "authorization", "cookie", "password", "value", "sealed", "secret", "lease_token"].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[redacted]" },
});
