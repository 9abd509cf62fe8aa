import { messages } from "@/lib/messages";
import { cn } from "@/lib/cn";

/** The mark beside the name: the same drawing as public/icon.svg. */
export function Mark({ className }: { className?: string }) {
  return (
    <span className={cn("inline-flex items-center gap-2 font-semibold tracking-tight", className)}>
      {/* A plain img: an SVG needs no optimizer. */}
      <img src="/icon.svg" alt="" width={20} height={20} className="rounded-sm" />
      {messages.product}
    </span>
  );
}
