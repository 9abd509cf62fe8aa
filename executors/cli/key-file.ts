import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { ControlRoomError } from "../../contracts/error.ts";
import { privateKeySet, type PrivateKey } from "../../contracts/sealing.ts";

/** The private keys in a file (a JSON Web Key Set); none where there is no file. Throws ControlRoomError `not_configured`, which shows nothing of it. */
export async function readKeyFile(file: string): Promise<PrivateKey[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new ControlRoomError("not_configured", `${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  try {
    return privateKeySet.parse(JSON.parse(text)).keys;
  } catch {
    // The cause may hold a part of the key.
    throw new ControlRoomError("not_configured", `${file} is not a JSON Web Key Set with private X25519 keys.`);
  }
}

/** Adds a key to the file, or makes it, with mode 0600; whoever reads it meanwhile sees the old or the new one. */
export async function addToKeyFile(file: string, key: PrivateKey): Promise<void> {
  const keys = [...(await readKeyFile(file)).filter((each) => each.kid !== key.kid), key];
  await replaceKeyFile(file, keys);
}

export async function removeFromKeyFile(file: string, kid: string): Promise<void> {
  await replaceKeyFile(file, (await readKeyFile(file)).filter((each) => each.kid !== kid));
}

async function replaceKeyFile(file: string, keys: PrivateKey[]): Promise<void> {
  const fresh = `${file}.${randomUUID()}`;
  try {
    await writeFile(fresh, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new ControlRoomError("not_configured", `${file} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
  }
}
