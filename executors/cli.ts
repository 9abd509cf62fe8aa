import { exit } from "./cli/output.ts";
import { main } from "./cli/main.ts";

// `control-room run list | head` closes the pipe: that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exit.ok);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));
