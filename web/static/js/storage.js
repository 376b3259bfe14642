// @ts-check
/**
 * Where the outbox keeps its rows: IndexedDB, encrypted; or plain memory, which says that it is not durable.
 *
 * - One database per sitting, `invigil-<sitting>`: store `rows` (key: seq) and store `book` (writer, acked).
 * - Rows are sealed with AES-256-GCM under a key the page brings along (32 bytes, base64). The key is not kept
 *   on the device, so what stays behind on a borrowed computer is unreadable without a signed-in page. The
 *   sitting and the row's number are bound in as additional data: a row cannot be moved.
 * - Every write is one transaction with `durability: "strict"`, and a row is *added*, never overwritten.
 */
/** @import { Row, RowStore } from "./types.d.ts" */

/** @typedef {{ seq: number, iv: Uint8Array<ArrayBuffer>, sealed: ArrayBuffer }} SealedRow */

/**
 * The best store this browser offers. Private windows and full disks end in memory.
 * @param {string} sitting
 * @param {string} keyBase64 32 bytes
 * @returns {Promise<RowStore>}
 */
export async function openStore(sitting, keyBase64) {
  try {
    const raw = Uint8Array.from(atob(keyBase64), (c) => c.charCodeAt(0));
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
    const database = await openDatabase(`invigil-${sitting}`);
    return new DeviceStore(database, key, sitting);
  } catch (error) {
    console.warn("Invigil: answers are kept in memory only on this browser.", String(error));
    return new MemoryStore();
  }
}

/** @implements {RowStore} */
export class MemoryStore {
  durable = false;
  #writer = 0;
  #acked = 0;
  /** @type {Map<number, Row>} */
  #rows = new Map();

  async load() {
    return { writer: this.#writer, acked: this.#acked, rows: [...this.#rows.values()] };
  }

  /** @param {Row} row */
  async add(row) {
    if (this.#rows.has(row.seq)) throw new Error(`row ${row.seq} exists`);
    this.#rows.set(row.seq, row);
  }

  /** @param {number} acked */
  async trim(acked) {
    this.#acked = acked;
    for (const seq of this.#rows.keys()) if (seq <= acked) this.#rows.delete(seq);
  }

  /** @param {number} writer @param {number} acked @param {Row[]} rows */
  async replace(writer, acked, rows) {
    this.#writer = writer;
    this.#acked = acked;
    this.#rows = new Map(rows.map((row) => [row.seq, row]));
  }

  async wipe() {
    this.#rows.clear();
  }
}

/** @implements {RowStore} */
class DeviceStore {
  durable = true;
  #database;
  #key;
  #sitting;

  /** @param {IDBDatabase} database @param {CryptoKey} key @param {string} sitting */
  constructor(database, key, sitting) {
    this.#database = database;
    this.#key = key;
    this.#sitting = sitting;
  }

  async load() {
    const transaction = this.#database.transaction(["rows", "book"]);
    const [sealed, writer, acked] = await Promise.all([
      answer(transaction.objectStore("rows").getAll()),
      answer(transaction.objectStore("book").get("writer")),
      answer(transaction.objectStore("book").get("acked")),
    ]);
    const rows = await Promise.all(sealed.map((/** @type {SealedRow} */ row) => this.#open(row)));
    return { writer: writer ?? 0, acked: acked ?? 0, rows };
  }

  /** @param {Row} row */
  async add(row) {
    const sealed = await this.#seal(row);
    await this.#write(["rows"], (transaction) => transaction.objectStore("rows").add(sealed));
  }

  /** @param {number} acked */
  async trim(acked) {
    await this.#write(["rows", "book"], (transaction) => {
      transaction.objectStore("rows").delete(IDBKeyRange.upperBound(acked));
      transaction.objectStore("book").put(acked, "acked");
    });
  }

  /** @param {number} writer @param {number} acked @param {Row[]} rows */
  async replace(writer, acked, rows) {
    const sealed = await Promise.all(rows.map((row) => this.#seal(row)));
    await this.#write(["rows", "book"], (transaction) => {
      transaction.objectStore("rows").clear();
      for (const row of sealed) transaction.objectStore("rows").add(row);
      transaction.objectStore("book").put(writer, "writer");
      transaction.objectStore("book").put(acked, "acked");
    });
  }

  async wipe() {
    const { name } = this.#database;
    this.#database.close();
    await answer(indexedDB.deleteDatabase(name));
  }

  /** @param {string[]} stores @param {(transaction: IDBTransaction) => unknown} act @returns {Promise<void>} */
  #write(stores, act) {
    return new Promise((resolve, reject) => {
      const transaction = this.#database.transaction(stores, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("storage gave up"));
      act(transaction);
    });
  }

  /** @param {Row} row @returns {Promise<SealedRow>} */
  async #seal(row) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify(row));
    return { seq: row.seq, iv, sealed: await crypto.subtle.encrypt(this.#cipher(row.seq, iv), this.#key, text) };
  }

  /** @param {SealedRow} row @returns {Promise<Row>} */
  async #open({ seq, iv, sealed }) {
    const text = await crypto.subtle.decrypt(this.#cipher(seq, iv), this.#key, sealed);
    return JSON.parse(new TextDecoder().decode(text));
  }

  /** @param {number} seq @param {Uint8Array<ArrayBuffer>} iv */
  #cipher(seq, iv) {
    return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`${this.#sitting}\n${seq}`) };
  }
}

/** @param {string} name @returns {Promise<IDBDatabase>} */
function openDatabase(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("rows", { keyPath: "seq" });
    request.result.createObjectStore("book");
  };
  return answer(request);
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
