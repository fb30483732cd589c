/**
 * Writes the tables of docs/config.md and docs/failures.md, docs/openapi.json and docs/cluster.schema.json, from the code: `node
 * scripts/write-docs.mjs [--check]`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { clusterJsonSchema } from '../packages/cluster/dist/index.js';
import { configJsonSchema, describeSchema, failures, listVariables } from '../packages/contract/dist/index.js';
import { createApiDocument } from '../packages/push-server/dist/index.js';

const tables = {
  'docs/config.md': [
    ['setting', 'type', 'default', 'variable', 'meaning'],
    ...listVariables(configJsonSchema())
      // A group as a whole has no row; its settings do.
      .filter(({ schema }) => schema.properties === undefined)
      .map(({ name, path, schema }) => [
        code(path.join('.')),
        typeOf(schema),
        schema.default === undefined ? '' : code(JSON.stringify(schema.default)),
        code(name),
        schema.description ?? '',
      ]),
  ],
  'docs/failures.md': [
    ['code', 'HTTP', 'upgrade', 'retry may succeed', 'message'],
    ...Object.entries(failures).map(([name, { http, upgrade, retry, message }]) => [
      code(name),
      String(http),
      String(upgrade),
      retry ? 'yes' : '',
      message,
    ]),
  ],
};

let stale = false;
for (const [name, rows] of Object.entries(tables)) {
  const file = new URL(`../${name}`, import.meta.url);
  const text = await readFile(file, 'utf8');
  const [head, ...body] = rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
  const table = [head, head.replace(/[^|]+/g, '---'), ...body].join('\n');
  const next = text.replace(/(<!-- table -->\n)[\s\S]*?(\n<!-- end -->)/, (_, start, end) => start + table + end);
  if (next === text) continue;
  stale = true;
  if (!process.argv.includes('--check')) await writeFile(file, next);
}
const documents = { 'docs/openapi.json': createApiDocument(), 'docs/cluster.schema.json': clusterJsonSchema() };
for (const [name, content] of Object.entries(documents)) {
  const document = new URL(`../${name}`, import.meta.url);
  const wanted = `${JSON.stringify(content, null, 2)}\n`;
  if ((await readFile(document, 'utf8').catch(() => '')) === wanted) continue;
  stale = true;
  if (!process.argv.includes('--check')) await writeFile(document, wanted);
}
if (stale && process.argv.includes('--check')) {
  process.stderr.write(
    'docs/config.md, docs/failures.md, docs/openapi.json or docs/cluster.schema.json is not up to date: node scripts/write-docs.mjs\n',
  );
  process.exit(1);
}

/** The settings of an object have rows of their own. */
function typeOf(schema) {
  if (schema.anyOf === undefined) return describeSchema(schema);
  return schema.anyOf.some(({ type }) => type === 'string') ? 'an object, an address, or null' : 'an object, or null';
}

function code(text) {
  return `\`${text}\``;
}
