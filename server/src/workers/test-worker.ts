/** A worker that serves nothing, for the tests of the pool: what it is started with says what it does. */
import { linkToParent } from "./worker-link.ts";

interface Start {
  readonly fails: boolean;
  readonly hangs: boolean;
}

linkToParent(
  {
    start: ({ fails, hangs }: Start) => {
      if (fails) throw new Error("it cannot start");
      if (hangs) return new Promise(() => undefined);
      return { url: "http://127.0.0.1:1", port: 1 };
    },
    pid: () => process.pid,
    stop: () => {
      setImmediate(() => process.exit(0));
    },
  },
  () => process.exit(0),
);
process.on("SIGTERM", () => process.exit(0));
