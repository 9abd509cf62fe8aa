import { Link } from "@/components/common/link";
import { tabClasses, tabListClasses } from "@/components/ui/tabs";
import { messages } from "@/lib/messages";

const tabs = [{ href: "/schedules", word: messages.page.schedules }, { href: "/backfills", word: messages.page.backfills }] as const;

/** What runs by the clock, and what runs over past time: two pages side by side. */
export function ClockTabs({ current }: { current: (typeof tabs)[number]["href"] }) {
  return (
    <nav aria-label="By the clock" className={tabListClasses}>
      {tabs.map(({ href, word }) => <Link key={href} href={href} aria-current={href === current ? "page" : undefined} className={tabClasses}>{word}</Link>)}
    </nav>
  );
}
