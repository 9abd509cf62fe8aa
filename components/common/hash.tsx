import { Equal, EqualNot } from "lucide-react";
import { cn } from "@/lib/cn";
import { shortHash } from "@/lib/format";
import { messages } from "@/lib/messages";
import { CopyButton } from "./copy-button";

type HashProps = {
  /** Hexadecimal, with or without `sha256:`; `null` prints a dash. */
  value: string | null | undefined;
  /** The hash it is held against; absent: no mark. `null`: the other side has none, so nothing is claimed. */
  compareTo?: string | null;
  /** What the other side is, for the tooltip: "run 0192f3ab…7c4e". */
  compareName?: string;
  what?: string;
  plain?: boolean;
  className?: string;
};

/** The first 8 characters of a SHA-256, its copy button, and whether it equals another. */
export function Hash({ value, compareTo, compareName = "", what = "SHA-256", plain = false, className }: HashProps) {
  if (!value) return <span className="text-muted-foreground">{messages.time.unknown}</span>;
  return (
    <span className={cn("inline-flex items-center gap-0.5 whitespace-nowrap", className)}>
      <code title={value} className="text-xs">
        {shortHash(value)}
      </code>
      {plain ? null : <CopyButton value={value} what={what} />}
      {compareTo ? <EqualityMark equal={bare(value) === bare(compareTo)} with={compareName || shortHash(compareTo)} /> : null}
    </span>
  );
}

const bare = (hash: string) => hash.replace(/^sha256:/, "").toLowerCase();

/** "equal" or "differs", by icon, word and colour. */
export function EqualityMark({ equal, with: other, className }: { equal: boolean; with: string; className?: string }) {
  const Icon = equal ? Equal : EqualNot;
  return (
    <span
      data-equal={equal}
      title={equal ? messages.hash.equalTo(other) : messages.hash.differsFrom(other)}
      className={cn("inline-flex items-center gap-0.5 text-xs font-medium", equal ? "text-succeeded" : "text-failed", className)}
    >
      <Icon className="size-3.5" aria-hidden />
      {equal ? messages.hash.equal : messages.hash.differs}
    </span>
  );
}
