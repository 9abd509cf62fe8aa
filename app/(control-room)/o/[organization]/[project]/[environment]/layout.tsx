import type { ReactNode } from "react";
import { namedEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { ControlRoomShell } from "@/app/(control-room)/shell";
import NotFound from "./not-found";

/** Every page of an environment. One that this person may not see looks like one that does not exist. */
export default function EnvironmentLayout({ params, children }: { params: Promise<EnvironmentParams>; children: ReactNode }) {
  return (
    <ControlRoomShell>
      {async ({ environments }) => (namedEnvironment(environments, await params) === undefined ? <NotFound /> : children)}
    </ControlRoomShell>
  );
}
