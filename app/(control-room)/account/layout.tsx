import type { ReactNode } from "react";
import { ControlRoomShell } from "../shell";

export default function AccountLayout({ children }: { children: ReactNode }) {
  return <ControlRoomShell>{() => children}</ControlRoomShell>;
}
