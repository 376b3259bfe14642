// @ts-check
/**
 * Between the controls of a question and the answer on the wire.
 * A control's name is `response.<variable>`, its value an opaque option identifier or the text typed.
 */
/** @import { Answer } from "./types.d.ts" */

const PREFIX = "response.";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/** @param {ParentNode} form @returns {Control[]} */
function controls(form) {
  return [...form.querySelectorAll(`[name^="${PREFIX}"]`)].filter(
    /** @returns {each is Control} */
    (each) => each instanceof HTMLInputElement || each instanceof HTMLSelectElement || each instanceof HTMLTextAreaElement,
  );
}

/** @param {EventTarget | null} target */
export function isControl(target) {
  return target instanceof HTMLElement && (target.getAttribute("name") ?? "").startsWith(PREFIX);
}

/** @param {EventTarget | null} target is it typed into, so that not every keystroke should be a row? */
export function isTyped(target) {
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && !isPicked(target));
}

/** Every variable of the question, with an empty list where nothing is chosen. @param {ParentNode} form @returns {Answer} */
export function collect(form) {
  /** @type {Answer} */
  const answer = {};
  for (const control of controls(form)) {
    const values = (answer[control.name.slice(PREFIX.length)] ??= []);
    const counts = control instanceof HTMLInputElement && isPicked(control) ? control.checked : control.value !== "";
    if (counts) values.push(control.value);
  }
  return answer;
}

/** Put an answer back into the controls. @param {ParentNode} form @param {Answer} answer */
export function restore(form, answer) {
  /** @type {Record<string, number>} how many fields of a variable were filled */
  const filled = {};
  for (const control of controls(form)) {
    const variable = control.name.slice(PREFIX.length);
    const values = answer[variable] ?? [];
    if (control instanceof HTMLInputElement && isPicked(control)) control.checked = values.includes(control.value);
    else if (control instanceof HTMLSelectElement && [...control.options].some((each) => each.value.includes(" "))) {
      // a list for one gap: of all pairs, its own
      control.value = [...control.options].find((each) => each.value !== "" && values.includes(each.value))?.value ?? "";
    } else {
      control.value = values[(filled[variable] ??= 0)] ?? "";
      filled[variable] += 1;
    }
  }
  form.dispatchEvent(new CustomEvent("exam:restored"));
}

/** @param {Answer} answer */
export function isEmpty(answer) {
  return Object.values(answer).every((values) => values.length === 0);
}

/** @param {HTMLInputElement} control */
function isPicked(control) {
  return control.type === "radio" || control.type === "checkbox";
}
