/**
 * How text is compared, the same in every domain, filter and client: folding of case and cutting
 * into tokens (PROTOCOL.md, "Filters").
 */

const ASCII = /^[\0-\x7f]*$/;

/**
 * Full case folding after a normalisation form, so that `ẞ`, `ß` and `SS` are one, and a capital
 * sigma equals both small ones (Unicode 16, §3.13, by way of upper and lower case).
 */
export function foldCase(text: string, form: "NFC" | "NFKC" = "NFC"): string {
  // Plain ASCII needs no more than this, and most text is plain ASCII, often in lower case.
  if (isSmallAscii(text)) return text;
  if (ASCII.test(text)) return text.toLowerCase();
  const normal = text.normalize(form);
  if (ASCII.test(normal)) return normal.toLowerCase();
  // Lower case first: the capital ẞ is its own upper case, and its small form is not.
  return normal.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize(form);
}

/** Whether a text is ASCII without capitals. */
function isSmallAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 127 || (unit >= 65 && unit <= 90)) return false;
  }
  return true;
}

const TOKEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{M}\p{N}_])+/gu;

/**
 * The tokens of a text, in order: maximal runs of letters, marks, digits and `_` after NFKC and
 * case folding; in scripts written without spaces every character is a token.
 */
export function tokenise(text: string): string[] {
  return asciiTokens(text) ?? foldCase(text, "NFKC").match(TOKEN) ?? [];
}

/** What an ASCII character is: no part of a token, a part, or a part that is a capital. */
const PART = 1;
const CAPITAL = 2;
const PARTS = Uint8Array.from({ length: 128 }, (_, unit) => {
  const character = String.fromCharCode(unit);
  if (/[a-z0-9_]/.test(character)) return PART;
  return /[A-Z]/.test(character) ? CAPITAL : 0;
});

/** What `TOKEN` finds in a text that is ASCII, in a third of the time; undefined of another. */
function asciiTokens(text: string): string[] | undefined {
  const tokens: string[] = [];
  let start = -1;
  let parts = 0;
  for (let at = 0; at <= text.length; at++) {
    const unit = at < text.length ? text.charCodeAt(at) : 0;
    if (unit > 127) return undefined;
    const part = PARTS[unit] as number;
    if (part !== 0) {
      if (start < 0) start = at;
      parts |= part;
    } else if (start >= 0) {
      const token = text.slice(start, at);
      tokens.push((parts & CAPITAL) === 0 ? token : token.toLowerCase());
      start = -1;
      parts = 0;
    }
  }
  return tokens;
}

/** Whether a string holds half of a surrogate pair, which UTF-8 cannot carry. */
export function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed();
}

/**
 * The hash under which a deletion names a value of the content that it cancels, without telling
 * the value: 64 bits in base 36. Not cryptographic: a collision sends a deletion's bare id to one
 * subscriber more.
 */
export function hashTerm(term: string): string {
  hashWords(term, scratch);
  return (scratch[0] as number).toString(36) + (scratch[1] as number).toString(36).padStart(7, "0");
}

/** The two words of a term's hash, put into `words`: for whoever looks up many. */
export function hashWords(term: string, words: Uint32Array): void {
  let low = 0x9e3779b1;
  let high = 0x85ebca77;
  for (let i = 0; i < term.length; i++) {
    const unit = term.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995) ^ (high >>> 13);
  }
  words[0] = mix(low ^ term.length);
  words[1] = mix(high ^ low);
}

/** The two words of a hash, put into `words`; false of a text that `hashTerm` does not write. */
export function wordsOfHash(hash: string, words: Uint32Array): boolean {
  const middle = hash.length - 7;
  const first = wordOf(hash, 0, middle);
  const second = wordOf(hash, middle, hash.length);
  if (middle < 1 || first < 0 || second < 0) return false;
  if (middle > 1 && hash.startsWith("0")) return false;
  words[0] = first;
  words[1] = second;
  return true;
}

/** The word that digits of base 36 say; negative where they say none. */
function wordOf(digits: string, from: number, to: number): number {
  let word = 0;
  for (let at = from; at < to; at++) {
    const unit = digits.charCodeAt(at);
    const isDigit = unit >= 48 && unit <= 57;
    if (!isDigit && !(unit >= 97 && unit <= 122)) return -1;
    word = word * 36 + unit - (isDigit ? 48 : 87);
    if (word > 0xffffffff) return -1;
  }
  return word;
}

const scratch = new Uint32Array(2);

function mix(word: number): number {
  let w = word;
  w = Math.imul(w ^ (w >>> 16), 0x7feb352d);
  w = Math.imul(w ^ (w >>> 15), 0x846ca68b);
  return (w ^ (w >>> 16)) >>> 0;
}
