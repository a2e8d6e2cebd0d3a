/** A process of its own that can be woken, and tells its parent when it is. */
import { existsSync, readdirSync } from "node:fs";
import { Wake } from "./wake.ts";

const [folder = ""] = process.argv.slice(2);
const wake = new Wake({
  folder,
  intervalMs: 0,
  woken: (moved) => process.send?.(moved === "anything" ? "anything" : "moved"),
  failed: () => process.exit(1),
});
const isThere = (name: string): boolean =>
  name.startsWith(`${process.pid}-`) && !name.includes(".");
while (!existsSync(folder) || !readdirSync(folder).some(isThere))
  await new Promise((done) => setTimeout(done, 1));
process.send?.(`listening, ${wake.peers} peers`);
// What wakes keeps no process alive.
process.on("disconnect", () => process.exit());
