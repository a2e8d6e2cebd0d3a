import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import * as ws from "ws";
import { clientFrame } from "../../../../test/transports/drivers.ts";
import { BrokenFrame } from "./close-code.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";

const LIMITS = { frameBytesMax: 4096, fragmentsMax: 8 };

/** What a reader told, in order, and the code that it ended with. */
interface Heard {
  readonly told: string[];
  code: number | undefined;
}

class Listener implements FrameSink {
  readonly told: string[] = [];
  text(text: string): void {
    this.told.push(`text ${text}`);
  }
  binary(): void {
    this.told.push("binary");
  }
  ping(payload: Buffer): void {
    this.told.push(`ping ${payload.toString("hex")}`);
  }
  pong(payload: Buffer): void {
    this.told.push(`pong ${payload.toString("hex")}`);
  }
  closeFrame(code: number, reason: string): void {
    this.told.push(`close ${code} ${reason}`);
  }
}

/** Reads pieces, which are copied: a reader unmasks in place. */
function read(pieces: readonly Buffer[], compression = false, limits = LIMITS): Heard {
  const listener = new Listener();
  const reader = new FrameReader(listener, limits, compression);
  try {
    for (const piece of pieces) reader.feed(Buffer.from(piece));
  } catch (caught) {
    assert.ok(caught instanceof BrokenFrame, String(caught));
    assert.ok(Buffer.byteLength(caught.message) <= 123);
    reader.feed(Buffer.from([0x00]));
    return { told: listener.told, code: caught.code };
  }
  return { told: listener.told, code: undefined };
}

const bytesOf = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]));
const text = (value: string): Buffer => Buffer.from(value);
const close = (code: number, reason = ""): Buffer => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
};
function deflated(value: string | Buffer): Buffer {
  const whole = deflateRawSync(value, { finishFlush: constants.Z_SYNC_FLUSH });
  return whole.subarray(0, -4);
}

/** A case: what a client sends, what is told of it, and the code that ends it, if any. */
type Case = readonly [string, readonly Buffer[], readonly string[], number?];

const FIN = 0x80;
const RSV1 = 0x40;
const framing: readonly Case[] = [
  ["an empty text", [clientFrame(FIN | 1, text(""))], ["text "]],
  ["a text", [clientFrame(FIN | 1, text("Hällo"))], ["text Hällo"]],
  [
    "a text of 125 bytes",
    [clientFrame(FIN | 1, text("x".repeat(125)))],
    [`text ${"x".repeat(125)}`],
  ],
  [
    "a text of 126 bytes",
    [clientFrame(FIN | 1, text("x".repeat(126)))],
    [`text ${"x".repeat(126)}`],
  ],
  [
    "a text of the limit",
    [clientFrame(FIN | 1, text("x".repeat(4096)))],
    [`text ${"x".repeat(4096)}`],
  ],
  ["a byte too many", [clientFrame(FIN | 1, text("x".repeat(4097)))], [], 1009],
  ["a length of 2^32", [Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0])], [], 1009],
  ["a length of 2^63", [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0])], [], 1009],
  ["a binary message", [clientFrame(FIN | 2, Buffer.from([0, 255]))], ["binary"]],
  ["a text that begins with a BOM", [clientFrame(FIN | 1, text("\ufeffx"))], ["text \ufeffx"]],
  ["no mask", [Buffer.from([0x81, 0x01, 0x78])], [], 1002],
  ["no mask on a ping", [Buffer.from([0x89, 0x00])], [], 1002],
];
const control: readonly Case[] = [
  ["a ping", [clientFrame(FIN | 9, Buffer.from([1, 2]))], ["ping 0102"]],
  ["a ping of 125 bytes", [clientFrame(FIN | 9, Buffer.alloc(125))], [`ping ${"00".repeat(125)}`]],
  ["a ping of 126 bytes", [clientFrame(FIN | 9, Buffer.alloc(126))], [], 1002],
  ["a pong that nobody asked for", [clientFrame(FIN | 10, text("a"))], ["pong 61"]],
  [
    "ten pings",
    Array.from({ length: 10 }, () => clientFrame(FIN | 9, text("a"))),
    Array(10).fill("ping 61"),
  ],
  ["a fragmented ping", [clientFrame(9, text("a")), clientFrame(FIN, text("b"))], [], 1002],
  ["a fragmented close", [clientFrame(8, close(1000))], [], 1002],
];
const reserved: readonly Case[] = [
  ...[0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70].flatMap((bits): Case[] =>
    [1, 2, 9, 10, 8].map((opcode) => [
      `reserved bits ${bits.toString(16)} on opcode ${opcode}`,
      [clientFrame(FIN | 1, text("first")), clientFrame(FIN | bits | opcode, text(""))],
      ["text first"],
      1002,
    ]),
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode): Case => [
      `reserved opcode ${opcode}`,
      [clientFrame(FIN | 1, text("first")), clientFrame(FIN | opcode, text(""))],
      ["text first"],
      1002,
    ],
  ),
];
const fragmentation: readonly Case[] = [
  ["two fragments", [clientFrame(1, text("a")), clientFrame(FIN, text("b"))], ["text ab"]],
  [
    "a ping between fragments",
    [clientFrame(1, text("a")), clientFrame(FIN | 9, text("p")), clientFrame(FIN, text("b"))],
    ["ping 70", "text ab"],
  ],
  [
    "empty fragments",
    [clientFrame(1, text("")), clientFrame(0, text("")), clientFrame(FIN, text(""))],
    ["text "],
  ],
  ["an empty last fragment", [clientFrame(2, text("a")), clientFrame(FIN, text(""))], ["binary"]],
  ["a continuation of nothing", [clientFrame(FIN, text("a"))], [], 1002],
  ["a continuation of nothing, unfinished", [clientFrame(0, text("a"))], [], 1002],
  [
    "a continuation behind a whole message",
    [clientFrame(FIN | 1, text("a")), clientFrame(0, text("b"))],
    ["text a"],
    1002,
  ],
  [
    "a message within a message",
    [clientFrame(1, text("a")), clientFrame(FIN | 1, text("b"))],
    [],
    1002,
  ],
  [
    "a character cut by a fragment",
    [clientFrame(1, Buffer.from([0xc3])), clientFrame(FIN, Buffer.from([0xa4]))],
    ["text ä"],
  ],
  [
    "as many fragments as may be",
    [
      clientFrame(1, text("a")),
      ...Array(6).fill(clientFrame(0, text("a"))),
      clientFrame(FIN, text("a")),
    ],
    ["text aaaaaaaa"],
  ],
  [
    "one fragment too many",
    [
      clientFrame(1, text("a")),
      ...Array(7).fill(clientFrame(0, text("a"))),
      clientFrame(FIN, text("a")),
    ],
    [],
    1008,
  ],
  [
    "fragments that are too big together",
    [clientFrame(1, Buffer.alloc(4000, "a")), clientFrame(FIN, Buffer.alloc(97, "a"))],
    [],
    1009,
  ],
];
const utf8: readonly Case[] = [
  ...(
    [
      ["a lone continuation", [0x80]],
      ["a byte that is never one", [0xfe]],
      ["a surrogate", [0xed, 0xa0, 0x80]],
      ["a surrogate pair", [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
      ["an overlong slash", [0xc0, 0xaf]],
      ["an overlong NUL", [0xe0, 0x80, 0x80]],
      ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
      ["a cut character", [0xe2, 0x82]],
      ["good, then bad", [0xce, 0xba, 0xed, 0xa0, 0x80, 0x65]],
    ] as const
  ).map(([name, bytes]): Case => [name, [clientFrame(FIN | 1, Buffer.from(bytes))], [], 1007]),
  ["U+10FFFF", [clientFrame(FIN | 1, text("\u{10ffff}"))], ["text \u{10ffff}"]],
  ["a noncharacter", [clientFrame(FIN | 1, text("\uffff"))], ["text \uffff"]],
  [
    "bad, over two fragments",
    [clientFrame(1, Buffer.from([0xce, 0xba, 0xed])), clientFrame(FIN, Buffer.from([0xa0, 0x80]))],
    [],
    1007,
  ],
  ["bad in a close reason", [clientFrame(FIN | 8, Buffer.from([0x03, 0xe8, 0xff]))], [], 1007],
];
const closing: readonly Case[] = [
  ["no code", [clientFrame(FIN | 8, text(""))], ["close 1005 "]],
  ["half a code", [clientFrame(FIN | 8, text("a"))], [], 1002],
  ["a code and a reason", [clientFrame(FIN | 8, close(1000, "bye"))], ["close 1000 bye"]],
  [
    "the longest reason",
    [clientFrame(FIN | 8, close(1000, "x".repeat(123)))],
    [`close 1000 ${"x".repeat(123)}`],
  ],
  ["a reason that is too long", [clientFrame(FIN | 8, close(1000, "x".repeat(124)))], [], 1002],
  [
    "nothing is heard behind it",
    [
      clientFrame(FIN | 8, close(1000)),
      clientFrame(FIN | 1, text("late")),
      Buffer.from([0xff, 0xff]),
    ],
    ["close 1000 "],
  ],
  ...[
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ].map(
    (code): Case => [`the code ${code}`, [clientFrame(FIN | 8, close(code))], [`close ${code} `]],
  ),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (code): Case => [`the code ${code}`, [clientFrame(FIN | 8, close(code))], [], 1002],
  ),
];
const half = deflated("a compressed text");
const compression: readonly Case[] = [
  [
    "a compressed text",
    [clientFrame(FIN | RSV1 | 1, deflated("hello hello"))],
    ["text hello hello"],
  ],
  ["an empty one", [clientFrame(FIN | RSV1 | 1, Buffer.from([0x00]))], ["text "]],
  ["one that is not compressed", [clientFrame(FIN | 1, text("plain"))], ["text plain"]],
  ["a compressed binary message", [clientFrame(FIN | RSV1 | 2, deflated("x"))], ["binary"]],
  [
    "in fragments",
    [clientFrame(RSV1 | 1, half.subarray(0, 5)), clientFrame(FIN, half.subarray(5))],
    ["text a compressed text"],
  ],
  [
    "in stored blocks, and with one that is marked as the last",
    [
      clientFrame(FIN | RSV1 | 1, Buffer.from([0x00, 0x02, 0x00, 0xfd, 0xff, 0x68, 0x69, 0x00])),
      clientFrame(FIN | RSV1 | 1, Buffer.concat([deflateRawSync("last"), Buffer.from([0x00])])),
    ],
    ["text hi", "text last"],
  ],
  [
    "RSV1 on a continuation",
    [clientFrame(RSV1 | 1, half), clientFrame(FIN | RSV1, text(""))],
    [],
    1002,
  ],
  ["RSV1 on a ping", [clientFrame(FIN | RSV1 | 9, text(""))], [], 1002],
  [
    "what cannot be inflated",
    [clientFrame(FIN | RSV1 | 1, Buffer.from([0xff, 0xff, 0xff]))],
    [],
    1007,
  ],
  ["a bomb", [clientFrame(FIN | RSV1 | 1, deflated(Buffer.alloc(2_000_000)))], [], 1009],
  [
    "of the limit",
    [clientFrame(FIN | RSV1 | 1, deflated("x".repeat(4096)))],
    [`text ${"x".repeat(4096)}`],
  ],
  ["a byte too many", [clientFrame(FIN | RSV1 | 1, deflated("x".repeat(4097)))], [], 1009],
  ["compressed, not UTF-8", [clientFrame(FIN | RSV1 | 1, deflated(Buffer.from([0xff])))], [], 1007],
];

describe("a client's frames", () => {
  const tables: readonly (readonly [string, readonly Case[], boolean])[] = [
    ["framing", framing, false],
    ["control frames", control, false],
    ["reserved bits and opcodes", reserved, false],
    ["fragmentation", fragmentation, false],
    ["UTF-8", utf8, false],
    ["closing", closing, false],
    ["compression", compression, true],
  ];
  for (const [name, cases, compressed] of tables) {
    test(`${name}: ${cases.length} cases, in one piece, frame by frame and byte by byte`, () => {
      for (const [what, frames, told, code] of cases) {
        const whole = Buffer.concat(frames);
        for (const pieces of [[whole], frames, bytesOf(whole)]) {
          assert.deepEqual(read(pieces, compressed), { told, code }, what);
        }
      }
    });
  }
});

/** A frame that may be anything, mostly something sensible. */
const anyFrame: fc.Arbitrary<Buffer> = fc
  .record({
    final: fc.boolean(),
    bits: fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, fc.constantFrom(0x10, 0x20, 0x40)),
    opcode: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(0, 0, 1, 2, 9, 10) },
      { weight: 1, arbitrary: fc.nat({ max: 15 }) },
    ),
    payload: fc.oneof(
      fc
        .string({ unit: "binary", maxLength: 60 })
        .map((value) => Buffer.from(value.toWellFormed())),
      fc.uint8Array({ maxLength: 130 }).map((value) => Buffer.from(value)),
    ),
    masked: fc.oneof({ weight: 40, arbitrary: fc.constant(true) }, fc.constant(false)),
  })
  .map(({ final, bits, opcode, payload, masked }) => {
    const first = (final || (opcode >= 8 && payload.length % 5 > 0) ? FIN : 0) | bits | opcode;
    const frame = clientFrame(first, payload);
    if (!masked) frame[1] = (frame[1] ?? 0) & 0x7f;
    return frame;
  });

/** Cuts bytes at some places. */
function slices(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, at) => bytes.subarray(from, places[at] ?? bytes.length));
}

interface WsReceiver extends NodeJS.EventEmitter {
  write(bytes: Buffer): void;
}

/** The same bytes, as the library `ws` reads them. */
function readByWs(pieces: readonly Buffer[]): Heard {
  // Its published types leave its receiver out.
  const { Receiver } = ws as unknown as {
    Receiver: new (options: object) => WsReceiver;
  };
  const receiver = new Receiver({
    isServer: true,
    maxPayload: LIMITS.frameBytesMax,
    maxFragments: LIMITS.fragmentsMax,
    maxBufferedChunks: 0,
  });
  const heard: Heard = { told: [], code: undefined };
  receiver.on("message", (data: Buffer, isBinary: boolean) =>
    heard.told.push(isBinary ? "binary" : `text ${data.toString("utf8")}`),
  );
  receiver.on("ping", (data: Buffer) => heard.told.push(`ping ${data.toString("hex")}`));
  receiver.on("pong", (data: Buffer) => heard.told.push(`pong ${data.toString("hex")}`));
  receiver.on("conclude", (code: number, reason: Buffer) =>
    heard.told.push(`close ${code} ${reason}`),
  );
  receiver.on("error", (error: Error) => {
    for (const symbol of Object.getOwnPropertySymbols(error)) {
      if (symbol.description === "status-code") heard.code = Reflect.get(error, symbol) as number;
    }
  });
  for (const piece of pieces) receiver.write(Buffer.from(piece));
  return heard;
}

describe("any frames at all", () => {
  const frames = fc.array(anyFrame, { minLength: 1, maxLength: 12 });
  const cuts = fc.array(fc.nat(), { maxLength: 40 });

  test("however they are sliced, the same is heard", () => {
    fc.assert(
      fc.property(frames, cuts, (sent, at) => {
        const whole = Buffer.concat(sent);
        assert.deepEqual(read(slices(whole, at)), read([whole]));
      }),
      { numRuns: 400, seed: 21 },
    );
  });

  test("the library ws hears the same, and ends with the same code", async () => {
    const heardCodes = new Set<number | undefined>();
    await fc.assert(
      fc.asyncProperty(frames, cuts, async (sent, at) => {
        const pieces = slices(Buffer.concat(sent), at);
        const theirs = readByWs(pieces);
        await new Promise((resolve) => setImmediate(resolve));
        const ours = read(pieces);
        heardCodes.add(ours.code);
        assert.deepEqual(ours, theirs);
      }),
      { numRuns: 1500, seed: 22 },
    );
    for (const code of [undefined, 1002, 1007]) assert.ok(heardCodes.has(code), `never ${code}`);
  });

  test("bytes that are no frames end it, or wait for more", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { code } = read(bytesOf(Buffer.from(bytes)));
        assert.ok(code === undefined || [1002, 1007, 1008, 1009].includes(code));
      }),
      { numRuns: 500, seed: 23 },
    );
  });
});
