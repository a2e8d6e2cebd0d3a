import type { Log, TopicOptions } from "../log/index.ts";
import type { Stream } from "./stream.ts";

/** The topic that takes what could not be processed. */
export function deadTopic(stream: Stream): string {
  return `${stream.ingestTopic}.dead`;
}

/** Makes the topics of a stream where they are missing. */
export async function ensureTopics(
  log: Log,
  stream: Stream,
  retention: Pick<TopicOptions, "retentionMs" | "retentionBytes">,
): Promise<void> {
  const { partitions } = stream;
  const topics = new Set([stream.ingestTopic, stream.topic, stream.finalTopic, deadTopic(stream)]);
  for (const topic of topics) {
    if (topic !== undefined) await log.createTopic(topic, { partitions, ...retention });
  }
  if (stream.tombstoneTopic !== undefined) {
    await log.createTopic(stream.tombstoneTopic, { partitions, ...retention, compacted: true });
  }
}
