// Preloaded into an executor (`--import`): its wall clock goes CLOCK_SHIFT_MS wrong, and jumps to the other side at each
// SIGUSR2. Only the database's clock decides anything, so nothing may come of it.
const RealDate = globalThis.Date;
let offset = Number(process.env.CLOCK_SHIFT_MS ?? 0);
const jumps = [10_800_000, -10_800_000, 0];
let jumped = 0;
process.on("SIGUSR2", () => {
  offset = jumps[jumped % jumps.length];
  jumped += 1;
});
const now = () => RealDate.now() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});
