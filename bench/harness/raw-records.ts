/** Raw records to process: posts, and whole Ethereum blocks with their receipts. */

const TRANSACTIONS = 150;

export function rawPosts(count: number): unknown[] {
  return Array.from({ length: count }, (_, number) => ({
    id: `b${number}`,
    user_id: `author${number % 1000}`,
    text: `A post of usual length, number ${number}, about what moves today #bench ${"and so on ".repeat(9)}`,
    timestamp: "2026-01-01T00:00:00Z",
  }));
}

const hex = (value: number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, "0")}`;

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const TOKEN = "0xdac17f958d2ee523a2206206994597c13d831ec7";

/** A chain of blocks whose every other transaction is a token's transfer. */
export function rawBlocks(count: number): unknown[] {
  return Array.from({ length: count }, (_, number) => {
    const transactions = Array.from({ length: TRANSACTIONS }, (_, at) => transaction(number, at));
    const block = {
      number: hex(1000 + number, 1),
      hash: hex(2 ** 40 + number, 64),
      parentHash: hex(2 ** 40 + number - 1, 64),
      timestamp: hex(1_700_000_000 + number * 12, 1),
      gasUsed: "0x1",
      gasLimit: "0x1c9c380",
      transactions,
    };
    return { type: "block", chain: "ETH", block, receipts: transactions.map(receipt) };
  });
}

function transaction(number: number, at: number) {
  return {
    hash: hex(1 + number * TRANSACTIONS + at, 64),
    from: hex(1 + (at % 60), 40),
    to: at % 2 === 0 ? TOKEN : hex(7 + at, 40),
    value: hex(at * 10 ** 12, 1),
    nonce: hex(number, 1),
    input: at % 2 === 0 ? `0xa9059cbb${"0".repeat(128)}` : "0x",
    transactionIndex: hex(at, 1),
    gasPrice: "0x4a817c800",
  };
}

function receipt({ hash, transactionIndex }: ReturnType<typeof transaction>, at: number) {
  const transfer = {
    address: TOKEN,
    topics: [TRANSFER, hex(1 + (at % 60), 64), hex(2 + (at % 60), 64)],
    data: hex(1000 + at, 64),
    logIndex: hex(at / 2, 1),
  };
  return {
    transactionHash: hash,
    transactionIndex,
    status: "0x1",
    gasUsed: "0xfde8",
    contractAddress: null,
    logs: at % 2 === 0 ? [transfer] : [],
  };
}
