// @ts-check
/**
 * <camera-check>: looks whether a camera works, and says in plain words what is wrong. Nothing leaves the device.
 * Inside: `[data-start]`, `[data-view] video`, `[data-which] select`, `[data-size]` and the sentences `[data-say]`
 * "ask", "works", "small", "denied", "missing", "busy", "insecure", "failed". `data-state` holds the last one.
 */
import { closeCamera, openCamera, play } from "../camera.js";
import { Element } from "./element.js";

export class CameraCheck extends Element {
  /** @type {MediaStream | null} */
  #stream = null;

  start() {
    const start = this.find("[data-start]");
    const which = this.querySelector("select");
    if (start) this.listen(start, "click", () => this.#look());
    if (which) this.listen(which, "change", () => this.#look(which.value));
    this.listen(this.signal, "abort", () => closeCamera(this.#stream));
  }

  /** @param {string} [device] */
  async #look(device) {
    closeCamera(this.#stream);
    /** @type {MediaTrackConstraints} */
    const wanted = { width: { ideal: 1920 }, height: { ideal: 1440 } };
    const opened = await openCamera(device ? { ...wanted, deviceId: { exact: device } } : wanted);
    if ("trouble" in opened) return this.#state(opened.trouble);
    this.#stream = opened.stream;
    this.show("[data-view]", true);
    const video = this.querySelector("video");
    if (video) await play(video, opened.stream);
    const [width, height] = [video?.videoWidth ?? 0, video?.videoHeight ?? 0];
    const size = this.find("[data-size]");
    if (size) size.textContent = `${width} × ${height}`;
    this.#state(width >= 1280 && height >= 960 ? "works" : "small");
    await this.#offer(device);
  }

  /** @param {string} [chosen] */
  async #offer(chosen) {
    const select = this.querySelector("select");
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === "videoinput");
    if (!select) return;
    select.replaceChildren(...cameras.map((each) => new Option(each.label || each.deviceId, each.deviceId, false, each.deviceId === chosen)));
    this.show("[data-which]", cameras.length > 1);
  }

  /** @param {string} name */
  #state(name) {
    this.dataset["state"] = name;
    this.say(...(name === "small" ? ["works", "small"] : [name]));
  }
}
