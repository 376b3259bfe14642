import assert from "node:assert/strict";
import { test } from "node:test";
import { BEAT_MS, Line, SILENCE_MS, STALLED_MS, WINDOW_ROWS } from "../../../web/static/js/models/line.js";

/** An outbox as the Line sees it: figures and rows. */
function aBook(rows = 0, { writer = 5, acked = 0 } = {}) {
  return {
    writer, acked, lastSeq: acked + rows,
    get pending() { return this.lastSeq - this.acked; },
    after(seq, limit) {
      const found = [];
      for (let n = Math.max(seq, this.acked) + 1; n <= this.lastSeq && found.length < limit; n += 1) {
        found.push({ seq: n, item: "q01", kind: "answer", payload: "{}", client_ms: n });
      }
      return found;
    },
  };
}

function aLine(book = aBook(), random = () => 0.5) {
  return new Line({ ticket: "t-1", outbox: book, random, wall: () => 77 });
}

const welcome = (more = {}) => ({
  t: "welcome", writer: 5, epoch: 1, acked: 0, remaining_ms: 60_000, phase: "RUNNING", digest: "d", ticket: "t-2",
  answers: {}, t1_ms: 20_000, ...more,
});
const names = (effects) => effects.map((effect) => effect.do);
const states = (effects) => effects.filter((effect) => effect.do === "state").map((effect) => effect.state);

/** A Line that has been greeted. */
function up(line, now = 0, more = {}) {
  line.start(now);
  line.opened(now);
  line.received(welcome(more), now);
  return line.booked(now);
}

test("the greeting says who we are and how far we have come", () => {
  const line = aLine(aBook(2, { writer: 5, acked: 7 }));
  assert.deepEqual(names(line.start(0)), ["state", "connect"]);
  assert.deepEqual(line.opened(0), [
    { do: "send", message: { t: "hello", ticket: "t-1", writer: 5, last_sent: 9, last_acked: 7 } },
  ]);
});

test("the welcome brings clock, phase and state, and rows flow once the outbox has booked it", () => {
  const line = aLine(aBook(3));
  line.start(0);
  line.opened(0);
  assert.deepEqual(line.rowsAdded(0), []);
  assert.deepEqual(names(line.received(welcome(), 0)), ["welcome", "clock", "phase", "state"]);
  assert.deepEqual(line.rowsAdded(0), []);
  const [effect] = line.booked(0);
  assert.deepEqual(effect.rows.map((row) => row.seq), [1, 2, 3]);
  assert.deepEqual(line.rowsAdded(0), []); // each row once on a socket
});

test("rows unacknowledged when the socket died are sent again on the next", () => {
  const book = aBook(3);
  const line = aLine(book);
  up(line);
  line.received({ t: "ack", writer: 5, acked: 1, head: 9, remaining_ms: 1 }, 1);
  book.acked = 1;
  line.closed(1006, 2);
  line.tick(10_000);
  line.opened(10_000);
  line.received(welcome({ acked: 1 }), 10_000);
  const [effect] = line.booked(10_000);
  assert.deepEqual(effect.rows.map((row) => row.seq), [2, 3]);
});

test("no more rows are under way than the window holds", () => {
  const book = aBook(WINDOW_ROWS + 10);
  const line = aLine(book);
  const [first] = up(line);
  assert.equal(first.rows.length, WINDOW_ROWS);
  assert.deepEqual(line.rowsAdded(1), []);
  line.received({ t: "ack", writer: 5, acked: 4, head: 4, remaining_ms: 1 }, 1);
  book.acked = 4;
  const [second] = line.booked(1);
  assert.deepEqual(second.rows.map((row) => row.seq), [65, 66, 67, 68]);
});

test("the next attempt uses the ticket that the welcome brought", () => {
  const line = aLine();
  up(line);
  line.closed(1012, 1);
  assert.deepEqual(names(line.tick(1_000)), ["connect"]);
  assert.equal(line.opened(1_000)[0].message.ticket, "t-2");
});

test("a connection that dies before its welcome has used its ticket up; a new one is fetched", () => {
  const line = aLine();
  line.start(0);
  line.opened(0);
  line.closed(1006, 1);
  assert.deepEqual(names(line.tick(60_000)).filter((name) => name !== "post" && name !== "hide"), ["fetch-ticket"]);
  assert.deepEqual(names(line.ticketCame("t-9", 60_001)), ["connect"]);
  assert.equal(line.opened(60_002)[0].message.ticket, "t-9");
});

test("a ticket the server does not take is replaced at once, and not for ever", () => {
  const line = aLine();
  let effects = line.start(0);
  const seen = [];
  for (let n = 0; n < 10; n += 1) {
    const act = effects.map((effect) => effect.do).find((name) => name === "connect" || name === "fetch-ticket");
    if (act === undefined) break;
    seen.push(act);
    if (act === "connect") {
      line.opened(n);
      effects = line.closed(4401, n);
    } else effects = line.ticketCame(`t-${n}`, n);
  }
  assert.equal(seen.filter((act) => act === "fetch-ticket").length, 3);
  assert.equal(line.state, "down");
});

test("whoever is signed out is told so, and nothing is tried any more", () => {
  const line = aLine();
  line.start(0);
  line.opened(0);
  line.closed(4401, 1);
  assert.deepEqual(states(line.ticketFailed(401, 2)), ["signed-out"]);
  assert.deepEqual(line.tick(1_000_000), []);
});

test("waiting doubles up to a bound, with full jitter", () => {
  const bounds = [];
  const line = aLine(aBook(), () => 1 - Number.EPSILON);
  line.start(0);
  let now = 0;
  for (let n = 0; n < 7; n += 1) {
    line.closed(1006, now);
    let waited = 0;
    while (!names(line.tick(now + waited)).includes("connect")) waited += 100;
    bounds.push(waited);
    now += waited;
  }
  assert.deepEqual(bounds, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  const lucky = aLine(aBook(), () => 0);
  lucky.start(0);
  lucky.closed(1006, 0);
  assert.deepEqual(names(lucky.tick(0)), ["connect"]);
});

test("a flooding line waits at least five seconds", () => {
  const line = aLine(aBook(), () => 0);
  up(line);
  line.closed(4429, 0);
  assert.deepEqual(names(line.tick(4_999)), []);
  assert.deepEqual(names(line.tick(5_000)), ["connect"]);
});

test("a superseded window is read-only for good", () => {
  for (const end of [(line) => line.closed(4409, 1), (line) => line.received({ t: "refused", code: "SUPERSEDED", sentence: "…", seq: null }, 1)]) {
    const line = aLine(aBook(3));
    up(line);
    assert.deepEqual(states(end(line)), ["superseded"]);
    assert.deepEqual(names(line.tick(2)), ["post"]); // what it still holds, once more
    line.postFailed(409, "SUPERSEDED", 3, 3);
    assert.deepEqual([line.rowsAdded(1_000_001), line.networkBack(1_000_002)].flat().filter((effect) => effect.do !== "post"), []);
    assert.equal(line.reachable, false);
  }
});

test("what a superseded window holds is delivered until the server keeps all of it", () => {
  const book = aBook(WINDOW_ROWS + 2);
  const line = aLine(book);
  up(line);
  line.closed(4409, 1);
  const sent = [];
  for (let now = 1_000; now < 20_000; now += 1_000) {
    for (const effect of line.tick(now)) {
      if (effect.do !== "post") continue;
      sent.push(effect.rows.length);
      const upto = effect.rows.at(-1).seq;
      assert.deepEqual(line.postFailed(409, "SUPERSEDED", now, upto), [{ do: "acked", upto }]);
      book.acked = upto;
    }
  }
  assert.deepEqual(sent, [WINDOW_ROWS, 2]);
});

test("a superseded window that cannot be heard tries a few times and rests", () => {
  for (const answer of [(line, now) => line.postFailed(0, "", now), (line, now) => line.postFailed(409, "SUPERSEDED", now)]) {
    const line = aLine(aBook(1));
    up(line);
    line.closed(4409, 0);
    let posts = 0;
    for (let now = 0; now < 200_000; now += 1_000) {
      for (const effect of line.tick(now)) {
        assert.equal(effect.do, "post");
        posts += 1;
        answer(line, now);
      }
    }
    assert.equal(posts, 5);
  }
});

test("a beat goes out every five seconds", () => {
  const line = aLine();
  up(line);
  assert.deepEqual(line.tick(BEAT_MS - 1), []);
  assert.deepEqual(line.tick(BEAT_MS), [{ do: "send", message: { t: "beat", client_ms: 77 } }]);
  line.received({ t: "clock", remaining_ms: 5 }, BEAT_MS);
  assert.deepEqual(line.tick(2 * BEAT_MS - 1), []);
});

test("under a short T1 beats come often enough that an idle candidate's item stays", () => {
  const line = aLine();
  up(line, 0, { t1_ms: 4_096 });
  for (let now = 0; now <= 32_768; now += 256) {
    for (const effect of line.tick(now)) {
      assert.notEqual(effect.do, "hide");
      if (effect.do === "send") line.received({ t: "clock", remaining_ms: 1 }, now);
    }
  }
});

test("a half-open socket is hung up after fifteen silent seconds", () => {
  const line = aLine();
  up(line);
  for (let now = 1_000; now < SILENCE_MS; now += 1_000) assert.ok(!names(line.tick(now)).includes("hang-up"));
  const effects = line.tick(SILENCE_MS);
  assert.ok(names(effects).includes("hang-up"));
  assert.deepEqual(states(effects), ["down"]);
});

test("a socket that answers beats and loses rows is hung up, and the rows go again", () => {
  const book = aBook(2);
  const line = aLine(book);
  up(line);
  line.received({ t: "ack", writer: 5, acked: 1, head: 9, remaining_ms: 1 }, 1_000);
  book.acked = 1;
  for (let now = 2_000; now < 1_000 + STALLED_MS; now += 1_000) {
    assert.ok(!names(line.tick(now)).includes("hang-up"));
    line.received({ t: "clock", remaining_ms: 1 }, now);
  }
  assert.ok(names(line.tick(1_000 + STALLED_MS)).includes("hang-up"));
  line.tick(60_000);
  line.opened(60_000);
  line.received(welcome({ acked: 1 }), 60_000);
  assert.deepEqual(line.booked(60_000)[0].rows.map((row) => row.seq), [2]);
  line.received({ t: "ack", writer: 5, acked: 2, head: 9, remaining_ms: 1 }, 60_001);
  book.acked = 2;
  for (let now = 61_000; now < 100_000; now += 1_000) {
    assert.ok(!names(line.tick(now)).includes("hang-up"));
    line.received({ t: "clock", remaining_ms: 1 }, now);
  }
});

test("the item is hidden T1 after the server's last word, and shown at its next", () => {
  const line = aLine();
  up(line, 0, { t1_ms: 8_192 });
  line.closed(1006, 1);
  const told = [];
  for (let now = 0; now <= 20_000; now += 64) told.push(...names(line.tick(now)).filter((name) => name === "hide").map(() => now));
  assert.deepEqual(told, [8_192]);
  assert.equal(line.hidden, true);
  line.opened(20_000);
  assert.equal(names(line.received(welcome(), 20_001))[0], "show");
});

test("where sockets are blocked the rows go by post, and an acknowledgement is one", () => {
  const book = aBook(2);
  const line = aLine(book);
  line.start(0);
  line.closed(1006, 0);
  assert.deepEqual(names(line.tick(500)), ["connect"]);
  line.closed(1006, 501);
  const effects = line.tick(502);
  assert.deepEqual(effects.find((effect) => effect.do === "post").rows.map((row) => row.seq), [1, 2]);
  const answered = line.posted({ acked: 2, head: 2, remaining_ms: 4_096 }, 600);
  assert.deepEqual(names(answered), ["acked", "clock", "state"]);
  assert.deepEqual([line.state, line.reachable], ["posting", true]);
  book.acked = 2;
  book.lastSeq = 3;
  assert.deepEqual(names(line.rowsAdded(700)), ["post"]); // a new answer does not wait for the beat
  assert.deepEqual(names(line.rowsAdded(701)), []); // one at a time
});

test("posts keep the item on screen, and sockets are still tried", () => {
  const line = aLine(aBook());
  line.start(0);
  line.closed(1006, 0);
  let tried = 0;
  for (let now = 100; now <= 60_000; now += 100) {
    for (const effect of line.tick(now)) {
      if (effect.do === "post") line.posted({ acked: 0, head: 0, remaining_ms: 1 }, now);
      if (effect.do === "connect") {
        tried += 1;
        line.closed(1006, now);
      }
      assert.notEqual(effect.do, "hide");
    }
  }
  assert.ok(tried >= 5);
  assert.equal(line.state, "posting");
});

test("a post refused for another reason than another window is tried again", () => {
  const after = (code) => {
    const line = aLine(aBook(2));
    line.start(0);
    line.closed(1006, 0);
    line.tick(500);
    line.closed(1006, 501);
    line.tick(502);
    line.postFailed(409, code, 503);
    return line.state;
  };
  assert.deepEqual([after("SUPERSEDED"), after("NOT_NOW"), after("")], ["superseded", "down", "down"]);
});

test("without a writer number a post asks for one and carries no row", () => {
  const line = aLine(aBook(2, { writer: 0 }));
  line.start(0);
  line.closed(1006, 0);
  line.tick(500);
  line.closed(1006, 501);
  assert.deepEqual(line.tick(502).find((effect) => effect.do === "post"), { do: "post", rows: [] });
});

test("when a socket gets through again, posting stops", () => {
  const line = aLine(aBook(1));
  line.start(0);
  line.closed(1006, 0);
  line.tick(500);
  line.closed(1006, 501);
  line.tick(502);
  line.posted({ acked: 0, head: 0, remaining_ms: 1 }, 503);
  line.tick(5_000);
  line.opened(5_001);
  assert.deepEqual(states(line.received(welcome(), 5_002)), ["up"]);
  for (let now = 5_002; now < 15_000; now += 500) assert.ok(!names(line.tick(now)).includes("post"));
});

test("a word that this page does not know is no reason to fail", () => {
  const line = aLine();
  up(line);
  assert.deepEqual(line.received({ t: "something new" }, 1), []);
});

test("late words of a dead socket are not heard", () => {
  const line = aLine();
  up(line);
  line.closed(1006, 1);
  assert.deepEqual(line.received({ t: "clock", remaining_ms: 1 }, 2), []);
});

test("the network coming back cuts the wait short", () => {
  const line = aLine(aBook(), () => 0.999);
  line.start(0);
  for (let n = 0, now = 0; n < 6; n += 1, now += 10_000) {
    line.closed(1006, now);
    if (n < 5) line.tick(now + 9_000);
  }
  assert.ok(!names(line.tick(50_001)).includes("connect"));
  line.networkBack(50_002);
  assert.ok(names(line.tick(50_502)).includes("connect"));
});
