"use client";

import { partsOnDemand } from "./on-demand";

// The library is loaded with the first of them that opens.
const family = partsOnDemand(() => import("./alert-dialog-parts"), { root: "AlertDialog", trigger: "AlertDialogTrigger" });

export const AlertDialog = family.Root;
export const AlertDialogContent = family.part("AlertDialogContent");
export const AlertDialogHeader = family.part("AlertDialogHeader");
export const AlertDialogFooter = family.part("AlertDialogFooter");
export const AlertDialogTitle = family.part("AlertDialogTitle");
export const AlertDialogDescription = family.part("AlertDialogDescription");
export const AlertDialogCancel = family.part("AlertDialogCancel");
