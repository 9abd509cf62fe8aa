import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { s3Client } from "../s3-client.ts";
import { s3Settings } from "../s3-settings.ts";

const VERSION = "v1.8.0";

export interface S3Server {
  endpoint: string;
  /** What `openStorage("s3://lake/…")` needs. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** A real S3 server (versitygw, built once with Go) on a free port of this machine, with the bucket `lake`. */
export async function startS3Server(): Promise<S3Server> {
  const binary = versitygw();
  const folder = await mkdtemp(join(tmpdir(), "s3-server-"));
  await mkdir(join(folder, "buckets"));
  const port = await freePort();
  const key = { id: "control-room", secret: crypto.randomUUID() };
  const child = spawn(binary, ["--port", `127.0.0.1:${port}`, "--quiet", "--keep-alive", "posix", join(folder, "buckets")], {
    env: { ROOT_ACCESS_KEY: key.id, ROOT_SECRET_KEY: key.secret, PATH: process.env["PATH"] }, stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    // It would wait for open connections; what it holds goes with its folder.
    child.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listening(port, () => child.exitCode);
    const endpoint = `http://127.0.0.1:${port}`;
    const env = { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: key.id, AWS_SECRET_ACCESS_KEY: key.secret };
    await s3Client(s3Settings("s3://lake", env)).call({ method: "PUT", expect: [] });
    return { endpoint, env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function versitygw(): string {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lakehouse-control-room", `versitygw-${VERSION}`);
  const binary = join(folder, process.platform === "win32" ? "versitygw.exe" : "versitygw");
  if (!existsSync(binary)) {
    execFileSync("go", ["install", `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
      env: { ...process.env, GOBIN: folder, GOFLAGS: "-modcacherw", CGO_ENABLED: "0" }, stdio: "inherit", timeout: 600_000,
    });
  }
  return binary;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listening(port: number, exitCode: () => number | null): Promise<void> {
  for (let tried = 0; ; tried += 1) {
    const socket = connect(port, "127.0.0.1");
    const answered = await new Promise<boolean>((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    socket.destroy();
    if (answered) return;
    if (exitCode() !== null || tried > 200) throw new Error("the S3 server did not start");
    await wait(50);
  }
}
