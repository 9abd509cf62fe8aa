import { existsSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";

const systemPaths = [
  "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome-stable", "/usr/bin/google-chrome", "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
const libraryFolders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64", "/lib"];

/** A Chromium: the one that is named, Playwright's own, the system's, or the one that npm brings for Linux. Throws where there is none. */
export async function chromiumPath(): Promise<string> {
  const named = process.env.PLAYWRIGHT_CHROMIUM_PATH;
  if (named) {
    if (!existsSync(named)) throw new Error(`PLAYWRIGHT_CHROMIUM_PATH names ${named}, which does not exist.`);
    return named;
  }
  const found = [chromium.executablePath(), ...systemPaths].find((path) => existsSync(path));
  if (found !== undefined) return found;
  // It is built for AWS's Linux and unpacks NSS, which it needs, only where it believes to be there.
  if (!libraryFolders.some((folder) => existsSync(`${folder}/libnss3.so`))) process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs20.x";
  // It unpacks into the system's temporary folder, where what another user unpacked cannot be started: each has a folder.
  const usual = process.env.TMPDIR;
  process.env.TMPDIR = join(tmpdir(), `control-room-chromium-${userInfo().uid}`);
  try {
    mkdirSync(process.env.TMPDIR, { recursive: true, mode: 0o700 });
    const { default: packaged } = await import("@sparticuz/chromium");
    return await packaged.executablePath();
  } catch (cause) {
    throw new Error("No Chromium was found. Set PLAYWRIGHT_CHROMIUM_PATH, or run `npx playwright install chromium`.", { cause });
  } finally {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  }
}
