import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeBlocks, documents as docs, folderOf, readDocument as read, root } from './support/docs.ts';

/** The text without fenced code, in which a path or a link is only an example. */
const prose = (text: string): string => text.replace(/^( *)```[\s\S]*?^\1```$/gm, '');

/** Paths in backticks: with a slash, and ending in a slash or an extension of the sources. */
const pathsIn = (text: string): string[] =>
  [...prose(text).matchAll(/`((?:[\w.@-]+\/)+(?:[\w.-]+\.(?:ts|mjs|js|c|md|yaml|json))?)`/g)].map(
    ([, path = '']) => path,
  );

/** The anchors of the headings, as GitHub makes them. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

test.each(docs)('%s has no marks of a merge', (file) => {
  expect(read(file)).not.toMatch(/^(<{7}|>{7}) /m);
});

test('every path in docs/architecture.md exists', () => {
  const paths = pathsIn(read('docs/architecture.md'));
  expect(paths.length).toBeGreaterThan(40);
  const missing = paths.filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, 'packages', path)));
  expect(missing).toEqual([]);
});

test('every path of a package, a test, a script or a bench that the docs name exists', () => {
  const missing = docs
    .filter((file) => file !== 'CHANGELOG.md')
    .flatMap((file) =>
      pathsIn(read(file))
        .filter((path) => /^(packages|test|scripts|bench|deploy|templates|examples)\//.test(path))
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${file}: ${path}`),
    );
  expect(missing).toEqual([]);
});

describe('links', () => {
  test.each(docs)('of %s lead to files and headings that exist', (file) => {
    const links = [...prose(read(file)).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
    const broken = links.flatMap(([link, path = '', anchor]) => {
      const target = path === '' ? file : join(folderOf(file), path);
      if (!existsSync(join(root, target))) return [link];
      return anchor === undefined || anchorsOf(read(target)).has(anchor) ? [] : [link];
    });
    expect(broken).toEqual([]);
  });
});

/** Levels of headings, and how many items and rows of tables there are under each. */
const outlineOf = (text: string): string[] =>
  prose(text)
    .split(/^(?=#+ )/m)
    .map((part) => {
      const count = (pattern: RegExp): number => part.match(pattern)?.length ?? 0;
      return `${/^#*/.exec(part)?.[0]} ${count(/^- /gm)} items, ${count(/^\|/gm)} rows`;
    });

test('README.zh-CN.md has the headings, lists, tables and code of README.md', () => {
  const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((file) => ({
    outline: outlineOf(read(file)),
    code: codeBlocks(file).map(({ language, code }) => `${language} ${code}`),
  }));
  expect(chinese).toEqual(english);
});

/** The figures of a text, each once per part. */
const figuresOf = (text: string): string[][] =>
  prose(text)
    .split(/^(?=#+ )/m)
    .map((part) => (part.match(/\d[\d,.]*\d|\d/g) ?? []).toSorted());

test('README.zh-CN.md has the figures of README.md, part by part', () => {
  expect(figuresOf(read('README.zh-CN.md'))).toEqual(figuresOf(read('README.md')));
});

/** Figures that say how gopush compares. */
test.each(['README.md', 'README.zh-CN.md', 'docs/comparison.md'])(
  'figures of %s are in docs/performance.md',
  (file) => {
    const figures = [
      ...prose(read(file)).matchAll(/\d+\.\d+(?= (?:×|kB|to|倍|到|and|more))|(?<= (?:to|到|takes) )\d+\.\d+/g),
    ];
    const measured = read('docs/performance.md');
    expect(figures.length).toBeGreaterThan(8);
    const unknown = figures
      .map(([figure]) => figure)
      .filter((figure) => !new RegExp(`(?<![\\d.])${figure}(?![\\d.]*\\d)`).test(measured));
    expect(unknown).toEqual([]);
  },
);

/** Chinese has no spaces to break a line at: a break within a paragraph would be shown as one. */
const isWrapped = (file: string): boolean => !file.endsWith('.zh-CN.md') && !file.startsWith('changes/');

test.each(docs.filter(isWrapped))('lines of %s have at most 120 characters, but for tables, code and links', (file) => {
  const long = prose(read(file))
    .split('\n')
    .filter((line) => line.length > 120 && !/^\s*[|<]/.test(line) && line.trim().includes(' '));
  expect(long).toEqual([]);
});
