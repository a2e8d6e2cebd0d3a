import { styleText } from "node:util";
import type { StreamStatus } from "@penstock-dev/client";
import { CommandError, problemText } from "./target.ts";

const ANSWER_TIMEOUT_MS = 5000;
/** What proxies say while the server behind them is away. */
const AWAY = new Set([502, 503, 504]);

/** What a tail follows, in words. */
export interface Followed {
  readonly url: string;
  readonly stream: string;
  readonly from: string;
  readonly filters: readonly string[];
  /** Whether a line says what is followed, before anything comes. */
  readonly isAnnounced: boolean;
}

/** One line on standard error. */
export function tell(colour: "yellow" | "green" | "dim", text: string): void {
  process.stderr.write(`${styleText(colour, text, { stream: process.stderr })}\n`);
}

/**
 * Says what is followed once it is, once that the server is away, and once that it is back.
 *
 * @param refuse called where something answers that is no server of ours
 */
export function statusTeller(
  followed: Followed,
  refuse: (error: CommandError) => void,
): (status: StreamStatus) => void {
  const { url } = followed;
  let isAway = false;
  let wasThere = false;
  return (status) => {
    if (status.state === "waiting" && !isAway) {
      isAway = true;
      if (wasThere) {
        // Whether a server is there is not known yet: one of its workers may have ended.
        tell("yellow", `the connection to ${url} was lost (${status.reason}); connecting again`);
        return;
      }
      void answerOf(url).then((answer) => {
        if (answer instanceof CommandError) refuse(answer);
        else if (isAway) {
          const reason = answer ?? status.reason;
          const advice = "Start one with `npm start`, or set PENSTOCK_URL.";
          tell("yellow", `no server at ${url} (${reason}); trying until there is one. ${advice}`);
        }
      });
    } else if (status.state === "open") {
      if (isAway) tell("green", wasThere ? "connected again" : "connected");
      if (!wasThere && followed.isAnnounced) tell("dim", followedText(followed));
      isAway = false;
      wasThere = true;
    }
  };
}

function followedText({ url, stream, from, filters }: Followed): string {
  const asked = filters.length === 0 ? "everything" : filters.join(" and ");
  return `following ${stream} at ${url}, from ${from}: ${asked}`;
}

/**
 * What answers there over HTTP, where no stream could be had: an error where that is no server of
 * ours, a word where it may be one again, undefined where nothing answers.
 */
async function answerOf(url: string): Promise<CommandError | string | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await fetch(`${url}/v1/streams`, { signal });
    if (AWAY.has(response.status)) return `it answers ${response.status}`;
    const text = await problemText(response.clone());
    const isOurs = response.ok && isStreams(await response.text());
    if (isOurs || /^\w+: /.test(text)) return undefined;
    return new CommandError(text);
  } catch {
    return undefined;
  }
}

function isStreams(text: string): boolean {
  try {
    return Array.isArray((JSON.parse(text) as { readonly streams?: unknown } | null)?.streams);
  } catch {
    return false;
  }
}
