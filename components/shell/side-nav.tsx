import { messages } from "@/lib/messages";
import { navEntries } from "./nav";
import { navIcons } from "./nav-icons";
import { NavLink } from "./nav-link";

/** The pages; the one that is open (or holds the open one) is marked. */
export function SideNav({ onNavigate }: { onNavigate?: () => void }) {
  return (
    <nav aria-label={messages.shell.navigation} className="grid gap-0.5 p-2">
      {navEntries.map((entry) => {
        const Icon = navIcons[entry.href];
        return (
          <NavLink key={entry.href} entry={entry} onNavigate={onNavigate}>
            <Icon className="size-4 shrink-0 group-aria-[current=page]:text-link" aria-hidden />
            {entry.label}
          </NavLink>
        );
      })}
    </nav>
  );
}
