import { useState } from 'preact/hooks';

/** A button that has to be pressed twice. It is as before when something else gets the focus. */
export function ConfirmButton({
  label,
  sure,
  disabled = false,
  onConfirm,
}: {
  readonly label: string;
  /** What it says before the second press. */
  readonly sure: string;
  readonly disabled?: boolean;
  onConfirm(): void;
}) {
  const [isSure, setSure] = useState(false);
  return (
    <button
      type="button"
      class="danger"
      disabled={disabled}
      onBlur={() => setSure(false)}
      onClick={() => {
        if (isSure) onConfirm();
        setSure(!isSure);
      }}
    >
      {isSure ? sure : label}
    </button>
  );
}
