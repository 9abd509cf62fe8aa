import { ChevronDown } from "lucide-react";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";
import { inputClasses } from "./input";

export const selectButtonClasses = `${inputClasses} flex h-8 items-center justify-between gap-2 data-[placeholder]:text-muted-foreground [&>span]:truncate`;

/** The closed list as a page first shows it: looks and says what select.tsx does, which takes its place when it is pressed. */
export function SelectButton({ className, children, ...props }: ComponentProps<"button">) {
  return (
    // eslint-disable-next-line jsx-a11y/role-has-required-aria-props -- it controls a list once that is there
    <button type="button" role="combobox" aria-expanded={false} data-slot="select-trigger" className={cn(selectButtonClasses, className)} {...props}>
      <span>{children}</span>
      <ChevronDown className="size-4 shrink-0 text-muted-foreground" aria-hidden />
    </button>
  );
}
