/**
 * The Edge Function as its platform and a cron run it: a real Deno, asked for the next turn half a second after the last was
 * answered. SIGTERM: no further turn; the one under way ends by its own time. Its settings are the environment.
 */
import { randomBytes } from "node:crypto";
import { startEdgeFunction } from "./edge-function.ts";

let stopping = false;
process.on("SIGTERM", () => { stopping = true; });
const secret = randomBytes(32).toString("hex");
const settings = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
const edge = await startEdgeFunction({ ...settings, EXECUTOR_SECRET: secret });
let refused = false;
while (!stopping && !refused) {
  const { status, retry_after } = await edge.post(secret);
  // A cron would go on asking; whoever reads its answers would not.
  refused = status === 401 || status === 403;
  if (!refused) await new Promise((wake) => setTimeout(wake, (retry_after ?? 0) * 1000 + 400 + Math.random() * 400));
}
process.stdout.write(edge.log());
await edge.kill();
process.exit(refused ? 4 : 0);
