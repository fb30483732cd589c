import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../examples/existing-socketio', import.meta.url));
const readme = readFileSync(`${folder}/README.md`, 'utf8');

/** What stands between `<!-- kind names -->` and `<!-- end -->`. */
const blocks = (kind: string): { names: string[]; code: string }[] =>
  [...readme.matchAll(new RegExp(`<!-- ${kind} (.*?) -->\n\n\`\`\`\\w+\n(.*?)\n\`\`\`\n\n<!-- end -->`, 'gs'))].map(
    ([, names = '', code = '']) => ({ names: names.split(' '), code }),
  );

test('the diffs in the README of existing-socketio are those of its files', () => {
  const diffs = blocks('diff');
  expect(diffs).toHaveLength(2);
  for (const { names, code } of diffs) {
    const { stdout } = spawnSync('diff', ['-U', '100', ...names], { cwd: folder, encoding: 'utf8' });
    expect(code).toBe(stdout.split('\n').slice(3).join('\n').trimEnd());
  }
});

test('the files in the README of existing-socketio are as they are', () => {
  const files = blocks('file');
  expect(files).toHaveLength(1);
  for (const { names, code } of files) {
    expect(`${code}\n`).toBe(readFileSync(`${folder}/${names[0]}`, 'utf8'));
  }
});
