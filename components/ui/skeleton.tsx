import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

/** A grey block of the size of what comes. */
export function Skeleton({ className, ...props }: ComponentProps<"div">) {
  return <div data-slot="skeleton" aria-hidden className={cn("animate-pulse rounded-sm bg-secondary motion-reduce:animate-none", className)} {...props} />;
}

/** The rows of a table before they come: `columns` are widths in percent of the cell. */
export function TableSkeleton({ rows = 10, columns = [60, 40, 70, 50, 30] }: { rows?: number; columns?: number[] }) {
  return (
    <div aria-hidden className="w-full">
      <div className="h-8 border-b" />
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex h-row items-center gap-4 border-b px-3">
          {columns.map((width, column) => (
            <div key={column} className="flex-1">
              <Skeleton className="h-3.5" style={{ width: `${width}%` }} />
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

/** The page of one thing before it comes: its name, two lists, a large block. */
export function DetailSkeleton() {
  return (
    <>
      <div className="grid gap-2"><Skeleton className="h-4 w-20" /><Skeleton className="h-7 w-64" /><Skeleton className="h-5 w-96 max-w-full" /></div>
      <div className="grid gap-6 xl:grid-cols-2"><TableSkeleton rows={5} columns={[80]} /><TableSkeleton rows={5} /></div>
      <Skeleton className="h-80 w-full" />
    </>
  );
}
