import { afterAll, expect, test } from 'vitest';
import { startTestAgent } from '../support/gateway.ts';
import { httpClients, removeJavaClasses } from './clients.ts';
import { httpTargets, page } from './targets.ts';

/*
 * Real clients and real servers, with an agent between them that has its defaults. Programs that are not installed are left out.
 */
const clients = httpClients.filter(({ isHere }) => isHere);

afterAll(removeJavaClasses);

test.each(httpTargets.filter(({ isHere }) => isHere))(
  '$name serves each HTTP client through an agent',
  { timeout: 60_000 },
  async (target) => {
    const port = await target.start();
    const agent = await startTestAgent({ agent: () => 'ann', router: { default: { ip: '127.0.0.1', port } } });
    const upload = target.uploaded === undefined ? undefined : Buffer.alloc(200_000, 'x');
    const wanted = upload === undefined ? [page, page] : [page, target.uploaded?.(upload.length), page];
    const got = await Promise.all(
      clients.map(async ({ name, ask }) => [name, ...(await ask(agent.url, upload).catch((error) => [String(error)]))]),
    );
    expect(got).toEqual(clients.map(({ name }) => [name, ...wanted]));
  },
);
