import { readFile } from "node:fs/promises";
import { ControlRoomError } from "../../contracts/error.ts";

/** The text of a file that somebody named. Throws `invalid_input`. */
export function readInputFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(file, error);
  });
}

export function unreadable(file: string, error: unknown): ControlRoomError {
  return new ControlRoomError("invalid_input", `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
