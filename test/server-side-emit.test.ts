import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { describeNodes } from './support/nodes.ts';

type Answer = (value: number) => void;

describeNodes('an event to all push-servers that wants answers', (startNodes) => {
  async function startThree(): Promise<[PushServer, PushServer, PushServer]> {
    const nodes = await startNodes();
    return [await nodes.start(), await nodes.start(), await nodes.start()];
  }

  test('has those of all but one that leaves meanwhile', async () => {
    const [one, two, three] = await startThree();
    two.io.on('ask', (answer: Answer) => answer(2));
    three.io.on('ask', () => void three.close());
    await expect(one.io.serverSideEmitWithAck('ask')).resolves.toEqual([2]);
  });

  test('fails with the others where one stays and does not answer', async () => {
    const [one, two, three] = await startThree();
    two.io.on('ask', (answer: Answer) => answer(2));
    three.io.on('ask', () => {});
    await expect(one.io.serverSideEmitWithAck('ask')).rejects.toMatchObject({ responses: [2] });
  }, 10_000);
});
