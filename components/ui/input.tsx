import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

export const inputClasses =
  "w-full min-w-0 rounded-md border border-input bg-background px-2.5 text-sm text-foreground transition-colors placeholder:text-muted-foreground disabled:cursor-not-allowed disabled:opacity-60 [&[readonly]]:bg-muted aria-invalid:border-failed focus-visible:border-ring focus-visible:outline-2 focus-visible:outline-offset-0";

export function Input({ className, type = "text", ...props }: ComponentProps<"input">) {
  return <input data-slot="input" type={type} className={cn(inputClasses, "h-8", className)} {...props} />;
}
