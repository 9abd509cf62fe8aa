// Plain JavaScript without packages: `npm start` asks who runs before anything is installed or built.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

export function startedAt(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The name in parentheses may itself hold spaces and parentheses: fields are counted behind the last one.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z" || fields[0] === "X") return null;
      return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}:${fields[19]}`;
    } catch {
      return null; // gone, or going: the same answer
    }
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return null;
  }
  if (process.platform === "win32") return "unknown";
  try {
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", timeout: 5000 });
    return text.trim() || null;
  } catch {
    return null; // ps answers 1 where the pid is gone
  }
}

export function isRunning({ pid, started }) {
  return startedAt(pid) === started;
}

export function readHolder(data_dir) {
  let lock;
  try {
    lock = JSON.parse(readFileSync(path.join(data_dir, "lock.json"), "utf8"));
  } catch (error) {
    // Absent, or not JSON: no program of ours wrote it whole.
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error instanceof SyntaxError) return null;
    throw error;
  }
  if (typeof lock?.pid !== "number" || typeof lock.started !== "string" || !isRunning(lock)) return null;
  return { pid: lock.pid, started: lock.started, since: lock.since ?? "an unknown time", app_url: lock.app_url ?? null };
}

export function describeHolder(data_dir, holder) {
  const where = holder.app_url === null ? "still starting" : `at ${holder.app_url}`;
  return {
    message: `The control room of ${data_dir} is already running: pid ${holder.pid}, ${where}, since ${holder.since}.`,
    remedy: `Use that one, stop it with \`kill ${holder.pid}\`, or set CONTROL_ROOM_DATA_DIR to another folder.`,
  };
}

export function dataFolder(root, environment = process.env) {
  return path.resolve(root, environment.CONTROL_ROOM_DATA_DIR?.trim() || ".data");
}
