import { outboundFetch } from "../sources/outbound-fetch.ts";
import { sendOutbound } from "../sources/outbound.ts";
import { sourceStatus, unreachableSource } from "../sources/source-error.ts";
import { s3Client, s3Limits } from "../storage/s3-client.ts";
import type { Probe } from "./connect.ts";

/** Of one request: a test waits a minute at most for all. */
const ANSWER_MS = 15_000;

/** The base address may well have nothing of its own: whatever it answers but a refusal says that the host is there and knows us. */
export const askHttp: Probe<"http"> = async ({ url, headers }, context) => {
  const answer = await sendOutbound(url, { method: "GET", headers, timeout_ms: ANSWER_MS, max_bytes: 0, signal: context.signal, allow: context.outbound_allow }).catch((error: unknown) => {
    context.signal.throwIfAborted();
    throw unreachableSource(error, context.config.connection);
  });
  if (answer.status === 401 || answer.status === 403 || answer.status >= 500) throw sourceStatus(answer.status, context.config.connection);
  return { status: answer.status };
};

/** Statuses that say what is wrong with the connection; others are the store's, and asked once more. */
const REFUSALS = [301, 307, 400, 401, 403, 404];

/** Whether the key may list what the connection is for. */
export const askS3: Probe<"s3"> = async ({ settings }, context) => {
  const place = context.config.connection;
  const client = s3Client(settings, { ...s3Limits, tries: 2 }, outboundFetch({ allow: context.outbound_allow, answer_ms: ANSWER_MS, idle_ms: ANSWER_MS, signal: context.signal }));
  const { status } = await client.call({ method: "GET", query: { "list-type": "2", "max-keys": "1", prefix: settings.prefix }, expect: REFUSALS }).catch((error: unknown) => {
    context.signal.throwIfAborted();
    throw unreachableSource(error, place);
  });
  if (REFUSALS.includes(status)) throw sourceStatus(status, place);
  return { status };
};
