"use client";

import { useParams } from "next/navigation";
import type { Role } from "@/contracts/role";

/** An environment the person may see, with the names it is shown under. */
export type EnvironmentChoice = {
  environment_id: string;
  slug: string;
  name: string;
  project_slug: string;
  project_name: string;
  organization_slug: string;
  organization_name: string;
  role: Role | null;
};

/** The environment that the address names; where it names none, the one that was open last. */
export function useOpenEnvironment(environments: readonly EnvironmentChoice[], lastEnvironmentId: string | undefined): EnvironmentChoice | undefined {
  const named = useParams<Partial<Record<"organization" | "project" | "environment", string>>>();
  return (
    environments.find((each) => each.organization_slug === named.organization && each.project_slug === named.project && each.slug === named.environment) ??
    environments.find((each) => each.environment_id === lastEnvironmentId)
  );
}
