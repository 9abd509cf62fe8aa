import { LinkTabs } from "@/components/common/link-tabs";
import { messages } from "@/lib/messages";

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
  const values = options.map(({ value, word }) => ({ href: `${address}?${new URLSearchParams({ [name]: value })}`, word, current: current === value }));
  return <LinkTabs label={label} tabs={[{ href: address, word: messages.form.all, current: current === undefined }, ...values]} />;
}
