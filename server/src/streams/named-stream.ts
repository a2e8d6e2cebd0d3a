import { PenstockError } from "@penstock-dev/contract";
import type { Stream } from "./stream.ts";

/** The stream of a name. @throws PenstockError `unknown_stream`, naming those that there are */
export function namedStream(streams: ReadonlyMap<string, Stream>, name: string): Stream {
  const stream = streams.get(name);
  if (stream !== undefined) return stream;
  const known = [...streams.keys()].join(", ");
  throw new PenstockError(
    "unknown_stream",
    `There is no stream ${JSON.stringify(name)}; there are ${known}.`,
  );
}
