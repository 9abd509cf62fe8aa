import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const alertVariants = cva(
  "relative grid w-full grid-cols-[1rem_minmax(0,1fr)] items-start gap-x-2 gap-y-1 rounded-md border px-3 py-2 text-sm [&>:not(svg)]:col-start-2 [&>svg]:mt-0.5 [&>svg]:size-4",
  {
    variants: {
      variant: {
        default: "bg-muted text-foreground",
        failed: "border-failed/35 bg-failed-soft/60 text-foreground [&>svg]:text-failed",
        warning: "border-warning/35 bg-warning-soft/60 text-foreground [&>svg]:text-warning",
        succeeded: "border-succeeded/35 bg-succeeded-soft/60 text-foreground [&>svg]:text-succeeded",
      },
    },
    defaultVariants: { variant: "default" },
  },
);

/** A notice in the page. First child: an icon; then AlertTitle and AlertDescription. `role="alert"` only for news. */
export function Alert({ className, variant, ...props }: ComponentProps<"div"> & VariantProps<typeof alertVariants>) {
  return <div data-slot="alert" className={cn(alertVariants({ variant }), className)} {...props} />;
}

export function AlertTitle({ className, ...props }: ComponentProps<"p">) {
  return <p className={cn("font-semibold", className)} {...props} />;
}

export function AlertDescription({ className, ...props }: ComponentProps<"div">) {
  return <div className={cn("grid gap-1 text-pretty", className)} {...props} />;
}
