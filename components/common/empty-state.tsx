import { FilterX, Inbox, Lock, type LucideIcon } from "lucide-react";
import { Link } from "@/components/common/link";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import { CopyButton } from "./copy-button";

type EmptyStateProps = {
  title: string;
  /** The element of the title: "h1" where this is the whole page. */
  heading?: "p" | "h1" | "h2";
  /** One sentence. */
  description?: ReactNode;
  icon?: LucideIcon;
  /** The one primary action. */
  action?: ReactNode;
  docs?: { href: string; text: string };
  /** A command that fills the place, copyable. */
  snippet?: string;
  className?: string;
};

/** There is nothing yet. (Nothing that *matches* is FilteredEmpty; nothing one may *see* is NoAccess.) */
export function EmptyState({ title, heading: Heading = "p", description, icon: Icon = Inbox, action, docs, snippet, className }: EmptyStateProps) {
  return (
    <div data-slot="empty" className={cn("flex flex-col items-center gap-3 px-4 py-12 text-center", className)}>
      <Icon className="size-5 text-muted-foreground" aria-hidden />
      <div className="grid max-w-md gap-1">
        <Heading className="font-medium">{title}</Heading>
        {description ? <p className="text-pretty text-muted-foreground">{description}</p> : null}
      </div>
      {snippet ? (
        <div className="flex max-w-full items-center gap-1 rounded-md border bg-muted py-0.5 ps-3 pe-1">
          <code className="overflow-x-auto text-xs whitespace-nowrap">{snippet}</code>
          <CopyButton value={snippet} what={messages.empty.command} />
        </div>
      ) : null}
      {action || docs ? (
        <div className="flex flex-wrap items-center justify-center gap-3">
          {action}
          {docs ? (
            <a href={docs.href} className="text-link underline-offset-4 hover:underline">
              {docs.text}
            </a>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

/** Entries exist, none fits the filters. `clearHref` is the page without them. */
export function FilteredEmpty({ clearHref, description = messages.empty.filteredDescription }: { clearHref: string; description?: ReactNode }) {
  return (
    <EmptyState
      icon={FilterX}
      title={messages.empty.filteredTitle}
      description={description}
      action={
        <Button asChild variant="outline">
          <Link href={clearHref}>{messages.action.clearFilters}</Link>
        </Button>
      }
    />
  );
}

/** The entry may exist, but not for this person. */
export function NoAccess({ description = messages.empty.deniedDescription }: { description?: ReactNode }) {
  return <EmptyState icon={Lock} title={messages.empty.deniedTitle} description={description} />;
}
