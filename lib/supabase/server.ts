import "server-only";
import { cookies, headers } from "next/headers";
import { callerHeaders } from "@/lib/caller-address.ts";
import { requestIdOf } from "@/lib/request-id.ts";
import { createCookieClient, createPasswordClient, type Db } from "./client.ts";

export { createTokenClient, createUserClient, type Db } from "./client.ts";

/** For server components and actions: acts as the person whose session the cookies hold, under RLS. */
export async function createSessionClient() {
  const [jar, sent] = [await cookies(), await headers()];
  return createCookieClient({
    getAll: () => jar.getAll(),
    setAll: (changed) => {
      try {
        for (const { name, value, options } of changed) jar.set(name, value, options);
      } catch {
        // A server component may not set cookies; proxy.ts has refreshed the session before it rendered.
      }
    },
  }, { "X-Request-Id": requestIdOf(sent), ...callerHeaders(sent) });
}

/** For somebody who is nobody yet, in a server action. Keeps no session. */
export async function createVisitorClient(): Promise<Db> {
  return createPasswordClient(callerHeaders(await headers()));
}
