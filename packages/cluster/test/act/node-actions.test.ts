import { silentLogger } from '@gopush/service';
import { expect, test } from 'vitest';
import { type Act, NodeActions } from '../../src/act/node-actions.ts';

const command = { v: 1, id: 'one', action: 'drain', value: '', by: 'ops', from: '127.0.0.1', via: 'agent-0' };

function actionsOf(acts: Record<string, Act>) {
  let changes = 0;
  const lines: object[] = [];
  const log = { ...silentLogger, info: (fields: object | string) => void lines.push(Object(fields)) };
  const actions = new NodeActions(acts, log, () => changes++);
  return {
    actions,
    lines,
    changes: () => changes,
    run: (change: object = {}) => actions.run(Buffer.from(JSON.stringify({ ...command, ...change }))),
    told: () => actions.describe(performance.now()).map(({ agoMs, ...rest }) => rest),
  };
}

test('a command is run, and who asked for what is logged and told, with what became of it', async () => {
  let finish = (_text: string): void => {};
  const { actions, run, told, lines, changes } = actionsOf({
    drain: () => new Promise((resolve) => (finish = resolve)),
    'log-level': (level) => `now ${level}`,
  });
  expect(actions.names).toEqual(['drain', 'log-level']);
  run();
  expect(told()).toEqual([{ id: 'one', action: 'drain', by: 'ops' }]);
  run({ id: 'two', action: 'log-level', value: 'debug' });
  await expect.poll(changes).toBe(3);
  finish('3 sessions were given');
  await expect.poll(changes).toBe(4);
  expect(told()).toEqual([
    { id: 'two', action: 'log-level', by: 'ops', result: 'now debug', isDone: true },
    { id: 'one', action: 'drain', by: 'ops', result: '3 sessions were given', isDone: true },
  ]);
  expect(lines).toEqual([
    { by: 'ops', from: '127.0.0.1', via: 'agent-0', action: 'drain' },
    { by: 'ops', from: '127.0.0.1', via: 'agent-0', action: 'log-level', value: 'debug' },
  ]);
});

test('what fails, throws, or is not known is told, and ends nothing', async () => {
  const { run, told } = actionsOf({
    throws: () => {
      throw new Error('no');
    },
    rejects: () => Promise.reject('neither'),
  });
  for (const action of ['throws', 'rejects', 'constructor']) run({ id: action, action });
  await expect
    .poll(() => told().map(({ result, isDone }) => [result, isDone]))
    .toEqual([
      ['this node does not know this action', false],
      ['neither', false],
      ['no', false],
    ]);
});

test('bytes that are no command are left out, and of many commands the last four are told', () => {
  const { actions, run, told } = actionsOf({ drain: () => 'done' });
  for (const bytes of ['', '{', 'null', '[]', '{"v":2}']) actions.run(Buffer.from(bytes));
  run({ id: 7 });
  run({ value: 'x'.repeat(2_000) });
  expect(told()).toEqual([]);
  for (let times = 0; times < 20; times++) run({ id: `${times}`, by: 'b'.repeat(200) });
  expect(told().map(({ id }) => id)).toEqual(['19', '18', '17', '16']);
});
