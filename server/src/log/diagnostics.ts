import { channel } from "node:diagnostics_channel";

const logChannel = channel("penstock.log");

/** Says something to whoever listens to logs. Never called for each record. */
export function publishLog(
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  if (logChannel.hasSubscribers) logChannel.publish({ level, msg: message, ...fields });
}
