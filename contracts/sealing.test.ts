import { expect, test } from "vitest";
import { newPrivateKey, open, publicKey, publicPart, seal } from "./sealing.ts";

const place = { environment_id: "0197f1a0-0000-7000-8000-000000000001", name: "odoo_password" };

test("only the private key opens a sealed value, and each seal of it differs", async () => {
  const [mine, other] = [await newPrivateKey(), await newPrivateKey()];
  const key = { ...publicPart(mine), kid: mine.kid };
  const [first, second] = [await seal("pä$$w/rd", place, key), await seal("pä$$w/rd", place, key)];
  expect(first).not.toBe(second);
  expect(await open(first, place, [other, mine])).toBe("pä$$w/rd");
  await expect(open(first, place, [other])).rejects.toMatchObject({ code: "key_missing" });
  await expect(open(first, place, [{ ...other, kid: mine.kid }])).rejects.toMatchObject({ code: "seal_broken" });
});

test("a value sealed for another environment or name, or changed anywhere, is refused", async () => {
  const key = await newPrivateKey();
  const sealed = await seal("the-value", place, { ...publicPart(key), kid: key.kid });
  await expect(open(sealed, { ...place, name: "other" }, [key])).rejects.toMatchObject({ code: "seal_broken" });
  await expect(open(sealed, { ...place, environment_id: "0197f1a0-0000-7000-8000-000000000002" }, [key])).rejects.toMatchObject({ code: "seal_broken" });
  const [header = "", , iv, value, tag] = sealed.split(".");
  const renamed = Buffer.from(JSON.stringify({ ...(JSON.parse(Buffer.from(header, "base64url").toString()) as object), name: "other" })).toString("base64url");
  await expect(open([renamed, "", iv, value, tag].join("."), { ...place, name: "other" }, [key])).rejects.toMatchObject({ code: "seal_broken" });
  await expect(open("no.seal.at.all.here", place, [key])).rejects.toMatchObject({ code: "seal_broken" });
});

test("a private key is not taken for a public one", async () => {
  expect(publicKey.safeParse(await newPrivateKey()).success).toBe(false);
});
