import { expect, test } from 'vitest';
import { linkOverSocket, SOCKET_LINK_LIMITS, type MessageSocket } from './socket-link.ts';

/** A socket whose other side takes in what the test lets it, and a clock that the test sets. */
class HandSocket implements MessageSocket {
  readonly sent: string[] = [];
  readonly ends: string[] = [];
  #untaken: { bytes: number; taken: () => void }[] = [];
  #onText: (text: string) => void = () => {};
  #onClose: () => void = () => {};

  get bufferedAmount(): number {
    return this.#untaken.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  send(text: string, taken: () => void): void {
    this.sent.push(text);
    this.#untaken.push({ bytes: text.length, taken });
  }
  close(code?: number): void {
    this.ends.push(`close ${code ?? ''}`.trim());
    this.#onClose();
  }
  terminate(): void {
    this.ends.push('terminate');
    this.#onClose();
  }
  onText(listener: (text: string) => void): void {
    this.#onText = listener;
  }
  onClose(listener: () => void): void {
    this.#onClose = listener;
  }
  say(text: string): void {
    this.#onText(text);
  }
  takeIn(): void {
    this.#untaken.shift()?.taken();
  }
}

function linked(unsentMessagesMax = 1_000_000) {
  const socket = new HandSocket();
  const turns: (() => void)[] = [];
  const hungUp: string[] = [];
  const clock = { now: 0 };
  const link = linkOverSocket<string, string>(socket, {
    read: (frame) => ({ messages: frame as string[], refused: [] }),
    unsentMessagesMax,
    onRefused: () => {},
    onHangUp: (reason) => void hungUp.push(reason),
    schedule: (flush) => void turns.push(flush),
    now: () => clock.now,
  });
  const heard: (string[] | null)[] = [];
  link.onFrame((messages) => heard.push(messages));
  const turn = (): void => {
    for (const flush of turns.splice(0)) flush();
  };
  return { link, socket, turn, hungUp, clock, heard };
}

const mebibyte = 'x'.repeat(1024 * 1024);

test('nothing more becomes text while a window waits, and it goes on as the other side takes in', () => {
  const { link, socket, turn } = linked();
  const count = 20;
  for (let at = 0; at < count; at++) link.send([`${at}${mebibyte}`]);
  turn();
  const window = SOCKET_LINK_LIMITS.windowBytes / SOCKET_LINK_LIMITS.frameChars;
  expect(socket.sent).toHaveLength(window);
  for (let taken = 0; taken < count; taken++) socket.takeIn();
  const order = socket.sent.flatMap((text) => (JSON.parse(text) as string[]).map((each) => Number.parseInt(each, 10)));
  expect(order).toEqual([...Array(count).keys()]);
});

test('a peer that takes nothing in for a minute is hung up on with the next message; one that takes in slowly is not', () => {
  const { link, socket, turn, clock, hungUp, heard } = linked();
  for (let at = 0; at < 10; at++) link.send([mebibyte]);
  turn();
  for (let minute = 0; minute < 3; minute++) {
    clock.now += SOCKET_LINK_LIMITS.stalledMs;
    link.send(['still here']);
    turn();
    socket.takeIn();
  }
  expect(hungUp).toEqual([]);
  clock.now += SOCKET_LINK_LIMITS.stalledMs + 1;
  link.send(['one more']);
  expect(hungUp).toEqual([`the other side does not read: for ${SOCKET_LINK_LIMITS.stalledMs + 1} ms`]);
  expect(socket.ends).toEqual(['terminate']);
  expect(heard).toEqual([null]);
});

test('a peer for which nothing waits may be silent for as long as it likes', () => {
  const { link, socket, turn, clock, hungUp } = linked();
  link.send(['a']);
  turn();
  socket.takeIn();
  clock.now += 100 * SOCKET_LINK_LIMITS.stalledMs;
  link.send(['b']);
  turn();
  clock.now += 1;
  link.send(['c']);
  expect(hungUp).toEqual([]);
});

test('a peer for which too many messages wait is hung up on', () => {
  const { link, turn, socket, hungUp } = linked(10);
  link.send(Array.from({ length: 10 }, (_, at) => String(at)));
  turn();
  link.send(Array.from({ length: 11 }, (_, at) => String(at)));
  expect(hungUp).toEqual(['the other side does not read: 11 messages wait']);
  link.send(['later']);
  turn();
  expect(socket.sent).toHaveLength(1);
});

test('a close sends what waits first, unless the other side is not reading', () => {
  const willing = linked();
  willing.link.send(['last words']);
  willing.link.close();
  expect(willing.socket.sent).toEqual(['["last words"]']);
  expect(willing.socket.ends).toEqual(['close']);

  const stuck = linked();
  for (let at = 0; at < 10; at++) stuck.link.send([mebibyte]);
  stuck.turn();
  const before = stuck.socket.sent.length;
  stuck.link.close();
  expect(stuck.socket.sent).toHaveLength(before);
  expect(stuck.socket.ends).toEqual(['terminate']);
});

test('what comes before anybody listens is kept, and after the end there is nothing more', () => {
  const { link, socket, heard } = linked();
  socket.say('["a"]');
  socket.close();
  socket.say('["b"]');
  expect(heard).toEqual([['a'], null]);
  const late: unknown[] = [];
  link.onFrame((messages) => late.push(messages));
  expect(late).toEqual([null]);
});
