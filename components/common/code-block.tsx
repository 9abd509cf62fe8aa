"use client";

import { WrapText } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import { CopyButton } from "./copy-button";

/** Text in the shape it was written, to read and copy; long lines wrap unless the reader prefers to scroll. */
export function CodeBlock({ text, label, className }: { text: string; label: string; className?: string }) {
  const [wrap, setWrap] = useState(true);
  return (
    <div className={cn("relative min-w-0 rounded-md border bg-muted", className)}>
      <div className="absolute end-1 top-1 flex gap-0.5" data-print="hide">
        <Button variant="ghost" size="icon-xs" aria-pressed={wrap} aria-label={messages.action.wrapLongLines} className={wrap ? "text-link" : "text-muted-foreground"} onClick={() => setWrap(!wrap)}>
          <WrapText aria-hidden />
        </Button>
        <CopyButton value={text} what={label} />
      </div>
      <pre role="region" aria-label={label} tabIndex={0} className={cn("max-h-[36rem] overflow-auto p-3 pe-16 text-xs leading-5 focus-visible:-outline-offset-2", wrap && "break-words whitespace-pre-wrap")}>
        <code>{text}</code>
      </pre>
    </div>
  );
}
