/** The bodies and frames that come in: where their schemas are, held to the contract's types. */
import type { ClientFrame, SubscribeRequest } from "@penstock-dev/contract";
import { z } from "zod";
import {
  clientFrameSchemas,
  type SessionPatch,
  sessionPatchSchema,
  subscribeRequestSchema,
} from "../../deliver/index.ts";
import { type Agrees, agreed } from "./agreement.ts";

/** What a filter holds is the stream's matter, and is checked against its fields. */
type Unfiltered<T> = Omit<T, "filters" | "rules">;
type Frame<N extends ClientFrame["type"]> = Extract<ClientFrame, { readonly type: N }>;
type Body<N extends ClientFrame["type"]> = Omit<Frame<N>, "type">;

agreed<Agrees<Unfiltered<z.output<typeof subscribeRequestSchema>>, Unfiltered<SubscribeRequest>>>();
agreed<
  Agrees<Omit<Unfiltered<z.output<typeof sessionPatchSchema>>, "api_key">, Unfiltered<SessionPatch>>
>();
agreed<Agrees<z.output<(typeof clientFrameSchemas)["ack"]>, Body<"ack">>>();
agreed<Agrees<z.output<(typeof clientFrameSchemas)["auth"]>, Body<"auth">>>();
agreed<Agrees<z.output<(typeof clientFrameSchemas)["heartbeat"]>, Body<"heartbeat">>>();
agreed<
  Agrees<
    keyof z.output<(typeof clientFrameSchemas)["update_filters"]>,
    keyof Body<"update_filters">
  >
>();
agreed<Agrees<keyof typeof clientFrameSchemas, ClientFrame["type"]>>();

/** The body of `POST /v1/stream/preview`. */
export const previewRequestSchema = subscribeRequestSchema.pick({
  api_key: true,
  stream: true,
  filters: true,
  rules: true,
});

/** A client's frame with its `type`. */
export const clientFrameSchema = z.discriminatedUnion("type", [
  clientFrameSchemas.subscribe.extend({ type: z.literal("subscribe") }),
  clientFrameSchemas.update_filters.extend({ type: z.literal("update_filters") }),
  clientFrameSchemas.heartbeat.extend({ type: z.literal("heartbeat") }),
  clientFrameSchemas.ack.extend({ type: z.literal("ack") }),
  clientFrameSchemas.auth.extend({ type: z.literal("auth") }),
]);

export { sessionPatchSchema, subscribeRequestSchema };
