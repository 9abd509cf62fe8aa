import { messages } from "@/lib/messages";

export type NavEntry = {
  href: `/${string}`;
  label: string;
  /** The letter after `g` that goes there. */
  key: string;
  /** A page that is reached from it. */
  also?: `/${string}`;
};

/** One line per page of an environment; addresses are written without it (components/common/link.tsx). The side navigation, the palette and the go-to keys read it; nav-icons.ts draws it. */
export const navEntries = [
  { href: "/overview", label: messages.page.overview, key: "o" },
  { href: "/runs", label: messages.page.runs, key: "r" },
  { href: "/failures", label: messages.page.failures, key: "i" },
  { href: "/alerts", label: messages.page.alerts, key: "a" },
  { href: "/pipelines", label: messages.page.pipelines, key: "p" },
  { href: "/schedules", label: messages.page.schedules, key: "c", also: "/backfills" },
  { href: "/executors", label: messages.page.executors, key: "e" },
  { href: "/datasets", label: messages.page.datasets, key: "t" },
  { href: "/lineage", label: messages.page.lineage, key: "l" },
  { href: "/caps", label: messages.page.caps, key: "b" },
  { href: "/connections", label: messages.page.connections, key: "n" },
  { href: "/secrets", label: messages.page.secrets, key: "s" },
  { href: "/members", label: messages.page.members, key: "m" },
  { href: "/tokens", label: messages.page.tokens, key: "k" },
  { href: "/webhook", label: messages.page.webhook, key: "w" },
  { href: "/audit", label: messages.page.audit, key: "u" },
  { href: "/health", label: messages.page.health, key: "h" },
  { href: "/settings", label: messages.page.settings, key: "x", also: "/danger" },
] as const satisfies readonly NavEntry[];

/** Whether an address without its environment is this entry's page, or lies below it. */
export function holds({ href, also }: NavEntry, address: string): boolean {
  return [href, also].some((each) => each !== undefined && (address === each || address.startsWith(`${each}/`)));
}

/** The first parts of addresses that are understood without their environment. */
export const shortAddresses: ReadonlySet<string> = new Set([...navEntries.map(({ href }) => href.slice(1)), "backfills", "danger"]);
