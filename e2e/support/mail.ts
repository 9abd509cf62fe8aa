import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { until } from "./stack.ts";

/** The link of the last mail to an address, out of the local stack's outbox. */
export async function mailedLink(to: string): Promise<string> {
  const folder = path.join(process.env.E2E_DATA_DIR ?? "", "outbox");
  const mail = await until(async () => readdirSync(folder).toSorted().map((name) => readFileSync(path.join(folder, name), "utf8")).findLast((text) => text.includes(`To: ${to}\r\n`)), (text) => text !== undefined, 30_000);
  return /https?:\/\/\S+/.exec(mail ?? "")?.[0] ?? "";
}
