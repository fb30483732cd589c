import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { addSecret } from './add-secret.ts';
import { ecosystem } from './ecosystem.ts';
import { inCommandsOf } from './in-commands-of.ts';
import { toJavaScript, withoutTypes } from './in-language.ts';
import type { PackageManager, TemplateName } from './names.ts';
import { packageFor } from './package-manager.ts';
import type { ProjectFiles } from './project-files.ts';
import { ownVersion, packageName } from './project-package.ts';
import { listTemplate, readTemplate } from './templates.ts';

/** Which files git ignores in every project. */
export const ignored = ['node_modules/', '.gopush/', '*.log'];

/** What a template is written with. */
export interface WriteTemplateOptions {
  /** An empty folder, or one whose files may be overwritten. */
  readonly root: string;
  readonly template: Exclude<TemplateName, 'minimal'>;
  readonly typescript: boolean;
  readonly packageManager: PackageManager;
  readonly files: ProjectFiles;
}

/** Writes a project from a template that is a whole project: its files, those that all projects share, and its secrets. */
export async function writeTemplate(options: WriteTemplateOptions): Promise<void> {
  const { root, template, typescript, packageManager, files } = options;
  const name = packageName(root);
  const schema = '../node_modules/gopush/dist/config.schema.json';
  const values = { name, version: await ownVersion(), schema };
  for (const path of await listTemplate(template)) {
    const text = await readTemplate(`${template}/${path}`);
    const filled = /\.(json|md|cjs)$/.test(path) ? fill(text, values) : text;
    const [file, content] = typescript ? [path, filled] : inJavaScript(path, filled);
    await files.put(join(root, file), forPackageManager(packageManager, file, content));
  }
  if (typescript) await files.put(join(root, 'tsconfig.json'), await readTemplate('project/tsconfig.json'));
  await files.put(join(root, 'ecosystem.config.cjs'), await ecosystem(name));
  await files.ignore(root, template === 'chat' ? [...ignored, '.env', '.accounts/'] : ignored);
  await writeSecrets(root, template, files);
}

function forPackageManager(packageManager: PackageManager, file: string, text: string): string {
  if (file === 'package.json') return packageFor(packageManager, text);
  return file === 'README.md' ? inCommandsOf(packageManager, text) : text;
}

/** Puts values in the place of `{key}`. Not for code, where that means something else. */
function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (placeholder, key: string) => values[key] ?? placeholder);
}

function inJavaScript(path: string, text: string): readonly [file: string, text: string] {
  if (path === 'package.json') return [path, withoutTypes(text)];
  return path.endsWith('.ts') ? [`${path.slice(0, -'.ts'.length)}.js`, toJavaScript(text)] : [path, text];
}

async function writeSecrets(root: string, template: TemplateName, files: ProjectFiles): Promise<void> {
  for (const environment of ['local', 'production']) {
    const keys = template === 'notify' ? [{ name: 'notify', key: random(), scopes: ['publish'] }] : [];
    const written = await addSecret(root, environment, keys.length > 0 ? { api: { keys } } : {});
    if (written !== undefined) files.written.push(written);
  }
  if (template !== 'chat') return;
  const text = `# Do not commit this file. All machines need the same, or the variable in their environment.\nSESSION_SECRET=${random()}\n`;
  await files.putSecret(join(root, '.env'), text);
}

function random(): string {
  return randomBytes(32).toString('base64url');
}
