"use client";

import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { environmentPathOf } from "@/components/common/environment-path";
import { Link } from "@/components/common/link";
import { holds, type NavEntry } from "./nav";

/** A link of the side navigation, marked where its page (or one below it) is open. */
export function NavLink({ entry, onNavigate, children }: { entry: NavEntry; onNavigate?: () => void; children: ReactNode }) {
  const path = usePathname();
  const open = holds(entry, path.slice(environmentPathOf(path)?.length ?? 0));
  return (
    <Link
      href={entry.href}
      aria-current={open ? "page" : undefined}
      onClick={onNavigate}
      className="group flex h-8 items-center gap-2 rounded-md px-2 text-sm text-muted-foreground transition-colors hover:bg-accent hover:text-accent-foreground aria-[current=page]:bg-accent aria-[current=page]:font-medium aria-[current=page]:text-accent-foreground"
    >
      {children}
    </Link>
  );
}
