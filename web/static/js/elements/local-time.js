// @ts-check
/**
 * <local-time data-style="both|clock|date"><time datetime="…">…</time></local-time>: the moment in the reader's own
 * zone, with the zone's name. Without JavaScript the UTC text of the server stays.
 */
import { Element } from "./element.js";

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const STYLES = {
  both: { dateStyle: "medium", timeStyle: "short" },
  clock: { timeStyle: "medium" },
  date: { dateStyle: "long" },
};

export class LocalTime extends Element {
  start() {
    const time = this.querySelector("time");
    const at = new Date(time?.dateTime ?? "");
    if (!time || Number.isNaN(at.getTime())) return;
    const style = this.dataset["style"] ?? "both";
    const language = document.documentElement.lang || undefined;
    time.textContent = new Intl.DateTimeFormat(language, STYLES[style] ?? STYLES["both"]).format(at);
    const zone = new Intl.DateTimeFormat(language, { timeZoneName: "long" }).formatToParts(at);
    time.title = zone.find((part) => part.type === "timeZoneName")?.value ?? "";
  }
}
