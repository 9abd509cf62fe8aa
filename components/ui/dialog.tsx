"use client";

import { partsOnDemand } from "./on-demand";

// The library is loaded with the first of them that opens.
const family = partsOnDemand(() => import("./dialog-parts"), { root: "Dialog", trigger: "DialogTrigger" });

export const Dialog = family.Root;
export const DialogTrigger = family.Trigger;
export const DialogContent = family.part("DialogContent");
export const DialogHeader = family.part("DialogHeader");
export const DialogBody = family.part("DialogBody");
export const DialogFooter = family.part("DialogFooter");
export const DialogTitle = family.part("DialogTitle");
export const DialogDescription = family.part("DialogDescription");
