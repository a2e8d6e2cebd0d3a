/** What an ERC event log moves. */
export interface Transfer {
  readonly standard: "erc20" | "erc721" | "erc1155";
  readonly from: string;
  readonly to: string;
  /** Integer text. */
  readonly amount: string;
  readonly tokenId: string | undefined;
}

/** Transfer(address,address,uint256): ERC-20, and ERC-721 where all three are topics. */
const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/** TransferSingle(address,address,address,uint256,uint256): ERC-1155. */
const TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62";
/** TransferBatch(address,address,address,uint256[],uint256[]): ERC-1155. */
const TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb";

const WORD = 64;

/**
 * The transfers that a log stands for, by EIP-20, EIP-721 and EIP-1155; none where its topics and
 * data do not have exactly the shape that the standard gives them.
 */
export function transfersOf(topics: readonly string[], data: string): readonly Transfer[] {
  const [signature, first, second, third] = topics;
  const body = data.slice(2);
  if (signature === TRANSFER && first !== undefined && second !== undefined) {
    const from = addressOf(first);
    const to = addressOf(second);
    if (from === undefined || to === undefined) return [];
    if (third === undefined) {
      return body.length === WORD
        ? [{ standard: "erc20", from, to, amount: integer(body), tokenId: undefined }]
        : [];
    }
    const tokenId = integer(third.slice(2));
    return body.length === 0 ? [{ standard: "erc721", from, to, amount: "1", tokenId }] : [];
  }
  if (second === undefined || third === undefined || topics.length !== 4) return [];
  const from = addressOf(second);
  const to = addressOf(third);
  if (from === undefined || to === undefined) return [];
  if (signature === TRANSFER_SINGLE && body.length === 2 * WORD) {
    const [tokenId, amount] = [integer(body.slice(0, WORD)), integer(body.slice(WORD))];
    return [{ standard: "erc1155", from, to, amount, tokenId }];
  }
  return signature === TRANSFER_BATCH ? batch(from, to, body) : [];
}

function batch(from: string, to: string, body: string): readonly Transfer[] {
  const ids = array(body, 0);
  const amounts = array(body, 1);
  if (ids === undefined || amounts === undefined || ids.length !== amounts.length) return [];
  return ids.map((tokenId, at) => ({
    standard: "erc1155",
    from,
    to,
    amount: amounts[at] ?? "0",
    tokenId,
  }));
}

/** A dynamic array of integers, whose place the head's word names (the ABI's encoding). */
function array(body: string, head: number): readonly string[] | undefined {
  const place = index(body, head * WORD);
  const length = place === undefined ? undefined : index(body, place * 2);
  if (place === undefined || length === undefined) return undefined;
  const start = place * 2 + WORD;
  if (start + length * WORD > body.length) return undefined;
  return Array.from({ length }, (_, at) =>
    integer(body.slice(start + at * WORD, start + (at + 1) * WORD)),
  );
}

function index(body: string, at: number): number | undefined {
  const word = body.slice(at, at + WORD);
  if (word.length !== WORD || !/^0{56}/.test(word)) return undefined;
  return Number.parseInt(word.slice(56), 16);
}

function integer(word: string): string {
  return BigInt(`0x${word}`).toString();
}

/** The address in a topic, which has twelve zero bytes before it. */
function addressOf(topic: string): string | undefined {
  return /^0x0{24}/.test(topic) ? `0x${topic.slice(26).toLowerCase()}` : undefined;
}
