// A plugin for Masker: finds the medical record numbers of one hospital.
//
// A number has eight digits, the last of them a Luhn check digit, after a prefix of letters: LK-1234-5674. Without the
// prefix it counts only near a word that announces it, or right after the question.

const KIND = "MRN";
const WORDS = new Set(["mrn", "record", "chart"]);
const SCHEMA = {
  type: "object",
  properties: { prefix: { type: "string", pattern: "^[A-Z]{1,4}$", default: "LK" } },
  additionalProperties: false,
};

// Built by `configure`. Every request starts from the memory as it is after `configure`.
let full;
let digits;

/** Whether the last digit is a valid Luhn check digit. */
function isSound(number) {
  const values = [...number].filter((letter) => letter >= "0" && letter <= "9").map(Number).reverse();
  const doubled = values.map((digit, at) => (at % 2 ? Math.floor((2 * digit) / 10) + ((2 * digit) % 10) : digit));
  return values.some((digit) => digit > 0) && doubled.reduce((sum, digit) => sum + digit, 0) % 10 === 0;
}

// The engine inside the component has no tables for \p{L}: words are separated by spaces and punctuation.
const words = (text) => text.toLowerCase().match(/[^\s!-/:-@[-`{-~]+/g) ?? [];

/** Whether a word that announces a record number is at most this many words away. */
function isNear(text, start, end, distance = 5) {
  const around = [...words(text.slice(0, start)).slice(-distance), ...words(text.slice(end)).slice(0, distance)];
  return around.some((word) => WORDS.has(word));
}

/** Turns an exception into an error of the contract: `masker plugin test` shows its message, a server never does. */
const tells = (step) => (...given) => {
  try {
    return step(...given);
  } catch (error) {
    throw error instanceof Error ? { code: "exception", message: `${error}\n${error.stack}` } : error;
  }
};

export const pass = {
  describe() {
    return {
      name: "hospital-mrn",
      version: "0.1.0",
      description: "Finds the medical record numbers of our hospital.",
      kinds: [KIND],
      configSchema: JSON.stringify(SCHEMA),
      // JavaScript strings count UTF-16 code units; Masker converts.
      offsetUnit: "utf-16",
    };
  },

  configure: tells((config) => {
    const { prefix = "LK" } = JSON.parse(config);
    full = new RegExp(`\\b${prefix}-?[0-9]{4}-?[0-9]{4}\\b`, "g");
    digits = /\b[0-9]{4}-?[0-9]{4}\b/g;
  }),

  detect: tells((messages, earlier) => {
    const findings = [];
    messages.forEach(({ text, search }, at) => {
      if (!search) return;
      const spans = (pattern) =>
        [...text.matchAll(pattern)].filter(([found]) => isSound(found)).map((match) => [match.index, match.index + match[0].length]);
      const finding = (start, end, confidence) => ({ message: at, start, end, kind: KIND, confidence });
      const whole = spans(full);
      const asked = messages.slice(Math.max(0, at - 2), at).some((before) => words(before.text).some((word) => WORDS.has(word)));
      for (const [start, end] of spans(digits)) {
        const within = whole.some(([first, last]) => first <= start && end <= last);
        if (!within && (asked || isNear(text, start, end))) findings.push(finding(start, end, 0.9));
      }
      findings.push(...whole.map(([start, end]) => finding(start, end, 0.98)));
    });
    return findings;
  }),
};
