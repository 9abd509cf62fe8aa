import { scenario, seen } from "./scenario.ts";
import { seconds } from "./trace.ts";

const patienceSeconds = 10;

export const badToken = scenario({
  name: "a token that is refused",
  rules: {
    refused_token_ends: { must: `with a token that is refused it ends within ${patienceSeconds} s, with an error`, because: "whoever started it must see that it does no work" },
    refused_token_no_loop: { must: "it asks at most five times with a token that is refused", because: "a wrong setting must not become an attack" },
  },
  async play(stage) {
    const { proxy, executor } = await stage.start(undefined, { CONTROL_ROOM_TOKEN: `lcx_${"x".repeat(43)}` });
    const from = performance.now();
    await proxy.until(() => executor.ended() !== null || proxy.record.length > 5, patienceSeconds);
    const end = executor.ended();
    const asked = proxy.record.length;
    return {
      refused_token_ends: seen(`exit code ${end?.code ?? "?"} after ${seconds(performance.now() - from)}`, end === null && `it still runs after ${asked} requests`, end !== null && end.code === 0 && "it ended with exit code 0",
        end !== null && asked === 0 && `it ended before it asked: ${executor.log().slice(-300)}`),
      refused_token_no_loop: seen(`${asked} requests`, asked > 5 && `it asked more than five times in ${seconds(performance.now() - from)}`),
    };
  },
});
