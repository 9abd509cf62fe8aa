import { Link } from "@/components/common/link";
import { tabClasses, tabListClasses } from "@/components/ui/tabs";

type LinkTabsProps = { label: string; tabs: readonly { href: string; word: string; current: boolean }[] };

/** Addresses side by side that look like tabs: one of them is the page. */
export function LinkTabs({ label, tabs }: LinkTabsProps) {
  return (
    <nav aria-label={label} className={tabListClasses}>
      {tabs.map(({ href, word, current }) => <Link key={href} href={href} aria-current={current ? "page" : undefined} className={tabClasses}>{word}</Link>)}
    </nav>
  );
}
