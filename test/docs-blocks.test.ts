import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '@gopush/contract';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeCertificate } from '../packages/agent/test/support/certificate.ts';
import { createProject } from '../packages/create/src/create-project.ts';
import { gopush, makeFolder } from './support/cli.ts';
import { unknownKeys } from './support/deployment.ts';
import { type CodeBlock, codeBlocks } from './support/docs.ts';
import { podSpec } from './support/kubernetes-shapes.ts';
import { runTool, whyNot } from './support/tool.ts';

/** The only block of a document that has some text. */
function blockWith(file: string, text: string): CodeBlock {
  const [block, ...others] = codeBlocks(file).filter(({ code }) => code.includes(text));
  expect([block === undefined, others]).toEqual([false, []]);
  return block as CodeBlock;
}

const why = whyNot('haproxy');
test.skipIf(why !== '')(`HAProxy accepts what the docs say to write into its configuration${why}`, async () => {
  const dir = await makeFolder();
  const timeouts = 'defaults\n  timeout connect 3s\n  timeout client 60s\n  timeout server 60s\n';
  const server = blockWith('docs/tls.md', 'send-proxy-v2').code;
  const configs = {
    deploy: blockWith('docs/deploy.md', 'send-proxy-v2').code,
    tls: `listen realtime\n  mode tcp\n  bind :443\n${server}`,
  };
  for (const [name, code] of Object.entries(configs)) {
    const file = join(dir, name);
    await writeFile(file, `${timeouts}\n${code}`);
    expect(runTool('haproxy', ['-c', '-f', file]), name).toMatchObject({ code: 0 });
  }
});

test('the pod of docs/deploy.md has the fields of a pod', () => {
  const { spec } = parse(blockWith('docs/deploy.md', 'emptyDir').code, { merge: true });
  expect(unknownKeys(spec, podSpec, 'spec')).toEqual([]);
  expect(spec.containers.map(({ name }: { name: string }) => name)).toEqual(['agent', 'push-server']);
});

test.each(['README.md', 'README.zh-CN.md'])('the files of a new project in %s exist', async (document) => {
  const dir = join(await makeFolder(), 'app');
  await createProject({ dir, template: 'minimal', typescript: false, force: false });
  const files = blockWith(document, 'ecosystem.config.cjs ').code.match(/^\S+/gm) ?? [];
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => !existsSync(join(dir, file)))).toEqual([]);
});

test('addresses of Redis in docs/config.md are valid', () => {
  const { code } = blockWith('docs/config.md', 'redis+sentinel:');
  const addresses = code.match(/^redis\S*/gm) ?? [];
  expect(addresses).toHaveLength(5);
  // The last line names the forms with TLS; what follows their scheme is as above.
  const [withTls = ''] = code.split('\n').filter((line) => line.startsWith('rediss:'));
  const schemes = [...withTls.matchAll(/(rediss[+\w]*):\/\//g)].map(([, scheme = '']) => scheme);
  const plain = addresses.filter((address) => !address.startsWith('rediss:'));
  const all = [...plain, ...plain.slice(0, 3).map((address, index) => address.replace(/^[^:]+/, schemes[index] ?? ''))];
  for (const address of all) {
    const filled = address
      .replaceAll(/\[(.*?)\]/g, '$1')
      .replace(':port', ':6379')
      .replace(/\/db$/, '/1');
    const text = JSON.stringify({ redisAdapter: filled });
    const parsed = parseConfig({ file: 'config', text, secrets: undefined, variables: {} });
    expect(parsed.ok ? [] : [filled, parsed.problems]).toEqual([]);
  }
});

test('errors of settings are as in the docs', async () => {
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  const errorsOf = async (text: string): Promise<string> => {
    await writeFile(join(dir, 'config/local.json'), text);
    return (await gopush(['start'], { cwd: dir })).stderr;
  };
  /** A list that the document shortens is compared up to there. */
  const pattern = (code: string): RegExp =>
    new RegExp(
      code
        .trim()
        .split('…')
        .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*'),
    );
  const settings = blockWith('docs/config.md', 'agentPrt').code;
  expect(await errorsOf('{\n  "agentPrt": 6003,\n  "serverWorkers": "two"\n}')).toMatch(pattern(settings));
  const tls = blockWith('docs/tls.md', 'found no such file').code;
  const [keyFile = ''] = /\/srv\/\S+(?=:)/.exec(tls) ?? [];
  const { certFile } = await makeCertificate(dir, 'tls');
  const agent = { tls: { certFile, keyFile } };
  expect(await errorsOf(JSON.stringify({ agent }))).toContain(tls.trim());
});

test('settings of the kernel in docs/sizing.md exist', () => {
  const names = [...blockWith('docs/sizing.md', 'fs.file-max').code.matchAll(/^(\S+) = [\d ]+$/gm)].map(
    ([, name = '']) => name,
  );
  expect(names.length).toBeGreaterThan(5);
  const { status } = spawnSync('test', ['-d', '/proc/sys/net/netfilter']);
  const missing = names
    // Its module may not be loaded.
    .filter((name) => !name.startsWith('net.netfilter.') || status === 0)
    .filter((name) => !existsSync(`/proc/sys/${name.replaceAll('.', '/')}`));
  expect(process.platform === 'linux' ? missing : []).toEqual([]);
});
