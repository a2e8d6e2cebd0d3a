import type { AddressInfo, Server } from "node:net";
import { createInterface } from "node:readline";

/** Tells the benchmark where a contender listens. */
export function sayPort(server: Server): void {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
}

/** Calls back for each line `EVENTS SERIAL` of standard input, and ends the process with it. */
export function onCommands(write: (events: number, serial: number) => void): void {
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const [events = 0, serial = 0] = line.split(" ").map(Number);
      write(events, serial);
    })
    .on("close", () => process.exit(0));
}
