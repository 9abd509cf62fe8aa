import type { Layer } from "@/contracts/dataset.ts";
import { Badge } from "@/components/ui/badge";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";

const looks: Record<Layer, { badge: string; dot: string }> = {
  bronze: { badge: "bg-bronze-soft text-bronze", dot: "bg-bronze" },
  silver: { badge: "bg-silver-soft text-silver", dot: "bg-silver" },
  gold: { badge: "bg-gold-soft text-gold", dot: "bg-gold" },
};

/** Bronze, silver or gold: a stratum mark and its word. */
export function LayerBadge({ layer, className }: { layer: Layer; className?: string }) {
  const look = looks[layer];
  return (
    <Badge className={cn(look.badge, className)} title={messages.layer[layer].description}>
      <span className={cn("h-2 w-0.5 rounded-full", look.dot)} aria-hidden />
      {messages.layer[layer].word}
    </Badge>
  );
}
