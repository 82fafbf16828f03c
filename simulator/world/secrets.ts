/** What stands in the place of a secret. */
export const redacted = '[redacted]';

/** Every secret that was ever given out or received, with a search that takes no longer the more there are. */
export interface Secrets extends Set<string> {
  /**
   * The text with every known secret in it, and whatever is shaped like a JWT, replaced: as it stands, percent-encoded or in base64.
   * Known secrets that are shorter than 16 characters are guesses of a caller's, and stay.
   */
  redact(text: string): string;
}

/** Characters of tokens, secrets and keys; a shorter run of them holds nothing that could not be guessed. */
const runs = /[A-Za-z0-9._~+/=-]{16,}/g;
/** Both alphabets of base64. */
const base64Runs = /[A-Za-z0-9+/_-]{22,}/g;
/** A secret is found by its end: the beginnings of private keys are alike. */
const endLength = 16;

/** From, and up to, without. */
type Span = readonly [number, number];

/** No secrets yet. */
export function createSecrets(): Secrets {
  return new IndexedSecrets();
}

class IndexedSecrets extends Set<string> implements Secrets {
  /** The pieces of secrets, lines of a PEM for instance, by how they end. JWTs need no place in it: they are known by their shape. */
  readonly #byEnd = new Map<string, Set<string>>();
  /** Whether some piece ends in characters of this mark: spares nearly every look into the map. */
  readonly #ends = new Uint8Array(markCount / 8);

  override add(secret: string): this {
    if (this.has(secret)) return this;
    super.add(secret);
    const [jwt] = jwtSpans(secret);
    if (jwt?.[0] === 0 && jwt[1] === secret.length) return this;
    for (const [piece] of secret.matchAll(runs)) {
      const end = piece.slice(-endLength);
      const alike = this.#byEnd.get(end);
      if (alike === undefined) this.#byEnd.set(end, new Set([piece]));
      else alike.add(piece);
      let mark = 0;
      for (let at = 0; at < end.length; at += 1) mark = markAfter(mark, end.charCodeAt(at));
      this.#ends[mark >> 3] = (this.#ends[mark >> 3] ?? 0) | (1 << (mark & 7));
    }
    return this;
  }

  override clear(): void {
    super.clear();
    this.#byEnd.clear();
    this.#ends.fill(0);
  }

  redact(text: string): string {
    if (text.length < endLength) return text;
    const spans = this.#encodedSpans(text);
    const visible = spans.length === 0 ? text : cut(text, spans);
    if (!visible.includes('%')) return visible;
    const plain = visible.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    const isHidden = plain !== visible && this.#encodedSpans(plain).length > 0;
    return isHidden ? redacted : visible;
  }

  /** Where secrets stand, as they are or in base64. */
  #encodedSpans(text: string): Span[] {
    const spans = this.#plainSpans(text);
    for (const { 0: run, index } of text.matchAll(base64Runs)) {
      // What comes before a value can belong to the alphabet, too, a slash for instance.
      for (let shift = 0; shift < 4; shift += 1) {
        if (!hidesText(run, shift)) continue;
        const decoded = Buffer.from(run.slice(shift), 'base64').toString('latin1');
        for (const [from, to] of this.#plainSpans(decoded)) {
          const at = index + shift;
          spans.push([at + Math.floor((from * 4) / 3), at + Math.ceil((to * 4) / 3)]);
        }
      }
    }
    return spans;
  }

  #plainSpans(text: string): Span[] {
    const spans = jwtSpans(text);
    let mark = 0;
    for (let at = 0; at < text.length; at += 1) {
      mark = markAfter(mark, text.charCodeAt(at));
      if (((this.#ends[mark >> 3] ?? 0) & (1 << (mark & 7))) === 0 || at + 1 < endLength) continue;
      for (const piece of this.#byEnd.get(text.slice(at + 1 - endLength, at + 1)) ?? []) {
        if (text.endsWith(piece, at + 1)) spans.push([at + 1 - piece.length, at + 1]);
      }
    }
    return spans;
  }
}

const markCount = 1 << 24;

/** A number that depends on the last few characters only. */
function markAfter(mark: number, character: number): number {
  return ((mark << 6) ^ character) & (markCount - 1);
}

/** The value of each character of base64, by its code. */
const sextets = new Uint8Array(128);
for (const alphabet of ['+/', '-_']) {
  const all = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`;
  for (let value = 0; value < 64; value += 1) sextets[all.charCodeAt(value)] = value;
}

function sextetAt(run: string, at: number): number {
  return sextets[run.charCodeAt(at)] ?? 0;
}

/** Whether base64 that is read from here may hold ASCII text that is long enough for a secret: the top bit of each byte is 0. */
function hidesText(run: string, shift: number): boolean {
  let groups = 0;
  for (let at = shift; at + 4 <= run.length; at += 4) {
    const isText =
      (sextetAt(run, at) & 32) === 0 && (sextetAt(run, at + 1) & 8) === 0 && (sextetAt(run, at + 2) & 2) === 0;
    groups = isText ? groups + 1 : 0;
    if (groups === 4) return true;
  }
  return false;
}

/** Three parts in base64url, the first of which is a JSON object: it begins with `eyJ`, the third may be empty. */
function jwtSpans(text: string): Span[] {
  const spans: Span[] = [];
  if (!text.includes('eyJ')) return spans;
  for (const { 0: dotted, index } of text.matchAll(/[\w.-]+/g)) {
    const parts = dotted.split('.');
    let at = index;
    for (const [place, part] of parts.entries()) {
      const inPart = part.indexOf('eyJ');
      if (inPart >= 0 && parts.length - place >= 3 && parts[place + 1] !== '') {
        spans.push([at + inPart, index + dotted.length]);
        break;
      }
      at += part.length + 1;
    }
  }
  return spans;
}

/** The text without what stands in the spans, which may overlap. */
function cut(text: string, spans: readonly Span[]): string {
  let kept = '';
  let end = 0;
  for (const [from, to] of [...spans].sort(([one], [other]) => one - other)) {
    if (from >= end) kept += `${text.slice(end, from)}${redacted}`;
    end = Math.max(end, to);
  }
  return kept + text.slice(end);
}
