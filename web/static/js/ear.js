// @ts-check
/**
 * The microphone as two numbers a second (models/hearing.js). No sound leaves the page: there is nothing here that could
 * send or keep any.
 */
import { Hearing } from "./models/hearing.js";

const PIECE = 2_048;

export class Ear {
  #hearing = new Hearing();
  #samples = new Float32Array(PIECE);
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;

  /**
   * Ask for the microphone. False when it may not be used, or is not there.
   * @param {AbortSignal} signal ends it
   */
  async open(signal) {
    try {
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      const stream = await navigator.mediaDevices.getUserMedia({ audio, video: false });
      const end = () => stream.getTracks().forEach((track) => track.stop());
      if (signal.aborted) return end(), false;
      this.#context = new AudioContext();
      this.#analyser = new AnalyserNode(this.#context, { fftSize: PIECE });
      this.#context.createMediaStreamSource(stream).connect(this.#analyser);
      signal.addEventListener("abort", () => (end(), void this.#context?.close()), { once: true });
      return true;
    } catch {
      return false; // the page says so
    }
  }

  /** A piece of a second; once a second what was heard. @param {number} now */
  listen(now) {
    if (!this.#context || !this.#analyser) return null;
    if (this.#context.state === "suspended") void this.#context.resume();
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return this.#hearing.take(this.#samples, this.#context.sampleRate, now);
  }
}
