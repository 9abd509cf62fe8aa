import { createHmac, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";

/** The header in which the web app tells the local auth server for whom it asks, so that each caller is counted by itself. */
export const callerHeader = "x-control-room-caller";

const proofOf = (address: string, secret: string): string => createHmac("sha256", secret).update(`caller ${address}`).digest("base64url");

/** The header's value: an address, and the proof that one who knows the secret says so. */
export function sayCaller(address: string, secret: string): string {
  return `${address} ${proofOf(address, secret)}`;
}

/** The address that was said; null where that is no address, or anybody could have said it. */
export function readCaller(said: string | undefined, secret: string): string | null {
  const [address = "", proof = ""] = said?.split(" ") ?? [];
  const [given, wanted] = [Buffer.from(proof), Buffer.from(proofOf(address, secret))];
  return isIP(address) > 0 && given.length === wanted.length && timingSafeEqual(given, wanted) ? address : null;
}
