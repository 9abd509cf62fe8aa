/** Asks for ever with a token that is refused. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ obeysRefusedToken: false, pauses: false });
