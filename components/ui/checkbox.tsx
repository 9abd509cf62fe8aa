"use client";

import { Check, Minus } from "lucide-react";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

type CheckboxProps = Omit<ComponentProps<"input">, "type" | "checked" | "onChange"> & { checked: boolean | "indeterminate"; onCheckedChange: (checked: boolean) => void };

/** The browser's own, drawn by us. 16 px to see, 24 px to hit: a pseudo-element widens the target. */
export function Checkbox({ className, checked, onCheckedChange, ...props }: CheckboxProps) {
  return (
    <span className={cn("relative inline-grid size-4 shrink-0 place-content-center", className)}>
      <input
        data-slot="checkbox"
        type="checkbox"
        ref={(input) => {
          if (input) input.indeterminate = checked === "indeterminate";
        }}
        checked={checked === true}
        onChange={(event) => onCheckedChange(event.target.checked)}
        className="peer absolute inset-0 size-4 appearance-none rounded-sm border border-input bg-background after:absolute after:-inset-1 checked:border-primary checked:bg-primary indeterminate:border-primary indeterminate:bg-primary disabled:cursor-not-allowed disabled:opacity-50 aria-invalid:border-failed"
        {...props}
      />
      <Check className="pointer-events-none relative hidden size-3.5 text-primary-foreground peer-checked:block" strokeWidth={3} aria-hidden />
      <Minus className="pointer-events-none relative hidden size-3.5 text-primary-foreground peer-indeterminate:block" strokeWidth={3} aria-hidden />
    </span>
  );
}
