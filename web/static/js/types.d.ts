/**
 * The words of the wire, as the browser sees them. Nothing here runs; `tsc -p web/jsconfig.json` holds the
 * JavaScript to it. The Python side of the same words is engine/answer_line.py; the two change
 * together, held by tests/vectors/conversations.json.
 */

export type Phase =
  | "CREATED" | "CHECK_IN" | "READY" | "RUNNING" | "BREAK" | "DISCONNECTED"
  | "PAUSED_PROCTOR" | "PAUSED_INCIDENT" | "ADMIN_HOLD"
  | "SUBMITTED" | "TIME_EXPIRED" | "TERMINATED" | "SEALED" | "VOIDED";

export type RowKind = "answer" | "visit" | "flag" | "strike" | "problem";

/** One act of the candidate, as the outbox keeps it. `payload` is the exact JSON text that is sent and hashed. */
export interface Row {
  seq: number;
  item: string;
  kind: RowKind;
  payload: string;
  client_ms: number;
}

export interface RowMessage extends Row { t: "row"; sha256: string }

/** QTI response variable → chosen values. */
export type Answer = Record<string, string[]>;

// ---- answer Line: server → browser
export interface Welcome {
  t: "welcome"; writer: number; epoch: number; acked: number; remaining_ms: number; phase: Phase;
  digest: string; ticket: string; answers: Record<string, Answer>; t1_ms: number; section_ms?: number; item_ms?: number;
  at?: string;
}
/** `head` and `chain` are the number and the hash of the sitting's last entry: evidence that the page may keep. */
export interface Ack { t: "ack"; writer: number; acked: number; head: number; chain: string; remaining_ms: number }
export interface PhaseMessage extends Scopes { t: "phase"; phase: Phase; remaining_ms: number; reason: string | null }
export interface Clock extends Scopes { t: "clock"; remaining_ms: number }
/** On a paced form only: what is left of the part and of the question, and which question one is at ("" between two). */
export interface Scopes { section_ms?: number; item_ms?: number; at?: string }
export interface Say { t: "message"; from: string; text: string; at: string }
export interface RefusedMessage { t: "refused"; code: string; sentence: string; seq: number | null }
export type ServerMessage = Welcome | Ack | PhaseMessage | Clock | Say | RefusedMessage;

// ---- answer Line: browser → server
export interface Hello { t: "hello"; ticket: string; writer: number; last_sent: number; last_acked: number }
export interface Beat { t: "beat"; client_ms: number }
export type ClientMessage = Hello | Beat | { t: "say"; text: string } | { t: "ping" };

/** The answer of POST /sit/rows, the way around blocked sockets. */
export interface Posted { acked: number; head: number; remaining_ms: number; phase?: Phase }

// ---- what the Line machine asks its shell to do
export type Effect =
  | { do: "connect" }
  | { do: "hang-up" }
  | { do: "send"; message: ClientMessage }
  | { do: "send-rows"; rows: Row[] }
  | { do: "post"; rows: Row[] }
  | { do: "fetch-ticket" }
  | { do: "state"; state: LineState }
  | { do: "welcome"; welcome: Welcome }
  | { do: "acked"; upto: number }
  | { do: "clock"; remaining_ms: number; section_ms?: number; item_ms?: number }
  | { do: "phase"; phase: Phase; reason: string | null; at?: string }
  | { do: "message"; from: string; text: string; at: string }
  | { do: "refused"; code: string; sentence: string; seq: number | null }
  | { do: "hide" }
  | { do: "show" };

export type LineState = "connecting" | "up" | "posting" | "down" | "superseded" | "signed-out" | "ended";

export type SaveState = "saved" | "saving" | "not-saved";

/** Where the outbox keeps its rows. `js/storage.js` implements it over IndexedDB and over plain memory. */
export interface RowStore {
  /** True when rows outlive the page. The page must say so when it is false. */
  readonly durable: boolean;
  load(): Promise<{ writer: number; acked: number; rows: Row[] }>;
  /** Adds one row; rejects when a row of that number exists already (a second window wrote it). */
  add(row: Row): Promise<void>;
  /** Forgets rows up to and including `acked`, and remembers the figure, in one transaction. */
  trim(acked: number): Promise<void>;
  /** Replaces all that is kept: the outbox has been given a new writer number. */
  replace(writer: number, acked: number, rows: Row[]): Promise<void>;
  wipe(): Promise<void>;
}

// ---- uploads
export interface UploadAnnounced { item: string; media_type: string; size_bytes: number; sha256: string }
export interface UploadTold {
  upload: string; offset: number; size_bytes: number; finished: boolean; late: boolean; dropped: string | null;
}
export type UploadEffect =
  | { do: "announce"; announced: UploadAnnounced }
  | { do: "send"; upload: string; from: number; upto: number }
  | { do: "progress"; sent: number; size: number }
  | { do: "wait"; code: string }
  | { do: "done"; upload: string; late: boolean }
  | { do: "refused"; code: string; sentence: string };

// ---- camera Line
export interface CameraWelcome { t: "welcome"; size: [number, number]; every_ms: number }
export interface CameraSize { t: "size"; size: [number, number]; for_ms: number }
export interface CameraCoach { t: "coach"; kind: string; text: string }
export interface CameraSeen { t: "seen"; seq: number }
export interface CameraChallenge {
  t: "challenge"; challenge: string; ask: "fingers" | "turn" | "cover" | "light"; parameter: string; text: string;
  within_ms: number;
}
export interface CameraChallengeOver { t: "challenge-over"; challenge: string }
export type CameraMessage =
  | CameraWelcome | CameraSize | CameraCoach | CameraSeen | CameraChallenge | CameraChallengeOver;

// ---- proctor Line
export interface WatchEvent { kind: string; text: string; at: string }
export interface Tile {
  sitting: string; name: string; phase: Phase; remaining_ms: number; answered: number; items: number;
  events: WatchEvent[]; line: "up" | "down"; camera: string; alone: boolean;
  needs: string; mine: boolean; hand: boolean; message: boolean; station: string; proctor: string;
}
export type ProctorMessage =
  | { t: "tiles"; tiles: Tile[] }
  | ({ t: "tile" } & Tile)
  | { t: "gone"; sitting: string }
  | { t: "attention"; id: string; within_s: number }
  | { t: "alarms"; on: string[] }
  | { t: "refused"; code: string; sentence: string };
export interface TileFrame { sitting: string; track: string; seq: number; capturedAtMs: number; jpeg: Uint8Array<ArrayBuffer> }

// ---- asking the invigilator
export interface Talk { hand: boolean; messages: { mine: boolean; text: string; at: string; language: string }[] }

// ---- what TypeScript's own library does not know yet
declare global {
  interface TrustedScriptURL { toString(): string }
  /** Reads a track frame by frame (mediacapture-transform); not in every browser. */
  interface MediaStreamTrackProcessorLike { readonly readable: ReadableStream<VideoFrame> }
  interface Window {
    MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack; maxBufferSize: number }) => MediaStreamTrackProcessorLike;
    trustedTypes?: {
      createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): TrustedScriptURL };
    };
  }
}
