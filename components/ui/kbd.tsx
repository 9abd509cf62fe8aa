import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";

export function Kbd({ className, ...props }: ComponentProps<"kbd">) {
  return (
    <kbd
      data-slot="kbd"
      className={cn("inline-flex h-5 min-w-5 items-center justify-center rounded-sm border bg-muted px-1 font-sans text-2xs font-medium text-muted-foreground", className)}
      {...props}
    />
  );
}

/** `["mod+k"]` or `["g", "r"]`: each key drawn, `mod` as ⌘ or Ctrl by the platform the caller knows. */
export function Keys({ keys, apple = false, className }: { keys: readonly string[]; apple?: boolean; className?: string }) {
  return (
    <span className={cn("inline-flex items-center gap-1", className)}>
      {keys.flatMap((key) => key.split("+")).map((key, index) => (
        <Kbd key={`${key}-${index}`}>{key === "mod" ? (apple ? "⌘" : messages.form.controlKey) : key}</Kbd>
      ))}
    </span>
  );
}
