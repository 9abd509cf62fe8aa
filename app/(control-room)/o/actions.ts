"use server";

import type { z } from "zod";
import { redirect } from "next/navigation";
import { environmentPath } from "@/components/common/environment-path.ts";
import { createEnvironmentRequest, createOrganizationRequest, createProjectRequest } from "@/contracts/role.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createEnvironment, createOrganization, createProject } from "@/lib/ops/environments.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { pathOf } from "../session.ts";

type Create =
  | { kind: "organization"; request: z.input<typeof createOrganizationRequest> }
  | { kind: "project"; request: z.input<typeof createProjectRequest> }
  | { kind: "environment"; request: z.input<typeof createEnvironmentRequest> };

/** Makes it and opens its pages. */
export async function createAction(wanted: Create): Promise<Outcome<void>> {
  const outcome = await attempt(async () => {
    const db = await createSessionClient();
    if (wanted.kind === "organization") return createOrganization(db, createOrganizationRequest.parse(wanted.request));
    if (wanted.kind === "project") return createProject(db, createProjectRequest.parse(wanted.request));
    return createEnvironment(db, createEnvironmentRequest.parse(wanted.request));
  });
  if (!outcome.ok) return outcome;
  redirect(`${environmentPath(pathOf(outcome.value))}/overview`);
}
