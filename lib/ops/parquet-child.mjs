// @ts-check
// The process that reads one Parquet file of somebody's: it asks its parent for bytes, and says what the first rows are.
import { previewParquet } from "./parquet-preview.mjs";

/**
 * From now on this process makes typed arrays of at most so many bytes, all together, freed or not: a page that is said to have two
 * gigabytes fails before it costs anything. V8 limits the heap beside them (--max-old-space-size), and counts none of these.
 * @param {number} bytes
 */
function limitTypedArrays(bytes) {
  let left = bytes;
  for (const name of ["ArrayBuffer", "Int8Array", "Uint8Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"]) {
    const kind = /** @type {Record<string, any>} */ (globalThis)[name];
    Object.assign(globalThis, { [name]: new Proxy(kind, {
      construct(target, args, called) {
        if (typeof args[0] === "number") left -= args[0] * (kind.BYTES_PER_ELEMENT ?? 1);
        if (!(left >= 0)) throw new RangeError(`More than ${bytes} bytes would be needed.`);
        return Reflect.construct(target, args, called);
      },
    }) });
  }
}

/** @type {Map<number, (bytes: ArrayBuffer) => void>} */
const waiting = new Map();
let asked = 0;

process.on("message", (/** @type {import("./parquet-sandbox.ts").ToChild} */ message) => {
  if ("bytes" in message) {
    waiting.get(message.id)?.(new Uint8Array(message.bytes).buffer);
    waiting.delete(message.id);
    return;
  }
  const { byteLength, allocated_bytes, size } = message;
  limitTypedArrays(allocated_bytes);
  /** @param {number} start @param {number} [end] @returns {Promise<ArrayBuffer>} */
  const slice = (start, end = byteLength) => new Promise((resolve) => {
    asked += 1;
    waiting.set(asked, resolve);
    process.send?.({ ask: { id: asked, start, end } });
  });
  // No Parquet after all, or a codec that only the engine knows: nothing to show.
  previewParquet({ byteLength, slice }, size).then((table) => process.send?.({ table }), () => process.send?.({ table: null }));
});
process.once("disconnect", () => process.exit());
