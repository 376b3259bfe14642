// @ts-check
/**
 * Fetch another page of our own and hand it back as a document, so that one question can follow the other while
 * the answer Line, the camera and the clock stay as they are.
 *
 * XMLHttpRequest parses the page (`responseType = "document"`); scripts in it do not run, and no text becomes
 * markup in this page's own hands. When the network fails nothing has been lost: the old page is still there.
 */

const PATIENCE_MS = 10_000;

/**
 * @param {string} url
 * @param {URLSearchParams | null} [form] what to post there; the page that answers, after redirects, is handed back
 * @returns {Promise<{ page: Document, url: string } | { failed: "network" | "elsewhere", url: string }>}
 *   "elsewhere": the server sent us to another kind of page, which has to be opened whole
 */
export function fetchPage(url, form = null) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(form ? "POST" : "GET", url);
    request.responseType = "document";
    request.timeout = PATIENCE_MS;
    request.setRequestHeader("x-invigil-part", "page"); // the server need not issue tickets for it
    request.onerror = request.ontimeout = () => resolve({ failed: "network", url });
    request.onload = () => {
      const page = request.responseXML;
      if (request.status >= 500) return resolve({ failed: "network", url });
      if (!page?.querySelector("[data-page]")) return resolve({ failed: "elsewhere", url: request.responseURL || url });
      resolve({ page, url: request.responseURL || url });
    };
    request.send(form);
  });
}
