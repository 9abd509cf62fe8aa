"use client";

import { partsOnDemand } from "./on-demand";

// The library is loaded with the first of them that opens.
const family = partsOnDemand(() => import("./popover-parts"), { root: "Popover", trigger: "PopoverTrigger" });

export const Popover = family.Root;
export const PopoverTrigger = family.Trigger;
export const PopoverContent = family.part("PopoverContent");
