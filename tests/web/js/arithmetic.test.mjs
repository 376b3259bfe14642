import assert from "node:assert/strict";
import { test } from "node:test";
import { calculate, shown } from "../../../web/static/js/models/arithmetic.js";

const value = (text) => {
  const outcome = calculate(text);
  return "value" in outcome ? Number(shown(outcome.value)) : outcome.mistake;
};

test("sums are computed as people read them", () => {
  const sums = {
    "1+2*3": 7, "(1+2)*3": 9, "2^3^2": 512, "8/2/2": 2, "10-4-3": 3, "2 × (3,5 + 1)": 9, "-3+5": 2, "2*-3": -6,
    "√16": 4, "√(9+16)": 5, "5²": 25, "50%": 0.5, "200*15%": 30, ".5+.5": 1, "2*π": 6.28318530718, "230÷10": 23,
    "--4": 4, "3²%": 0.09, "-2^2": 4, "2^-1": 0.5,
  };
  for (const [text, expected] of Object.entries(sums)) assert.equal(value(text), expected, text);
});

test("binary fractions leave no tail on the display", () => {
  assert.equal(shown(0.1 + 0.2), "0.3");
});

test("what cannot be read is said, and nothing is run", () => {
  const mistakes = {
    "": "empty", "   ": "empty", "1+": "unreadable", "(1": "unreadable", "1)": "unreadable", "2 3 +": "unreadable",
    "alert(1)": "unreadable", "1..2": "unreadable", "*2": "unreadable", "√": "unreadable", "1e5": "unreadable",
    "1/0": "not-a-number", "√-1": "unreadable", "√(0-1)": "not-a-number", "9^9^9": "not-a-number",
  };
  for (const [text, expected] of Object.entries(mistakes)) assert.equal(value(text), expected, text);
  assert.equal(value("1+".repeat(101)), "too-long");
});

test("random sums agree with the language's own arithmetic", () => {
  let seed = 7;
  const roll = (n) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const sum = (depth) => {
    if (depth === 0 || roll(4) === 0) return String(1 + roll(99));
    const text = `${sum(depth - 1)}${"+-*/"[roll(4)]}${sum(depth - 1)}`;
    return roll(2) ? `(${text})` : text;
  };
  for (let i = 0; i < 500; i += 1) {
    const text = sum(5);
    if (text.length > 200) continue;
    const expected = Function(`return ${text}`)();
    const outcome = calculate(text);
    if (Number.isFinite(expected)) assert.equal(outcome.value, expected, text);
    else assert.equal(outcome.mistake, "not-a-number", text);
  }
});
