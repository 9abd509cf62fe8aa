import type { ComponentProps } from "react";
import { inputClasses } from "@/components/ui/input";
import { cn } from "@/lib/cn";

/** The browser's own list: posts with its form and needs no script. */
export function NativeSelect({ className, ...props }: ComponentProps<"select">) {
  return <select data-slot="native-select" className={cn(inputClasses, "h-8 pe-6", className)} {...props} />;
}
