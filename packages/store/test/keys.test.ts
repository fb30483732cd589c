import { expect, test } from 'vitest';
import { describeStores, fresh } from './support/stores.ts';

describeStores('keys', (open) => {
  test('of many nodes that propose a value at once all get the same one, and it stays', async () => {
    const nodes = [await open(), await open()];
    const name = fresh('key');
    const proposals = Array.from({ length: 20 }, (_, index) => Buffer.from([index, 0, 255, 10]));
    const agreed = await Promise.all(proposals.map((proposal, index) => nodes[index % 2]?.keys.agree(name, proposal)));
    const [first] = agreed as [Buffer];
    expect(proposals.map(String)).toContain(String(first));
    for (const value of agreed) expect(value).toEqual(first);
    expect(await (await open()).keys.agree(name, Buffer.from('too late'))).toEqual(first);
    expect(await nodes[0]?.keys.agree(fresh('another'), Buffer.from('mine'))).toEqual(Buffer.from('mine'));
  });
});
