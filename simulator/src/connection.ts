import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { WebSocket } from "ws";

/** One connection of a client of the swarm, whatever it speaks. */
export interface Connection {
  /** Cuts the connection where it is: nobody is told. */
  cut(): void;
  /** Stops reading, so that what the server sends piles up. */
  pause(): void;
  resume(): void;
  /** Sends a frame, where the transport has a way to. */
  send(frame: object): boolean;
}

/** What a connection tells its client. */
export interface ConnectionHandler {
  readonly opened: () => void;
  readonly frame: (text: string) => void;
  /** @param code a WebSocket close code; 1006 where there was no close */
  readonly closed: (code: number) => void;
}

/** The transports that the swarm speaks. */
export type TransportName = "websocket" | "sse" | "ndjson";

/** Connects by one of the transports. @param path of a session, or of `/live` */
export function openConnection(
  transport: TransportName,
  base: string,
  paths: { readonly socket: string; readonly events: string },
  handler: ConnectionHandler,
): Connection {
  if (transport === "websocket") return openSocket(`${base}${paths.socket}`, handler);
  return openResponse(transport, `${base}${paths.events}`, handler);
}

function openSocket(url: string, handler: ConnectionHandler): Connection {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  let raw: Socket | undefined;
  socket.on("upgrade", (response) => {
    raw = response.socket;
  });
  socket.on("open", handler.opened);
  socket.on("message", (data) => handler.frame(String(data)));
  socket.on("error", () => undefined);
  socket.on("close", handler.closed);
  return {
    cut: () => {
      raw?.destroy();
      socket.terminate();
    },
    pause: () => void raw?.pause(),
    resume: () => void raw?.resume(),
    send: (frame) => {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
  };
}

function openResponse(
  transport: "sse" | "ndjson",
  url: string,
  handler: ConnectionHandler,
): Connection {
  const accept = transport === "sse" ? "text/event-stream" : "application/x-ndjson";
  const outgoing: ClientRequest = request(url, { headers: { accept }, agent: false });
  let incoming: IncomingMessage | undefined;
  let over = false;
  const end = (): void => {
    if (!over) handler.closed(1006);
    over = true;
  };
  outgoing.on("response", (response) => {
    incoming = response;
    if (response.statusCode !== 200) {
      response.resume();
      return end();
    }
    handler.opened();
    const take = transport === "sse" ? sseReader(handler.frame) : ndjsonReader(handler.frame);
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      if (!over) take(chunk);
    });
    response.on("close", end);
    response.on("error", end);
  });
  outgoing.on("error", end);
  outgoing.end();
  return {
    cut: () => {
      outgoing.destroy();
      incoming?.destroy();
      end();
    },
    pause: () => void incoming?.pause(),
    resume: () => void incoming?.resume(),
    send: () => false,
  };
}

/** Calls back with each whole line: one that is cut off is no frame. */
function lineReader(take: (line: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  };
}

function ndjsonReader(frame: (text: string) => void): (chunk: string) => void {
  return lineReader((line) => {
    if (line !== "") frame(line);
  });
}

/** The data of each message of an event stream (WHATWG HTML §9.2). */
function sseReader(frame: (text: string) => void): (chunk: string) => void {
  let data: string[] = [];
  return lineReader((line) => {
    if (line.startsWith("data: ")) data.push(line.slice(6));
    if (line !== "") return;
    if (data.length > 0) frame(data.join("\n"));
    data = [];
  });
}
