// The line itself, in a thread of its own: a busy harness must not slow the database down. Told what to do by messages.
import { connect, createServer } from "node:net";
import { parentPort } from "node:worker_threads";

let target = 0;
let delay_ms = 0;
let healed = null;
let mend = () => {};
const open = new Set();

function pass(from, to) {
  let last = Promise.resolve();
  const calm = () => delay_ms === 0 && healed === null;
  let waiting = 0;
  from.on("data", (bytes) => {
    if (calm() && waiting === 0) {
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      return;
    }
    waiting += 1;
    from.pause(); // what is late keeps its order, and a cut line takes nothing more
    last = last.then(async () => {
      if (delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, delay_ms));
      while (healed !== null) await healed;
      if (!to.destroyed) to.write(bytes);
      waiting -= 1;
      from.resume();
    });
  });
  from.on("close", () => void last.then(() => to.destroy()));
  from.on("error", () => to.destroy());
}

const server = createServer((near) => {
  const far = connect({ port: target, host: "127.0.0.1" });
  for (const socket of [near, far]) {
    socket.setNoDelay(true);
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  }
  pass(near, far);
  pass(far, near);
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage({ port: server.address().port }));

parentPort.on("message", (told) => {
  if ("target" in told) target = told.target;
  if ("delay_ms" in told) delay_ms = told.delay_ms;
  if (told.cut) healed ??= new Promise((resolve) => { mend = resolve; });
  if (told.heal) {
    delay_ms = 0;
    healed = null;
    mend();
  }
  if (told.sever) for (const socket of open) socket.destroy();
});
