import type { Member } from "@/contracts/member";
import type { Environment, Role } from "@/contracts/role";
import { atLeast, roles } from "@/contracts/words";
import { words } from "@/lib/messages/members";

/** A part of the organization that the reader administers as a whole: what it may invite to and make tokens for. */
export type Scope = {
  /** Its ids, for the value of an option. */
  key: string;
  name: string;
  project_id: string | null;
  environment_id: string | null;
  /** The highest role that the reader may give there. */
  highest: Role;
};

type Own = Pick<Member, "project_id" | "environment_id" | "role">;

export function scopeKey(scope: { project_id: string | null; environment_id: string | null }): string {
  return `${scope.project_id ?? ""} ${scope.environment_id ?? ""}`;
}

/** The organization, its projects and their environments, as far as the reader's own memberships make it an admin of all of each. */
export function scopesOf(environments: readonly Environment[], own: readonly Own[], organizationId: string): Scope[] {
  const seen = environments.filter((each) => each.organization_id === organizationId);
  const places = [
    { name: words.scopes.allOf(seen[0]?.organization_name ?? words.scopes.theOrganization), project_id: null, environment_id: null },
    ...[...new Map(seen.map((each) => [each.project_id, each])).values()].flatMap((project) => [
      { name: project.project_name, project_id: project.project_id, environment_id: null },
      ...seen.filter((each) => each.project_id === project.project_id).map((each) => ({ name: `${project.project_name} / ${each.name}`, project_id: each.project_id, environment_id: each.environment_id })),
    ]),
  ];
  return places.flatMap((place) => {
    const covering = own.filter((each) => (each.project_id === null || each.project_id === place.project_id) && (each.environment_id === null || each.environment_id === place.environment_id));
    const highest = roles.findLast((role) => covering.some((each) => each.role === role));
    return highest !== undefined && atLeast(highest, "admin") ? [{ ...place, key: scopeKey(place), highest }] : [];
  });
}
