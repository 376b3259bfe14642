// @ts-check
/**
 * The one trusted-types policy of Invigil (`trusted-types invigil` in the content security policy).
 *
 * It allows exactly one thing: a worker whose script lies in our own static folder, beside this file. There is
 * no rule for HTML, so nothing on any page can turn text into markup.
 */

const FOLDER = new URL("./workers/", import.meta.url);

const policy = window.trustedTypes?.createPolicy("invigil", {
  createScriptURL(name) {
    const url = new URL(name, FOLDER);
    if (url.origin !== location.origin || !url.pathname.startsWith(FOLDER.pathname)) {
      throw new TypeError("only workers of our own static folder");
    }
    return url.href;
  },
});

/** @param {string} name file in js/workers/ @returns {Worker} */
export function startWorker(name) {
  const url = policy ? policy.createScriptURL(name) : new URL(name, FOLDER).href;
  return new Worker(/** @type {string} */ (/** @type {unknown} */ (url)), { type: "module" });
}
