import { KeyForm } from './key-form.tsx';
import type { Sent } from './use-act.ts';

/** What became of an action; asks for a key if one is missing. */
export function SentLine({ sent }: { readonly sent: Sent | undefined }) {
  return (
    <>
      <p role="status" class="sent">
        {sent?.retry === undefined ? sent?.text : ''}
      </p>
      {sent?.retry && <KeyForm text={sent.text} action="Use this key" onKey={sent.retry} />}
    </>
  );
}
