import "server-only";
import { cookies } from "next/headers";
import { notFound, redirect } from "next/navigation";
import { cache } from "react";
import { environmentCookie, environmentPath } from "@/components/common/environment-path.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Environment, Principal } from "@/contracts/role.ts";
import { whoami } from "@/lib/ops/environments.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

/** The signed-in person and a client that acts for it under RLS; once a request. Strangers go to the sign-in page. */
export const openSession = cache(async () => {
  const db = await createSessionClient();
  try {
    const me: Principal = await whoami(db);
    return { db, me };
  } catch (error) {
    if (error instanceof ControlRoomError && error.status === 401) redirect("/sign-in");
    throw error;
  }
});

export type SearchParams = Promise<Record<string, string | string[] | undefined>>;
/** The part of the address that names the environment; each is a slug. */
export type EnvironmentParams = { organization: string; project: string; environment: string };

/** One value of a query parameter; of a repeated one the first. */
export function one(value: string | string[] | undefined): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return first === "" ? undefined : first;
}

/** The environment that an address names; undefined where there is none, or this person may not see it. */
export function namedEnvironment(environments: readonly Environment[], named: EnvironmentParams): Environment | undefined {
  return environments.find((each) => each.organization_slug === named.organization && each.project_slug === named.project && each.slug === named.environment);
}

/** What a page of an environment begins with: the session and the environment of its address, or "There is nothing here". */
export async function openEnvironment(params: Promise<EnvironmentParams>) {
  const session = await openSession();
  const environment = namedEnvironment(session.me.environments, await params);
  if (environment === undefined) notFound();
  return { ...session, environment };
}

/** The environment that this person opened last, else the first one it sees. Undefined where it sees none. */
export async function lastEnvironment(environments: readonly Environment[]): Promise<Environment | undefined> {
  const remembered = (await cookies()).get(environmentCookie)?.value;
  return environments.find((each) => environmentPath(pathOf(each)) === remembered) ?? environments[0];
}

export function pathOf(environment: Environment): EnvironmentParams {
  return { organization: environment.organization_slug, project: environment.project_slug, environment: environment.slug };
}
