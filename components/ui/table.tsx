import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

type TableProps = ComponentProps<"table"> & {
  /** What the table holds, for readers who cannot see it; also the name of its scroll region. */
  label: string;
  dense?: boolean;
  /** Below 640 px each row becomes a card; cells with `narrow={false}` are left out of it. */
  cards?: boolean;
};

/**
 * Rows of 36 px (28 dense), a sticky header, borders instead of stripes. Below 1024 px the wrapper scrolls sideways, by
 * keyboard too; above, it must not be a scroll container, or the header would not stick to the page.
 */
export function Table({ className, label, dense = false, cards = false, ...props }: TableProps) {
  return (
    <div data-slot="table-scroll" role="region" aria-label={label} tabIndex={0} className="relative w-full overflow-x-auto focus-visible:-outline-offset-2 lg:overflow-visible">
      <table
        data-slot="table"
        data-dense={dense || undefined}
        data-cards={cards || undefined}
        // A table drawn as blocks loses its meaning in some browsers unless the roles are said.
        role={cards ? "table" : undefined}
        aria-label={label}
        className={cn("group/table w-full border-collapse text-sm max-sm:data-cards:block", className)}
        {...props}
      />
    </div>
  );
}

export function TableHeader({ className, ...props }: ComponentProps<"thead">) {
  return <thead className={cn("z-10 bg-background max-sm:group-data-cards/table:hidden lg:sticky lg:top-header shadow-[inset_0_-1px_0_var(--border)]", className)} {...props} />;
}

export function TableBody({ className, ...props }: ComponentProps<"tbody">) {
  return <tbody role="rowgroup" className={cn("max-sm:group-data-cards/table:block", className)} {...props} />;
}

export function TableRow({ className, ...props }: ComponentProps<"tr">) {
  return (
    <tr
      data-slot="table-row"
      role="row"
      className={cn(
        "relative border-b transition-colors aria-selected:bg-accent data-[active=true]:bg-accent [tbody>&]:hover:bg-muted [tbody>&]:focus-within:bg-muted max-sm:group-data-cards/table:flex max-sm:group-data-cards/table:flex-wrap max-sm:group-data-cards/table:items-center max-sm:group-data-cards/table:gap-x-3 max-sm:group-data-cards/table:gap-y-1 max-sm:group-data-cards/table:py-2",
        className,
      )}
      {...props}
    />
  );
}

type CellProps = { numeric?: boolean };

export function TableHead({ className, numeric, scope = "col", ...props }: ComponentProps<"th"> & CellProps) {
  return (
    <th
      scope={scope}
      className={cn(
        "h-8 px-2 text-start text-xs font-medium whitespace-nowrap text-muted-foreground first:ps-3 last:pe-3",
        numeric && "text-end",
        className,
      )}
      {...props}
    />
  );
}

export function TableCell({ className, numeric, narrow = true, ...props }: ComponentProps<"td"> & CellProps & { narrow?: boolean }) {
  return (
    <td
      role="cell"
      className={cn(
        "h-row px-2 whitespace-nowrap group-data-dense/table:h-row-dense first:ps-3 last:pe-3 max-sm:group-data-cards/table:h-auto max-sm:group-data-cards/table:px-0",
        !narrow && "max-sm:group-data-cards/table:hidden",
        numeric && "text-end",
        className,
      )}
      {...props}
    />
  );
}

/** A link in a cell that makes its whole row clickable and still middle-clicks; other controls in the row are `relative`. */
export const rowLinkClasses =
  "font-medium text-foreground after:absolute after:inset-0 hover:text-link focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-ring";
