import { expect, test } from "vitest";
import { csvLine } from "./csv.ts";

test("a cell that a spreadsheet would compute stays text, and quotes, commas and breaks stay in their cell", () => {
  expect(csvLine(["=HYPERLINK(\"x\")", "+1", "-1", "@a", "\ta", "\ra"])).toBe(`"'=HYPERLINK(""x"")",'+1,'-1,'@a,'\ta,"'\ra"\r\n`);
  expect(csvLine(["a=b", null, "a,b", "a\nb", "say \"it\""])).toBe(`a=b,,"a,b","a\nb","say ""it"""\r\n`);
});
