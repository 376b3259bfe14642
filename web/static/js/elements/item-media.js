// @ts-check
/**
 * <item-media>: counts how often a sound or a film was played; that number is the answer. `data-max-plays` on the parts
 * ends it: a playing counts from its beginning, nobody winds back in one that counts, and after the last there are no
 * controls any more.
 */
import { Element } from "./element.js";

export class ItemMedia extends Element {
  #playing = false;
  #reached = 0;

  start() {
    const player = this.#player;
    const parts = this.find(".media__parts");
    if (!player || !parts) return;
    player.loop = parts.hasAttribute("data-loop") && this.#most === 0;
    this.listen(player, "play", () => this.#begun());
    this.listen(player, "timeupdate", () => !player.seeking && (this.#reached = player.currentTime));
    this.listen(player, "seeking", () => this.#wound());
    this.listen(player, "ended", () => this.#ended());
    const form = this.closest("form");
    if (form) this.listen(form, "exam:restored", () => this.#draw());
    this.#draw();
    if (parts.hasAttribute("data-autostart") && this.#count === 0) void player.play().catch(() => {}); // browsers may forbid it
  }

  get #player() {
    const found = this.querySelector("audio, video");
    return found instanceof HTMLMediaElement ? found : null;
  }

  get #answer() {
    return /** @type {HTMLInputElement | null} */ (this.querySelector('input[name^="response."]'));
  }

  get #count() {
    return Number(this.#answer?.value || 0);
  }

  get #most() {
    return Number(this.find(".media__parts")?.dataset["maxPlays"] ?? 0);
  }

  #begun() {
    const answer = this.#answer;
    if (this.#playing || !answer) return;
    if (this.#most > 0 && this.#count >= this.#most) return this.#player?.pause();
    this.#playing = true;
    this.#reached = 0;
    answer.value = String(this.#count + 1);
    answer.dispatchEvent(new Event("change", { bubbles: true }));
    this.#draw();
  }

  #wound() {
    const player = this.#player;
    if (player && this.#most > 0 && Math.abs(player.currentTime - this.#reached) > 0.5) player.currentTime = this.#reached;
  }

  #ended() {
    this.#playing = false;
    this.#reached = 0;
    this.#draw();
  }

  #draw() {
    const [player, told] = [this.#player, this.find("[data-played]")];
    const [count, most] = [this.#count, this.#most];
    if (told) told.textContent = count === 0 ? "" : most > 0 ? `Played ${count} of ${most} times.` : `Played ${count} times.`;
    if (player) player.controls = this.#playing || most === 0 || count < most;
  }
}
