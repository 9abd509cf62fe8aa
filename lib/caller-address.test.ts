import { expect, test } from "vitest";
import { readCaller, sayCaller } from "@/contracts/caller-address.ts";
import { callerAddress } from "./caller-address.ts";

test.each([
  [0, "1.1.1.1", null],
  [1, "1.1.1.1", "1.1.1.1"],
  [1, "6.6.6.6, 1.1.1.1", "1.1.1.1"],
  [2, "6.6.6.6, 1.1.1.1, 10.0.0.1", "1.1.1.1"],
  [2, "10.0.0.1", null],
  [1, "6.6.6.6, unknown", null],
  [1, "2001:db8::1", "2001:db8::1"],
])("of %i trusted proxies, X-Forwarded-For %j says %j: what a caller writes itself counts for nothing", (proxies, header, address) => {
  expect(callerAddress(new Headers({ "x-forwarded-for": header }), proxies)).toBe(address);
});

test("an address is believed from who knows the secret, and as it was said", () => {
  const secret = "a-secret-of-the-stack";
  const said = sayCaller("1.1.1.1", secret);
  expect(readCaller(said, secret)).toBe("1.1.1.1");
  for (const forged of [undefined, "", "1.1.1.1", said.replace("1.1.1.1", "2.2.2.2"), sayCaller("1.1.1.1", "another"), sayCaller("everybody", secret), `${said}x`]) expect(readCaller(forged, secret), forged).toBeNull();
});
