import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { accept, type Case, handshakeResponses, handshakes, requests, responses } from './cases.ts';
import { outcomeOf } from './outcome.ts';
import {
  askByCurl,
  askByWs,
  startNginx,
  startPatientTarget,
  startScriptedTarget,
  startWs,
  versionOf,
} from './peers.ts';

/*
 * The tables of docs/refusals.md. A run compares them with what it sees; with GOPUSH_UPDATE=1 it writes them. The column of the agent always
 * counts, those of others if they are installed in the version that the document names.
 */
const file = new URL('../../docs/refusals.md', import.meta.url);
const versions = { nginx: versionOf('nginx', '-v'), curl: versionOf('curl', '--version') };
const update = process.env.GOPUSH_UPDATE === '1';

type Row = readonly [what: string, ...outcomes: (string | undefined)[]];

/** A few at a time, so that a peer that does not respond does not delay the others. */
async function rowsOf(cases: readonly Case[], ask: (one: Case) => Promise<Row>): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < cases.length) {
      const at = next++;
      rows[at] = await ask(cases[at] as Case);
    }
  };
  await Promise.all(Array.from({ length: 12 }, work));
  return rows;
}

async function compare(name: string, heads: readonly string[], rows: readonly Row[]): Promise<void> {
  const text = await readFile(file, 'utf8');
  const pattern = new RegExp(`(<!-- ${name} -->\n)([\\s\\S]*?)(\n<!-- end -->)`);
  const cells = rows.map((row) => row.map((cell) => cell?.replaceAll('|', '\\|')));
  if (update) {
    const lines = [heads, heads.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`);
    await writeFile(
      file,
      text.replace(pattern, (_, start, _old, end) => start + lines.join('\n') + end),
    );
    return;
  }
  const written = (pattern.exec(text)?.[2] ?? '').split('\n').slice(2);
  const known = written.map((line) => line.slice(2, -2).split(' | '));
  const isKnown = heads.map((head) =>
    Object.entries(versions).every(([peer, version]) => {
      return !head.startsWith(peer) || (version !== undefined && text.includes(`${peer} ${version}`));
    }),
  );
  const comparable = (lines: readonly (readonly (string | undefined)[])[]) =>
    lines.map((line) => line.filter((_, at) => isKnown[at]));
  expect(comparable(cells)).toEqual(comparable(known));
}

test('what is refused of a request stands beside what ws and nginx do with it', async () => {
  const target = await startPatientTarget();
  const agent = await startTestAgent(hooksTo({ default: { ip: '127.0.0.1', port: target } }));
  const [ws, nginx] = [await startWs(), versions.nginx === undefined ? undefined : await startNginx(target)];
  const ask = async ({ what, bytes }: Case): Promise<Row> => [
    what,
    ...(await Promise.all([
      outcomeOf(agent.port, bytes),
      outcomeOf(ws, bytes),
      nginx === undefined ? undefined : outcomeOf(nginx, bytes),
    ])),
  ];
  await compare('requests', ['a client sends', 'agent', 'Node', 'nginx'], await rowsOf(requests, ask));
  await compare('handshakes', ['a client sends', 'agent', '`ws`', 'nginx'], await rowsOf(handshakes, ask));
}, 60_000);

/** What the agent, nginx and a client that asks the target itself make of what targets send. */
async function rowsOfTargets(
  cases: readonly Case[],
  request: (path: string) => string,
  askItself: (port: number) => Promise<string>,
) {
  const targets = await Promise.all(cases.map(({ bytes }) => startScriptedTarget(bytes, accept)));
  const nginx = versions.nginx === undefined ? undefined : await startNginx(...targets);
  return rowsOf(cases, async (one) => {
    const at = cases.indexOf(one);
    const port = targets[at] as number;
    // One of its own for each: what a target has failed at before would count.
    const agent = await startTestAgent(hooksTo({ default: { ip: '127.0.0.1', port } }));
    return [
      one.what,
      await outcomeOf(agent.port, request('/')),
      nginx === undefined ? undefined : await outcomeOf(nginx, request(`/${at}/`)),
      await askItself(port),
    ];
  });
}

test('what is refused of the response of a target stands beside what nginx and curl do with it', async () => {
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const rows = await rowsOfTargets(responses, get, async (port) =>
    versions.curl === undefined ? '' : askByCurl(port),
  );
  await compare('responses', ['a target sends', 'agent', 'nginx', 'curl'], rows);
}, 60_000);

test('what is refused of the response to a handshake stands beside what nginx and ws do with it', async () => {
  const handshake = (path: string): string => (handshakes[0] as Case).bytes.replace('/', path);
  const rows = await rowsOfTargets(handshakeResponses, handshake, askByWs);
  await compare('handshake responses', ['a target sends', 'agent', 'nginx', '`ws`'], rows);
}, 60_000);
