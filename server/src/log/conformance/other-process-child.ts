/** A process of its own that does with a log what its parent asks. */
import { PenstockError } from "@penstock-dev/contract";
import type { LogFixture } from "./fixture.ts";
import type { Answer, Request } from "./other-process.ts";

const [module = "", place = ""] = process.argv.slice(2);
const { fixture } = (await import(module)) as { readonly fixture: LogFixture };
const log = await fixture.open(place, Date.now);
const waiting = new Map<number, AbortController>();

const send = (answer: Answer): void => {
  process.send?.(answer);
};

process.on("message", (message) => {
  const request = message as Request;
  if ("abort" in request) waiting.get(request.id)?.abort();
  else void answer(request);
});

async function answer({ id, method, args }: Extract<Request, { method: string }>): Promise<void> {
  const all = [...args];
  if (method === "waitForMore") {
    const controller = new AbortController();
    waiting.set(id, controller);
    all.push(controller.signal);
  }
  try {
    const asked = log[method as keyof typeof log] as (...args: unknown[]) => Promise<unknown>;
    send({ id, result: await asked.apply(log, all) });
  } catch (caught) {
    const { code, message } = PenstockError.from(caught);
    send({ id, error: { code, message } });
  }
  waiting.delete(id);
}

process.once("SIGTERM", () => {
  void log[Symbol.asyncDispose]().then(() => process.disconnect());
});
send({ id: 0 });
