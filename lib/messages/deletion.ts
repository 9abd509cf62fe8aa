import type { ReactNode } from "react";
import { catalogue, rich } from "./catalogue";

export const words = catalogue({
  deleteScope: {
    kind: { environment: "environment", project: "project", organization: "organization", account: "your account" },
    deleteYourAccount: "Delete your account",
    deleteThe: (kind: string, name: string) => `Delete the ${kind} ${name}`,
    theControlRoomDidNot: "The control room did not answer. Load the page again to see whether it is gone.",
    itHoldsNothing: "It holds nothing.",
    withItGoes: (counted: string) => `With it goes what belongs to it. ${counted}.`,
    typeToConfirm: (typedName: ReactNode) => rich`Type ${typedName} to confirm`,
    delete: "Delete",
  },
  page: {
    whatIsDeletedHere: "What is deleted here is gone for everybody at once and cannot be brought back. The audit log stays.",
  },
});
