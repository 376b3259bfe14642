// @ts-check
/**
 * The calculator's arithmetic: a small parser that computes as it reads. No `eval`, no names, no surprises.
 *
 *     sum     := product (("+" | "-") product)*
 *     product := power (("*" | "/") power)*
 *     power   := sign ("^" power)?          right to left: 2^3^2 is 512
 *     sign    := ("-" | "+") sign | value ("²")? ("%")?
 *     value   := number | "(" sum ")" | "√" value | "π"
 *
 * `-2^2` is 4 here, as on a pocket calculator that knows a sign key. A comma is a decimal point. A result that
 * is no finite number is a mistake, and each mistake has a word that the page translates.
 *
 *     calculate("2 × (3,5 + 1)")   // { value: 9 }
 *     calculate("1 ÷ 0")           // { mistake: "not-a-number" }
 */

/** @typedef {{ value: number } | { mistake: "empty" | "unreadable" | "not-a-number" | "too-long" }} Outcome */

const LONGEST = 200;
const SAME = new Map([["×", "*"], ["·", "*"], ["÷", "/"], ["−", "-"], [",", "."]]);

/** @param {string} text @returns {Outcome} */
export function calculate(text) {
  if (text.length > LONGEST) return { mistake: "too-long" };
  const tokens = tokenize(text);
  if (tokens === null) return { mistake: "unreadable" };
  if (tokens.length === 0) return { mistake: "empty" };
  const reader = new Reader(tokens);
  const value = reader.sum();
  if (value === null || !reader.done) return { mistake: "unreadable" };
  return Number.isFinite(value) ? { value } : { mistake: "not-a-number" };
}

/**
 * Twelve significant digits, without the tail that binary fractions leave (0.1 + 0.2 is shown as 0.3).
 * @param {number} value
 */
export function shown(value) {
  return String(Number(value.toPrecision(12)));
}

/** @param {string} text @returns {string[] | null} */
function tokenize(text) {
  const plain = [...text].map((c) => SAME.get(c) ?? c).join("").replace(/\s+/gu, "");
  const tokens = plain.match(/\d+\.?\d*|\.\d+|[-+*/^()%√π²]/gu) ?? [];
  return tokens.join("") === plain ? tokens : null;
}

/** Each method reads one rule from the front; null means that the text does not fit the rule. */
class Reader {
  #tokens;
  #at = 0;

  /** @param {string[]} tokens */
  constructor(tokens) {
    this.#tokens = tokens;
  }

  get done() {
    return this.#at === this.#tokens.length;
  }

  /** @returns {number | null} */
  sum() {
    let value = this.#product();
    while (value !== null && (this.#next === "+" || this.#next === "-")) {
      const minus = this.#take() === "-";
      const right = this.#product();
      value = right === null ? null : value + (minus ? -right : right);
    }
    return value;
  }

  /** @returns {number | null} */
  #product() {
    let value = this.#power();
    while (value !== null && (this.#next === "*" || this.#next === "/")) {
      const divide = this.#take() === "/";
      const right = this.#power();
      value = right === null ? null : divide ? value / right : value * right;
    }
    return value;
  }

  /** @returns {number | null} */
  #power() {
    const base = this.#sign();
    if (base === null || this.#next !== "^") return base;
    this.#take();
    const exponent = this.#power();
    return exponent === null ? null : base ** exponent;
  }

  /** @returns {number | null} */
  #sign() {
    if (this.#next === "-" || this.#next === "+") {
      const minus = this.#take() === "-";
      const value = this.#sign();
      return value === null ? null : minus ? -value : value;
    }
    let value = this.#value();
    if (value !== null && this.#next === "²") {
      this.#take();
      value *= value;
    }
    if (value !== null && this.#next === "%") {
      this.#take();
      value /= 100;
    }
    return value;
  }

  /** @returns {number | null} */
  #value() {
    const token = this.#take();
    if (token === undefined) return null;
    if (token === "π") return Math.PI;
    if (token === "√") {
      const value = this.#value();
      return value === null ? null : Math.sqrt(value);
    }
    if (token === "(") {
      const value = this.sum();
      return this.#take() === ")" ? value : null;
    }
    return /^[\d.]/u.test(token) ? Number(token) : null;
  }

  get #next() {
    return this.#tokens[this.#at];
  }

  #take() {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token;
  }
}
