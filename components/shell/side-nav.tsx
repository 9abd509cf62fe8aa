"use client";

import { environmentPathOf } from "@/components/common/environment-path";
import { Link } from "@/components/common/link";
import { usePathname } from "next/navigation";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import { holds, navEntries } from "./nav";

/** The pages; the one that is open (or holds the open one) is marked. */
export function SideNav({ onNavigate }: { onNavigate?: () => void }) {
  const path = usePathname();
  const page = path.slice(environmentPathOf(path)?.length ?? 0);
  return (
    <nav aria-label={messages.shell.navigation} className="grid gap-0.5 p-2">
      {navEntries.map((entry) => {
        const { href, label, icon: Icon } = entry;
        const open = holds(entry, page);
        return (
          <Link
            key={href}
            href={href}
            aria-current={open ? "page" : undefined}
            onClick={onNavigate}
            className="group flex h-8 items-center gap-2 rounded-md px-2 text-sm text-muted-foreground transition-colors hover:bg-accent hover:text-accent-foreground aria-[current=page]:bg-accent aria-[current=page]:font-medium aria-[current=page]:text-accent-foreground"
          >
            <Icon className={cn("size-4 shrink-0", open && "text-link")} aria-hidden />
            {label}
          </Link>
        );
      })}
    </nav>
  );
}
