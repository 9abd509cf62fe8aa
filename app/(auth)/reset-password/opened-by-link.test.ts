import { expect, test } from "vitest";
import { openedByLink } from "./opened-by-link.ts";

const now = 1_800_000_000_000;
const at = (method: string, secondsAgo: number) => ({ method, timestamp: now / 1000 - secondsAgo });

test.each(["otp", "recovery", "magiclink", "invite"])("a session that a mailed link opened (%s) chooses a password within the hour", (method) => {
  expect(openedByLink([at(method, 60)], now)).toBe(true);
  expect(openedByLink([at("password", 7200), at(method, 60)], now)).toBe(true);
  expect(openedByLink([at(method, 3601)], now)).toBe(false);
});

test.each([undefined, null, "otp", [], ["otp"], [null], [at("password", 1)], [{ method: "otp" }], [{ method: "otp", timestamp: "now" }]])("any other session has to say the present one: %j", (amr) => {
  expect(openedByLink(amr, now)).toBe(false);
});
