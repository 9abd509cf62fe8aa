"use client";

import { Tooltip as TooltipPrimitive } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";

export const TooltipProvider = TooltipPrimitive.Provider;

type TooltipProps = {
  /** What is said; nothing said means no tooltip at all. */
  content: ReactNode;
  /** One element that takes a ref and events. */
  children: ReactNode;
  side?: ComponentProps<typeof TooltipPrimitive.Content>["side"];
  className?: string;
};

/** A hoverable, dismissible hint (WCAG 1.4.13). Never the only place where something is said. */
export function Tooltip({ content, children, side = "top", className }: TooltipProps) {
  if (content == null || content === "") return children;
  return (
    <TooltipPrimitive.Root>
      <TooltipPrimitive.Trigger asChild>{children}</TooltipPrimitive.Trigger>
      <TooltipPrimitive.Portal>
        <TooltipPrimitive.Content
          data-slot="tooltip-content"
          side={side}
          sideOffset={4}
          collisionPadding={8}
          className={cn(
            "z-50 max-w-72 rounded-sm bg-tooltip px-2 py-1 text-xs text-pretty text-tooltip-foreground shadow-md",
            className,
          )}
        >
          {content}
        </TooltipPrimitive.Content>
      </TooltipPrimitive.Portal>
    </TooltipPrimitive.Root>
  );
}
