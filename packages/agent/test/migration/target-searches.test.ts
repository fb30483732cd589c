import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Abandonment } from '../../src/migration/abandonment.ts';
import { Pacer } from '../../src/migration/pacer.ts';
import type { TakeOutcome } from '../../src/migration/target-search.ts';
import { TargetSearches } from '../../src/migration/target-searches.ts';
import type { Member } from '../../src/route/fleet.ts';
import { createMembers } from '../support/members.ts';

const uses = (): boolean => true;

type Outcome = TakeOutcome<string, 'unknown' | 'stopping'>;

/** Searches among targets of which the first is the one that is gone. */
function createSearches(count: number, holdMs = 2_000, perSecond = 1_000, patienceMs = holdMs) {
  const members = createMembers(Array.from({ length: count }, () => 1));
  const [from] = members as [Member];
  const pacer = new Pacer(perSecond);
  onTestFinished(() => pacer.close());
  const searches = new TargetSearches({ holdMs, patienceMs, responseMs: 5_000 }, pacer);
  const asked: Member[] = [];
  const released: string[] = [];
  return {
    members,
    asked,
    released,
    pacer,
    searches,
    find(
      ask: (member: Member, abandoned: Abandonment) => Outcome | Promise<Outcome>,
      { isPaced = false, over = (): 'stopping' | undefined => undefined } = {},
    ) {
      return searches.find<string, 'unknown' | 'stopping'>({
        product: from.product,
        from,
        isPaced,
        over,
        members: async () => members,
        choices: {
          first: (all, tried) => all.find((member) => !tried.has(member)),
          second: (first, all, tried) => all.find((member) => member !== first && !tried.has(member)),
        },
        async ask(member, _timeoutMs, abandoned) {
          asked.push(member);
          return ask(member, abandoned);
        },
        release: (taken) => void released.push(taken),
      });
    },
  };
}

test('the first target that takes the session has it; the one that it had is asked last', async () => {
  const { find, members, asked } = createSearches(3);
  const [old, second, third] = members;
  const found = await find((member) => (member === third ? { taken: 'third' } : 'gone'));
  expect(found).toMatchObject({ taken: 'third', member: third });
  expect(asked).toEqual([second, third]);
  asked.length = 0;
  expect(await find((member) => (member === old ? { taken: 'old' } : 'gone'))).toMatchObject({ taken: 'old' });
  expect(asked.at(-1)).toBe(old);
});

test('where no target can take it the search ends at once', async () => {
  const { find, asked } = createSearches(3);
  expect(await find(() => ({ noTarget: 'unknown' }))).toBe('unknown');
  expect(asked).toHaveLength(1);
});

test('a search without an end is given up', async () => {
  const { find, asked } = createSearches(2, 300);
  expect(await find(() => 'gone')).toBe('held too long');
  // In several rounds.
  expect(asked.length).toBeGreaterThan(2);
});

test('while its target takes others a session is not given up, however long that takes', async () => {
  const { find, searches, members } = createSearches(2, 200, 1_000, 60_000);
  const line = searches.lineOf(members[1] as Member);
  while (line.turn(uses) === true);
  const waiting = find(() => ({ taken: 'it' }));
  // Several times as long as it is held if none is taken.
  for (let count = 0; count < 10; count++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    line.leave();
    expect(line.turn(uses)).not.toBe(false);
    searches.lineOf(members[1] as Member).took(1_000);
  }
  expect(await waiting).toMatchObject({ taken: 'it' });
});

test('a session is given up when its client has stopped waiting, although others are taken', async () => {
  const { find, searches, members } = createSearches(2, 200, 1_000, 600);
  const since = performance.now();
  const taking = setInterval(() => searches.lineOf(members[0] as Member).took(1_000), 50);
  onTestFinished(() => clearInterval(taking));
  expect(await find(() => 'refused')).toBe('held too long');
  expect(performance.now() - since).toBeGreaterThan(550);
});

test('one that is over asks no target', async () => {
  const { find, asked } = createSearches(2);
  expect(await find(() => 'gone', { over: () => 'stopping' })).toBe('stopping');
  expect(asked).toEqual([]);
});

describe('a target that does not respond', () => {
  test('is asked on while the next one is asked as well, and is abandoned when that takes the session', async () => {
    const { find, members, released } = createSearches(3);
    let respond = (_outcome: Outcome): void => {};
    let signal: Abandonment | undefined;
    const found = await find((member, abandoned) => {
      if (member !== members[1]) return { taken: 'third' };
      signal = abandoned;
      return new Promise((resolve) => {
        respond = resolve;
      });
    });
    expect(found).toMatchObject({ taken: 'third' });
    expect(signal?.aborted).toBe(true);
    // It took the session all the same.
    respond({ taken: 'too late' });
    await expect.poll(() => released).toEqual(['too late']);
  });

  test('does not count as silent while this process had no CPU to read its response', async () => {
    const { find, asked, members } = createSearches(3);
    const found = find(() => {
      // The end of a process is read as a response is.
      const responding = once(spawn('true'), 'exit').then((): Outcome => ({ taken: 'second' }));
      queueMicrotask(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600));
      return responding;
    });
    expect(await found).toMatchObject({ taken: 'second' });
    expect(asked).toEqual([members[1]]);
  });

  test('has the session where the next one hangs, too, and it responds after all', async () => {
    const { find, members } = createSearches(3);
    let respond = (_outcome: Outcome): void => {};
    const found = find((member) => {
      if (member !== members[1]) {
        respond({ taken: 'second' });
        return new Promise(() => {});
      }
      return new Promise((resolve) => {
        respond = resolve;
      });
    });
    expect(await found).toMatchObject({ taken: 'second', member: members[1] });
  });
});

test('a session that has passed the rate limit need not pass it again for its first attempt', async () => {
  const { find, pacer } = createSearches(2, 2_000, 1);
  expect(pacer.take()).toBe(true);
  const since = performance.now();
  expect(await find(() => ({ taken: 'it' }), { isPaced: true })).toMatchObject({ taken: 'it' });
  expect(performance.now() - since).toBeLessThan(500);
  const next = find(() => ({ taken: 'it' }));
  await expect.poll(() => pacer.waiting).toBe(1);
  pacer.close();
  await next;
});

test('a target that is down is asked again until it takes the session', async () => {
  const { find, searches, members } = createSearches(2, 10_000);
  const second = members[1] as Member;
  const line = searches.lineOf(second);
  let isUp = false;
  const waiting = find((member) => (isUp && member === second ? { taken: 'it' } : 'gone'));
  await expect.poll(() => line.isTaking).toBe(false);
  isUp = true;
  const first = await waiting;
  if (typeof first !== 'object') throw new Error(first);
  first.settled(true);
  expect(line.isTaking).toBe(true);
});

test('an attempt that throws ends its search, and keeps no turn at the target', async () => {
  const { find, searches, members } = createSearches(2);
  const line = searches.lineOf(members[1] as Member);
  for (let count = 0; count < 50; count++) {
    await expect(find(() => Promise.reject(new Error('a fault')))).rejects.toThrow('a fault');
  }
  expect(line.turn(uses)).toBe(true);
});

describe('sessions that should all go to the same target', () => {
  /** Sessions whose attempts end when they are told to, by target. */
  function startMany(count: number) {
    const started = createSearches(3, 60_000);
    const { members, find } = started;
    const [, second, third] = members as [Member, Member, Member];
    const taking = new Map<Member, ((outcome: Outcome) => void)[]>(members.map((member) => [member, []]));
    const searches = Array.from({ length: count }, () =>
      find((member) => new Promise((resolve) => taking.get(member)?.push(resolve))).then((found) => {
        if (typeof found === 'object') found.settled(true);
        return found;
      }),
    );
    const takeOne = (member: Member): void => taking.get(member)?.shift()?.({ taken: 'it' });
    const underWay = (): number[] => [second, third].map((member) => taking.get(member)?.length ?? 0);
    const settled = async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    };
    return { ...started, shared: started.searches, second, third, searches, takeOne, underWay, settled };
  }

  test('do go there while they are few', async () => {
    const { underWay, settled, second, searches, takeOne } = startMany(8);
    await settled();
    expect(underWay()).toEqual([8, 0]);
    for (let count = 0; count < 8; count++) takeOne(second);
    await Promise.all(searches);
  });

  test('go to another one that has far fewer', async () => {
    const { underWay, settled, second, third, searches, takeOne } = startMany(24);
    await settled();
    expect(underWay()).toEqual([16, 8]);
    for (let count = 0; count < 16; count++) takeOne(second);
    for (let count = 0; count < 8; count++) takeOne(third);
    expect(await Promise.all(searches)).toHaveLength(24);
  });

  test('go to whichever takes more of them, if they wait in line', async () => {
    const { underWay, settled, second, third, searches, takeOne } = startMany(60);
    second.tunnels = 100;
    await settled();
    expect(underWay()).toEqual([16, 16]);
    // The first one takes none meanwhile.
    for (let count = 0; count < 44; count++) {
      takeOne(third);
      await settled();
    }
    expect(underWay()).toEqual([16, 0]);
    for (let count = 0; count < 16; count++) takeOne(second);
    const found = await Promise.all(searches);
    expect(found.filter((one) => typeof one === 'object' && one.member === third)).toHaveLength(44);
  });

  test('do not all go to one that takes them sooner: it gets little more than its share', async () => {
    const { underWay, settled, second, third, searches, takeOne } = startMany(60);
    await settled();
    while (underWay()[1] !== 0) {
      takeOne(third);
      third.tunnels++;
      await settled();
    }
    // The first one has 16 under way.
    expect(third.tunnels).toBe(16 * 1.25 + 8);
    while (underWay()[0] !== 0) {
      takeOne(second);
      await settled();
    }
    await Promise.all(searches);
  });

  test('do not go to one that has far more clients', async () => {
    const { underWay, settled, second, third, searches, takeOne } = startMany(60);
    third.tunnels = 100;
    await settled();
    expect(underWay()).toEqual([16, 0]);
    while (underWay()[0] !== 0) {
      takeOne(second);
      await settled();
    }
    await Promise.all(searches);
  });

  test('keep no turn where they do not go', async () => {
    const { shared, settled, second, third, takeOne, searches, underWay } = startMany(60);
    await settled();
    while (underWay().some((count) => count > 0)) {
      takeOne(second);
      takeOne(third);
      await settled();
    }
    await Promise.all(searches);
    for (const member of [second, third]) expect(shared.lineOf(member).load).toBe(0);
  });

  test('wait for the other one if the first one dies', async () => {
    const { members, searches, find, third } = createDying();
    const found = await Promise.all(Array.from({ length: 60 }, () => find()));
    expect(found.every((one) => typeof one === 'object' && one.member === third)).toBe(true);
    for (const member of members.slice(1)) expect(searches.lineOf(member).load).toBe(0);
  });

  /** The target that all should go to is gone. */
  function createDying() {
    const started = createSearches(3);
    const { members } = started;
    const [, second, third] = members as [Member, Member, Member];
    const find = async () => {
      const found = await started.find(async (member) => {
        await new Promise((resolve) => setTimeout(resolve, member === second ? 30 : 5));
        return member === second ? 'gone' : { taken: 'it' };
      });
      if (typeof found === 'object') found.settled(true);
      return found;
    };
    return { ...started, find, third };
  }
});
