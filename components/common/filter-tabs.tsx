import { Link } from "@/components/common/link";
import { tabClasses, tabListClasses } from "@/components/ui/tabs";

type FilterTabsProps = {
  label: string;
  /** The page without this filter, with its query parameters. */
  address: string;
  /** The query parameter that holds it. */
  name: string;
  options: readonly { value: string; word: string }[];
  current: string | undefined;
};

/** One filter of a list, in the address: a link for each of its values, and one for all. */
export function FilterTabs({ label, address, name, options, current }: FilterTabsProps) {
  return (
    <nav aria-label={label} className={tabListClasses}>
      <Link href={address} aria-current={current === undefined ? "page" : undefined} className={tabClasses}>All</Link>
      {options.map(({ value, word }) => (
        <Link key={value} href={`${address}?${new URLSearchParams({ [name]: value })}`} aria-current={current === value ? "page" : undefined} className={tabClasses}>{word}</Link>
      ))}
    </nav>
  );
}
