import { CalendarPlus, Cpu, FilePlus, KeyRound, type LucideIcon, Play, UserPlus } from "lucide-react";
import type { Role } from "@/contracts/role";
import { atLeast } from "@/contracts/words";
import { messages } from "@/lib/messages";

type ShellCommand = { label: string; href: `/${string}`; icon: LucideIcon; /** The weakest role that may. */ least: Role };

/** What can be begun from anywhere. */
const commands: readonly ShellCommand[] = [
  { label: messages.palette.runPipeline, href: "/pipelines", icon: Play, least: "operator" },
  { label: messages.palette.newPipeline, href: "/pipelines/new-pipeline", icon: FilePlus, least: "editor" },
  { label: messages.palette.newSchedule, href: "/schedules/new", icon: CalendarPlus, least: "editor" },
  { label: messages.palette.addExecutor, href: "/executors/new", icon: Cpu, least: "admin" },
  { label: messages.palette.inviteMember, href: "/members", icon: UserPlus, least: "admin" },
  { label: messages.palette.createToken, href: "/tokens", icon: KeyRound, least: "admin" },
];

/** Those that this role may do. */
export function commandsOf(role: Role | null): ShellCommand[] {
  return role === null ? [] : commands.filter(({ least }) => atLeast(role, least));
}

/** Whether every word that was typed occurs in the text. */
export function fits(query: string, text: string): boolean {
  const shown = text.toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => shown.includes(word));
}
