import { expect, test } from "vitest";
import { phaseStatuses } from "@/contracts/run.ts";
import { isShown } from "./timeline-tools.tsx";

test("what is done can be hidden, and what failed be shown alone", () => {
  const shown = (show: "all" | "open" | "failed") => phaseStatuses.filter((status) => isShown({ status }, show));
  expect([shown("all"), shown("open"), shown("failed")]).toEqual([[...phaseStatuses], ["pending", "running", "failed"], ["failed"]]);
});
