/**
 * The server that a command talks to: `PENSTOCK_URL`, else where a server listens by default.
 *
 * @throws CommandError where `PENSTOCK_URL` is no address of a server
 */
export function targetUrl(
  env: NodeJS.ProcessEnv,
  otherwise: string = "http://127.0.0.1:8080",
): string {
  const url = env.PENSTOCK_URL ?? otherwise;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandError(
      `PENSTOCK_URL must be a server's address such as http://127.0.0.1:8080; it is ${JSON.stringify(url)}`,
    );
  }
  return url.replace(/\/+$/, "");
}

/** An error that a person reads: one line, and what to mend. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Asks the server. @throws CommandError where it cannot be reached */
export async function ask(url: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (caught) {
    throw new CommandError(
      `${new URL(url).origin} cannot be reached (${causeText(caught)}). Start a server with \`npm start\`, or say where one is with PENSTOCK_URL.`,
    );
  }
}

/** What went wrong on the way, in some words: what `fetch` throws says only that it failed. */
export function causeText(caught: unknown): string {
  if (!(caught instanceof Error)) return String(caught);
  const { cause } = caught;
  if (cause instanceof AggregateError) return causeText(cause.errors[0]);
  return cause instanceof Error && cause.message !== "" ? cause.message : caught.message;
}

/** What a problem document says, in one line. */
export async function problemText(response: Response): Promise<string> {
  const text = await response.text();
  let problem: Problem;
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    return `${response.url} answers ${response.status}, and no Penstock answers so: say where one is with PENSTOCK_URL.`;
  }
  return problemLine(problem, `${response.status} ${text.slice(0, 200)}`);
}

/** The members of a problem document, and of a refused line, that a person needs. */
export interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly {
    readonly path: string;
    readonly message: string;
    readonly did_you_mean?: string;
  }[];
}

/** Errors of one answer that are told one by one. */
const ERRORS_SHOWN = 20;

/**
 * A problem in one line: every error of it, each with its own suggestion.
 *
 * @param otherwise what is said of an answer that explains nothing
 */
export function problemLine({ code, detail, errors = [] }: Problem, otherwise = "refused"): string {
  if (code === undefined) return otherwise;
  const shown = errors.slice(0, ERRORS_SHOWN).map(({ path, message, did_you_mean: meant }) => {
    const sentence = `${path} ${message}.`.trim();
    return { sentence, hint: meant === undefined ? "" : ` Did you mean ${meant}?` };
  });
  // Servers put the first error into the detail: it is told once.
  const isTold = shown.some(({ sentence }) => sentence === detail);
  return [
    `${code}: ${isTold ? "" : (detail ?? (shown.length === 0 ? "refused" : ""))}`.trim(),
    ...shown.map(({ sentence, hint }) => `${sentence}${hint}`),
    ...(errors.length > ERRORS_SHOWN ? [`And ${errors.length - ERRORS_SHOWN} more.`] : []),
  ].join(" ");
}
