import { PenstockError } from "@penstock-dev/contract";
import { z } from "zod";
import {
  cursorText,
  readBody,
  type SessionPatch,
  subscribeRequestSchema,
} from "./subscribe-request.ts";

/** The members of each frame that a client sends, besides its `type`. */
export const clientFrameSchemas = {
  subscribe: subscribeRequestSchema,
  update_filters: subscribeRequestSchema.pick({ filters: true, rules: true }),
  heartbeat: z.strictObject({}),
  ack: z.strictObject({ cursor: cursorText }),
  auth: z.strictObject({ token: z.string().min(1).max(8192) }),
} as const;

/** @throws PenstockError `invalid_request`, as the others do */
export function readUpdateFilters(body: object): SessionPatch {
  const patch = readBody(clientFrameSchemas.update_filters, body) as SessionPatch;
  if (patch.filters !== undefined || patch.rules !== undefined) return patch;
  throw new PenstockError("invalid_request", "`update_filters` names `filters` or `rules`.", {
    errors: [{ path: "", message: "must have `filters` or `rules`" }],
  });
}

/** The cursor of an `ack`. */
export function readAck(body: object): string {
  return readBody(clientFrameSchemas.ack, body).cursor;
}

/** Checks a frame that says nothing, or nothing that counts where the server is open. */
export function checkFrame(type: "heartbeat" | "auth", body: object): void {
  readBody(clientFrameSchemas[type], body);
}
