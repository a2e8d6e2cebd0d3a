/** The server that a command talks to. */
export function targetUrl(env: NodeJS.ProcessEnv): string {
  return (env.PENSTOCK_URL ?? "http://127.0.0.1:8080").replace(/\/+$/, "");
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
    const cause =
      caught instanceof Error && caught.cause instanceof Error
        ? caught.cause.message
        : String(caught);
    throw new CommandError(
      `${new URL(url).origin} cannot be reached (${cause}). Start a server with \`npm start\`, or say where one is with PENSTOCK_URL.`,
    );
  }
}

/** What a problem document says, in one line. */
export async function problemText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as {
      code?: string;
      detail?: string;
      errors?: { path: string; message: string; did_you_mean?: string }[];
    };
    const meant = problem.errors?.find((error) => error.did_you_mean !== undefined)?.did_you_mean;
    return `${problem.code ?? response.status}: ${problem.detail ?? text}${meant === undefined ? "" : ` Did you mean ${meant}?`}`;
  } catch {
    return `${response.status} ${text.slice(0, 200)}`;
  }
}
