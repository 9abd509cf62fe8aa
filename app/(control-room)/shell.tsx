import type { ReactNode } from "react";
import { RefusalState } from "@/components/common/refusal-state";
import { AppShell } from "@/components/shell/app-shell";
import type { Principal } from "@/contracts/role.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { signOutAction } from "./actions.ts";
import { pauseScheduleAction, resumeScheduleAction } from "./o/[organization]/[project]/[environment]/schedules/actions.ts";
import { lastEnvironment, openSession } from "./session.ts";

const paletteActions = { pauseSchedule: pauseScheduleAction, resumeSchedule: resumeScheduleAction };

/** The frame around a page behind the sign-in, which `children` may choose by who is asking. */
export async function ControlRoomShell({ children }: { children: (me: Principal) => ReactNode }) {
  const session = await attempt(openSession);
  if (!session.ok) {
    return (
      <main className="grid min-h-dvh place-items-center">
        <RefusalState refusal={session.refusal} heading="h1" title={messages.shell.cannotBeOpened} />
      </main>
    );
  }
  const { me } = session.value;
  return (
    <AppShell
      email={me.name}
      environments={me.environments.map(({ environment_id, slug, name, project_slug, project_name, organization_slug, organization_name, role }) => ({
        environment_id, slug, name, project_slug, project_name, organization_slug, organization_name, role,
      }))}
      lastEnvironmentId={(await lastEnvironment(me.environments))?.environment_id}
      signOutAction={signOutAction}
      paletteActions={paletteActions}
    >
      {children(me)}
    </AppShell>
  );
}
