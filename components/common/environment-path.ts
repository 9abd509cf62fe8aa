type Slugs = { organization: string; project: string; environment: string };

/** Holds the path of the environment that was opened last. A hint only: what it names must still be visible. */
export const environmentCookie = "control-room-environment";

/** Where the pages of an environment live: `/o/{organization}/{project}/{environment}`. */
export function environmentPath({ organization, project, environment }: Slugs): string {
  return `/o/${organization}/${project}/${environment}`;
}

/** That path at the start of an address, or null where it names no environment. */
export function environmentPathOf(pathname: string): string | null {
  return /^\/o\/[a-z0-9-]+\/[a-z0-9-]+\/[a-z0-9-]+(?=\/|$)/.exec(pathname)?.[0] ?? null;
}
