import type { Completable, CompletableOption } from './completable.ts';

/** The script for fish. */
export function fishCompletion(all: readonly Completable[]): string {
  const [program, ...commands] = all;
  const paths = commands.map(({ path }) => quote(path)).join(' ');
  const withValue = [
    ...new Set(all.flatMap(({ options }) => options.filter(({ value }) => value !== 'none').map(({ word }) => word))),
  ];
  const lines = all.flatMap(({ path, words, options }) => [
    ...words.map(({ word, about }) => `${at(path)} -a ${quote(word)} -d ${quote(about)}`),
    ...options.map((option) => `${at(path)} ${nameOf(option)} -d ${quote(option.about)}`),
  ]);
  const general = (program?.options ?? []).map(
    (option) => `complete -c gopush -n 'test (__gopush_command) != gopush' ${nameOf(option)} -d ${quote(option.about)}`,
  );
  const folders = commands.filter(({ path }) => path === 'gopush create').map(({ path }) => `${at(path)} -F`);
  return `function __gopush_command
  set -l found gopush
  set -l isValue no
  for word in (commandline -opc)[2..-1]
    if test $isValue = yes
      set isValue no
    else if contains -- $word ${withValue.join(' ')}
      set isValue yes
    else if contains -- "$found $word" ${paths}
      set found "$found $word"
    end
  end
  echo $found
end
complete -c gopush -e
complete -c gopush -f
${[...lines, ...general, ...folders].join('\n')}
`;
}

/** What begins a line for what may follow a command. */
function at(path: string): string {
  return `complete -c gopush -n ${quote(`test (__gopush_command) = "${path}"`)}`;
}

function nameOf({ word, value }: CompletableOption): string {
  const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
  if (value === 'none') return name;
  if (value === 'folder') return `${name} -x -a '(__fish_complete_directories)'`;
  return value === 'any' ? `${name} -x` : `${name} -x -a ${quote(value.join(' '))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
