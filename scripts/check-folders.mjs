/**
 * Checks that folders of a package import each other one way: if folder A imports from folder B, directly or by way of others, B imports nothing
 * from A. Type-only imports count, for they are what a reader follows as well. Files beside folders count as folders of their own.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { root } from './bootstrap.mjs';

const importForm = /^(?:import|export)\b[^'"]*?from\s+['"](\.[^'"]+)['"]|^import\s+['"](\.[^'"]+)['"]/gms;

const problems = readdirSync(join(root, 'packages'))
  .map((name) => join(root, 'packages', name, 'src'))
  .filter((src) => existsSync(src))
  .flatMap(circlesBelow);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exit(problems.length > 0 ? 1 : 0);

/** @returns a line for each circle between the entries of a folder, and of the folders in it */
function circlesBelow(src) {
  const files = readdirSync(src, { recursive: true }).filter((file) => file.endsWith('.ts'));
  const imports = files.flatMap((file) => importsOf(src, file));
  const folders = new Set(['.', ...files.map(dirname)].flatMap(withParents));
  return [...folders].flatMap((folder) => {
    const arrows = imports.flatMap(([from, to]) => arrowWithin(folder, from, to));
    return circlesOf(arrows).map((circle) => `${relative(root, join(src, folder))}: ${circle.join(' → ')}`);
  });
}

function withParents(folder) {
  return folder === '.' ? ['.'] : [folder, ...withParents(dirname(folder))];
}

function importsOf(src, file) {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(importForm)].map(([, named, bare]) => [file, join(dirname(file), named ?? bare)]);
}

/** The entries of `folder` that hold the two ends of an import; none if it stays within one, or one end is elsewhere. */
function arrowWithin(folder, from, to) {
  const [a, b] = [entryOf(folder, from), entryOf(folder, to)];
  return a === undefined || b === undefined || a === b ? [] : [[a, b]];
}

function entryOf(folder, file) {
  const path = folder === '.' ? file : relative(folder, file);
  return path.startsWith('..') ? undefined : path.split(sep)[0];
}

/** One path for each circle: from an entry back to it. */
function circlesOf(arrows) {
  const next = groupByFirst(arrows);
  const found = new Map();
  for (const start of next.keys()) {
    const path = pathBack(next, start);
    if (path !== undefined) found.set([...new Set(path)].sort().join(), path);
  }
  return [...found.values()];
}

function groupByFirst(arrows) {
  const groups = new Map();
  for (const arrow of arrows) groups.set(arrow[0], [...(groups.get(arrow[0]) ?? []), arrow]);
  return groups;
}

/** The shortest way from `start` back to it. */
function pathBack(next, start) {
  const seen = new Set();
  const ways = [[start]];
  for (const way of ways) {
    for (const [, to] of next.get(way.at(-1)) ?? []) {
      if (to === start) return [...way, start];
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([...way, to]);
    }
  }
  return undefined;
}
