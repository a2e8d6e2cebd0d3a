/**
 * What both ends agree on: events, frames, cursors, codes, errors and the Domain interface. Has no
 * dependencies and touches nothing but its arguments, so that the browser gets it as it is. The
 * prose that these types follow is PROTOCOL.md.
 */
export * from "./codes.ts";
export * from "./crc32.ts";
export * from "./cursor.ts";
export * from "./domain.ts";
export * from "./errors.ts";
export * from "./event.ts";
export * from "./field-errors.ts";
export * from "./frames.ts";
export * from "./source.ts";
export * from "./text.ts";
export * from "./units.ts";
