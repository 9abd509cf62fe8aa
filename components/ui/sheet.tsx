"use client";

import { partsOnDemand } from "./on-demand";

// The library is loaded with the first of them that opens.
const family = partsOnDemand(() => import("./sheet-parts"), { root: "Sheet", trigger: "SheetTrigger" });

export const Sheet = family.Root;
export const SheetTrigger = family.Trigger;
export const SheetContent = family.part("SheetContent");
export const SheetHeader = family.part("SheetHeader");
export const SheetBody = family.part("SheetBody");
export const SheetTitle = family.part("SheetTitle");
export const SheetDescription = family.part("SheetDescription");
