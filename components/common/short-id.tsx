import { cn } from "@/lib/cn";
import { truncateMiddle } from "@/lib/format";
import { CopyButton } from "./copy-button";

type ShortIdProps = {
  id: string;
  /** What it identifies, for the copy button: "run id". */
  what: string;
  /** Without the button it is plain text: for a place that is itself a link. */
  plain?: boolean;
  className?: string;
};

/** An id with its middle left out and the whole of it one click away. */
export function ShortId({ id, what, plain = false, className }: ShortIdProps) {
  const text = (
    <code title={id} className={cn("text-xs", plain && className)}>
      {truncateMiddle(id)}
    </code>
  );
  if (plain) return text;
  return (
    <span className={cn("inline-flex items-center gap-0.5 whitespace-nowrap", className)}>
      {text}
      <CopyButton value={id} what={what} />
    </span>
  );
}
