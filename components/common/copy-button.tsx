"use client";

import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { toast } from "@/components/ui/toast";
import { Button, type ButtonProps } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";

type CopyButtonProps = Omit<ButtonProps, "value" | "children" | "onClick" | "asChild"> & {
  /** The whole text that is copied. */
  value: string;
  /** What it is, for the label: "run id" → "Copy run id". */
  what: string;
  /** Shown beside the icon; without it the button is an icon. */
  text?: string;
};

export function CopyButton({ value, what, text, className, variant = "ghost", size, ...props }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      toast.error(messages.action.copyFailed);
    }
  }

  return (
    <Button
      {...props}
      variant={variant}
      size={size ?? (text ? "sm" : "icon-xs")}
      className={cn(!text && "text-muted-foreground", className)}
      aria-label={text ? undefined : copied ? messages.action.copied : messages.action.copyNamed(what)}
      onClick={() => void copy()}
    >
      {copied ? <Check className="text-succeeded" aria-hidden /> : <Copy aria-hidden />}
      {text ? <span aria-live="polite">{copied ? messages.action.copied : text}</span> : null}
    </Button>
  );
}
