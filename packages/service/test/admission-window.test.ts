import { describe, expect, test } from 'vitest';
import { AdmissionWindow, type AdmissionWindowOptions, type Place } from '../src/admission-window.ts';

/** Lets in as much as there is room for, with an hour as the most. */
function fill(window: AdmissionWindow, now: number, most = 1_000): Place[] {
  const places: Place[] = [];
  while (places.length < most) {
    const place = window.enter(now);
    if (place === undefined) break;
    places.push(place);
  }
  return places;
}

/** Lets work in and has it take so long, again and again. */
function run(window: AdmissionWindow, from: number, turns: number, ms: number, most = 1_000): number {
  let now = from;
  for (let turn = 0; turn < turns; turn++) {
    const places = fill(window, now, most);
    now += Math.max(ms, 100);
    for (const place of places) {
      window.leave(place);
      window.took(ms, now);
    }
  }
  return now;
}

/**
 * One server that does a piece of work in so many milliseconds, one after the other, and clients that come at a steady rate for a time and give
 * up after two seconds.
 *
 * @returns what was done in time, done too late and refused in the last two thirds of the time, a second
 */
function serve(options: AdmissionWindowOptions, workMs: number, offeredPerSecond: number, seconds = 30) {
  const window = new AdmissionWindow(options);
  const counts = { done: 0, late: 0, refused: 0 };
  const queue: Place[] = [];
  let freeAt = 0;
  const end = seconds * 1_000;
  const count = (what: keyof typeof counts, now: number): void => {
    if (now > end / 3) counts[what]++;
  };
  const workUntil = (now: number): void => {
    for (;;) {
      const [place] = queue;
      if (place === undefined || Math.max(freeAt, place.at) + workMs > now) return;
      queue.shift();
      freeAt = Math.max(freeAt, place.at) + workMs;
      window.leave(place);
      const ms = freeAt - place.at;
      window.took(ms, freeAt);
      count(ms <= 2_000 ? 'done' : 'late', freeAt);
    }
  };
  for (let now = 0; now < end; now += 1_000 / offeredPerSecond) {
    workUntil(now);
    const place = window.enter(now);
    if (place === undefined) count('refused', now);
    else {
      window.resume(place, now);
      queue.push(place);
    }
  }
  const perSecond = (all: number): number => Math.round((all * 1.5) / seconds);
  return { done: perSecond(counts.done), late: perSecond(counts.late), refused: perSecond(counts.refused) };
}

test('without a bound, all that a server does at five times its rate is too late for its clients', () => {
  expect(serve({}, 2, 2_500)).toMatchObject({ done: 0, refused: 0 });
});

test('at, and at five times, the rate of a server as much is done in time, and what is beyond is refused', () => {
  const options = { start: 128, toleranceMs: 250 };
  expect(serve(options, 2, 400)).toEqual({ done: 400, late: 0, refused: 0 });
  for (const workMs of [2, 10, 20]) {
    const best = 1_000 / workMs;
    const { done, late, refused } = serve(options, workMs, best * 5);
    expect(done).toBeGreaterThanOrEqual(0.95 * best);
    expect(late).toBeLessThanOrEqual(0.05 * best);
    expect(refused).toBeGreaterThanOrEqual(3.9 * best);
  }
});

test('work that always takes long is not late', () => {
  const window = new AdmissionWindow({ start: 100, toleranceMs: 50 });
  run(window, 0, 50, 900);
  expect(window.limit).toBeGreaterThan(100);
});

test('one long pause takes no place away, one that lasts does, and afterwards they come back', () => {
  const window = new AdmissionWindow({ start: 100, toleranceMs: 50 });
  let now = run(window, 0, 5, 10, 40);
  // All that is in progress is late by the same pause.
  for (const place of fill(window, now, 40)) {
    window.leave(place);
    window.took(1_000, now + 1_000);
  }
  now = run(window, now + 1_000, 1, 10, 40);
  expect(window.limit).toBe(100);
  now = run(window, now, 3, 500, 40);
  expect(window.limit).toBeLessThanOrEqual(20);
  expect(window.enter(now)).toBeDefined();
  now = run(window, now, 20, 10);
  expect(window.limit).toBeGreaterThanOrEqual(100);
});

test('a window is as at the start after a time without work', () => {
  const window = new AdmissionWindow({ start: 100, toleranceMs: 50 });
  let now = run(window, 0, 5, 10);
  now = run(window, now, 20, 1_000);
  expect(fill(window, now).length).toBeLessThan(20);
  expect(fill(window, now + 6_000).length).toBeGreaterThanOrEqual(100);
});

test('where work is refused downstream half of it is let in, once for all that were on their way, and never none', () => {
  const window = new AdmissionWindow({});
  const sizes: number[] = [];
  for (let now = 0, most = 64; now < 2_000; now += 200, most = 1_000) {
    const places = fill(window, now, most);
    sizes.push(places.length);
    for (const place of places) window.leave(place);
    for (const _ of places) window.refused(now + 1);
  }
  expect(sizes.slice(0, 5)).toEqual([64, 32, 16, 16, 16]);
  expect(sizes.at(-1)).toBe(16);
});

test('with what succeeds a window without a bound at the start has none again', () => {
  const window = new AdmissionWindow({});
  for (const place of fill(window, 0, 40)) window.leave(place);
  window.refused(0);
  expect(window.limit).toBe(20);
  run(window, 200, 60, 0);
  expect(window.limit).toBe(Number.POSITIVE_INFINITY);
});

test('work that never ends makes room for other work', () => {
  const window = new AdmissionWindow({ start: 8, toleranceMs: 50 });
  const stuck = fill(window, 0);
  expect(stuck).toHaveLength(8);
  expect(window.enter(900)).toBeUndefined();
  expect(fill(window, 1_000)).toHaveLength(8);
  for (const place of stuck) window.leave(place);
  expect(window.taken(1_000)).toBe(8);
});

test('work that waits for nobody keeps its place as long as it takes', () => {
  const window = new AdmissionWindow({ start: 8, toleranceMs: 50 });
  const places = fill(window, 0);
  for (const place of places) window.resume(place, 1_500);
  expect(window.enter(60_000)).toBeUndefined();
  for (const place of places) window.leave(place);
  expect(window.taken(60_000)).toBe(0);
});

test('one alone holds half of the places at most, and others get the rest', () => {
  const window = new AdmissionWindow({ start: 16 });
  const places: (Place | undefined)[] = [];
  while (!window.holdsHalf('eve', 0)) places.push(window.enter(0, 'eve'));
  expect(places.length).toBe(8);
  // Work that continues counts as well, and what is not hers does not.
  window.resume(places[0] as Place, 0);
  expect([window.holdsHalf('eve', 0), window.holdsHalf('ann', 0)]).toEqual([true, false]);
  for (let each = 0; each < 8; each++) expect(window.enter(0, `u${each}`)).toBeDefined();
  expect(window.enter(0, 'ann')).toBeUndefined();
  // Her client did not continue with the others within a second.
  expect(window.holdsHalf('eve', 1_500)).toBe(false);
});

describe('one who holds half of all', () => {
  const hold = (window: AdmissionWindow, of: string, now: number, most = 1_000): number => {
    let held = 0;
    while (held < most && window.enter(now, of) !== undefined) held++;
    return held;
  };

  test('leaves a quarter more to those who hold next to nothing, and to nobody else', () => {
    const window = new AdmissionWindow({ start: 64, reserve: 1 / 4 });
    expect(hold(window, 'eve', 0)).toBe(64);
    expect(window.enter(0)).toBeUndefined();
    // Not much to any one of them either.
    expect([hold(window, 'ann', 0), hold(window, 'bob', 0), hold(window, 'cas', 0)]).toEqual([5, 5, 5]);
    expect([hold(window, 'dan', 0), hold(window, 'fay', 0), hold(window, 'eve', 0)]).toEqual([1, 0, 0]);
  });

  test('is no longer one when its places are free, or have been lost', () => {
    const window = new AdmissionWindow({ start: 64 });
    hold(window, 'eve', 0, 40);
    hold(window, 'ann', 900);
    expect(window.heldByHog('bob', 900)).toBe(40);
    expect(window.heldByHog('eve', 900)).toBe(0);
    expect(window.heldByHog('bob', 1_000)).toBe(0);
    expect(hold(window, 'bob', 1_000)).toBe(40);
  });

  test('gives the oldest of its places to those who hold fewer', () => {
    const window = new AdmissionWindow({ start: 64 });
    const eves = Array.from({ length: 64 }, (_, at) => window.enter(at, `eve ${at}`, 'one address') as Place);
    // One of them no longer waits for its client.
    window.resume(eves[0] as Place, 64);
    const ann = window.enterInstead(100, 'ann', 'elsewhere');
    expect(ann).toBeDefined();
    expect(window.taken(100)).toBe(64);
    expect(window.enterInstead(100, 'eve 99', 'one address')).toBeUndefined();
    let others = 1;
    while (window.enterInstead(100, `other ${others}`, 'elsewhere') !== undefined) others++;
    expect(others).toBe(32);
    // The second was the oldest that may have been waiting: it frees nothing any more, and counts again once its client continues.
    window.leave(eves[1] as Place);
    expect(window.taken(100)).toBe(64);
    window.resume(eves[2] as Place, 100);
    expect(window.taken(100)).toBe(65);
  });

  test('gives none where all its places are of work that does not wait, or where it holds few', () => {
    const working = new AdmissionWindow({ start: 16 });
    for (let at = 0; at < 16; at++) working.resume(working.enter(0, 'eve') as Place, 0);
    expect(working.enterInstead(0, 'ann')).toBeUndefined();
    const few = new AdmissionWindow({ start: 16 });
    for (let at = 0; at < 16; at++) few.enter(0, `u${at % 3}`);
    expect(few.enterInstead(0, 'ann')).toBeUndefined();
  });

  test('is not there in a storm of many, or of all behind one address', () => {
    const many = new AdmissionWindow({ start: 64, reserve: 1 / 4 });
    for (let index = 0; index < 64; index++) expect(many.enter(0, `u${index}`)).toBeDefined();
    expect(many.enter(0, 'one more')).toBeUndefined();
    const one = new AdmissionWindow({ start: 64, reserve: 1 / 4 });
    expect(hold(one, 'proxy', 0)).toBe(64);
    expect(one.enter(0, 'proxy')).toBeUndefined();
  });
});

test('is late from the first late verdict until it has as many places as at the start again', () => {
  const window = new AdmissionWindow({ start: 64, toleranceMs: 50 });
  const work = (ms: number, now: number): void => {
    for (let at = 0; at < 64; at++) window.took(ms, now);
  };
  work(1, 0);
  expect(window.isLate).toBe(false);
  for (let now = 1_000; now < 1_500; now += 100) work(400, now);
  expect(window.isLate).toBe(true);
  work(1, 2_000);
  expect(window.isLate).toBe(true);
  for (let now = 2_100; window.limit < 64; now += 100) work(1, now);
  expect(window.isLate).toBe(false);
});
