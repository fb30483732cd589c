/** Notes of changes: files in `changes/`, one for each change, so that people who work at the same time do not edit the same lines. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kinds of changes, in the order in which the changelog has them. */
const kinds = ['added', 'changed', 'deprecated', 'removed', 'fixed', 'security'];

/**
 * Reads the notes of a workspace. Each begins with its kind: `fixed: After a restart …`.
 *
 * @returns notes with `file`, `kind`, `text`
 * @throws Error if a note does not begin with a kind
 */
export function readNotes(root) {
  const folder = join(root, 'changes');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .sort()
    .map((file) => {
      const [, kind, text] = /^(\w+):\s*([\s\S]+)$/.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
      if (!kinds.includes(kind))
        throw new Error(`changes/${file}: wanted one of ${kinds.join(', ')} and a colon first`);
      return { file: join(folder, file), kind, text: text.trim() };
    });
}

/**
 * The version that follows from notes. What users must act upon (changed, removed) is a major release, or a minor one before 1.0; new features
 * are a minor release.
 */
export function nextVersion(version, notes) {
  const [major, minor, patch] = version.split('-')[0].split('.').map(Number);
  const has = (...wanted) => notes.some(({ kind }) => wanted.includes(kind));
  if (has('changed', 'removed')) return major === 0 ? `0.${minor + 1}.0` : `${major + 1}.0.0`;
  if (has('added', 'deprecated')) return `${major}.${minor + 1}.0`;
  return `${major}.${minor}.${patch + 1}`;
}

/** The version that the changelog promises: `## Unreleased (0.2.0)`. */
export function promisedVersion(changelog) {
  return /^## Unreleased \((\S+)\)$/m.exec(changelog)?.[1];
}

/**
 * The changelog with a section of its own for a version: what stands under `## Unreleased`, and the notes by their kinds.
 *
 * @throws Error if there is nothing to release
 */
export function withRelease(changelog, { version, date, notes }) {
  const [head, ...sections] = changelog.split(/^(?=## )/m);
  const unreleased = sections[0]?.startsWith('## Unreleased') ? sections.shift() : undefined;
  if (unreleased === undefined && notes.length === 0)
    throw new Error('nothing to release: there are no notes in changes/, and no "## Unreleased" in CHANGELOG.md');
  const before = (unreleased ?? '').replace(/^## .*\n/, '').trim();
  let parts = before === '' ? [] : before.split(/^(?=### )/m).map((part) => part.trim());
  for (const kind of kinds) {
    const items = notes.filter((note) => note.kind === kind).map(({ text }) => asItem(text));
    if (items.length === 0) continue;
    const title = `### ${kind[0].toUpperCase()}${kind.slice(1)}`;
    if (parts.some((part) => isTitled(part, title)))
      parts = parts.map((part) => (isTitled(part, title) ? `${part}\n${items.join('\n')}` : part));
    else parts.push(`${title}\n\n${items.join('\n')}`);
  }
  return [head, `## ${version} (${date})\n\n${parts.join('\n\n')}\n\n`, ...sections].join('').trimEnd().concat('\n');
}

/** What the changelog says about a version; `undefined`: nothing. */
export function sectionOf(changelog, version) {
  const sections = changelog.split(/^(?=## )/m);
  const found = sections.find((section) => section.startsWith(`## ${version} (`));
  return found?.replace(/^## .*\n/, '').trim();
}

function isTitled(part, title) {
  return part === title || part.startsWith(`${title}\n`);
}

function asItem(text) {
  return `- ${text.replaceAll('\n', '\n  ').replaceAll(/ +$/gm, '')}`;
}
