/** The digits of an event's serial: always as many, so that all frames are equally long. */
export const SERIAL_DIGITS = 9;

/** What stands before the serial in every event, whoever serves it. */
export const SERIAL_MARK = '"id":"b';

/** What stands before the time of publishing, in microseconds of the monotonic clock, where it is asked for. */
export const TIME_MARK = '"text":"@';
export const TIME_DIGITS = 15;

const WORDS = "and so on about what moves today in the markets of the world, as usual, ";

/** An identity that is a serial. */
export function eventId(serial: number): string {
  return `b${String(serial).padStart(SERIAL_DIGITS, "0")}`;
}

/** Microseconds of the machine's monotonic clock, which all processes share. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/**
 * A post as it is published, whose event is served in a frame of some 300 bytes. An author's posts
 * are in order for everybody, so each hashtag has an author of its own.
 *
 * @param micros when it is published, on the monotonic clock
 */
export function post(
  serial: number,
  hashtag = "bench",
  micros = nowMicros(),
): Record<string, string> {
  const stamp = `@${String(micros).padStart(TIME_DIGITS, "0")}`;
  const text = `${stamp} #${hashtag} `.padEnd(TEXT_LENGTH, WORDS).slice(0, TEXT_LENGTH);
  return { id: eventId(serial), user_id: hashtag, text, timestamp: TIMESTAMP };
}

/** A post that no client has asked for, of the usual length. */
export function filler(number: number): Record<string, string> {
  const text = `#filler${number % 1000} `.padEnd(TEXT_LENGTH, WORDS);
  return { id: `f${number}`, user_id: `author${number % 1000}`, text, timestamp: TIMESTAMP };
}

const TEXT_LENGTH = 74;
const TIMESTAMP = "2026-01-01T00:00:00.000Z";

/**
 * The payload of an event, as long as asked for, for contenders that make it themselves; the serial
 * stands behind the first SERIAL_MARK, all zeros.
 */
export function eventTemplate(bytes: number): string {
  const head = `{"event_type":"new_tweet","position":"0:00000","at":1767225600000,${SERIAL_MARK}${"0".repeat(SERIAL_DIGITS)}","tweet":{"id":"x","user_id":"author1","text":"`;
  const tail = `","timestamp":"${TIMESTAMP}","hashtags":["#bench"],"retweet_id":null}}`;
  return head + WORDS.repeat(100).slice(0, Math.max(0, bytes - head.length - tail.length)) + tail;
}

/** An event's payload with its serial put in. */
export function withSerial(template: string, serial: number): string {
  const at = template.indexOf(SERIAL_MARK) + SERIAL_MARK.length;
  const digits = String(serial).padStart(SERIAL_DIGITS, "0");
  return template.slice(0, at) + digits + template.slice(at + SERIAL_DIGITS);
}
