import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The root of the repository. */
export const root = join(import.meta.dirname, '../..');

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

function readmesIn(folder: string): string[] {
  return [
    `${folder}/README.md`,
    ...readdirSync(join(root, folder)).map((name) => `${folder}/${name}/README.md`),
  ].filter((file) => existsSync(join(root, file)));
}

/** What users read, relative to the root. */
export const guides: readonly string[] = [
  'README.md',
  'README.zh-CN.md',
  ...markdownIn('docs'),
  ...markdownIn('docs/guides'),
  'deploy/README.md',
  ...readmesIn('examples'),
  ...readmesIn('templates'),
  // That of the command is a copy of the first one, made when it is packed.
  ...readmesIn('packages').filter((file) => file !== 'packages/cli/README.md'),
  'CONTRIBUTING.md',
].filter((file) => existsSync(join(root, file)));

/** All documents, relative to the root. */
export const documents: readonly string[] = [
  ...guides,
  'CHANGELOG.md',
  ...markdownIn('changes'),
  ...markdownIn('docs/decisions'),
];

/** The folder from which links of a document lead: notes of changes become a part of the changelog. */
export const folderOf = (file: string): string =>
  file.startsWith('changes/') && file !== 'changes/README.md' ? '.' : dirname(file);

/** The text of a document. */
export const readDocument = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A block of code in a document. */
export interface CodeBlock {
  readonly file: string;
  /** Line of its first line of code, from 1. */
  readonly line: number;
  /** `js`, `sh`, …; empty: none is given. */
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a document, without the indentation of their fences. */
export function codeBlocks(file: string): CodeBlock[] {
  const text = readDocument(file);
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map((match) => {
    const [, indent = '', language = '', code = ''] = match;
    return {
      file,
      line: text.slice(0, match.index).split('\n').length + 1,
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    };
  });
}
