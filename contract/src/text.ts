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
  // Plain ASCII needs no more than this, and most text is plain ASCII.
  if (ASCII.test(text)) return text.toLowerCase();
  const normal = text.normalize(form);
  if (ASCII.test(normal)) return normal.toLowerCase();
  // Lower case first: the capital ẞ is its own upper case, and its small form is not.
  return normal.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize(form);
}

const TOKEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{M}\p{N}_])+/gu;

/**
 * The tokens of a text, in order: maximal runs of letters, marks, digits and `_` after NFKC and
 * case folding; in scripts written without spaces every character is a token.
 */
export function tokenise(text: string): string[] {
  const folded = foldCase(text, "NFKC");
  return ASCII.test(folded) ? asciiTokens(folded) : (folded.match(TOKEN) ?? []);
}

/** What `TOKEN` finds in lower-case ASCII, in two thirds of the time. */
function asciiTokens(text: string): string[] {
  const tokens: string[] = [];
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const isPart = (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57) || unit === 95;
    if (isPart === start >= 0) continue;
    if (!isPart) tokens.push(text.slice(start, at));
    start = isPart ? at : -1;
  }
  if (start >= 0) tokens.push(text.slice(start));
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

/** The two words of a hash as `hashTerm` writes it. */
export function wordsOfHash(hash: string, words: Uint32Array): void {
  words[0] = Number.parseInt(hash.slice(0, -7), 36);
  words[1] = Number.parseInt(hash.slice(-7), 36);
}

const scratch = new Uint32Array(2);

function mix(word: number): number {
  let w = word;
  w = Math.imul(w ^ (w >>> 16), 0x7feb352d);
  w = Math.imul(w ^ (w >>> 15), 0x846ca68b);
  return (w ^ (w >>> 16)) >>> 0;
}
