import { type ErrorCode, type FieldError, PenstockError } from "@penstock-dev/contract";

/** The end of a pipe between two processes: a child as its parent sees it, or the process itself. */
export interface ProcessEnd {
  send(message: unknown): void;
  onMessage(take: (message: unknown) => void): void;
}

/** What one process may call in another, by name. */
export type Handlers = Readonly<Record<string, (body: never) => Promise<unknown> | unknown>>;

interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly retryAfterMs: number | undefined;
}

type Message =
  | { readonly call: string; readonly id: number; readonly body: unknown }
  | { readonly answers: number; readonly value: unknown }
  | { readonly answers: number; readonly problem: Problem };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (caught: unknown) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Calls between two processes over the pipe that a fork gives them, in both directions. */
export class ProcessChannel {
  readonly #end: ProcessEnd;
  readonly #handlers: Handlers;
  readonly #waiting = new Map<number, Waiting>();
  readonly #unsent: Message[] = [];
  #nextId = 1;
  #isClosed = false;

  constructor(end: ProcessEnd, handlers: Handlers) {
    this.#end = end;
    this.#handlers = handlers;
    end.onMessage((messages) => {
      for (const message of messages as readonly Message[]) this.#take(message);
    });
  }

  /** Whether the other process is gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Calls the other process.
   *
   * @param timeoutMs left out: it is waited for as long as the other process lives
   * @throws PenstockError what it threw, or `storage_unavailable` where it is gone, or does not answer in time
   */
  async call<T>(name: string, body: unknown, timeoutMs?: number): Promise<T> {
    if (this.#isClosed) throw gone(name);
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const expired = (): void => {
      this.#waiting.delete(id);
      reject(gone(name));
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(expired, timeoutMs);
    this.#waiting.set(id, { resolve, reject, timer });
    this.#send({ call: name, id, body });
    return (await promise) as T;
  }

  /** The other process is gone: whoever waits for it need not. */
  close(): void {
    this.#isClosed = true;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(gone("the call"));
    }
    this.#waiting.clear();
  }

  #take(message: Message): void {
    if ("call" in message) {
      void this.#answer(message);
      return;
    }
    const waiting = this.#waiting.get(message.answers);
    if (waiting === undefined) return;
    this.#waiting.delete(message.answers);
    clearTimeout(waiting.timer);
    if ("value" in message) waiting.resolve(message.value);
    else {
      const { code, detail, errors, retryAfterMs } = message.problem;
      const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
      waiting.reject(new PenstockError(code, detail, { errors: [...errors], ...retry }));
    }
  }

  async #answer({ call, id, body }: Extract<Message, { readonly call: string }>): Promise<void> {
    let answer: Message;
    try {
      const handler = this.#handlers[call];
      if (handler === undefined) throw new PenstockError("internal", `Nothing answers ${call}.`);
      answer = { answers: id, value: await handler(body as never) };
    } catch (caught) {
      answer = { answers: id, problem: problemOf(caught) };
    }
    this.#send(answer);
  }

  /** What is said within one turn goes together. */
  #send(message: Message): void {
    this.#unsent.push(message);
    if (this.#unsent.length > 1) return;
    setImmediate(() => {
      const messages = this.#unsent.splice(0);
      if (this.#isClosed) return;
      try {
        this.#end.send(messages);
      } catch {
        for (const one of messages) this.#sendAlone(one);
      }
    });
  }

  /** What cannot be sent fails its own call, and no other. */
  #sendAlone(message: Message): void {
    try {
      this.#end.send([message]);
    } catch (caught) {
      const problem = problemOf(caught);
      if ("call" in message) this.#take({ answers: message.id, problem });
      else this.#end.send([{ answers: message.answers, problem }]);
    }
  }
}

function problemOf(caught: unknown): Problem {
  const { code, message: detail, errors, retryAfterMs } = PenstockError.from(caught);
  return { code, detail, errors, retryAfterMs };
}

/** Whether a call failed because the other process is gone, or did not answer in time. */
export function isUnanswered(caught: unknown): boolean {
  return caught instanceof PenstockError && caught.code === "storage_unavailable";
}

function gone(name: string): PenstockError {
  return new PenstockError("storage_unavailable", `The process did not answer ${name}.`, {
    retryAfterMs: 1000,
  });
}
