import { parseArgs } from 'node:util';
import { CreateError } from './create-error.ts';
import { type PackageManager, packageManagers, type TemplateName, templateNames } from './names.ts';
import { isTemplate } from './templates.ts';

/** What the command line says; whatever is missing is asked, or has a default. */
export interface CreateFlags {
  readonly dir: string;
  readonly template: TemplateName | undefined;
  readonly typescript: boolean | undefined;
  readonly packageManager: PackageManager | undefined;
  /** Whether nothing is asked. */
  readonly yes: boolean;
  /** Whether packages are installed: if there is a person who said yes. */
  readonly install: boolean;
  readonly force: boolean;
}

/** Options as they are parsed. */
export interface ParsedOptions {
  readonly template?: string;
  readonly ts?: boolean;
  readonly typescript?: boolean;
  readonly js?: boolean;
  readonly pm?: string;
  readonly yes?: boolean;
  readonly install?: boolean;
  readonly force?: boolean;
}

const list = Object.entries(templateNames).map(([name, what]) => `                     ${name.padEnd(8)} ${what}\n`);

export const usage = `Usage: gopush-create [dir] [options]

Creates a gopush project in dir (default: the current folder). In an empty folder: a whole project.
In a folder with a package.json: a gopush/ folder and package scripts.

On a terminal it asks for what the options do not say, installs the packages and offers to start. Without one it asks
nothing, and installs only with --yes.

  --template <name>  what to begin with (default: minimal)
${list.join('')}  --ts, --js         language of the hooks (default: --js); --typescript is --ts
  --pm <name>        ${packageManagers.join(', ')} (default: the one that runs this command, else npm)
  -y, --yes          ask nothing: take the defaults, and install
  --no-install       install nothing
  --force            overwrite existing files
`;

/** Reads arguments. @throws CreateError with exit code 2 for a wrong one */
export function readFlags(args: readonly string[]): CreateFlags | 'help' {
  const { values, positionals } = parse(args);
  if (values.help === true) return 'help';
  if (positionals.length > 1) throw wrong(`found ${positionals.join(' ')}, wanted one folder`);
  return checkFlags(positionals[0] ?? '.', { ...values, install: values['no-install'] !== true });
}

/** Checks parsed options. @throws CreateError with exit code 2 for a wrong one */
export function checkFlags(dir: string, options: ParsedOptions): CreateFlags {
  const { template, pm, js = false, yes = false, install = true, force = false } = options;
  const ts = options.ts === true || options.typescript === true;
  if (ts && js) throw wrong('found --ts and --js, wanted one of them');
  if (template !== undefined && !isTemplate(template)) {
    throw wrong(`--template ${template}: wanted one of ${Object.keys(templateNames).join(', ')}`);
  }
  const packageManager = packageManagers.find((one) => one === pm);
  if (pm !== undefined && packageManager === undefined) {
    throw wrong(`--pm ${pm}: wanted one of ${packageManagers.join(', ')}`);
  }
  return { dir, template, typescript: ts || js ? ts : undefined, packageManager, yes, install, force };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        template: { type: 'string' },
        ts: { type: 'boolean' },
        typescript: { type: 'boolean' },
        js: { type: 'boolean' },
        pm: { type: 'string' },
        yes: { type: 'boolean', short: 'y' },
        'no-install': { type: 'boolean' },
        force: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function wrong(message: string): CreateError {
  return new CreateError(2, `${message}\n${usage}`);
}
