import { LinkTabs } from "@/components/common/link-tabs";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/schedules";

const tabs = [{ href: "/schedules", word: messages.page.schedules }, { href: "/schedules/calendar", word: messages.page.calendar }, { href: "/backfills", word: messages.page.backfills }] as const;

/** What runs by the clock, day by day, and what runs over past time: pages side by side. */
export function ClockTabs({ current }: { current: (typeof tabs)[number]["href"] }) {
  return <LinkTabs label={words.clockTabs.byTheClock} tabs={tabs.map((tab) => ({ ...tab, current: tab.href === current }))} />;
}
