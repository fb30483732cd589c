import { expect, test, vi } from 'vitest';
import type { Listener } from '../../../src/api/listen/listener.ts';
import { ListenerSet } from '../../../src/api/listen/listener-set.ts';

function listener(user: string | undefined, rooms: readonly string[] = []) {
  const fake = {
    listening: { id: 'id', user, rooms },
    kind: 'sse',
    endCode: 'client_gone',
    end: vi.fn(),
    cut: vi.fn(),
  };
  return fake as typeof fake & Listener;
}

test('listeners of a user are ended: all, or those of a room of its product', () => {
  const all = new ListenerSet();
  const [inRoom, elsewhere, other] = [
    listener('p\u001fann', ['r:p\u001fden']),
    listener('p\u001fann'),
    listener('bob'),
  ];
  for (const one of [inRoom, elsewhere, other, listener(undefined)]) all.add(one);
  all.endUser('p\u001fann', 'den');
  expect([inRoom, elsewhere, other].map(({ end }) => end.mock.calls)).toEqual([[['disconnected']], [], []]);
  all.endUser('p\u001fann');
  expect(elsewhere.end).toHaveBeenCalledOnce();
  expect(other.end).not.toHaveBeenCalled();
});

test('listeners are counted by kind while they are here, and by code when they have ended', () => {
  const all = new ListenerSet();
  const one = listener('ann');
  all.add(one);
  expect(all.open()).toEqual({ sse: 1, websocket: 0 });
  all.delete(one);
  expect([all.open().sse, all.ended.get('client_gone')]).toEqual([0, 1]);
});

test('a stop ends all, and cuts those that do not end in time', async () => {
  const all = new ListenerSet();
  const [quick, slow] = [listener('ann'), listener('bob')];
  for (const one of [quick, slow]) all.add(one);
  quick.end.mockImplementation(() => all.delete(quick));
  slow.cut.mockImplementation(() => all.delete(slow));
  await all.endAll('stopping', 20);
  expect([quick.cut.mock.calls.length, slow.end.mock.calls, slow.cut.mock.calls.length]).toEqual([
    0,
    [['stopping']],
    1,
  ]);
  await all.endAll('stopping', 60_000);
});
