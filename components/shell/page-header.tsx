import { ChevronRight } from "lucide-react";
import { Link } from "@/components/common/link";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";

export type Crumb = { href: string; label: string };

type PageHeaderProps = {
  title: ReactNode;
  /** The pages above this one, outermost first. */
  crumbs?: readonly Crumb[];
  /** Beside the title: the status badge, the short id. */
  mark?: ReactNode;
  /** A line of facts below the title. */
  meta?: ReactNode;
  /** Buttons; the most likely next action is the one filled. */
  actions?: ReactNode;
  className?: string;
};

export function PageHeader({ title, crumbs = [], mark, meta, actions, className }: PageHeaderProps) {
  return (
    <header className={cn("flex flex-wrap items-start justify-between gap-x-4 gap-y-2", className)}>
      <div className="grid min-w-0 flex-1 basis-md gap-1">
        {crumbs.length > 0 ? (
          <nav aria-label={messages.shell.breadcrumb}>
            <ol className="flex items-center gap-1 text-xs text-muted-foreground">
              {crumbs.map((crumb, index) => (
                <li key={crumb.href} className="flex items-center gap-1">
                  {index > 0 ? <ChevronRight className="size-3 rtl:rotate-180" aria-hidden /> : null}
                  <Link href={crumb.href} className="inline-flex min-h-6 items-center hover:text-link hover:underline">
                    {crumb.label}
                  </Link>
                </li>
              ))}
            </ol>
          </nav>
        ) : null}
        <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="text-lg font-semibold tracking-tight">{title}</h1>
          {mark}
        </div>
        {meta ? <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-muted-foreground">{meta}</div> : null}
      </div>
      {actions ? (
        <div className="flex flex-wrap items-center gap-2" data-print="hide">
          {actions}
        </div>
      ) : null}
    </header>
  );
}
