"use client";

import { Search } from "lucide-react";
import { type ComponentProps, useEffect, useRef, useState } from "react";
import { Input } from "@/components/ui/input";
import { cn } from "@/lib/cn";

const typingMs = 300;

type SearchFieldProps = Pick<ComponentProps<typeof Input>, "ref" | "id" | "placeholder" | "onFocus" | "onBlur"> & {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
  inputClassName?: string;
};

/** Searches while typing, after a pause; Enter at once, Escape empties. */
export function SearchField({ label, value, onChange, className, inputClassName, ...input }: SearchFieldProps) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const told = useRef(value);
  useEffect(() => {
    // The URL changed by other means (Back, "Clear filters"): the field follows; while it is typed in, it leads.
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next: string) => {
    clearTimeout(timer.current);
    told.current = next;
    onChange(next);
  };
  return (
    <div className={cn("relative w-full", className)}>
      <Search className="pointer-events-none absolute inset-y-0 start-2 my-auto size-4 text-muted-foreground" aria-hidden />
      <Input
        {...input}
        type="search"
        aria-label={label}
        className={cn("ps-8", inputClassName)}
        maxLength={200}
        value={text}
        onChange={(event) => {
          const next = event.target.value;
          setText(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => tell(next), typingMs);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") tell(text);
          if (event.key === "Escape") {
            if (text === "") event.currentTarget.blur();
            setText("");
            tell("");
          }
        }}
      />
    </div>
  );
}
