import { cn } from "@/lib/cn";
import { formatBytes, formatCount } from "@/lib/format";
import { messages } from "@/lib/messages";

type FigureProps = { value: number | bigint | string | null | undefined; className?: string };

/** A size with its unit; the exact number of bytes in the title. */
export function Bytes({ value, className }: FigureProps) {
  return (
    <span className={cn("whitespace-nowrap tabular-nums", value == null && "text-muted-foreground", className)} title={value == null ? undefined : messages.bytes.exact(formatCount(value))}>
      {formatBytes(value)}
    </span>
  );
}

/** A count of rows, runs, files; unknown is a dash, never 0. */
export function Count({ value, className }: FigureProps) {
  return <span className={cn("whitespace-nowrap tabular-nums", value == null && "text-muted-foreground", className)}>{formatCount(value)}</span>;
}
