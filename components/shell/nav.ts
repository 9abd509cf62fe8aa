import { BellRing, Cable, CalendarClock, CircleX, Cpu, Database, Gauge, HeartPulse, KeyRound, ListChecks, LockKeyhole, type LucideIcon, ScrollText, Settings, ShieldAlert, Users, Waypoints, Webhook, Workflow } from "lucide-react";
import { messages } from "@/lib/messages";

type NavEntry = {
  href: `/${string}`;
  label: string;
  icon: LucideIcon;
  /** The letter after `g` that goes there. */
  key: string;
  /** A page that is reached from it. */
  also?: `/${string}`;
};

/** One line per page of an environment; addresses are written without it (components/common/link.tsx). The side navigation, the palette and the go-to keys read it. */
export const navEntries: readonly NavEntry[] = [
  { href: "/overview", label: messages.page.overview, icon: Gauge, key: "o" },
  { href: "/runs", label: messages.page.runs, icon: ListChecks, key: "r" },
  { href: "/failures", label: messages.page.failures, icon: CircleX, key: "i" },
  { href: "/alerts", label: messages.page.alerts, icon: BellRing, key: "a" },
  { href: "/pipelines", label: messages.page.pipelines, icon: Workflow, key: "p" },
  { href: "/schedules", label: messages.page.schedules, icon: CalendarClock, key: "c", also: "/backfills" },
  { href: "/executors", label: messages.page.executors, icon: Cpu, key: "e" },
  { href: "/datasets", label: messages.page.datasets, icon: Database, key: "t" },
  { href: "/lineage", label: messages.page.lineage, icon: Waypoints, key: "l" },
  { href: "/caps", label: messages.page.caps, icon: ShieldAlert, key: "b" },
  { href: "/connections", label: messages.page.connections, icon: Cable, key: "n" },
  { href: "/secrets", label: messages.page.secrets, icon: LockKeyhole, key: "s" },
  { href: "/members", label: messages.page.members, icon: Users, key: "m" },
  { href: "/tokens", label: messages.page.tokens, icon: KeyRound, key: "k" },
  { href: "/webhook", label: messages.page.webhook, icon: Webhook, key: "w" },
  { href: "/audit", label: messages.page.audit, icon: ScrollText, key: "u" },
  { href: "/health", label: messages.page.health, icon: HeartPulse, key: "h" },
  { href: "/settings", label: messages.page.settings, icon: Settings, key: "x", also: "/danger" },
];

/** Whether an address without its environment is this entry's page, or lies below it. */
export function holds({ href, also }: NavEntry, address: string): boolean {
  return [href, also].some((each) => each !== undefined && (address === each || address.startsWith(`${each}/`)));
}

/** The first parts of addresses that are understood without their environment. */
export const shortAddresses: ReadonlySet<string> = new Set([...navEntries.map(({ href }) => href.slice(1)), "backfills", "danger"]);
