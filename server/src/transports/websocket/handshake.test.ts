import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import { answerOffers } from "./deflate-offer.ts";
import { acceptOf, type OpeningRequest, shakeHands } from "./handshake.ts";

const GOOD = {
  upgrade: "websocket",
  connection: "keep-alive, Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function request(headers: object, change: Partial<OpeningRequest> = {}): OpeningRequest {
  return {
    method: "GET",
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers: { ...GOOD, ...headers },
    ...change,
  };
}

describe("an opening handshake", () => {
  test("the example of RFC 6455 §1.3", () => {
    assert.equal(acceptOf(GOOD["sec-websocket-key"]), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const { answer, compression } = shakeHands(request({}), true);
    assert.match(answer, /^HTTP\/1\.1 101 [^\r]+\r\n/);
    assert.match(answer, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n\r\n$/);
    assert.equal(compression, false);
  });

  test("tokens are compared without case", () => {
    shakeHands(request({ upgrade: "WebSocket", connection: "UPGRADE" }), false);
  });

  const wrong: readonly (readonly [string, OpeningRequest, string])[] = [
    ["another method", request({}, { method: "POST" }), "method_not_allowed"],
    ["HTTP/1.0", request({}, { httpVersionMinor: 0 }), "invalid_request"],
    ["another upgrade", request({ upgrade: "h2c" }), "invalid_request"],
    ["no upgrade", request({ upgrade: undefined }), "invalid_request"],
    ["a connection that stays", request({ connection: "keep-alive" }), "invalid_request"],
    ["an old version", request({ "sec-websocket-version": "8" }), "upgrade_required"],
    ["two versions", request({ "sec-websocket-version": "13, 8" }), "upgrade_required"],
    ["no version", request({ "sec-websocket-version": undefined }), "upgrade_required"],
    ["no key", request({ "sec-websocket-key": undefined }), "invalid_request"],
    ["a short key", request({ "sec-websocket-key": "AAAA" }), "invalid_request"],
    [
      "a key of 17 bytes",
      request({ "sec-websocket-key": `${"A".repeat(23)}=` }),
      "invalid_request",
    ],
    ["a key twice", request({ "sec-websocket-key": "a==, a==" }), "invalid_request"],
    [
      "a subprotocol that is no name",
      request({ "sec-websocket-protocol": "a b" }),
      "invalid_request",
    ],
    ["an empty list of subprotocols", request({ "sec-websocket-protocol": "" }), "invalid_request"],
  ];
  for (const [name, given, code] of wrong) {
    test(`is refused with ${code}: ${name}`, () => {
      assert.throws(
        () => shakeHands(given, true),
        (error) => error instanceof PenstockError && error.code === code,
      );
    });
  }

  test("the first subprotocol is chosen, for browsers want one", () => {
    const { answer } = shakeHands(request({ "sec-websocket-protocol": "one, two" }), false);
    assert.match(answer, /\r\nSec-WebSocket-Protocol: one\r\n/);
  });

  test("an offer of compression is answered only where compression is on", () => {
    const offer = request({ "sec-websocket-extensions": "permessage-deflate" });
    assert.doesNotMatch(shakeHands(offer, false).answer, /Extensions/);
    const { answer, compression } = shakeHands(offer, true);
    assert.equal(compression, true);
    assert.match(answer, /\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context/);
  });
});

describe("offers of permessage-deflate", () => {
  const TAKEN = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const offers: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ["", undefined],
    ["x-webkit-deflate-frame", undefined],
    ["permessage-deflate", TAKEN],
    ["permessage-deflate; client_max_window_bits", TAKEN],
    ["permessage-deflate; client_max_window_bits=15", TAKEN],
    ["permessage-deflate; client_max_window_bits=8", TAKEN],
    ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", TAKEN],
    ["permessage-deflate; server_max_window_bits=15", `${TAKEN}; server_max_window_bits=12`],
    ['permessage-deflate; server_max_window_bits="12"', `${TAKEN}; server_max_window_bits=12`],
    ["permessage-deflate; server_max_window_bits=11", undefined],
    ["permessage-deflate; server_max_window_bits=11, permessage-deflate", TAKEN],
    ["permessage-deflate; server_max_window_bits", undefined],
    ["permessage-deflate; server_max_window_bits=16", undefined],
    ["permessage-deflate; server_max_window_bits=012", undefined],
    ["permessage-deflate; client_max_window_bits=7", undefined],
    ["permessage-deflate; client_no_context_takeover=1", undefined],
    ["permessage-deflate; client_no_context_takeover; client_no_context_takeover", undefined],
    ["permessage-deflate; unknown", undefined],
    ['foo; bar="permessage-deflate, permessage-deflate"', undefined],
    ["foo; bar, permessage-deflate", TAKEN],
  ];
  for (const [offer, answer] of offers) {
    test(`${offer} is ${answer === undefined ? "declined" : "taken"}`, () => {
      assert.equal(answerOffers(offer), answer);
    });
  }
});
