"use client";

import { type ComponentProps, createContext, type KeyboardEvent, useContext, useId, useMemo } from "react";
import { cn } from "@/lib/cn";

const Chosen = createContext<{ id: string; value: string; choose: (value: string) => void }>({ id: "", value: "", choose: () => {} });

type TabsProps = ComponentProps<"div"> & { value: string; onValueChange: (value: string) => void };

/** Tabs by the pattern of the ARIA guide: one stop for Tab, arrows, Home and End go on and choose at once. */
export function Tabs({ className, value, onValueChange, ...props }: TabsProps) {
  const id = useId();
  const chosen = useMemo(() => ({ id, value, choose: onValueChange }), [id, value, onValueChange]);
  return <Chosen value={chosen}><div data-slot="tabs" className={cn("flex flex-col gap-4", className)} {...props} /></Chosen>;
}

export const tabListClasses = "flex h-9 items-stretch gap-4 overflow-x-auto border-b [scrollbar-width:none]";
export const tabClasses =
  "relative -mb-px inline-flex shrink-0 items-center gap-1.5 border-b-2 border-transparent px-0.5 text-sm font-medium text-muted-foreground transition-colors hover:text-foreground focus-visible:-outline-offset-2 disabled:opacity-50 data-[state=active]:border-primary data-[state=active]:text-foreground aria-[current=page]:border-primary aria-[current=page]:text-foreground [&_svg]:size-4";

export function TabsList({ className, ...props }: ComponentProps<"div">) {
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')];
    const at = tabs.findIndex((tab) => tab === document.activeElement);
    if (at === -1 || event.ctrlKey || event.metaKey || event.altKey) return;
    const along = getComputedStyle(event.currentTarget).direction === "rtl" ? -1 : 1;
    const next = { ArrowRight: at + along, ArrowLeft: at - along, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs.at(next % tabs.length);
    tab?.focus();
    tab?.click();
  };
  return <div role="tablist" tabIndex={-1} data-slot="tabs-list" onKeyDown={move} className={cn(tabListClasses, className)} {...props} />;
}

export function TabsTrigger({ className, value, ...props }: Omit<ComponentProps<"button">, "onClick" | "value"> & { value: string }) {
  const { id, value: chosen, choose } = useContext(Chosen);
  const on = value === chosen;
  return (
    <button
      type="button" role="tab" id={`${id}-tab-${value}`} aria-selected={on} aria-controls={on ? `${id}-panel-${value}` : undefined} tabIndex={on ? 0 : -1} onClick={() => choose(value)}
      data-slot="tabs-trigger" data-state={on ? "active" : "inactive"} className={cn(tabClasses, className)} {...props}
    />
  );
}

/** Nothing until its tab is the chosen one. */
export function TabsContent({ className, value, ...props }: ComponentProps<"div"> & { value: string }) {
  const { id, value: chosen } = useContext(Chosen);
  if (value !== chosen) return null;
  return <div role="tabpanel" tabIndex={0} id={`${id}-panel-${value}`} aria-labelledby={`${id}-tab-${value}`} data-slot="tabs-content" className={cn("min-w-0", className)} {...props} />;
}
