/** Makes a new event_id each time that it sends an event. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ keepsEventIds: false });
